#!/usr/bin/env python3
"""Python where a company is around it: proxies that intercept TLS, a root that only one user has, and variables that a profile
script exports. See client.py."""
import functools
import os
import shutil

import client
import support
import test_bundles
from client import Client, Row, says
from support import MARKER, hashed_directory, pem, port_of, text_of
from test_bundles import BUNDLE, DIRECTORY
from test_python import VERSIONS, interpreter
from test_python_clients import DEBIAN, REQUESTS, interpreter_with

# A page of https://localhost:PORT, with the default context, or without the flag that Python sets from 3.13 on.
CODE = """
import ssl, sys, urllib.request
context = ssl.create_default_context()
if sys.argv[2:] == ["lenient"]:
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
try:
    print(urllib.request.urlopen("https://localhost:" + sys.argv[1], timeout=60, context=context).read().decode())
except OSError as error:
    print(error)
"""


class InterceptingProxy(Client):
    """The root of a proxy that intercepts TLS, and that RFC 5280 does not allow: from 3.13 on Python refuses it."""

    row = Row("Python from 3.13 on behind an intercepting proxy whose root is older than RFC 5280",
              "`context.verify_flags &= ~ssl.VERIFY_X509_STRICT` in the program, or a proxy with a correct root",
              "the root in the system's store. Unchanged, Python from 3.13 on refuses it: `Missing Authority Key Identifier`, `Basic "
              "Constraints of CA cert not marked critical`, `CA cert does not include key usage extension` or `Missing Subject Key "
              "Identifier`; Python up to 3.12 accepts it",
              "OpenSSL refuses, and ostrust never accepts what OpenSSL refuses. There is no variable and no line of openssl.cnf "
              "for it; `verify` changes nothing")
    refusal = "CERTIFICATE_VERIFY_FAILED"

    # What OpenSSL says of them, by what pki.py calls them.
    says_of = {
        "plain": "Missing Authority Key Identifier",
        "not-critical": "Basic Constraints of CA cert not marked critical",
        "no-key-usage": "CA cert does not include key usage extension",
        "no-key-identifier": "Missing Subject Key Identifier",
    }

    @staticmethod
    @functools.lru_cache(None)
    def interpreters():
        """{minor version: path} of those with OpenSSL 3, the newest last."""
        return {version: path for version, path in ((version, interpreter("python3.%d" % version)) for version in VERSIONS)
                if path and says(path, "-c", "import ssl; assert ssl.OPENSSL_VERSION_INFO >= (3,)") is not None}

    @classmethod
    def why_not(cls):
        return not cls.interpreters() and "no CPython here has OpenSSL 3"

    @classmethod
    def version(cls):
        return "Python " + ", ".join("3.%d" % version for version in cls.interpreters())

    def command(self, server, python=None, how=()):
        return [python, "-c", CODE, str(port_of(server)), *how]

    def page_of(self, server, python, configuration, *how):
        return support.run(self.command(server, python, how), support.environment(configuration), cwd=self.work)

    def setUp(self):
        super().setUp()
        self.store("root-a", *("root-proxy-" + name for name in self.says_of))

    def test_what_is_refused(self):
        for version, python in self.interpreters().items():
            for name, words in self.says_of.items():
                with self.subTest(python, name=name):
                    done = self.page_of("leaf-proxy-" + name, python, self.ours)
                    self.assertSays("certificate verify failed: " + words if version >= 13 else "hello", done)
                    # Where it is not known, that is said.
                    done = self.page_of("leaf-proxy-" + name, python, self.without)
                    self.assertNotIn("hello", done.text)
                    if version < 13:
                        self.assertSays("unable to get local issuer certificate", done)

    def test_no_setting_makes_it_accept(self):
        pythons = [path for version, path in self.interpreters().items() if version >= 13]
        if not pythons:
            self.skipTest("no Python here is 3.13 or newer")
        for python in pythons:
            for keys in ({"verify": "report"}, {"verify": "roots"}, {"intermediates": "off"}, {"preload": "yes"}):
                with self.subTest(python, keys=keys):
                    self.assertSays(self.says_of["plain"], self.page_of("leaf-proxy-plain", python, self.ostrust(keys)))

    def test_without_the_flag(self):
        for python in self.interpreters().values():
            with self.subTest(python):
                for name in self.says_of:
                    self.assertSays("hello", self.page_of("leaf-proxy-" + name, python, self.ours, "lenient"))
                self.assertFalse(self.attempt("leaf-b", self.ours, python=python, how=["lenient"]))
                self.assertFalse(self.attempt("leaf-proxy-plain", self.without, python=python, how=["lenient"]))

    def test_a_correct_root(self):
        for python in self.interpreters().values():
            with self.subTest(python):
                self.assertServed(python=python)


class _OnePython(Client):
    """The newest Python here, and requests where there is one."""

    refusal = "CERTIFICATE_VERIFY_FAILED|No such file|invalid path"

    @classmethod
    def python(cls):
        return list(InterceptingProxy.interpreters().values())[-1]

    @classmethod
    def why_not(cls):
        return InterceptingProxy.why_not() or test_bundles.why_not()

    @classmethod
    def version(cls):
        python = interpreter_with("requests")
        return says(cls.python(), "-c", "import platform; print('Python ' + platform.python_version())") + (
            ", requests " + says(python, "-c", "import requests; print(requests.__version__)") if python else "")

    def command(self, server, requests=False):
        if requests:
            return [interpreter_with("requests"), "-c", REQUESTS % "import requests", str(port_of(server))]
        return [self.python(), "-c", CODE, str(port_of(server))]

    def joined(self, *names):
        """A file with the marker and these certificates."""
        with open(MARKER) as file:
            return self.file("ca.pem", file.read() + "".join(map(text_of, names)))

    def assertBoth(self, env, **how):
        """The system's store and root-b are trusted; without ostrust, root-b."""
        self.assertTrue(self.attempt("leaf-a", self.ours, env, **how))
        self.assertTrue(self.attempt("leaf-b", self.ours, env, **how))
        self.assertFalse(self.attempt("leaf-twin-1", self.ours, env, **how))
        self.assertTrue(self.attempt("leaf-b", self.without, env, **how))
        self.assertFalse(self.attempt("leaf-a", self.without, env, **how))

    def requests(self):
        if not interpreter_with("requests"):
            self.skipTest("no CPython here has OpenSSL 3 and requests")


