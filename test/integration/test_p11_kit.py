#!/usr/bin/env python3
"""Policy of p11-kit through ostrust: every scenario of test/pki/p11kit_scenarios.py in TLS and with `openssl
verify`, the store loader, changes while a program runs, and the cache. What the module says of a policy, and
what GnuTLS makes of it, is test_p11kit_policy.py's; whole systems are test_p11_kit_systems.py's."""
import collections
import glob
import os
import re
import shutil
import ssl
import sys
import tempfile
import time
import unittest

import support
from support import OstrustTest, pem

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import p11kit  # noqa: E402
from p11kit_scenarios import ACCEPTED, REFUSED, SCENARIOS  # noqa: E402
from test_p11kit_policy import MODULE, TRUE, certificates  # noqa: E402

MACHINE_CACHE = "/var/cache/ostrust"
RACY = 2.2  # seconds after which what a file looked like is believed

# --- what is refused, why and where ----------------------------------------------------------------

# `names`: of scenarios. `depth`: of the certificate that is refused, counted from the root where it is
# negative; or a group of `names`, which PLACES turns into one. `reason`: what the log and the error queue
# say after "certificate ... is "; None where OpenSSL refuses without policy, too. `settings`: OpenSSL
# refuses by the trust settings the anchor is handed out with, so that verify = report and roots refuse, too.
Refusal = collections.namedtuple("Refusal", "names error depth reason settings")
PLACES = {"leaf": 0, "intermediate above the leaf": 1, "intermediate below the root": -2,
          "intermediate": -2, "root": -1}
_PLACE = "(?P<place>%s)" % "|".join(PLACES)
_FILE = r"\S+/(more|usages|both|dated)\.p11-kit"
_KEY = r" \(by its public key\)"
_REJECTED = r"rejected for TLS (servers|clients) by " + _FILE + _KEY
_NAMES = "outside the name constraints put on its CA by " + _FILE + _KEY
_LATE = r"not trusted for TLS servers with a certificate issued after %s by " + _FILE
_DATE = "2024-01-01 00:00:00 UTC"

REFUSALS = (
    Refusal("no anchor, .*|(neutral|untrusted) object", 20, -2, None, True),
    Refusal("another name, .*", 62, 0, None, True),
    Refusal("root that says it is for mail, .*", 26, -1, None, True),
    Refusal("(blocked certificate|distrusted .*): root", 28, -1, "distrusted by .*", True),
    Refusal("distrusted root, .*|blocked by the key of a reissued root|anchor that is distrusted, too", 28, -1,
            "distrusted by " + _FILE, True),
    Refusal("blocked certificate: " + _PLACE, 28, "place", r"distrusted by \S+/blocklist/policy-\S+\.pem", False),
    Refusal("distrusted object: " + _PLACE, 28, "place", "distrusted by " + _FILE, False),
    Refusal("distrusted serial number: " + _PLACE, 28, "place",
            "distrusted by " + _FILE + r" \(by issuer and serial number\)", False),
    Refusal("distrusted key: " + _PLACE, 28, "place", "distrusted by " + _FILE + _KEY, False),
    Refusal("blocked by the key of a renewed intermediate", 28, 1, "distrusted by " + _FILE + _KEY, False),
    Refusal("blocked for every purpose: .*", 28, 1, "distrusted by " + _FILE, False),
    Refusal("a cross-signed certificate with a distrusted key", 28, 2,
            r"distrusted by \S+/blocklist/chain-c\.pem" + _KEY, False),
    Refusal("root is no authority", 79, -1, "no CA certificate, by " + _FILE + _KEY, False),
    Refusal("root allows no intermediate", 25, -1, "the CA of too long a chain, by " + _FILE + _KEY, False),
    Refusal("(root|key of the root) (is|has a|rejects) .*", 28, -1, _REJECTED, True),
    Refusal("intermediate as the only anchor is for mail", 28, 1, _REJECTED, True),
    Refusal(_PLACE + " (is for|rejects) .*", 28, "place", _REJECTED, False),
    Refusal(".*: permitted .*", 47, 0, _NAMES, False),
    Refusal(".*: excluded .*", 48, 0, _NAMES, False),
    Refusal("leaf .*from after the date, .*", 28, -1, _LATE % _DATE, False),
    Refusal("date of an anchor that is an intermediate", 28, 1, _LATE % _DATE, False),
    Refusal("date (with|that) .*", 28, -1, _LATE % "a date that cannot be read", False),
)
# `openssl verify` goes on after these (apps/verify.c), and ends as refused.
FORGIVEN_BY_THE_COMMAND = (25, 79)
# OpenSSL looks for the leaf itself in a trust store only then.
NEEDS_PARTIAL_CHAIN = ("leaf as the only anchor",)


