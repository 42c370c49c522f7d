#!/usr/bin/env python3
"""The operating system's verdict in CPython, curl and the openssl command, and the seam into which
an operating system's own verifier is put: the module ostrust-verifier has a double of one in it
(test/doubles), which takes its verdict from the peer's certificate."""
import os
import re
import shutil
import time

import support
from support import OstrustTest, pem

ACCEPTED = "accepted"
REJECTED = "certificate rejected"
REVOKED = "certificate revoked"
UNKNOWN = "unable to get local issuer certificate"
VERIFIER_MODULE = os.path.join(os.path.dirname(support.MODULE), "test", "ostrust-verifier.so")


class Verdict(OstrustTest):
    """What the system distrusts is refused, and the reason can be read."""

    servers = ("leaf-a", "leaf-b", "leaf-int-chain")

    def sentence(self, subject, depth, reason):
        return re.escape("certificate /O=ostrust tests/CN=%s at depth %d is %s by %s" %
                         (subject, depth, reason, self.bundle))

    def test_a_distrusted_certificate_of_a_chain_is_refused(self):
        self.store("root-a", "int-a-distrusted")
        code = """
context = ssl.create_default_context()
report(connect_all(context))"""
        self.assertEqual(self.python(code, self.ostrust()),
                         {"leaf-a": ACCEPTED, "leaf-b": "unable to get local issuer certificate",
                          "leaf-int-chain": REJECTED})
        self.store("root-a")
        self.assertEqual(self.python(code, self.ostrust())["leaf-int-chain"], ACCEPTED)

    def test_of_two_anchors_of_one_name_the_one_trusted_for_servers_is_taken(self):
        for names in (("root-a-mail-only", "root-a-reissued"), ("root-a-reissued", "root-a-mail-only")):
            self.store(*names)
            seen = self.python("report(connect(ssl.create_default_context(), 'leaf-a'))", self.ostrust())
            self.assertEqual(seen, ACCEPTED, names)
        self.store("root-a-mail-only")
        self.assertEqual(self.python("report(connect(ssl.create_default_context(), 'leaf-a'))",
                                     self.ostrust()), REJECTED)

    def test_running_processes_notice_within_two_seconds(self):
        self.store("root-a", "root-b")
        seen = self.python("""
context = ssl.create_default_context()
def until(name, wanted):
    begin = time.monotonic()
    while connect(context, name) != wanted:
        if time.monotonic() - begin > 20: return "never"
        time.sleep(0.05)
    return time.monotonic() - begin
first = connect_all(context)
took = {}
write_store("root-a", "root-b", "int-a-distrusted")
took["a distrusted intermediate"] = until("leaf-int-chain", "certificate rejected")
write_store("root-a-client-only", "root-b")
took["a narrowed root"] = until("leaf-a", "certificate rejected")
write_store("root-b")
took["a removed root"] = until("leaf-a", "unable to get local issuer certificate")
write_store("root-a-distrusted", "root-b")
took["a distrusted root"] = until("leaf-a", "certificate rejected")
write_store("root-a", "root-b")
took["an added root"] = until("leaf-a", ACCEPTED)
report([first, took])""", self.ostrust({"refresh": None}))
        self.assertEqual(seen[0], {name: ACCEPTED for name in self.servers})
        for change, seconds in seen[1].items():
            self.assertNotEqual(seconds, "never", change)
            self.assertLess(seconds, 2 * support.SLOWER, change)

    def test_report_logs_and_roots_is_silent(self):
        # Below an anchor of the application's own, OpenSSL's settings refuse nothing.
        self.store("root-a-distrusted", "root-b")
        code = "report(connect(trusting(pem('root-a'), 'os://'), 'leaf-a'))"
        for mode, verdict, said in (("platform", REJECTED, "refused: "),
                                    ("report", ACCEPTED, "would be refused: "),
                                    ("roots", ACCEPTED, None), ("off", ACCEPTED, None)):
            with self.subTest(mode):
                log = os.path.join(self.work, "log." + mode)
                self.assertEqual(self.python(code, self.ostrust(
                    {"verify": mode, "log": "error:" + log})), verdict)
                text = ""
                if os.path.exists(log):
                    with open(log) as file:
                        text = file.read()
                if said is None:
                    self.assertEqual(text, "")
                else:
                    self.assertRegex(text, "error: " + said + self.sentence("Root A", 1, "distrusted"))

    def test_an_own_ca_alone_asks_nobody(self):
        self.store("root-a-distrusted", "root-b")
        seen = self.python("report(connect(trusting(pem('root-a')), 'leaf-a'))", self.ostrust())
        self.assertEqual(seen, ACCEPTED)


