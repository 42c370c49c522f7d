#!/usr/bin/env python3
"""Runs the host programs of test/hosts: C++ programs that use OpenSSL in ways that CPython and the
openssl command do not. Under a sanitizer they are built with it, leak detection included."""
import difflib
import os

import support
from support import HOSTS, MARKER, OstrustTest, hashed_directory, pem, write_store

# Without the second option LeakSanitizer of GCC 12 crashes: it takes the word before a thread-local
# block that __tls_get_addr() made for that block's start.
LEAKS = "detect_leaks=1:intercept_tls_get_addr=0"


class HostTest(OstrustTest):

    def host(self, name, *arguments, configuration, within=(), timeout=300, **env):
        env = support.environment(configuration, preload=False, OSTRUST_PKI=support.PKI,
                                  OSTRUST_BUNDLE=self.bundle, OSTRUST_MARKER=MARKER,
                                  **dict({"ASAN_OPTIONS": LEAKS}, **env))
        return support.run([*within, os.path.join(HOSTS, name), *arguments], env, cwd=self.work,
                           timeout=timeout)

    def assertGood(self, done):
        self.assertEqual(done.status, 0, done)
        self.assertSays("all as expected", done)

    def skipIfLacking(self, done):
        """Skips a test whose program said that this OpenSSL has not what it needs."""
        if done.status == support.SKIPPED:
            self.skipTest(done.out.strip())


