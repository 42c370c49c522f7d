#!/usr/bin/env python3
"""Programs that fetch by URL: curl, git, wget. See client.py."""
import os
import re
import shutil

import client
import support
import test_bundles
from client import Client, Row, missing, says
from support import MARKER, hashed_directory, pem
from test_bundles import BUNDLE


class Curl(Client):
    """curl as distributions build it: with a bundle and a directory named at build time."""

    row = Row("curl", "nothing",
              "the system's store, by `system-bundles`; also with the marker after `--cacert` or in `CURL_CA_BUNDLE`, "
              "`SSL_CERT_FILE`",
              "`--cacert os://` in new versions (8.23; not 8.14): curl looks for a file of that name. With `--cacert own.pem` "
              "alone, Debian's curl goes on naming `/etc/ssl/certs`, and so trusts the system *too*, with ostrust as without: "
              "add `--capath` to pin")
    packages = ("curl",)

    @classmethod
    def version(cls):
        return " ".join(re.match(r"curl (\S+) .*?(OpenSSL/\S+)", says("curl", "--version")).groups())

    @staticmethod
    def why_not():
        return missing("curl") or (
            "OpenSSL/" not in says("curl", "--version") and "this curl uses no OpenSSL") or (
            test_bundles.why_not())

    def command(self, server, options=()):
        return ["curl", "--silent", "--show-error", "--noproxy", "*", "--ipv4", *options,
                self.url(server)]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        for options, env in ((["--cacert", MARKER], {}), ([], {"CURL_CA_BUNDLE": MARKER}),
                             ([], {"SSL_CERT_FILE": MARKER})):
            with self.subTest(options=options, env=env):
                self.assertServed(env, options=options)

    def test_os_where_it_is_not_taken_for_a_missing_file(self):
        # Newer versions look whether the file is there (tool_getparam.c): the marker is for all.
        done = support.run(self.command("leaf-a", options=["--cacert", "os://"]),
                           support.environment(self.ours), cwd=self.work)
        if done.status == 2:
            self.assertSays("does not exist", done)
            self.skipTest("this curl wants a file after --cacert")
        self.assertServed(options=["--cacert", "os://"])

    def test_system_bundles_off(self):
        self.ours = self.ostrust({"system-bundles": "no"})
        self.assertNotServed()

    def test_its_own_ca_and_no_directory(self):
        self.assertOnlyItsOwn(options=["--cacert", pem("root-b"), "--capath", self.work])

    def test_its_own_ca_leaves_the_built_in_directory(self):
        # So does stock curl: with only --cacert it also trusts what is in the directory.
        namespace = test_bundles.namespace()
        if not namespace or not os.path.isdir(test_bundles.DIRECTORY):
            self.skipTest("needs a mount namespace and the hashed directory")
        directory = hashed_directory(os.path.join(self.work, "certs"), "root-a")
        shutil.copyfile(pem("root-a"), os.path.join(directory, os.path.basename(BUNDLE)))
        command = self.command("leaf-a", options=["--cacert", pem("root-b")])
        script = 'mount --bind "$0" %s && exec "$@"' % test_bundles.DIRECTORY
        answers = [support.run([*namespace, "sh", "-c", script, directory, *command],
                               support.environment(configuration), cwd=self.work).out
                   for configuration in (self.ours, self.without)]
        self.assertEqual(answers[0], answers[1])


class Wget(Client):
    """wget, where it uses OpenSSL. Debian's uses GnuTLS: ostrust cannot do anything for it."""

    row = Row("wget", "nothing", "the system's store, where it was built with OpenSSL",
              "Debian's wget uses GnuTLS: nothing of ostrust is in it. p11-kit's policy reaches GnuTLS without ostrust")
    packages = ("wget",)

    @classmethod
    def version(cls):
        return says("wget", "--version").split()[2]

    @staticmethod
    def why_not():
        return missing("wget") or (
            "+ssl/openssl" not in (says("wget", "--version") or "")
            and "this wget does not use OpenSSL but another library")

    def command(self, server, options=()):
        return ["wget", "--no-config", "--no-proxy", "-4", "-O", "-", *options, self.url(server)]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(options=["--ca-certificate=" + MARKER])


if __name__ == "__main__":
    client.main(globals())