class WithVerifier(OstrustTest):
    def verifier(self, keys=None):
        return self.ostrust(dict({"module": VERIFIER_MODULE}, **(keys or {})))


class Seam(WithVerifier):
    """What an operating system's own verifier says is OpenSSL's result."""

    servers = ("leaf-a", "leaf-os-verdict-0", "leaf-os-verdict-1")

    def setUp(self):
        super().setUp()
        self.store("root-a")

    def test_a_servers_chain_is_refused_as_the_verifier_says(self):
        code = """
seen = {}
def attempt_at(name):
    with socket.create_connection(("127.0.0.1", T["ports"][name]), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost"): return ACCEPTED
        except ssl.SSLCertVerificationError as error: return [error.verify_code, error.verify_message]
context = ssl.create_default_context()
report({name: attempt_at(name) for name in T["ports"]})"""
        log = os.path.join(self.work, "log")
        before = int(time.time())
        seen = self.python(code, self.verifier({"log": "error:" + log, "intermediates": "fetch",
                                                "revocation": "hard", "network-timeout": "7"}))
        self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-os-verdict-0": [23, REVOKED],
                                "leaf-os-verdict-1": [23, REVOKED]})
        with open(log) as file:
            lines = file.read()
        for subject, depth in (("os verdict 5 0.", 0), ("Root A", 1)):
            found = re.search("refused: certificate /O=ostrust tests/CN=%s at depth %d is refused by the"
                              " operating system: asked about 2 certificates, purpose 0, "
                              "name localhost, time ([0-9]+), intermediates 2, fetch 1, revocation 3, stapled 0 within 7000 ms"
                              % (subject, depth), lines)
            self.assertTrue(found, lines)
            self.assertTrue(before <= int(found.group(1)) <= time.time(), lines)
        # The module that is installed has no such verifier.
        self.assertEqual(set(map(str, self.python(code, self.ostrust()).values())), {ACCEPTED})

    def test_a_clients_chain_is_refused_as_the_verifier_says(self):
        code = """
def handshake(client_certificate):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem("leaf-a"), pem("leaf-a")[:-3] + "key")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations("os://")
    client = trusting("os://")
    client.load_cert_chain(pem(client_certificate), pem(client_certificate)[:-3] + "key")
    a, b = socket.socketpair()
    def serve():
        try:
            with server.wrap_socket(b, server_side=True) as tls: result.append(ACCEPTED)
        except ssl.SSLError as error:
            result.append(getattr(error, "verify_message", str(error)))
    result = []
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(a, server_hostname="localhost") as tls: tls.recv(1)
    except OSError: pass
    thread.join()
    return result[0]
report([handshake("client-a"), handshake("client-os-verdict")])"""
        log = os.path.join(self.work, "log")
        seen = self.python(code, self.verifier({"log": "error:" + log, "intermediates": "fetch",
                                                "revocation": "soft"}))
        self.assertEqual(seen, [ACCEPTED, REVOKED])
        with open(log) as file:
            self.assertRegex(file.read(), "purpose 1, name , time [0-9]+, intermediates 0, fetch 0, revocation 2, stapled 0 within")

    def test_the_error_queue_says_what_refused_which_certificate(self):
        done = self.openssl("s_client", "-connect",
                            "127.0.0.1:%d" % support.port_of("leaf-os-verdict-1"), "-CAfile",
                            "os://", "-no-CApath", "-no-CAstore", "-verify_return_error",
                            configuration=self.verifier())
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("verify error:num=23:certificate revoked", done)
        errors = [line for line in done.err.splitlines() if ":error:" in line]
        # The first is ours, the second libssl's: one code, so that nobody is told another reason.
        self.assertGreaterEqual(len(errors), 2, done)
        for error in errors[:2]:
            self.assertIn(":error:0A000086:SSL routines:", error)
            self.assertIn(":certificate verify failed:", error)
        self.assertIn("certificate /O=ostrust tests/CN=Root A at depth 1 is refused by the operating "
                      "system: asked about 2 certificates", errors[0])

    def test_it_is_asked_where_a_servers_name_is_wanted(self):
        def verify(*arguments):
            return self.openssl("verify", "-CAfile", "os://", "-no-CApath", "-no-CAstore", *arguments,
                                pem("leaf-os-verdict-0"), configuration=self.verifier({"revocation": "hard"}))
        named = verify("-verify_hostname", "localhost")
        self.assertNotEqual(named.status, 0, named)
        self.assertSays("error 23 at 0 depth lookup: certificate revoked", named)
        # Who says nothing of a server may be building a chain of his own.
        self.assertEqual(verify().status, 0)

    def verify_chain(self, *words):
        """Verdict, errors as a callback sees them, and the log."""
        log = self.file("log", "")
        answer = support.verify_chain([*words, "anchors=os://"], self.verifier({"log": "error:" + log}), self.work)
        with open(log) as file:
            return answer[0], answer[3], file.read()

    def test_who_forgives_one_finding_has_not_forgiven_the_others(self):
        several = ("leaf=" + pem("leaf-os-verdict-several"), "host=localhost")
        every = "23@0,10@1,1@0"  # revoked; expired; undecided, about what is not in the chain
        for forgive, verdict, seen in (("0", "refused", "23@0"), ("23", "refused", "23@0,10@1"), ("10", "refused", "23@0"),
                                       ("1", "accepted", every)):
            with self.subTest(forgive):
                self.assertEqual(self.verify_chain(*several, "forgive=" + forgive)[:2], (verdict, seen))
        self.assertEqual(self.verify_chain("leaf=" + pem("leaf-os-verdict-0"), "host=localhost", "forgive=23")[:2],
                         ("accepted", "23@0"))

    def test_of_several_hosts_it_is_told_the_one_the_certificate_is_for(self):
        leaf = "leaf=" + pem("leaf-os-verdict-0")
        for hosts, told in ((("localhost", "other.example"), "localhost"), (("other.example", "localhost"), "localhost"),
                            (("a.example", "other.example", "localhost"), "localhost"), (("localhost",), "localhost")):
            with self.subTest(hosts):
                log = self.verify_chain(leaf, *("host=" + host for host in hosts))[2]
                self.assertIn(" name %s, " % told, log.splitlines()[-1])

    def test_curl_ends_as_it_does_for_errors_of_openssls(self):
        program = shutil.which("curl")
        if program is None or support.SANITIZER:
            self.skipTest("curl is not there, or does not survive a sanitizer's runtime")
        done = support.run([program, "-sS", "--cacert", support.MARKER, "https://localhost:%d/" %
                            support.port_of("leaf-os-verdict-0")],
                           support.environment(self.verifier()), cwd=self.work)
        # It takes the first error of the queue for the reason; another would be 35.
        self.assertEqual(done.status, 60, done)
        self.assertSays("certificate revoked", done)

    def test_it_is_not_asked_where_it_has_no_say(self):
        own = "report(connect(trusting(pem('root-a')%s), 'leaf-os-verdict-0'))"
        # Not a governed store; a chain that ends in an anchor of the application's.
        self.assertEqual(self.python(own % "", self.verifier()), ACCEPTED)
        self.store("root-b")
        self.assertEqual(self.python(own % ", 'os://'", self.verifier()), ACCEPTED)
        self.store("root-a")
        for mode in ("report", "roots"):
            seen = self.python("report(connect(trusting('os://'), 'leaf-os-verdict-0'))",
                               self.verifier({"verify": mode}))
            self.assertEqual(seen, ACCEPTED, mode)


