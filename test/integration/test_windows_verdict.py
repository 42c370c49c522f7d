#!/usr/bin/env python3
"""What Windows' own verifier and stores say about a server's chain, through ostrust.dll in openssl.exe and node.exe, in
Wine: what is revoked, what is distrusted, and an intermediate that the server did not send.

The certificates, and the server behind their URLs, are of test/pki/revocation.py. Each refusal of Windows' has its twin
that shows that OpenSSL alone accepts the server.

Nothing of this was run on Windows itself. Not tested here, because Wine cannot do it, and not yet run on Windows: what is
stapled, limits of purpose that Windows puts on a root, roots that Windows downloads, TrustedPeople.
The unit tests have these with answers made up (test/unit/platform/windows).
"""
import atexit
import collections
import os
import re
import shutil
import sys
import tempfile
import unittest

import support
import windows_support
import wine
from support import port_of
from windows_support import NODE_HOSTS, OPENSSL_HOSTS, UNKNOWN, WindowsTest, with_each

from pki import Pki, subject  # windows_support has set the path
from ca_issuers import path_of
from revocation import OCSP, Revocable, RevocationServer, asked_about, unwrap

# X509_V_ERR_...
NO_CRL = 3
BAD_SIGNATURE = 7
NOT_YET_VALID = 9
EXPIRED = 10
SELF_SIGNED_IN_CHAIN = 19
REVOKED = 23
WRONG_PURPOSE = 26
REJECTED = 28
WRONG_HOST = 62

ACCEPTED = None  # else (error, depth)
SETTINGS = ("local", "soft", "hard")

# What becomes of a server with each setting: what its certificate's URLs answer, and the outcomes.
Row = collections.namedtuple("Row", "made local soft hard")
ROWS = collections.OrderedDict((
    ("crl-good", Row({"crl": "good"}, ACCEPTED, ACCEPTED, ACCEPTED)),
    ("crl-revoked", Row({"crl": "revoked"}, ACCEPTED, (REVOKED, 0), (REVOKED, 0))),
    ("crl-not-there", Row({"crl": ""}, ACCEPTED, ACCEPTED, (NO_CRL, 0))),
    ("ocsp-good", Row({"ocsp": "good"}, ACCEPTED, ACCEPTED, ACCEPTED)),
    ("ocsp-revoked", Row({"ocsp": "revoked"}, None, (REVOKED, 0), (REVOKED, 0))),
    ("no-url", Row({}, ACCEPTED, ACCEPTED, (NO_CRL, 0))),
    ("below-revoked", Row({"crl": "good", "issuer": "int-revoked"}, ACCEPTED, (REVOKED, 1), (REVOKED, 1))),
))


class Server(RevocationServer):
    """Wine 8 leaves the path out of a responder's URL: which one it is, is told by who it is asked about."""

    def __init__(self):
        super().__init__()
        self.leaves = {}

    def behaviour(self, request):
        try:
            serial = asked_about(unwrap(path_of(request))).serial
        except (ValueError, IndexError):
            return super().behaviour(request)
        name, = (name for name, leaf in self.leaves.items() if leaf.serial == serial)
        return self.responders[OCSP + name](asked_about(unwrap(path_of(request))))


class World:
    """The certificates and their server: made once."""

    _only = None

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ostrust-test-")
        atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        self.server = Server()
        self.pki = Pki(self.directory, support.OPENSSL)
        self.revocable = Revocable(self.pki, self.server)
        self.server.leaves = self.revocable.leaves
        for name, row in ROWS.items():
            self.revocable.leaf(name, **row.made)
        self.revocable.leaf("aia", ocsp="good")
        self._make_wrong()

    def _make_wrong(self):
        """Servers that are refused by OpenSSL itself."""
        self.pki.issue("expired", subject("expired"), "int", dates=("20200101000000Z", "20210101000000Z"))
        self.pki.issue("future", subject("future"), "int", dates=("20450101000000Z", "20490101000000Z"))
        self.pki.issue("client", subject("client"), "int", kind="client")
        self.pki.issue("elsewhere", subject("elsewhere"), "int", extensions="subjectAltName = DNS:elsewhere.example")
        self.pki.issue("other-key", subject("other key"), "impostor")  # of the name of `int`
        self.pki.root("root-u", subject("Root U"))
        self.pki.issue("unknown", subject("unknown"), "root-u")
        for name, issuer in (("expired", "int"), ("future", "int"), ("client", "int"), ("elsewhere", "int"),
                             ("other-key", "int"), ("unknown", "root-u")):
            self.pki.chain(name + "-sent", name, issuer)

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls()
        return cls._only


