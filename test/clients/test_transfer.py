#!/usr/bin/env python3
"""Programs that fetch by URL: curl, git, wget and others, and what uses GnuTLS. See client.py."""
import os
import re
import shutil

import client
import servers
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
        self.assertEqual(answers, ["hello\n"] * 2)


class _OtherLibrary(Client):
    """A program of Debian's that does TLS with another library than OpenSSL: ostrust is not in it. `own`: the options that
    name a CA file."""

    def own(self, path):
        raise NotImplementedError

    def test_it_is_not_served(self):
        self.assertNotServed()
        self.assertNotServed(options=self.own(MARKER))

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(options=self.own(pem("root-b")))

    def test_it_reads_the_systems_bundle_itself(self):
        namespace = test_bundles.namespace()
        if not namespace or test_bundles.why_not():
            self.skipTest(test_bundles.why_not() or "needs a mount namespace")
        script = 'mount --bind "$0" %s && exec "$@"' % BUNDLE
        for server, expected in (("leaf-a", True), ("leaf-b", False)):
            done = support.run([*namespace, "sh", "-c", script, self.bundle, *self.command(server)],
                               support.environment(self.without), cwd=self.work)
            self.assertEqual(self.judge(done.out, done.text), expected, done)


def links(program, library):
    """Whether a program loads a library of this name."""
    return library in (says("ldd", program) or "")


INSTEAD = "OpenSSL is not in it, so nothing of ostrust is: a root in the system's store is enough for it, which it reads itself"


class Wget(_OtherLibrary):
    """Debian's wget."""

    row = Row("wget of Debian", "nothing: it uses GnuTLS", "what `update-ca-certificates` wrote when it started", INSTEAD)
    packages = ("wget",)

    @classmethod
    def version(cls):
        return says("wget", "--version").split()[2] + " GnuTLS"

    @staticmethod
    def why_not():
        return missing("wget") or not links(shutil.which("wget"), "gnutls") and "this wget does not use GnuTLS"

    def command(self, server, options=()):
        return ["wget", "--no-config", "--no-proxy", "-4", "-O", "-", *options, self.url(server)]

    def own(self, path):
        return ["--ca-certificate=" + path]


class WgetOpenSsl(Client):
    """wget of others, which was built with OpenSSL."""

    row = Row("wget where it uses OpenSSL", "nothing", "the system's store, by default paths; also with the marker after "
              "`--ca-certificate`", "")

    version = Wget.version

    @staticmethod
    def why_not():
        return missing("wget") or (
            "+ssl/openssl" not in (says("wget", "--version") or "") and "this wget does not use OpenSSL but another library")

    def command(self, server, options=()):
        return ["wget", "--no-config", "--no-proxy", "-4", "-O", "-", *options, self.url(server)]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(options=["--ca-certificate=" + MARKER])


class _Pages(Client):
    """Whose server has `pages`."""

    pages = {}

    def port(self, server):
        if server not in self._servers:
            self._servers[server] = servers.PageServer(server, self.pages)
        return self._servers[server].port

    def setUp(self):
        super().setUp()
        self._servers = {}


COMMIT = "a" * 40
REFS = {"/info/refs": (COMMIT + "\trefs/heads/main\n").encode(), "/HEAD": b"ref: refs/heads/main\n"}


def git_remote():
    """git's program for https, or an empty string."""
    return (says("git", "--exec-path") or "") + "/git-remote-https"


class Git(_Pages, _OtherLibrary):
    """Debian's git."""

    row = Row("git of Debian", "nothing: its libcurl uses GnuTLS, and `http.sslBackend` cannot change that",
              "what `update-ca-certificates` wrote when it started", INSTEAD)
    packages = ("git",)
    pages = REFS
    accepted = "^%s\trefs/heads/main$" % COMMIT

    @classmethod
    def version(cls):
        return says("git", "--version").split()[2] + " GnuTLS"

    @staticmethod
    def why_not():
        return missing("git") or not links(git_remote(), "libcurl-gnutls") and "this git's libcurl does not use GnuTLS"

    def command(self, server, options=()):
        return ["git", *options, "ls-remote", self.url(server)]

    def own(self, path):
        return ["-c", "http.sslCAInfo=" + path]

    def test_ssl_backend(self):
        done = support.run(self.command("leaf-a", options=["-c", "http.sslBackend=openssl"]),
                           support.environment(self.ours), cwd=self.work)
        self.assertSays("Unsupported SSL backend 'openssl'", done)


class GitOpenSsl(_Pages):
    """git of others, whose libcurl uses OpenSSL."""

    row = Row("git where its libcurl uses OpenSSL", "nothing", "the system's store, as curl; also with the marker in "
              "`http.sslCAInfo`", "Debian has none: its git uses GnuTLS")
    pages = REFS
    accepted = Git.accepted
    command = Git.command
    version = classmethod(lambda cls: says("git", "--version").split()[2])

    @staticmethod
    def why_not():
        return missing("git") or not links(git_remote(), "libcurl.so.4") and "this git's libcurl does not use OpenSSL"

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(options=["-c", "http.sslCAInfo=" + MARKER])


