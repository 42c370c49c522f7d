#!/usr/bin/env python3
"""Every way in which a program asks for the system's store, one test for each way and kind of program: the
rows and the columns of the table that test/versions prints. Each accepts a server of a root that the system
trusts, refuses one of a root that it does not, and has its twin: the same without ostrust accepts neither.

A test is named after its row; ROWS says what it is. The details are in the other files.
"""
import os
import re
import shutil
import subprocess
import unittest

import support
import test_bundles
from support import HOSTS, MARKER, OPENSSL, OstrustTest, pem, port_of, text_of
from test_bundles import BUNDLE, DIRECTORY, PUBLIC

ROWS = {
    "ca_file": "CA file `os://`",
    "marker": "CA file: the marker",
    "ca_directory": "CA directory `os:`",
    "ca_store": "CA store `os://`",
    "defaults": "default paths",
    "cert_file_variable": "`SSL_CERT_FILE=os://`, or the marker",
    "system_bundle": "the system's bundle by path",
    "system_directory": "the system's directory by path",
    "certifi": "certifi's file, `replace-bundles`",
    "own_ca": "a CA of one's own: only that",
    "store_loader": "`OSSL_STORE_open(\"os://\")`",
    "store_loader_fips": "the same, `default_properties = fips=yes`",
}


class Rows(OstrustTest):
    """What is the same for every kind of program."""

    @staticmethod
    def why_not():
        """Why this kind of program cannot be tested here, or None."""

    def setUp(self):
        reason = self.why_not()
        if reason:
            self.skipTest(reason)
        super().setUp()
        self.store("root-a")

    def accepts(self, server, configuration, **named):
        """Whether the server is accepted by a program that is given these CAs. `named`: cafile, capath
        or castore, or environment variables."""
        raise NotImplementedError

    def assertServed(self, keys=None, **named):
        self.assertTrue(self.accepts("leaf-a", self.ostrust(keys), **named), named)
        self.assertFalse(self.accepts("leaf-b", self.ostrust(keys), **named), named)
        for server in ("leaf-a", "leaf-b"):
            self.assertFalse(self.accepts(server, self.stock(), **named), named)

    def bundle_or_skip(self):
        reason = test_bundles.why_not()
        if reason:
            self.skipTest(reason)

    def certifi(self):
        """The path of a file that could be certifi's. The system trusts what is in it, and root-a."""
        self.bundle_or_skip()
        directory = os.path.join(self.work, "certifi")
        os.makedirs(directory)
        with open(self.bundle, "w") as out:
            out.write("".join(PUBLIC) + text_of("root-a"))
        path = os.path.join(directory, "cacert.pem")
        shutil.copyfile(BUNDLE, path)
        return path

    def test_ca_file(self):
        self.assertServed(cafile="os://")

    def test_marker(self):
        self.assertServed(cafile=MARKER)

    def test_system_bundle(self):
        self.bundle_or_skip()
        self.assertServed(cafile=BUNDLE)

    def test_system_directory(self):
        self.bundle_or_skip()
        self.assertServed(capath=DIRECTORY)

    def test_certifi(self):
        self.assertServed({"replace-bundles": "certifi"}, cafile=self.certifi())

    def test_own_ca(self):
        for configuration in (self.ostrust(), self.stock()):
            self.assertFalse(self.accepts("leaf-a", configuration, cafile=pem("root-b")))
            self.assertTrue(self.accepts("leaf-b", configuration, cafile=pem("root-b")))


class OpensslCommand(Rows):
    """The openssl command: verify, s_client and storeutl."""

    def accepts(self, server, configuration, cafile=None, capath=None, castore=None, **env):
        options = []
        for option, value in (("-CAfile", cafile), ("-CApath", capath), ("-CAstore", castore)):
            # Without options it asks for the defaults; with one, only for what it names.
            options += [option, value] if value else ["-no" + option] if (
                cafile or capath or castore) else []
        verified = self.openssl("verify", *options, pem(server), configuration=configuration, **env)
        connected = self.openssl(
            "s_client", "-connect", "127.0.0.1:%d" % port_of(server), "-verify_return_error",
            "-verify_hostname", "localhost", *options, configuration=configuration, **env)
        self.assertEqual(verified.status == 0, connected.status == 0,
                         "%s%s" % (verified, connected))
        return verified.status == 0

    def test_ca_store(self):
        self.assertServed(castore="os://")

    def test_defaults(self):
        self.assertServed()

    def test_cert_file_variable(self):
        for name in ("os://", MARKER):
            self.assertServed(SSL_CERT_FILE=name)

    def found(self, configuration):
        done = self.openssl("storeutl", "-certs", "-noout", "os://", configuration=configuration)
        count = re.search(r"Total found: (\d+)", done.text)
        return int(count.group(1)) if done.status == 0 and count else None

    def test_store_loader(self):
        self.store("root-a", "root-b")
        self.assertEqual(self.found(self.ostrust()), 2)
        self.assertIsNone(self.found(self.stock()))

    def test_store_loader_fips(self):
        self.store("root-a", "root-b")
        fips = {"init": "alg_section = algorithms",
                "sections": "[algorithms]\ndefault_properties = fips=yes\n"}
        self.assertEqual(self.found(self.ostrust(**fips)), 2)
        self.assertIsNone(self.found(self.stock(**fips)))