class Hosts(HostTest):

    def other(self, text_configuration):
        """The path of a second configuration file."""
        path = os.path.join(self.work, "other.cnf")
        os.replace(text_configuration, path)
        return path

    def test_library_contexts(self):
        self.store("root-a")
        other = self.other(self.ostrust())
        self.assertGood(self.host("library_contexts", configuration=self.stock(),
                                  OSTRUST_OTHER_CONF=other))

    def test_unload(self):
        self.store("root-a")
        # Described, and not activated: in 3.0 the key alone activates, whatever its value.
        configuration = self.ostrust({"activate": None})
        self.assertGood(self.host("unload", configuration=configuration))

    def test_direct_callers(self):
        self.store("root-a")
        self.assertGood(self.host("direct_callers", configuration=self.ostrust()))

    def test_verdict(self):
        for mode in ("platform", "report", "roots"):
            with self.subTest(mode):
                self.store("root-a")
                other = self.other(self.ostrust({"activate": None}))
                configuration = self.ostrust({"verify": mode, "log": "error"})
                done = self.host("verdict", configuration=configuration, OSTRUST_VERIFY=mode,
                                 OSTRUST_OTHER_CONF=other)
                self.assertGood(done)
                sentence = "CN=Intermediate of A at depth 1 is distrusted by " + self.bundle
                words = {"platform": "refused: ", "report": "would be refused: ", "roots": None}[mode]
                said = [line for line in done.err.splitlines() if sentence in line]
                self.assertEqual(bool(said), words is not None, done)
                if words:
                    self.assertIn(" error: " + words + "certificate ", said[0])

    def test_second_libcrypto(self):
        self.store("root-a")
        self.assertGood(self.host("second_libcrypto", os.environ["OSTRUST_SECOND_LIBCRYPTO"],
                                  configuration=self.ostrust()))

    def test_dlopen_local(self):
        self.store("root-a")
        self.assertGood(self.host("dlopen_local", os.environ["OSTRUST_LIBCRYPTO"],
                                  configuration=self.ostrust()))

    def test_static_host(self):
        self.store("root-a")
        done = self.host("static_host", configuration=self.ostrust())
        self.assertGood(done)
        self.assertRegex(done.out, r"build info: .*no binding \(.+\)")

    def test_tls_rows(self):
        self.store("root-a")
        self.assertGood(self.host("tls_rows", configuration=self.ostrust()))
        # The twin: with the system's anchors and without its verdict.
        done = self.host("tls_rows", configuration=self.ostrust({"verify": "roots"}))
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("verdict(Governed()) == kRejected; seen: accepted", done)

    def test_own_chain(self):
        for names, own in ((["root-a"], []), (["root-b"], []),
                           (["root-b", "root-a-distrusted"], []),
                           (["root-b", "root-a-distrusted"], ["root-a"]),
                           (["root-b", "root-a-distrusted", "int-a"], []),
                           (["root-a", "int-a-distrusted"], []),
                           (["root-b", "root-a-not-for-servers"], [])):
            with self.subTest(names=names, own=own):
                self.store(*names)
                ours = self.host("own_chain", "os://", *own, configuration=self.ostrust())
                stock = self.host("own_chain", self.bundle, *own, configuration=self.stock())
                self.assertGood(ours)
                self.assertEqual(ours.out, stock.out)
                self.assertEqual("[/O=ostrust tests/CN=Root A]" in ours.out, names != ["root-b"], ours)

    def test_late_provider(self):
        self.store("root-a")
        described = self.ostrust({"activate": None})
        self.assertGood(self.host("late_provider", "load", configuration=described))
        other = self.other(self.ostrust())
        self.assertGood(self.host("late_provider", "configure", configuration=self.stock(),
                                  OSTRUST_OTHER_CONF=other))

    def test_raw_public_keys(self):
        self.store("root-a")
        ours = self.host("raw_public_keys", "os://", configuration=self.ostrust())
        self.skipIfLacking(ours)
        self.assertGood(ours)
        stock = self.host("raw_public_keys", self.bundle, configuration=self.stock())
        self.assertEqual(ours.out, stock.out)
        self.assertSays("\nverified, expected key leaf-b: refused: ", ours)
        self.assertSays("verified, expected key none: refused: ", ours)
        self.assertSays("verified, expected key leaf-a: accepted\n", ours)

    def test_quic_rows(self):
        self.store("root-a")
        done = self.host("quic_rows", configuration=self.ostrust())
        self.skipIfLacking(done)
        self.assertGood(done)

    def test_exit_paths(self):
        for mode in ("return", "return-without-freeing", "never-used", "verify-in-atexit",
                     "free-in-atexit-after-cleanup", "verify-in-static-destructor", "cleanup",
                     "cleanup-first", "cleanup-with-a-store-left", "_exit", "quick_exit", "fork"):
            with self.subTest(mode):
                # A store left behind on purpose is not ours to count.
                leaks = {"ASAN_OPTIONS": "detect_leaks=0"}
                write_store(self.bundle, "root-a")
                ours = self.host("exit_paths", mode, configuration=self.ostrust(), **leaks)
                stock = self.host("exit_paths", mode, configuration=self.stock(), **leaks)
                self.assertEqual(ours.status, stock.status, ours)
                self.assertEqual(ours.err, stock.err, ours)
                self.assertEqual(
                    ours.out.replace("accepted", "unable to get local issuer certificate"),
                    stock.out, ours)
                if stock.out:
                    self.assertIn("accepted", ours.out, ours)

    def test_the_twins_are_refused_without_ostrust(self):
        self.store("root-a")
        for name, arguments in (("direct_callers", ()),
                                ("dlopen_local", (os.environ["OSTRUST_LIBCRYPTO"],)),
                                ("second_libcrypto", (os.environ["OSTRUST_SECOND_LIBCRYPTO"],)),
                                ("static_host", ()), ("verdict", ())):
            with self.subTest(name):
                done = self.host(name, *arguments, configuration=self.stock(), OSTRUST_VERIFY="platform",
                                 OSTRUST_OTHER_CONF=self.stock(), ASAN_OPTIONS="detect_leaks=0")
                self.assertEqual(done.status, 1, done)  # 2: it could not even begin
                self.assertNotIn("all as expected", done.out, done)