class VerdictTest(WindowsTest):
    """A test whose Windows trusts Root A, and has fetched nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = World.get()
        cls.server = cls.world.server

    def pem(self, name):
        return os.path.join(self.world.directory, name + ".pem")

    def setUp(self):
        super().setUp()
        self.add("root-a")
        self.begin()

    def begin(self):
        """Nothing was fetched, and everything is answered."""
        self.windows.forget_fetched()
        self.world.revocable.serve()

    def configuration(self, **keys):
        return self.ostrust(dict({"log": "error", "intermediates": "off", "revocation": "off", "network-timeout": "20"},
                                 **keys))

    def connect(self, host, leaf, *options, configuration, sent="-sent"):
        """openssl s_client to the server of this leaf, which sends its chain (or only itself: sent="")."""
        options = options or ("-CAfile", "os://")
        return self.s_client(host, *options, configuration=configuration, server=self.pem(leaf + sent)[:-len(".pem")])

    def ask_node(self, host, leaf, **keys):
        outcome, = self.node_outcomes(host, [self.pem(leaf)[:-len(".pem")]], "--use-openssl-ca",
                                      configuration=self.for_node(self.configuration(**keys)))
        return outcome

    def assertOutcome(self, done, outcome):
        if outcome is ACCEPTED:
            self.assertAccepts(done)
            self.assertNotIn("refused: ", done.err, done)
        else:
            self.assertRefuses(done, *outcome)

    def assertSentence(self, done, common_name, depth, reason):
        """Our log and OpenSSL's error queue have this sentence about a certificate."""
        sentence = "certificate /O=ostrust tests/CN=%s at depth %d is %s" % (common_name, depth, reason)
        self.assertRegex(done.err, r"(?m)^ostrust\[\d+\] error: refused: " + sentence)
        self.assertRegex(done.err, r"(?m):error:0A000086:SSL routines:.*:certificate verify failed:.*" + sentence)


class OpenSslsOwn(VerdictTest):
    """What OpenSSL refuses by itself: its code, and nobody is asked."""

    @with_each(OPENSSL_HOSTS)
    def test_openssls_errors_are_as_without_ostrust(self, host):
        configuration = self.configuration(revocation="hard", intermediates="fetch", log="error")
        for leaf, outcome in (("expired", (EXPIRED, 0)), ("future", (NOT_YET_VALID, 0)),
                              ("client", (WRONG_PURPOSE, 0)), ("elsewhere", (WRONG_HOST, 0)),
                              ("other-key", (UNKNOWN, 0)), ("unknown", (SELF_SIGNED_IN_CHAIN, 1))):
            with self.subTest(leaf):
                ours = self.connect(host, leaf, configuration=configuration)
                self.assertOutcome(ours, outcome)
                stock = self.connect(host, leaf, "-CAfile", self.z("root-a"), configuration=self.stock())
                self.assertOutcome(stock, outcome)
                self.assertNotIn("is refused by", ours.err, ours)


