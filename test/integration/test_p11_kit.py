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

# How p11-kit's own files configure its module; ostrust finds it there.
CONFIGURATION = "/usr/share/p11-kit/modules/p11-kit-trust.module"
WITHOUT_P11_KIT = "" if MODULE and os.path.exists(CONFIGURATION) else (
    "p11-kit-trust.so or its configuration is missing (Debian: p11-kit, p11-kit-modules)")
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
    Refusal("root is no authority", 79, -1, "declared to be no CA by " + _FILE + _KEY, False),
    Refusal("root allows no intermediate", 25, -1, "not trusted for so long a chain by " + _FILE + _KEY, False),
    Refusal("(root|key of the root) (is|has a|rejects) .*", 28, -1, _REJECTED, True),
    Refusal("intermediate as the only anchor is for mail", 28, 1, _REJECTED, True),
    Refusal(_PLACE + " (is for|rejects) .*", 28, "place", _REJECTED, False),
    Refusal(".*: permitted .*", 47, 0, _NAMES, False),
    Refusal(".*: excluded .*", 48, 0, _NAMES, False),
    Refusal("leaf .*from after the date, .*", 28, -1, _LATE % _DATE, False),
    Refusal("date of an anchor that is an intermediate", 28, 1, _LATE % _DATE, False),
    Refusal("date with a year of four digits", 28, -1, _LATE % _DATE, False),
    Refusal("date that .*", 28, -1, _LATE % "a date that cannot be read", False),
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


@unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
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


@unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
class StoreLoader(PolicyTest):
    """What os:// gives where OpenSSL only enumerates: anchors, with their limits as trust settings."""

    def listed(self, *options):
        done = self.openssl("storeutl", "-certs", *options, "os://", configuration=self.of_policy())
        self.assertEqual(done.status, 0, done)
        return done.out

    def test_anchors_are_listed_and_what_is_blocked_is_not(self):
        self.policy.anchor(pem("policy-root"), pem("root-a"), pem("root-b"))
        self.assertIn("Total found: 3\n", self.listed("-noout"))
        self.policy.block(pem("root-a"), pem("policy-upper"))
        seen = self.listed("-text", "-noout")
        self.assertIn("Total found: 2\n", seen)
        self.assertEqual(sorted(re.findall("Subject: .*CN ?= ?(.*)", seen)), ["Policy Root", "Root B"])

    def test_an_anchor_for_mail_rejects_servers_wherever_it_is_copied_to(self):
        self.policy.anchor(pem("policy-root"))
        for usages, rejects in ((), False), ((p11kit.EMAIL_PROTECTION,), True), ((p11kit.SERVER_AUTH,), False):
            if usages:
                self.policy.write("limits", p11kit.stapled_usages(pem("policy-root"), *usages))
            with self.subTest(usages):
                rejected = re.search("Rejected Uses:\n(.*)", self.listed("-text", "-noout"))
                self.assertEqual(rejected and "TLS Web Server Authentication" in rejected.group(1),
                                 rejects if usages else None)
                copy = os.path.join(self.work, "copy.pem")
                done = self.openssl("x509", "-in", "os://", "-trustout", "-out", copy,
                                    configuration=self.of_policy())
                self.assertEqual(done.status, 0, done)
                done = self.openssl("verify", "-CAfile", copy, "-purpose", "sslserver",
                                    pem("policy-2-after"), configuration=self.stock())
                self.assertEqual("error 28 at 1 depth" in done.err, rejects, done)
                self.assertEqual(done.status == 0, not rejects, done)

    def test_a_policy_without_anchors_is_an_error_that_says_so(self):
        self.policy.block(pem("root-a"))
        done = self.openssl("verify", "-CAstore", "os://", pem("leaf-a"), configuration=self.of_policy())
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("p11-kit: %s holds no certificate that is trusted" % self.policy.directory, done)


@unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
class Live(PolicyTest):
    """One process with one context sees the policy change."""

    # What is changed, and the answer from then on.
    STEPS = (("nothing yet", "", 20),
             ("an anchor", "copy('policy-root', 'anchors')", ACCEPTED),
             ("a certificate is blocked", "copy('policy-upper', 'blocklist')", 28),
             ("and no more", "remove('blocklist/policy-upper.pem')", ACCEPTED),
             ("its key is blocked", "copy('policy-upper-renewed', 'blocklist')", 28),
             ("and no more", "remove('blocklist/policy-upper-renewed.pem')", ACCEPTED),
             ("a date", "copy('dated.p11-kit', '')", 28),
             ("another date", "copy('undated.p11-kit', 'dated.p11-kit')", ACCEPTED),
             ("no anchor", "remove('anchors/policy-root.pem', 'dated.p11-kit')", 20))

    def answers(self, keys, settle, patience):
        """[seconds until the expected answer, or the answer there was instead] for each step."""
        self.policy.anchor(pem("root-b"))
        for name, date in ("dated", b"240101000000Z"), ("undated", b"480101000000Z"):
            self.file(name + ".p11-kit", p11kit.certificate(pem("policy-root"), trusted=True,
                                                            nss_server_distrust_after=date))
        return self.python(HANDSHAKE + """
import shutil
POLICY, SETTLE, PATIENCE = %r, %r, %r
def copy(name, place):
    name = os.path.join(T["work"], name) if "." in name else pem(name)
    shutil.copy(name, os.path.join(POLICY, place))
def remove(*names):
    for name in names: os.remove(os.path.join(POLICY, name))
def until(server, client, wanted):
    begin = time.monotonic()
    while True:
        seen = handshake(server, client, "localhost")
        took = time.monotonic() - begin
        if seen == wanted: return took
        if took > PATIENCE: return [seen, took]
        time.sleep(0.05)
sides = contexts("policy-3-after", "server", 0)
answers = []
for _, change, wanted in %r:
    time.sleep(SETTLE)
    if SETTLE: handshake(*sides, "localhost")
    eval(change or "None")
    answers.append(until(*sides, wanted))
report(answers)""" % (self.policy.directory, settle, patience, self.STEPS), self.of_policy(keys))

    def assertNoticed(self, answers):
        self.assertEqual(len(answers), len(self.STEPS))
        for (what, _, _), took in zip(self.STEPS, answers):
            self.assertIsInstance(took, float, (what, answers, self.logged()))

    def test_changes_are_noticed_within_two_seconds(self):
        for cache in "off", os.path.join(self.work, "cache"):
            with self.subTest(cache=cache):
                self.new_policy()
                self.assertNoticed(self.answers({"refresh": None, "cache-dir": cache}, 0,
                                                2 * support.SLOWER))

    def test_changes_are_noticed_by_a_process_that_has_come_to_believe_its_cache(self):
        cache = os.path.join(self.work, "cache")
        self.assertNoticed(self.answers({"cache-dir": cache}, RACY, 0))
        if not os.path.exists(MACHINE_CACHE):
            self.assertEqual(len(os.listdir(cache)), 1)


@unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
@unittest.skipIf(os.path.exists(MACHINE_CACHE), MACHINE_CACHE + " is there, and comes first")
class Cache(PolicyTest):
    """What the module said is kept for the next process, and used only while nothing has changed and where
    nobody else could have written it."""

    def setUp(self):
        super().setUp()
        self.policy.anchor(pem("policy-root"), pem("root-b"))
        self.policy.write("more", p11kit.distrusted_serial(pem("policy-lower")))
        self.cache = os.path.join(self.work, "cache")

    def ask(self, cache=None):
        """The answers of a new process, and whether it had the module in it."""
        return self.python(HANDSHAKE + """
answers = {}
for chain in ("policy-3-after", "policy-4-after", "leaf-b"):
    answers[chain] = handshake(*contexts(chain, "server", 0), "localhost")
with open("/proc/self/maps") as maps:
    report([answers, "p11-kit-trust" in maps.read()])""", self.of_policy({"cache-dir": cache or self.cache}))

    def answers(self, **changed):
        expected = {"policy-3-after": ACCEPTED, "policy-4-after": 28, "leaf-b": ACCEPTED}
        expected.update((name.replace("_", "-"), answer) for name, answer in changed.items())
        return expected

    def keep(self):
        """Has the policy kept; the answer is the file."""
        time.sleep(RACY)
        self.assertEqual(self.ask(), [self.answers(), True])
        name, = os.listdir(self.cache)
        path = os.path.join(self.cache, name)
        self.assertUsed()
        return path

    def assertUsed(self):
        self.assertEqual(self.ask(), [self.answers(), False])

    def assertNotUsed(self, **changed):
        self.assertEqual(self.ask(), [self.answers(**changed), True])

    def test_it_is_kept_once_the_policy_is_at_rest_and_used_by_the_next_process(self):
        self.assertEqual(self.ask(), [self.answers(), True])
        self.assertFalse(os.path.exists(self.cache))
        path = self.keep()
        self.assertEqual((os.stat(self.cache).st_mode & 0o777, os.stat(path).st_mode & 0o777), (0o700, 0o644))
        self.assertEqual(self.ask("off"), [self.answers(), True])

    def test_every_change_of_the_policy_makes_it_worthless(self):
        self.keep()
        more = os.path.join(self.policy.directory, "more.p11-kit")
        self.policy.block(pem("policy-upper"))
        self.assertNotUsed(policy_3_after=28)
        os.remove(os.path.join(self.policy.directory, "blocklist", "policy-upper.pem"))
        self.assertNotUsed()
        self.keep()
        # Another content of the same size at the same time.
        before = os.stat(more)
        with open(more, "r+") as file:
            text = file.read()
            self.assertIn("x-distrusted: true\n", text)
            file.seek(0)
            file.write(text.replace("x-distrusted: true\n", "trusted: true     \n"))
        os.utime(more, ns=(before.st_atime_ns, before.st_mtime_ns))
        self.assertEqual(os.stat(more).st_size, before.st_size)
        self.assertNotUsed(policy_4_after=ACCEPTED)

    def test_an_older_one_that_is_put_back_is_not_used(self):
        path = self.keep()
        old = os.path.join(self.work, "old")
        shutil.copy2(path, old)
        self.policy.block(pem("policy-upper"))
        time.sleep(RACY)
        self.assertNotUsed(policy_3_after=28)
        self.assertEqual(self.ask(), [self.answers(policy_3_after=28), False])
        shutil.copy2(old, path)
        self.assertNotUsed(policy_3_after=28)

    def test_one_of_another_directory_is_not_used(self):
        path = self.keep()
        self.new_policy()
        self.policy.anchor(pem("root-b"))
        self.policy.write("more", p11kit.distrusted_serial(pem("policy-lower")))
        time.sleep(RACY)
        self.assertNotUsed(policy_3_after=20, policy_4_after=20)
        other, = set(os.listdir(self.cache)) - {os.path.basename(path)}
        shutil.copy2(path, os.path.join(self.cache, other))
        self.assertNotUsed(policy_3_after=20, policy_4_after=20)

    def test_a_damaged_one_is_not_used(self):
        path = self.keep()
        with open(path, "rb") as file:
            good = file.read()
        damaged = [good[:size] for size in (0, 10, len(good) // 2, len(good) - 1)] + [good + b"\0"]
        for place in range(5, len(good), len(good) // 8):
            damaged.append(good[:place] + bytes([good[place] ^ 1]) + good[place + 1:])
        for content in damaged:
            with open(path, "wb") as file:
                file.write(content)
            with self.subTest(size=len(content)):
                self.assertNotUsed()
                self.assertUsed()  # it was made anew

    def test_what_somebody_else_could_have_written_is_not_used(self):
        path = self.keep()
        elsewhere = os.path.join(self.work, "elsewhere")
        shutil.copy2(path, elsewhere)

        def restore():
            os.chmod(self.cache, 0o700)
            os.chmod(self.work, 0o700)
            if os.geteuid() == 0:
                os.chown(self.cache, 0, 0)
            for found in glob.glob(os.path.join(self.cache, "*")):
                os.remove(found)
            shutil.copy2(elsewhere, path)
            self.assertUsed()

        ways = [("group may write it", lambda: os.chmod(path, 0o664)),
                ("all may write it", lambda: os.chmod(path, 0o646)),
                ("group may write the directory", lambda: os.chmod(self.cache, 0o770)),
                ("all may write the directory", lambda: os.chmod(self.cache, 0o707)),
                ("all may write the parent", lambda: os.chmod(self.work, 0o707)),
                ("it is a link", lambda: (os.remove(path), os.symlink(elsewhere, path))),
                ("it is a pipe", lambda: (os.remove(path), os.mkfifo(path)))]
        if os.geteuid() == 0:
            ways += [("another's file", lambda: os.chown(path, 65534, 65534)),
                     ("another's directory", lambda: os.chown(self.cache, 65534, 65534))]
        for what, spoil in ways:
            with self.subTest(what):
                restore()
                spoil()
                self.assertNotUsed()

    def test_a_directory_that_cannot_be_used_is_named_and_costs_only_time(self):
        time.sleep(RACY)
        a_file = self.file("file", "")
        open_to_all = os.path.join(self.work, "open")
        os.mkdir(open_to_all)
        os.chmod(open_to_all, 0o777)
        for cache in (a_file, os.path.join(a_file, "below"), os.path.join(self.work, "a", "b", "c"), "/proc/none",
                      open_to_all, os.path.join(open_to_all, "below")):
            with self.subTest(cache):
                self.assertEqual(self.ask(cache), [self.answers(), True])
                self.assertIn(" (read anew by every process: ", self.logged())
                self.assertIn(cache, self.logged())
        self.assertEqual(self.ask("off"), [self.answers(), True])
        self.assertNotIn("anew", self.logged())


if __name__ == "__main__":
    support.main()