# Lines of `never_widen asked os://`, with root-a and twin-2 in the system's store and root-b as the
# application's own CA. A call of the verify callback is good/error/depth and the current certificate.
ASKED = {
    "system | of a system root | sslserver | watches":
        "accepted, ok, depth 0; calls: 1/0/1 Root A; 1/0/0 leaf a; chain: leaf a < Root A",
    "system | of own CA | sslserver | watches":
        "refused, unable to get local issuer certificate, depth 0; calls: 0/20/0 leaf b; chain: leaf b",
    "own CA, system | of own CA | sslserver | watches":
        "accepted, ok, depth 0; calls: 1/0/1 Root B; 1/0/0 leaf b; chain: leaf b < Root B",
    "system, own CA | of own CA | sslserver | watches":
        "accepted, ok, depth 0; calls: 1/0/1 Root B; 1/0/0 leaf b; chain: leaf b < Root B",
    "own intermediate, system | intermediate missing | partial chain | watches":
        "accepted, ok, depth 0; calls: 1/0/1 Intermediate of A; 1/0/0 leaf of the intermediate; "
        "chain: leaf of the intermediate < Intermediate of A",
    "system | intermediate missing | partial chain | watches":
        "refused, unable to get local issuer certificate, depth 0; "
        "calls: 0/20/0 leaf of the intermediate; chain: leaf of the intermediate",
    "system | of own CA | sslserver | forgives unknown issuer":
        "refused, unable to verify the first certificate, depth 0; "
        "calls: 0/20/0 leaf b; 0/21/0 leaf b; chain: leaf b",
    "system | expired | sslserver | forgives all":
        "accepted, certificate has expired, depth 0; calls: 1/0/1 Root A; 0/10/0 leaf a, expired; "
        "1/10/0 leaf a, expired; chain: leaf a, expired < Root A",
    "system | of a system root | sslserver | vetoes depth 1":
        "refused, unspecified certificate verification error, depth 1; calls: 1/0/1 Root A; "
        "chain: leaf a < Root A",
    "system | client of a system root | sslserver | watches":
        "refused, unsuitable certificate purpose, depth 0; calls: 0/26/0 client a; "
        "chain: client a < Root A",
    "system | of a system root | wrong host | watches":
        "refused, hostname mismatch, depth 0; calls: 0/62/0 leaf a; chain: leaf a < Root A",
    "system | of a system root | level 5 | watches":
        "refused, EE certificate key too weak, depth 0; calls: 0/66/0 leaf a; chain: leaf a",
    "system | of a system root | set_verify, refuses before":
        "refused, application verification failure, depth 0; calls: refusal; chain: leaf a < Root A",
    "system | of a system root | set0_trusted_stack after":
        "refused, unable to get local issuer certificate, depth 0; calls: 0/20/0 leaf a; chain: leaf a",
    # The application's search comes first and the system's after it: here alone a stock store with the
    # bundle, which knows one search only, answers otherwise.
    "system | of a system root | set_get_issuer, finds nobody before":
        "accepted, ok, depth 0; calls: no issuer of leaf a; 1/0/1 Root A; 1/0/0 leaf a; "
        "chain: leaf a < Root A",
    "own CA, system | of own CA | set_get_issuer, finds nobody before":
        "refused, unable to get local issuer certificate, depth 0; calls: no issuer of leaf b; "
        "no issuer of leaf b; 0/20/0 leaf b; chain: leaf b",
    "system | of a system root | set_get_issuer, finds nobody after":
        "refused, unable to get local issuer certificate, depth 0; calls: no issuer of leaf a; "
        "no issuer of leaf a; 0/20/0 leaf a; chain: leaf a",
    # A connection's own store decides, whatever its context's holds, and the other way round.
    "own CA only | client of leaf-b | verify store of the connection | peer":
        "accepted, ok; sent: none; calls: 1/0/1 Root B; 1/0/0 leaf b; chain: leaf b < Root B",
    "own CA only | client of leaf-a | verify store of the connection | none":
        "accepted, unable to get local issuer certificate; sent: none; calls: 0/20/0 leaf a; "
        "chain: leaf a",
    "system | client of leaf-a | verify store of the connection | cert_verify_callback":
        "accepted, ok; sent: none; calls: cert verify; 1/0/1 Root A; 1/0/0 leaf a; "
        "chain: leaf a < Root A",
    "system | server for client-a | context, TLS 1.3 | peer":
        "accepted, ok; sent: leaf a < Root A; calls: 1/0/1 Root A; 1/0/0 client a; "
        "chain: client a < Root A",
}
SEARCHES_OF_BOTH = " | set_get_issuer, finds nobody before"
OPENED = "the system's bundle was opened"