class Revocation(VerdictTest):

    @with_each(OPENSSL_HOSTS)
    def test_what_is_revoked_is_refused_as_the_setting_says(self, host):
        for leaf, row in ROWS.items():
            for setting in SETTINGS:
                with self.subTest(leaf=leaf, setting=setting):
                    if leaf.startswith("ocsp") and setting == "local":
                        continue  # Wine 8 and 10.0 ask responders even if they must not
                    self.begin()
                    done = self.connect(host, leaf, configuration=self.configuration(revocation=setting))
                    outcome = getattr(row, setting)
                    self.assertOutcome(done, outcome)
                    if setting == "local":
                        self.assertEqual(self.server.connections, 0, self.server.asked)
                    if outcome:
                        self.assertSentence(done, leaf if outcome[1] == 0 else "CA int-revoked", outcome[1],
                                            "refused by the operating system: ")

    def fetch_list(self, host):
        """Windows has the CRL of crl-revoked, because somebody asked for it."""
        self.begin()
        done = self.connect(host, "crl-revoked", configuration=self.configuration(revocation="soft"))
        self.assertRefuses(done, REVOKED, 0)
        self.assertIn("crl-crl-revoked", self.server.asked)
        self.windows.forget_revocation()
        self.server.forget()

    @with_each(OPENSSL_HOSTS)
    def test_what_was_fetched_before_is_known_without_the_network(self, host):
        self.fetch_list(host)
        done = self.connect(host, "crl-revoked", configuration=self.configuration(revocation="local"))
        self.assertOutcome(done, (REVOKED, 0))
        self.assertEqual(self.server.connections, 0, self.server.asked)
        done = self.connect(host, "crl-revoked", configuration=self.configuration(revocation="off"))
        self.assertOutcome(done, ACCEPTED)

    @with_each(OPENSSL_HOSTS)
    def test_windows_is_not_asked_about_an_own_cas_chain(self, host):
        for leaf in ("crl-revoked", "below-revoked"):
            done = self.connect(host, leaf, "-CAfile", self.z("root-a"),
                                configuration=self.configuration(revocation="hard", intermediates="fetch"))
            self.assertOutcome(done, ACCEPTED)
            self.assertEqual(self.server.connections, 0, self.server.asked)

    @with_each(OPENSSL_HOSTS)
    def test_report_only_logs_and_roots_does_not_even_ask(self, host):
        done = self.connect(host, "crl-revoked", configuration=self.configuration(revocation="hard", verify="report"))
        self.assertAccepts(done)
        self.assertSays("would be refused: certificate /O=ostrust tests/CN=crl-revoked at depth 0 is refused by the "
                        "operating system: ", done)
        self.begin()
        done = self.connect(host, "crl-revoked", configuration=self.configuration(revocation="hard", verify="roots"))
        self.assertAccepts(done)
        self.assertNotIn("refused", done.err, done)
        self.assertEqual(self.server.connections, 0, self.server.asked)

    @with_each(NODE_HOSTS)
    def test_node_for_which_nothing_is_fetched_is_told_what_is_known(self, host):
        # It connects with SSL_VERIFY_NONE, and looks at the result afterwards.
        for setting, outcome in (("local", "accepted"), ("soft", "accepted"), ("hard", "UNABLE_TO_GET_CRL")):
            self.begin()
            self.assertEqual(self.ask_node(host, "crl-revoked-sent", revocation=setting), outcome, setting)
            self.assertEqual(self.server.connections, 0, self.server.asked)
        self.fetch_list(OPENSSL_HOSTS[0])
        for setting, outcome in (("off", "accepted"), ("local", "CERT_REVOKED")):
            self.assertEqual(self.ask_node(host, "crl-revoked-sent", revocation=setting), outcome, setting)
            self.assertEqual(self.server.connections, 0, self.server.asked)


class Distrusted(VerdictTest):
    """What is in Windows' Disallowed."""

    LEAVES = (("crl-good", "crl-good", 0), ("int", "CA int", 1), ("root-a", "Root A", 2))

    @with_each(OPENSSL_HOSTS)
    def test_is_refused_wherever_it_stands_in_the_chain(self, host):
        configuration = self.configuration()
        for location in ("CurrentUser", "LocalMachine"):
            for certificate, common_name, depth in self.LEAVES:
                with self.subTest(certificate=certificate, location=location):
                    self.add(certificate, store="Disallowed", location=location)
                    done = self.connect(host, "crl-good", configuration=configuration)
                    self.assertRefuses(done, REJECTED, depth)
                    self.assertRegex(done.err, r"refused: certificate /O=ostrust tests/CN=%s at depth %d is "
                                               r"distrusted by Windows certificate stores" % (common_name, depth))
                    self.remove(certificate, store="Disallowed", location=location)
                    self.assertOutcome(self.connect(host, "crl-good", configuration=configuration), ACCEPTED)

    @with_each(OPENSSL_HOSTS)
    def test_is_refused_for_every_purpose_but_not_below_an_own_ca_alone(self, host):
        self.add("int", store="Disallowed")
        arguments = ("-untrusted", self.z("int"), self.z("crl-good"))
        for purpose in ((), ("-purpose", "sslserver")):
            done = self.openssl_in(host, "verify", "-CAfile", "os://", *purpose, *arguments,
                                   configuration=self.configuration())
            self.assertRefuses(done, REJECTED, 1)
        done = self.openssl_in(host, "verify", "-CAfile", self.z("root-a"), *arguments,
                               configuration=self.configuration())
        self.assertAccepts(done)