class UsersRoot(_OnePython):
    """A root that only one user has."""

    row = Row("a root that only the user has, not the system",
              "`cat /etc/ostrust/os.pem ~/company.pem >~/ca.pem` and `SSL_CERT_FILE=~/ca.pem`, for requests `REQUESTS_CA_BUNDLE=~/ca.pem`; "
              "or a `trust-source` of one's own",
              "the system's store and that root; without ostrust that root only. `trust-source` names a file or directory that is "
              "trusted *instead* of the system's store",
              "`~/.config/pkcs11` and other files in the home directory are not read: they are not what the system trusts. Changes of "
              "`~/ca.pem` count for new contexts only. A file and the system's store together cannot be a `trust-source`")

    def test_the_marker_and_the_root_in_one_file(self):
        self.assertBoth({"SSL_CERT_FILE": self.joined("root-b")})

    def test_the_same_for_requests(self):
        self.requests()
        self.assertBoth({"REQUESTS_CA_BUNDLE": self.joined("root-b")}, requests=True)

    def test_a_trust_source_replaces_the_systems(self):
        both = hashed_directory(os.path.join(self.work, "both"), "root-a", "root-b")
        for source, accepted in ((pem("root-b"), (False, True)), (both, (True, True))):
            self.ours = self.ostrust({"trust-source": source})
            self.assertEqual(tuple(self.attempt(leaf, self.ours) for leaf in ("leaf-a", "leaf-b")), accepted)
        self.assertFalse(self.attempt("leaf-b", self.without))

    def test_the_users_files_are_not_read(self):
        home = os.path.join(self.work, "home")
        modules = os.path.join(home, ".config", "pkcs11", "modules")
        os.makedirs(modules)
        os.makedirs(os.path.join(home, "anchors"))
        shutil.copy(pem("root-b"), os.path.join(home, "anchors"))
        with open(os.path.join(modules, "p11-kit-trust.module"), "w") as out:
            out.write("x-init-reserved: paths=%s\n" % home)
        os.chmod(self.work, 0o755)
        # p11-kit reads no user's files for root.
        somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        if "Root B" not in (says(*somebody, "trust", "list", HOME=home) or ""):
            self.skipTest("p11-kit does not read it here (packages p11-kit, p11-kit-modules)")

        def accepts(leaf, source):
            command = [*somebody, DEBIAN, "-c", CODE, str(port_of(leaf))]
            done = support.run(command, support.environment(self.ostrust({"trust-source": source}), HOME=home), cwd=home)
            return "hello" in done.out

        if not accepts("leaf-b", pem("root-b")):
            self.skipTest("another user cannot read the module here")
        for source in ("auto", "p11-kit", None):
            with self.subTest(source):
                self.assertFalse(accepts("leaf-b", source))

    packages = ("python3-requests", "p11-kit", "p11-kit-modules")


class ExportedVariables(_OnePython):
    """SSL_CERT_FILE and the like, as companies export them in /etc/profile.d."""

    row = Row("`SSL_CERT_FILE`, `SSL_CERT_DIR`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` that a profile script exports",
              "`unset SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE`; or `SSL_CERT_FILE=os://` without `SSL_CERT_DIR`, "
              "and the marker in the other two",
              "the file that they name, as without ostrust. `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE` with the system's bundle: the "
              "system's store",
              "A variable that a person set wins over ostrust. Also where `SSL_CERT_FILE` names the system's bundle: that is read as it "
              "is, once for each context, with no verdict of ostrust's; `ostrust status` says so")
    packages = ("python3-requests",)

    def test_the_companys_root(self):
        self.assertOnlyItsOwn({"SSL_CERT_FILE": pem("root-b")})
        self.assertOnlyItsOwn({"SSL_CERT_DIR": hashed_directory(os.path.join(self.work, "own"), "root-b")})

    def test_the_systems_bundle(self):
        # The machine's own, which has neither root.
        for env in ({"SSL_CERT_FILE": BUNDLE}, {"SSL_CERT_DIR": DIRECTORY}):
            with self.subTest(env):
                self.assertNotServed(env)

    def test_what_to_write_instead(self):
        self.assertServed({})
        for name in ("os://", MARKER):
            self.assertServed({"SSL_CERT_FILE": name})

    def test_a_directory_beside_it(self):
        own = hashed_directory(os.path.join(self.work, "own"), "root-b")
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertBoth({"SSL_CERT_FILE": name, "SSL_CERT_DIR": own})

    def test_requests(self):
        self.requests()
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            with self.subTest(name):
                self.assertOnlyItsOwn({name: pem("root-b")}, requests=True)
                self.assertServed({name: MARKER}, requests=True)
                self.assertServed({name: BUNDLE}, requests=True)
                self.assertNotServed({name: "os://"}, requests=True)
                # A profile script exports more than one.
                self.assertServed({name: MARKER, "SSL_CERT_FILE": BUNDLE}, requests=True)


if __name__ == "__main__":
    client.main(globals())