class LibGit2(_Pages):
    """libgit2, through pygit2: git's protocol in many programs, where it uses OpenSSL."""

    row = Row("libgit2 (pygit2, ...) where it uses OpenSSL, as Debian's sid", "nothing",
              "the system's store, by default paths; also `set_ssl_cert_locations` with the marker or `os://`",
              "Debian 12 and 13 build it with Mbed TLS: no OpenSSL in it")
    packages = ("python3-pygit2",)
    # A server that speaks the new protocol: libgit2 has no other.
    pages = {"/info/refs": (b"".join(b"%04x%s" % (len(line) + 4, line) if line else b"0000" for line in (
        b"# service=git-upload-pack\n", b"", COMMIT.encode() + b" refs/heads/main\0agent=x\n", b"")),
        "application/x-git-upload-pack-advertisement")}
    code = """
import sys, pygit2
work, url, name = sys.argv[1:]
if name:
    pygit2.settings.set_ssl_cert_locations(name, None)
remote = pygit2.init_repository(work + "/repository", True).remotes.create_anonymous(url)
try:
    refs = remote.list_heads() if hasattr(remote, "list_heads") else remote.ls_remotes()
    print("accepted" if "main" in repr([one.name if hasattr(one, "name") else one["name"] for one in refs]) else refs)
except Exception as error:
    print(type(error), error)
"""

    @classmethod
    def why_not(cls):
        library = says("/usr/bin/python3", "-c", "import pygit2._pygit2 as m; print(m.__file__)")
        if not library:
            return "pygit2 is not installed (package python3-pygit2)"
        return not links(library, "libssl.so") and "this libgit2 does not use OpenSSL"

    @classmethod
    def version(cls):
        return says("/usr/bin/python3", "-c", "import pygit2; print(pygit2.LIBGIT2_VERSION)")

    def command(self, server, name=""):
        return ["/usr/bin/python3", "-c", self.code, self.work, self.url(server), name]

    def test_as_it_is(self):
        self.assertServed()

    def test_cert_locations(self):
        for name in (MARKER, "os://"):
            with self.subTest(name):
                self.assertServed(name=name)


class CMake(Client):
    """CMake's file(DOWNLOAD): a program with libcurl."""

    row = Row("CMake's `file(DOWNLOAD)`", "`TLS_VERIFY ON` in the call; from 3.31 on nothing",
              "the system's store, as curl; also with the marker in `TLS_CAINFO`",
              "before CMake 3.31 it verifies nothing unless told to")
    packages = ("cmake",)

    @staticmethod
    def why_not():
        return missing("cmake") or test_bundles.why_not() or (
            not links(shutil.which("cmake"), "libcurl.so.4") and "this CMake has a libcurl of its own")

    @classmethod
    def version(cls):
        return says("cmake", "--version").split()[2]

    def command(self, server, more="", verify="TLS_VERIFY ON"):
        script = self.file("download.cmake", '''
file(DOWNLOAD %s ${CMAKE_CURRENT_LIST_DIR}/page STATUS status LOG log %s %s)
file(READ ${CMAKE_CURRENT_LIST_DIR}/page page)
execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${page}")
message("${status} ${log}")
''' % (self.url(server), verify, more))
        return ["cmake", "-P", script]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_default(self):
        if tuple(int(number) for number in self.version().split(".")[:2]) >= (3, 31):
            self.assertServed(verify="")
        else:
            self.assertTrue(self.attempt("leaf-b", self.ours, verify=""))

    def test_the_marker(self):
        self.assertServed(more='TLS_CAINFO "%s"' % MARKER)

    def test_its_own_ca(self):
        # Debian's libcurl goes on naming /etc/ssl/certs, as in class Curl.
        self.assertFalse(self.attempt("leaf-a", self.without, more='TLS_CAINFO "%s"' % pem("root-b")))
        self.assertTrue(self.attempt("leaf-b", self.ours, more='TLS_CAINFO "%s"' % pem("root-b")))


class Lftp(_OtherLibrary):
    """lftp."""

    row = Row("lftp of Debian", "nothing: it uses GnuTLS", "what `update-ca-certificates` wrote when it started", INSTEAD)
    packages = ("lftp",)

    @staticmethod
    def why_not():
        return missing("lftp") or not links(shutil.which("lftp"), "gnutls") and "this lftp does not use GnuTLS"

    @classmethod
    def version(cls):
        return re.search(r"Version ([\d.]+)", says("lftp", "--version")).group(1)

    def command(self, server, options=()):
        return ["lftp", "--norc", "-c", "; ".join(["set net:max-retries 1", "set dns:order inet", *options,
                                                    "cat " + self.url(server)])]

    def own(self, path):
        return ["set ssl:ca-file " + path]


class GnuTls(_OtherLibrary):
    """GnuTLS itself, and so everything that uses it."""

    row = Row("programs with GnuTLS (Debian's wget, git, lftp, and `gnutls-cli`)", "nothing",
              "what `update-ca-certificates` wrote when they started", INSTEAD)
    packages = ("gnutls-bin",)
    accepted = "^- Handshake was completed"

    @staticmethod
    def why_not():
        return missing("gnutls-cli", "gnutls-bin")

    @classmethod
    def version(cls):
        return says("gnutls-cli", "--version").split()[1]

    def command(self, server, options=()):
        return ["gnutls-cli", *options, "--port=%d" % self.port(server), "localhost"]

    def own(self, path):
        return ["--x509cafile=" + path]


if __name__ == "__main__":
    client.main(globals())
