#!/usr/bin/env python3
"""OpenSSL's FIPS provider: fips and base are active and default is not, and default_properties = fips=yes. That everything
else works there, too, is tested by the other files with OSTRUST_FIPS in the environment (support.py); here is what must be,
and what differs.

The provider is whatever fips.so OpenSSL finds (Debian: openssl-provider-fips), set up by `openssl fipsinstall` with its
stricter checks (-pedantic) and without; no validated one is at hand."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

import support
import test_enable
import test_intermediates
import test_revocation
from small_root import OSTRUST
from support import HOSTS, OPENSSL, OstrustTest, port_of
from test_enable import OWN
from test_intermediates import UNKNOWN, ca_issuers
from test_revocation import ACCEPTED, NO_ANSWER, REVOKED
import revocation

NAMES = ["OpenSSL Base Provider", "OpenSSL FIPS Provider"]
CHOICES = {"": [], "pedantic": ["-pedantic"]}  # what fipsinstall is told

installed = {}  # {choice: the file that fipsinstall wrote}


def stock_environment():
    return support.environment(os.devnull, preload=False)


def fips_module():
    """The path of OpenSSL's FIPS provider, or None."""
    done = subprocess.run([OPENSSL, "version", "-m"], stdout=subprocess.PIPE, env=stock_environment())
    directory = re.search(r'MODULESDIR: "(.*)"', done.stdout.decode())
    path = directory and os.path.join(directory.group(1), "fips.so")
    return path if path and os.path.exists(path) else None


def why_not():
    return None if fips_module() else "OpenSSL's fips.so is not installed"


def setUpModule():
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)
    directory = tempfile.mkdtemp(prefix="ostrust-fips-")
    unittest.addModuleCleanup(shutil.rmtree, directory)
    known = support.run([OPENSSL, "fipsinstall", "-help"], stock_environment()).text
    for choice, options in CHOICES.items():
        if not all(option in known for option in options):
            continue  # 3.0 has no -pedantic
        installed[choice] = os.path.join(directory, "fipsmodule%s.cnf" % choice)
        done = support.run([OPENSSL, "fipsinstall", "-module", fips_module(), "-out", installed[choice], "-quiet", *options],
                           stock_environment())
        assert done.status == 0, str(done)
    before = support.FIPS
    unittest.addModuleCleanup(setattr, support, "FIPS", before)
    support.FIPS = installed[""]


def with_fips(choice=""):
    """Configurations that are made meanwhile have the FIPS provider, set up in this way; False: OpenSSL's default one."""
    return unittest.mock.patch.object(support, "FIPS", "" if choice is False else installed[choice])


def each_choice(test):
    """Runs it with each way to set the provider up."""
    def run(self):
        for choice in installed:
            with self.subTest(choice), with_fips(choice):
                test(self)
    return run


def null_configuration(test):
    """With the null provider only, which fips_module(7) recommends for a process's own library context."""
    return test.file("null.cnf", "openssl_conf = init\n[init]\nproviders = providers\n[providers]\nnull = null\n"
                                 "[null]\nactivate = 1\n")


class Served(OstrustTest):
    """The system's store."""

    @each_choice
    def test_nothing_else_is_active(self):
        self.store("root-a")
        listed = self.openssl("list", "-providers", configuration=self.ostrust())
        self.assertEqual(sorted(re.findall("name: (.*)", listed.out)), [*NAMES, "ostrust"], listed)
        for configuration in (self.ostrust(), self.stock()):
            self.assertEqual(self.openssl("dgst", "-sha256", self.bundle, configuration=configuration).status, 0)
            self.assertNotEqual(self.openssl("dgst", "-md5", self.bundle, configuration=configuration).status, 0)

    @each_choice
    def test_a_trusted_server_and_another(self):
        self.store("root-a")
        seen = self.python("report(connect_all(ssl.create_default_context()))", self.ostrust())
        self.assertEqual(seen, {"leaf-a": "accepted", "leaf-b": UNKNOWN})
        seen = self.python("report(connect_all(ssl.create_default_context()))", self.stock())
        self.assertEqual(seen, dict.fromkeys(("leaf-a", "leaf-b"), UNKNOWN))

    @each_choice
    def test_a_distrusted_server(self):
        for names, said in ((("root-a", "root-b"), "accepted"), (("root-a-distrusted", "root-b"), "certificate rejected")):
            self.store(*names)
            seen = self.python("report(connect(trusting('os://'), 'leaf-a'))", self.ostrust())
            self.assertEqual(seen, said)
            done = self.openssl("s_client", "-connect", "127.0.0.1:%d" % port_of("leaf-a"), "-verify_return_error",
                                "-CAfile", "os://", configuration=self.ostrust())
            self.assertEqual(done.status == 0, said == "accepted", done)
            self.assertSays("ok" if said == "accepted" else said, done)