class Python(Rows):
    """CPython's ssl module."""

    def accepts(self, server, configuration, cafile=None, capath=None, **env):
        code = "context = bare()\ncontext.load_verify_locations(%r, %r)\n" % (cafile, capath)
        if not cafile and not capath:
            code = "context = ssl.create_default_context()\n"
        # Without ostrust os:// is an error when it is loaded.
        done = self.python_process(code + "print(connect(context, %r))" % server, configuration,
                                   **env)
        return done.out == "accepted\n"

    def test_ca_directory(self):
        self.assertServed(capath="os:")

    def test_defaults(self):
        self.assertServed()

    def test_cert_file_variable(self):
        for name in ("os://", MARKER):
            self.assertServed(SSL_CERT_FILE=name)


class Program(Rows):
    """A C++ program that calls libssl: test/hosts/connect.cpp."""

    @staticmethod
    def why_not():
        return not os.path.exists(os.path.join(HOSTS, "connect")) and "no host programs here"

    def accepts(self, server, configuration, cafile=None, capath=None, castore=None, **env):
        what = next((pair for pair in (("file", cafile), ("dir", capath), ("store", castore))
                     if pair[1]), ("default",))
        done = support.run([os.path.join(HOSTS, "connect"), str(port_of(server)), *what],
                           support.environment(configuration, preload=False, **env), cwd=self.work)
        self.assertEqual(done.status, 0, done)
        return done.out == "accepted\n"

    def test_ca_directory(self):
        self.assertServed(capath="os:")

    def test_ca_store(self):
        self.assertServed(castore="os://")

    def test_defaults(self):
        self.assertServed()

    def test_cert_file_variable(self):
        for name in ("os://", MARKER):
            self.assertServed(SSL_CERT_FILE=name)


class Curl(Rows):
    """The distribution's curl, which names the system's bundle if it is not told otherwise."""

    @staticmethod
    def why_not():
        if not shutil.which("curl"):
            return "no curl"
        if support.SANITIZER:
            return "curl does not survive a sanitizer's runtime"
        version = subprocess.run(["curl", "--version"], stdout=subprocess.PIPE).stdout.decode()
        uses = re.search(r"OpenSSL/([\d.]+)", version)
        command = subprocess.run([OPENSSL, "version"], stdout=subprocess.PIPE).stdout.decode()
        if not uses:
            return "this curl uses no OpenSSL"
        if uses.group(1).split(".")[0] != command.split()[1].split(".")[0]:
            return "this curl uses OpenSSL " + uses.group(1)
        return None

    def accepts(self, server, configuration, cafile=None, capath=None, **env):
        options = [word for option, value in (("--cacert", cafile), ("--capath", capath)) if value
                   for word in (option, value)]
        # Debian's curl names both its bundle and its directory, whichever is not given.
        if capath:
            options += ["--cacert", pem("twin-1")]
        elif cafile:
            options += ["--capath", self.work]
        done = support.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--ipv4",
                            *options, "https://localhost:%d/" % port_of(server)],
                           support.environment(configuration, **env), cwd=self.work)
        self.assertIn(done.status, (0, 60, 77), done)  # 60: refused; 77: cannot read the CA file
        return done.status == 0

    def test_ca_file(self):
        done = support.run(["curl", "--cacert", "os://", "https://localhost/"],
                           support.environment(self.stock()), cwd=self.work)
        if "does not exist" in done.err:
            self.skipTest("this curl wants a file after --cacert: give it the marker")
        super().test_ca_file()

    def test_system_bundle(self):
        self.bundle_or_skip()
        self.assertServed(cafile=BUNDLE)
        self.assertServed()  # curl's own default


def load_tests(loader, _tests, _pattern):
    return unittest.TestSuite(loader.loadTestsFromTestCase(kind)
                              for kind in (OpensslCommand, Program, Python, Curl))


if __name__ == "__main__":
    support.main()