class Expected:
    """What is expected of a refused scenario: a row of REFUSALS, with the depth as a number."""

    def __init__(self, scenario):
        self.row, match = next((row, match) for row in REFUSALS
                               for match in [re.fullmatch(row.names, scenario.name)] if match)
        depth = PLACES[match.group("place")] if self.row.depth == "place" else self.row.depth
        with open(pem(scenario.chain)) as file:
            sent = file.read().count("BEGIN CERTIFICATE")
        self.depth = depth if depth >= 0 else sent + 1 + depth
        self.error, self.settings = self.row.error, self.row.settings
        self.by_policy = self.row.reason is not None
        self.sentence = r"certificate /O=ostrust tests/CN=[\w ]+ at depth %d is %s\n" % (
            self.depth, self.row.reason)
        # A listed certificate is found as an issuer, with settings by which OpenSSL refuses it.
        listed = self.by_policy and self.row.reason.startswith("distrusted") and "(by" not in self.row.reason
        self.by_openssl = self.settings or (listed and self.depth > 0)
        # OpenSSL tells nobody the purpose of a verification without libssl before 3.5.
        self.by_purpose = self.by_policy and "for TLS" in self.row.reason


# A TLS handshake in memory; the side that verifies the scenario's chain trusts os://.
HANDSHAKE = """
def load(context, name):
    context.load_cert_chain(pem(name), pem(name)[:-3] + "key")

def trust_os(context, flags=0):
    context.load_verify_locations("os://")
    context.verify_flags |= flags
    return context

def contexts(chain, purpose, flags):
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), bare()
    if purpose == "server":
        load(server, chain)
        return server, trust_os(client, flags)
    load(server, "leaf-a")
    load(client, chain)
    client.load_verify_locations(pem("root-a"))
    server.verify_mode = ssl.CERT_REQUIRED
    return trust_os(server, flags), client

def handshake(server, client, host):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (client.wrap_bio(to_client, to_server, server_hostname=host),
             server.wrap_bio(to_server, to_client, server_side=True))
    waiting = set(sides)
    while waiting:
        for side in sides:
            try:
                side.do_handshake()
                waiting.discard(side)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error.verify_code
    return ACCEPTED
"""


def openssl_version():
    done = support.run([support.OPENSSL, "version"], support.environment(os.devnull, preload=False))
    return tuple(map(int, re.search(r"(\d+)\.(\d+)\.", done.out).groups()))


class PolicyTest(OstrustTest):
    """A test with a policy of its own, that p11-kit's module reads."""

    servers = ()

    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.work, "log")
        self.new_policy()

    def new_policy(self):
        self.policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))

    def of_policy(self, keys=None):
        """The path of an openssl.cnf with ostrust that serves this test's policy, and logs."""
        if os.path.exists(self.log):
            os.remove(self.log)
        section = {"trust-source": "p11-kit:" + self.policy.directory, "cache-dir": "off",
                   "log": "info:" + self.log}
        section.update(keys or {})
        return self.ostrust(section)

    def logged(self):
        with open(self.log) as file:
            return file.read()