class Fetched(test_intermediates.MissingTest):
    """What a server forgot."""

    @each_choice
    def test_a_missing_intermediate(self):
        shutil.rmtree(self.cache, ignore_errors=True)
        der = self.der("int")
        for answer in (der, ca_issuers.cms([der])):
            self.server.answers["int"] = ca_issuers.answers(answer)
            shutil.rmtree(self.cache, ignore_errors=True)
            self.assertEqual(self.connect("leaf", self.missing("local")), UNKNOWN)
            self.assertEqual(self.connect("leaf", self.missing()), "accepted")
            self.assertAsked("int")
            self.assertEqual(self.connect("leaf", self.missing("local")), "accepted")
            self.assertEqual(self.stock_verdict("leaf"), UNKNOWN)
            self.assertNobodyAsked()


class FetchedBesideNull(test_intermediates.MissingTest):
    """The same in a library context with FIPS, where the process's own has no algorithm at all (fips_module(7))."""

    def test_a_missing_intermediate(self):
        der = self.der("int")
        for answer in (der, ca_issuers.cms([der])):
            self.server.answers["int"] = ca_issuers.answers(answer)
            shutil.rmtree(self.cache, ignore_errors=True)
            for intermediates, said, asked in (("local", UNKNOWN, []), ("fetch", "accepted", ["int"]),
                                               ("local", "accepted", [])):
                done = support.run([os.path.join(HOSTS, "contexts_in_turn"), self.pem("leaf"), "localhost",
                                    self.missing(intermediates)], support.environment(null_configuration(self)), cwd=self.work)
                self.assertEqual(done.out, said + "\n", done)
                self.assertAsked(*asked)


class Revocations(test_revocation.Revocations):
    """A few leaves of the table."""

    _only = None
    LEAVES = {"crl-good": ACCEPTED, "crl-revoked": REVOKED, "ocsp-good": ACCEPTED, "ocsp-revoked": REVOKED,
              "ocsp-delegated": ACCEPTED, "ocsp-delegated-revoked": REVOKED, "ocsp-sha256-revoked": REVOKED,
              "crl-impostor": NO_ANSWER, "ocsp-impostor": NO_ANSWER, "delta-revoked": REVOKED, "neither": NO_ANSWER}

    def make(self, pki, server):
        self.revocable = revocation.Revocable(pki, server)
        for leaf in self.LEAVES:
            self.revocable.leaf(leaf, **test_revocation.ROWS[leaf].made)
        self.finish(pki, server)


class Revoked(test_revocation.RevocationTest):
    """Whether a certificate is."""

    @classmethod
    def world(cls):
        return Revocations.get()

    @each_choice
    def test_it_is_known_from_lists_and_responses(self):
        leaves = list(Revocations.LEAVES)
        shutil.rmtree(self.cache, ignore_errors=True)
        self.assertEqual(self.by_verify(self.checking("hard"), leaves), Revocations.LEAVES)
        # The next process has it from the cache, and verifies it again.
        known = {leaf: said for leaf, said in Revocations.LEAVES.items() if said != NO_ANSWER}
        self.server.forget()
        self.assertEqual(self.by_verify(self.checking("hard"), list(known)), known)
        self.assertNobodyAsked()
        self.assertEqual(self.by_python(self.checking("soft"), "TLSv1.3", leaves),
                         {leaf: said if said == REVOKED else ACCEPTED for leaf, said in Revocations.LEAVES.items()})
        # The twin: without ostrust nobody looks.
        self.assertEqual(self.by_verify(self.stock(), leaves, self.bundle), dict.fromkeys(leaves, ACCEPTED))