class MissingIntermediate(VerdictTest):
    """A server that sends its own certificate only."""

    FOUND = "the operating system has it, but intermediates = off"

    def attempt(self, host, leaf, **keys):
        return self.connect(host, leaf, configuration=self.configuration(**keys), sent="")

    @with_each(OPENSSL_HOSTS)
    def test_one_that_windows_has_is_used_unless_that_is_off(self, host):
        for location in ("CurrentUser", "LocalMachine"):
            with self.subTest(location):
                self.assertOutcome(self.attempt(host, "no-url", intermediates="local"), (UNKNOWN, 0))
                self.add("int", store="CA", location=location)
                self.assertOutcome(self.attempt(host, "no-url", intermediates="local"), ACCEPTED)
                done = self.attempt(host, "no-url", intermediates="off")
                self.assertRefuses(done, UNKNOWN, 0)
                self.assertSays("the server did not send its issuer's certificate: the operating system has it, but "
                                "intermediates = off", done)
                self.remove("int", store="CA", location=location)

    @with_each(OPENSSL_HOSTS)
    def test_one_is_fetched_from_where_the_certificate_says(self, host):
        # That `local` fetches nothing cannot be seen: Wine 8 and 10 do not know CERT_CHAIN_DISABLE_AIA.
        self.begin()
        self.assertRefuses(self.attempt(host, "no-url", intermediates="fetch"), UNKNOWN, 0)
        self.assertOutcome(self.attempt(host, "aia", intermediates="fetch"), ACCEPTED)
        self.assertEqual(self.server.asked, ["ca-int"])
        # Windows keeps it; `off` uses none all the same.
        self.server.forget()
        self.assertOutcome(self.attempt(host, "aia", intermediates="local"), ACCEPTED)
        self.assertRefuses(self.attempt(host, "aia", intermediates="off"), UNKNOWN, 0)
        self.assertEqual(self.server.connections, 0, self.server.asked)

    @with_each(OPENSSL_HOSTS)
    def test_what_is_fetched_has_to_lead_to_a_root_of_windows(self, host):
        self.add("root-a")
        self.remove("root-a")
        done = self.attempt(host, "aia", intermediates="fetch")
        self.assertRefuses(done, UNKNOWN, 0)
        self.assertSays("the operating system accepts no chain either: ", done)

    @with_each(OPENSSL_HOSTS)
    def test_what_windows_would_refuse_completes_no_chain(self, host):
        self.add("int", store="CA")
        self.begin()
        self.assertOutcome(self.attempt(host, "crl-revoked", intermediates="local", revocation="off"), ACCEPTED)
        done = self.attempt(host, "crl-revoked", intermediates="local", revocation="soft")
        self.assertRefuses(done, UNKNOWN, 0)
        self.assertRegex(done.err, "the operating system accepts no chain either: .*CRYPT_E_REVOKED, 0x80092010")
        self.add("int", store="Disallowed")
        done = self.attempt(host, "no-url", intermediates="local")
        self.assertRefuses(done, REJECTED, 1)

    @with_each(OPENSSL_HOSTS)
    def test_the_verified_chain_holds_the_intermediate_and_the_root_of_windows(self, host):
        self.add("int", store="CA")
        done = self.openssl_in(host, "verify", "-CAfile", "os://", "-verify_hostname", "localhost", "-show_chain",
                               self.z("aia"), configuration=self.configuration(intermediates="local"))
        self.assertAccepts(done)
        chain = re.findall(r"^depth=(\d): .*CN ?= ?([^(\n]*?)( \(untrusted\))?$", done.out, re.M)
        self.assertEqual(chain, [("0", "aia", " (untrusted)"), ("1", "CA int", " (untrusted)"), ("2", "Root A", "")],
                         done)
        done = self.openssl_in(host, "verify", "-CAfile", "os://", "-verify_hostname", "localhost",
                               self.z("aia"), configuration=self.configuration(intermediates="off"))
        self.assertRefuses(done, UNKNOWN, 0)

    @with_each(OPENSSL_HOSTS)
    def test_an_own_ca_alone_gets_no_intermediate(self, host):
        self.add("int", store="CA")
        done = self.connect(host, "aia", "-CAfile", self.z("root-a"), sent="",
                            configuration=self.configuration(intermediates="fetch"))
        self.assertRefuses(done, UNKNOWN, 0)
        self.assertEqual(self.server.connections, 0, self.server.asked)

    @with_each(NODE_HOSTS)
    def test_node_gets_none(self, host):
        # SSL_VERIFY_NONE, see above.
        self.add("int", store="CA")
        for setting in ("local", "fetch"):
            self.begin()
            self.assertEqual(self.ask_node(host, "aia", intermediates=setting), "UNABLE_TO_VERIFY_LEAF_SIGNATURE")
            self.assertEqual(self.server.connections, 0, self.server.asked)
        self.assertEqual(self.ask_node(host, "crl-good-sent", intermediates="local"), "accepted")


if __name__ == "__main__":
    support.skip_all_if(windows_support.why_not())
    support.main()