class SystemChain(WithVerifier):
    """The chain that the system's verifier would build completes one that lacks its issuer, and OpenSSL
    verifies it."""

    servers = ("leaf-a", "leaf-int", "leaf-int-chain", "leaf-int-root", "leaf-os-verdict-0")

    def answers(self, names, chain=None, keys=None, make="trusting('os://')"):
        """What a client sees of servers, where the system's verifier names the chain of these."""
        env = {}
        if chain is not None:
            text = "".join(support.text_of(name) for name in chain)
            env["OSTRUST_TEST_SYSTEM_CHAIN"] = self.file("chain.pem", text)
        return self.python("context = %s\nreport({name: connect(context, name) for name in %r})" %
                           (make, list(names)), self.verifier(keys), **env)

    def test_an_intermediate_of_the_systems_completes_a_chain(self):
        self.store("root-a")
        chain = ("int-a", "root-a")
        for make in ("trusting('os://')", "ssl.create_default_context()"):
            self.assertEqual(self.answers(["leaf-int"], chain, make=make), {"leaf-int": ACCEPTED})
        for named in (None, ("root-a",), ("root-b",), ("chain-a", "chain-c")):
            with self.subTest(named):
                self.assertNotEqual(self.answers(["leaf-int"], named)["leaf-int"], ACCEPTED)

    def test_with_intermediates_off_only_what_the_peer_sent_is_used(self):
        chain = ("int-a", "root-a")
        self.store("root-a")
        off = {"intermediates": "off"}
        self.assertEqual(self.answers(["leaf-int"], chain, off), {"leaf-int": UNKNOWN})
        self.store("root-b")
        self.assertEqual(self.answers(["leaf-int-chain", "leaf-int"], chain, off),
                         {"leaf-int-chain": ACCEPTED, "leaf-int": UNKNOWN})

    def test_a_root_that_is_in_no_list_is_an_anchor_because_the_system_says_so(self):
        self.store("root-b")
        servers = ("leaf-int", "leaf-int-chain", "leaf-int-root")
        self.assertEqual(self.answers(servers, ("int-a", "root-a")), dict.fromkeys(servers, ACCEPTED))
        self.assertEqual(self.answers(["leaf-a"], ("root-a",)), {"leaf-a": ACCEPTED})
        self.assertEqual(self.answers(servers), {
            "leaf-int": UNKNOWN, "leaf-int-chain": UNKNOWN,
            "leaf-int-root": "self-signed certificate in certificate chain"})

    def test_why_nothing_completes_a_chain_is_said(self):
        self.store("root-b")
        log = os.path.join(self.work, "log")
        self.answers(("leaf-int", "leaf-int-root"), keys={"log": "error:" + log})
        with open(log) as file:
            lines = [line.split(" error: ", 1)[1] for line in file]
        none = "the operating system names no chain that could be used\n"
        self.assertEqual(lines, [
            "the server did not send its issuer's certificate: " + none,
            "the root that the server sent is in no store of the operating system's: " + none])

    def test_it_is_an_anchor_of_that_verification_only(self):
        self.store("root-b")
        code = """
context = trusting("os://")
first = connect(context, "leaf-int-chain")
del os.environ["OSTRUST_TEST_SYSTEM_CHAIN"]
report([first, connect(context, "leaf-int-chain")])"""
        text = support.text_of("int-a") + support.text_of("root-a")
        seen = self.python(code, self.verifier(),
                           OSTRUST_TEST_SYSTEM_CHAIN=self.file("chain.pem", text))
        self.assertEqual(seen, [ACCEPTED, UNKNOWN])

    def test_an_intermediate_is_no_anchor_where_chains_may_be_partial(self):
        self.store("root-b")
        partial = "trusting('os://'); context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN"
        servers = ("leaf-int", "leaf-int-chain")
        self.assertEqual(self.answers(servers, ("int-a",), make=partial), dict.fromkeys(servers, UNKNOWN))
        self.assertEqual(self.answers(servers, ("int-a", "root-a"), make=partial), dict.fromkeys(servers, ACCEPTED))

    def test_what_the_system_distrusts_completes_nothing(self):
        for names in (("root-b", "root-a-distrusted"), ("root-b", "int-a-distrusted")):
            self.store(*names)
            self.assertNotEqual(self.answers(["leaf-int"], ("int-a", "root-a"))["leaf-int"], ACCEPTED, names)

    def test_what_it_refuses_completes_nothing(self):
        self.store("root-b")
        self.assertEqual(self.answers(["leaf-os-verdict-0"], ("root-a",)), {"leaf-os-verdict-0": UNKNOWN})

    def test_without_a_verdict_nothing_is_completed(self):
        self.store("root-a")
        for mode in ("report", "roots"):
            self.assertEqual(self.answers(["leaf-int"], ("int-a", "root-a"), {"verify": mode}),
                             {"leaf-int": UNKNOWN}, mode)
        # Nor in a store that is not governed.
        self.assertEqual(self.answers(["leaf-int"], ("int-a", "root-a"), make="trusting(pem('root-a'))"),
                         {"leaf-int": UNKNOWN})

    def test_a_program_that_calls_x509_verify_cert_gets_the_same(self):
        chain = self.file("chain.pem", support.text_of("int-a") + support.text_of("root-a"))

        def verify(*arguments, **env):
            return self.openssl("verify", "-CAfile", "os://", "-no-CApath", "-no-CAstore", "-verify_hostname",
                                "localhost", *arguments, configuration=self.verifier(), **env)
        roots = self.file("sent.pem", support.text_of("int-a") + support.text_of("root-a"))
        for trusted in ("root-a", "root-b"):
            self.store(trusted)
            for more in ((), ("-untrusted", pem("int-a")), ("-untrusted", roots)):
                with self.subTest(trusted=trusted, more=more):
                    done = verify(*more, pem("leaf-int"), OSTRUST_TEST_SYSTEM_CHAIN=chain)
                    self.assertEqual((done.status, done.out), (0, pem("leaf-int") + ": OK\n"), done)
                    if trusted == "root-b" or not more:
                        self.assertNotEqual(verify(*more, pem("leaf-int")).status, 0)


if __name__ == "__main__":
    support.main()