class LibraryContexts(test_revocation.LibraryContexts):
    """One library context has FIPS, another OpenSSL's default provider, too, which knows MD5. So does the process's own."""

    DIGEST, QUERY, MAKER = "md5", "fips=yes", ()

    @staticmethod
    def configured(keys, old):
        with with_fips(False if old else ""):
            text = support.configuration_text(keys)
        return text.replace("default = default_sect\n", "default = default_sect\nfips = fips_sect\n", 1) + (
            ".include %s\n" % installed[""] if old else "")

    def stock(self, **other):
        with with_fips(False):
            return super().stock(**other)


class LibraryContextsBesideFips(LibraryContexts):
    """The process's own has FIPS and base."""

    def stock(self, **other):
        with with_fips():
            return OstrustTest.stock(self, **other)


class LibraryContextsBesideNull(LibraryContexts):
    """The process's own has no algorithm at all."""

    def stock(self, **other):
        return null_configuration(self)


class Enabled(test_enable.LiveRoot):
    """ostrust enable and run, on a host whose configuration activates fips and base."""

    CONFIGURATIONS = {
        "fips and base": test_enable.FIPS.replace("[fips_sect]\nactivate = 1\n", ".include /etc/ssl/fipsmodule.cnf\n"),
        # As one adds it to Debian's.
        "default, not active": test_enable.DEBIAN_13.replace(
            "providers = provider_sect\n", "providers = provider_sect\nalg_section = algorithms\n").replace(
            "default = default_sect\n", "default = default_sect\nfips = fips_sect\nbase = base_sect\n") +
        "[base_sect]\nactivate = 1\n[algorithms]\ndefault_properties = fips=yes\n.include /etc/ssl/fipsmodule.cnf\n"}

    def setUp(self):
        super().setUp()
        self.small.copy(fips_module())
        with open(installed[""]) as file:
            self.small.write("/etc/ssl/fipsmodule.cnf", file.read())
        self.small.write("/leaf.pem", support.text_of("leaf-a"))

    def verifies(self, **env):
        return self.inside(self.small.program, "verify", "/leaf.pem", **env).status == 0

    def assertKeepsFips(self, before):
        stock, ciphers = self.providers(), self.ciphers()
        self.assertEqual(sorted(stock), NAMES)
        self.assertFalse(self.verifies())
        for how, variables in (((), {"OPENSSL_CONF": OWN}), (("--edit",), {})):
            done = self.inside("/usr/bin/ostrust", "enable", *how)
            self.assertEqual(done.status, 0, done)
            self.assertIn("with 1 anchors, and TLS settings are as before", done.out)
            self.assertEqual(sorted(self.providers(**variables)), [*NAMES, "ostrust"])
            self.assertEqual(self.ciphers(**variables), ciphers)
            self.assertTrue(self.verifies(**variables))
            self.assertNotEqual(self.inside(self.small.program, "dgst", "-md5", "/leaf.pem", **variables).status, 0)
            status = self.inside("/usr/bin/ostrust", "status", **variables)
            self.assertEqual(status.status, 0, status)
            # Without the module nothing else is gone, and nothing else is there.
            os.rename(self.root + OSTRUST, self.root + OSTRUST + ".away")
            self.assertEqual(sorted(self.providers(**variables)), NAMES)
            os.rename(self.root + OSTRUST + ".away", self.root + OSTRUST)
            done = self.inside("/usr/bin/ostrust", "disable")
            self.assertEqual(done.status, 0, done)
            self.assertEqual(self.providers(), stock)
            self.assertEqual(self.tree(), before)

    def test_neither_is_default_activated_nor_fips_lost(self):
        for name, text in self.CONFIGURATIONS.items():
            with self.subTest(name):
                self.configure(text)
                self.assertKeepsFips(self.tree())

    def test_run(self):
        for name, text in self.CONFIGURATIONS.items():
            with self.subTest(name):
                self.configure(text)
                os.makedirs(self.root + "/tmp", exist_ok=True)
                done = self.inside("/usr/bin/ostrust", "run", "--", self.small.program, "list", "-providers", HOME="/")
                self.assertEqual(sorted(re.findall("name: (.*)", done.out)), [*NAMES, "ostrust"], done)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