@unittest.skipUnless(MODULE, "p11-kit-trust.so is missing (Debian: p11-kit-modules)")
class Scenarios(PolicyTest):
    """Every scenario, in a process of its own for each question."""

    def each(self, check, wanted=lambda scenario: True):
        """Calls `check` with the scenarios, each with its policy written. An anchor that has nothing to do
        with them is always there: a system without any is another test."""
        for scenario in filter(wanted, SCENARIOS):
            with self.subTest(scenario.name):
                self.new_policy()
                self.policy.anchor(pem("root-b"))
                scenario.policy(self.policy, pem)
                check(scenario)

    def in_tls(self, scenario, keys=None):
        """accepted, or the error."""
        host = "localhost" if scenario.host == "-" else scenario.host
        flags = "PARTIAL_CHAIN" if scenario.name in NEEDS_PARTIAL_CHAIN else "0"
        return self.python(HANDSHAKE + "report(handshake(*contexts(%r, %r, %s), %r))" % (
            scenario.chain, scenario.purpose, flags, host), self.of_policy(keys))

    def verify(self, scenario, keys=None, more=()):
        """How `openssl verify` ended, and accepted, or the error and the depth."""
        options = ["-CAstore", "os://", "-untrusted", pem(scenario.chain), *more]
        if scenario.purpose != "none":
            options += ["-purpose", "ssl" + scenario.purpose]
        if scenario.host != "-":
            options += ["-verify_hostname", scenario.host]
        if scenario.name in NEEDS_PARTIAL_CHAIN:
            options += ["-partial_chain"]
        done = self.openssl("verify", *options, pem(scenario.chain), configuration=self.of_policy(keys))
        if done.status == 0:
            self.assertSays(": OK", done)
            return done, ACCEPTED
        found = re.search(r"^error (\d+) at (\d+) depth", done.err, re.M)
        self.assertTrue(found, done)
        return done, tuple(map(int, found.groups()))

    def test_every_refusal_is_of_one_kind_and_every_kind_is_there(self):
        names = [scenario.name for scenario in SCENARIOS if scenario.expected == REFUSED]
        for name in names:
            self.assertTrue(any(re.fullmatch(row.names, name) for row in REFUSALS), name)
        for row in REFUSALS:
            self.assertTrue(any(re.fullmatch(row.names, name) for name in names), row.names)

    def test_tls(self):
        def check(scenario):
            seen = self.in_tls(scenario)
            if scenario.expected == ACCEPTED:
                self.assertEqual(seen, ACCEPTED, self.logged())
                self.assertNotIn("refused", self.logged())
                return
            expected = Expected(scenario)
            self.assertEqual(seen, expected.error, self.logged())
            if expected.by_policy:
                self.assertRegex(self.logged(), "error: refused: " + expected.sentence)
            else:
                self.assertNotIn("refused: certificate", self.logged())
        self.each(check, lambda one: one.purpose != "none")

    def test_openssl_verify(self):
        knows_purposes = openssl_version() >= (3, 5)

        def check(scenario):
            done, seen = self.verify(scenario)
            if scenario.expected == ACCEPTED:
                self.assertEqual(seen, ACCEPTED, done)
                return
            expected = Expected(scenario)
            if expected.by_purpose and not expected.settings and not knows_purposes:
                self.assertEqual(seen, ACCEPTED, "not a limit of this OpenSSL any more? %s" % done)
                return
            self.assertEqual(seen, (expected.error, expected.depth), done)
            if expected.by_policy and (knows_purposes or not expected.by_purpose):
                forgiven = expected.error in FORGIVEN_BY_THE_COMMAND
                self.assertRegex(self.logged(), "error: %s: %s" % (
                    "forgiven by the application" if forgiven else "refused", expected.sentence))
                # Where OpenSSL itself refuses, the command's callback could still forgive.
                self.assertEqual(bool(re.search(expected.sentence, done.err)),
                                 not expected.by_openssl and not forgiven, done)
        self.each(check)

    def test_report_accepts_and_logs_what_only_the_verdict_refuses(self):
        def check(scenario):
            expected = Expected(scenario)
            seen = self.in_tls(scenario, {"verify": "report"})
            if expected.settings:
                self.assertNotEqual(seen, ACCEPTED, self.logged())
            else:
                self.assertEqual(seen, ACCEPTED, self.logged())
                self.assertRegex(self.logged(), "error: would be refused: " + expected.sentence)
                self.assertNotIn("error: refused", self.logged())
        self.each(check, lambda one: one.expected == REFUSED and one.purpose != "none")

    def test_roots_asks_for_no_verdict(self):
        def check(scenario):
            done, seen = self.verify(scenario, {"verify": "roots"})
            self.assertEqual(seen == ACCEPTED, not Expected(scenario).settings, done)
            self.assertNotIn("would be refused", self.logged())
        self.each(check, lambda one: one.expected == REFUSED)

    def test_a_bundle_of_the_same_certificates_refuses_nothing_of_what_policy_refuses(self):
        def check(scenario):
            expected = Expected(scenario)
            trusted = [one["value"] for one in certificates(self.policy) if one["trusted"] == TRUE]
            if expected.by_policy:  # the module says that a blocked anchor is none
                trusted += [p11kit.fields(pem(name)).value for name in ("policy-root", "chain-u")]
            with open(self.bundle, "w") as out:
                out.write("".join(map(ssl.DER_cert_to_PEM_cert, trusted)))
            # In a bundle an intermediate is an anchor only where the application says so.
            done, seen = self.verify(scenario, {"trust-source": self.bundle}, ["-partial_chain"])
            self.assertEqual(seen, ACCEPTED if expected.by_policy else (expected.error, expected.depth), done)
        self.each(check, lambda one: one.expected == REFUSED)

    def test_a_leaf_is_an_anchor_only_with_partial_chain(self):
        # The twin of NEEDS_PARTIAL_CHAIN.
        scenario, = (one for one in SCENARIOS if one.name in NEEDS_PARTIAL_CHAIN)
        scenario.policy(self.policy, pem)
        done = self.openssl("verify", "-CAstore", "os://", "-untrusted", pem(scenario.chain),
                            pem(scenario.chain), configuration=self.of_policy())
        self.assertSays("error 20 at 1 depth", done)


if __name__ == "__main__":
    support.main()