class NeverWiden(HostTest):
    """Rule 1: a store that did not ask for the system's gives, with ostrust, the outcome, the errors
    and the order that it gives without, and nobody looks at the system's store. And one that did ask
    answers like a stock store into which the system's bundle was loaded."""

    def setUp(self):
        super().setUp()
        self.store("root-a", "twin-2")
        self.own_directory = hashed_directory(os.path.join(self.work, "own"), "root-b")

    def lines(self, configuration, *arguments):
        """{row: what was seen}"""
        done = self.host("never_widen", *arguments, configuration=configuration,
                         SSL_CERT_FILE=pem("root-b"), SSL_CERT_DIR=self.own_directory)
        self.assertEqual((done.status, done.err), (0, ""))
        lines = done.out.splitlines()
        rows = dict(line.split(": ", 1) for line in lines)
        self.assertEqual(len(rows), len(lines), "a row has two lines")
        return rows

    def assertSame(self, ours, expected):
        different = list(difflib.unified_diff(*(["%s: %s" % line for line in rows.items()]
                                                for rows in (expected, ours)), "expected", "seen",
                                              n=0, lineterm=""))
        if different:  # thousands of lines, perhaps
            self.fail("\n".join(different[:20]))

    def test_stores_that_did_not_ask_are_as_without_ostrust(self):
        stock = self.lines(self.stock(), "apart")
        self.assertGreater(len(stock), 5000)
        for words in ("accepted, ok", "refused, unable to get local issuer certificate"):
            self.assertGreater(sum(seen.startswith(words) for seen in stock.values()), 500, words)
        self.assertEqual(stock[OPENED], "no")
        absent = os.path.join(self.work, "absent.pem")
        rows = (("beside a governed store", {}, "beside"), ("alone", {}, "apart"),
                ("without a system store", {"trust-source": absent}, "apart"))
        for what, keys, mode in rows[:1] if support.SANITIZER else rows:  # the first has the most to go wrong
            with self.subTest(what):
                self.assertSame(self.lines(self.ostrust(keys), mode), stock)

    def test_stores_that_asked_answer_like_stock_ones_with_the_bundle(self):
        # Without what one chain of this process would teach it for the next (test_intermediates.py).
        configuration = self.ostrust({"intermediates": "off"})
        ours = self.lines(configuration, "asked", "os://")
        self.assertGreater(len(ours), 5000)
        for row, expected in ASKED.items():
            with self.subTest(row):
                self.assertEqual(ours[row].split("; errors: ")[0], expected)
        self.assertEqual(ours[OPENED], "yes")
        if support.SANITIZER:
            return  # what comes now is the same once more, or no code of ours
        with self.subTest("the marker"):
            self.assertSame(self.lines(configuration, "asked", MARKER), ours)
        stock = self.lines(self.stock(), "asked", self.bundle)
        self.assertSame(*({row: seen for row, seen in rows.items()
                           if not row.endswith(SEARCHES_OF_BOTH)} for rows in (ours, stock)))

    def test_without_ostrust_nobody_can_ask(self):
        done = self.host("never_widen", "asked", "os://", configuration=self.stock(),
                         SSL_CERT_FILE=pem("root-b"), SSL_CERT_DIR=self.own_directory)
        self.assertEqual((done.status, done.out), (2, ""), done)
        self.assertSays("os://", done)


if __name__ == "__main__":
    support.main()
