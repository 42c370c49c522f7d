#!/usr/bin/env python3
"""`ostrust explain`: its verdict is that of a governed CPython, and what it says about it is so."""
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import unittest

import support
from support import MARKER, MODULE, OPENSSL, SLOWER, OstrustTest, hashed_directory, pem, port_of
from test_intermediates import MissingTest, why_not
import test_revocation
from test_revocation import WithDirectory
from pki import Pki, subject
from revocation import Revocable, RevocationServer

TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(os.path.dirname(MODULE), "ostrust")

ACCEPTED, REFUSED, USAGE, NOT_ASKED = 0, 1, 2, 125

# What a governed program makes of a server: the code of OpenSSL, 0 if it is accepted.
CODE_OF = """
context = %s
with socket.create_connection((%r, %d), timeout=60) as plain:
    try:
        with context.wrap_socket(plain, server_hostname=%r): report(0)
    except ssl.SSLCertVerificationError as error: report(error.verify_code)
"""


class Explaining:
    """For a test case: runs the tool."""

    def tool(self, *arguments, configuration, **env):
        done = support.run([TOOL, "explain", *arguments], support.environment(configuration, **env), cwd=self.work)
        self.assertNotRegex(done.text, "[\0-\x09\x0b-\x1f\x7f]")
        return done

    def explain(self, *arguments, configuration, **env):
        """The JSON object; the text must tell the same, with the same exit status."""
        done = self.tool(*arguments, "--json", configuration=configuration, **env)
        seen = json.loads(done.out)
        text = self.tool(*arguments, configuration=configuration, **env)
        self.assertEqual((done.status, done.err), ({"accepted": ACCEPTED, "refused": REFUSED}[seen["verdict"]], ""), done)
        self.assertEqual((text.status, text.err), (done.status, ""), text)
        words = self.timeless(text.out)
        self.assertIn(" is %s for " % seen["verdict"], words)
        for one in seen["advice"]:
            self.assertIn(self.shown(one["text"]), words)
        if seen["next"]:
            self.assertTrue(words.endswith("next: " + self.shown(seen["next"])), text)
        for certificate in seen["chain"]:
            self.assertIn(self.shown(certificate["subject"]), words)
        for line in text.out.splitlines():
            # One word, such as a path, behind a label or alone, cannot be broken.
            self.assertTrue(len(line) <= 80 or re.fullmatch(r"(  \w+)? *\S+", line), line)
        self.assertEqual(seen["verdict"] == "accepted", seen["error"] == 0, done)
        return seen

    @classmethod
    def shown(cls, text):
        """As the text has it, but for the time of asking, of which there are two."""
        text = re.sub("[\0-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", lambda found: r"\u{%x}" % ord(found.group()), text)
        return cls.timeless(text)

    @staticmethod
    def timeless(text):
        return re.sub(r"verified as of \S+Z", "verified as of then", " ".join(text.split()))

    def code_of(self, port, configuration, host="localhost", address="127.0.0.1",
                context="ssl.create_default_context()", **env):
        return self.python(CODE_OF % (context, address, port, host), configuration, **env)

    def assertSame(self, port, configuration, code, **env):
        """CPython says this code, and so does the tool; what that said."""
        self.assertEqual(self.code_of(port, configuration, **env), code)
        seen = self.explain("localhost:%d" % port, configuration=configuration, **env)
        self.assertEqual(seen["error"], code, seen)
        return seen

    def assertSameFile(self, one, other):
        self.assertEqual(os.path.realpath(one), os.path.realpath(other))

    def ids(self, seen):
        return [one["id"] for one in seen["advice"]]

    def froms(self, seen):
        return [(one["from"], one["where"]) for one in seen["chain"]]


class Verdicts(Explaining, OstrustTest):
    """Each next to what a governed CPython says."""

    servers = ()

    def setUp(self):
        super().setUp()
        self.store("root-a")

    def test_accepted(self):
        seen = self.assertSame(port_of("leaf-int-chain"), self.ostrust(), 0)
        self.assertEqual(self.froms(seen), [("sent", None), ("sent", None), ("system", self.bundle)])
        self.assertEqual([one["subject"] for one in seen["chain"]],
                         ["CN=%s,O=ostrust tests" % name for name in ("leaf of the intermediate", "Intermediate of A",
                                                                      "Root A")])
        self.assertIs(seen["governed"], True)
        self.assertEqual(seen["decided_by"], "OpenSSL and ostrust")
        self.assertEqual(seen["rule"], "certificate /O=ostrust tests/CN=Root A at depth 2 is trusted by " + self.bundle)
        self.assertEqual((seen["sent"], seen["events"], seen["next"]), (2, [], None))
        self.assertEqual(seen["chain"][0]["names"], ["localhost", "127.0.0.1"])
        self.assertEqual((seen["connection"]["address"], seen["connection"]["protocol"]), ("127.0.0.1", "TLSv1.3"))
        # Nobody else trusts it.
        self.assertEqual((seen["stock"]["accepted"], seen["stock"]["error"], seen["stock"]["depth"]), (False, 20, 1))
        self.assertIn("stock-differs", self.ids(seen))

    def test_what_is_in_a_certificate(self):
        seen = self.explain("--chain", pem("leaf-int-chain"), configuration=self.ostrust())
        for one, name in zip(seen["chain"], ("leaf-int", "int-a", "root-a")):
            done = self.openssl("x509", "-in", pem(name), "-noout", "-serial", "-dates", "-dateopt", "iso_8601", "-fingerprint",
                                "-sha256", configuration=self.stock())
            said = dict(line.split("=", 1) for line in done.out.splitlines())
            self.assertEqual(one["serial"], said["serial"].lower())
            self.assertEqual((one["not_before"], one["not_after"]),
                             tuple(said[key].replace(" ", "T") for key in ("notBefore", "notAfter")))
            digest = next(value for key, value in said.items() if "ingerprint" in key)
            self.assertEqual(one["sha256"], digest.replace(":", "").lower())
            self.assertEqual(one["key"], "EC, 256 bits, prime256v1")

    def test_refused_by_openssl(self):
        for leaf, code, advice, depth in (
                ("leaf-b", 20, "unknown-root", 0), ("leaf-int", 20, "unknown-root", 0),
                ("leaf-self", 18, "self-signed", 0), ("leaf-a-expired", 10, "expired", 0),
                ("leaf-a-future", 9, "not-yet-valid", 0)):
            with self.subTest(leaf):
                seen = self.assertSame(port_of(leaf), self.ostrust(), code)
                self.assertEqual((seen["decided_by"], seen["depth"]), ("OpenSSL", depth))
                self.assertEqual(self.ids(seen)[0], advice)
                self.assertTrue(seen["next"])
                self.assertEqual([(event["error"], event["depth"]) for event in seen["events"]], [(code, depth)])
                self.assertEqual(seen["text"], seen["events"][0]["text"])

    def test_a_root_that_is_sent_and_not_known(self):
        self.store("root-b")
        seen = self.assertSame(port_of("leaf-int-root"), self.ostrust(), 19)
        self.assertEqual(self.ids(seen), ["unknown-root"])
        self.assertIn("CN=Root A,O=ostrust tests, a root that the server sent", seen["advice"][0]["text"])
        self.assertIn("add the root to " + self.bundle, seen["next"])
        self.assertEqual(self.froms(seen), [("sent", None)] * 3)

    def test_a_root_that_is_over(self):
        self.store("root-old")
        seen = self.assertSame(port_of("leaf-old"), self.ostrust(), 10)
        self.assertEqual((seen["depth"], self.ids(seen)[0]), (1, "expired-root"))

    def test_distrusted(self):
        self.store("root-a-distrusted", "root-b")
        seen = self.assertSame(port_of("leaf-int-chain"), self.ostrust(), 28)
        self.assertEqual((seen["decided_by"], seen["depth"], self.ids(seen)[0]), ("ostrust", 2, "distrusted"))
        self.assertEqual(seen["rule"], "certificate /O=ostrust tests/CN=Root A at depth 2 is distrusted by " + self.bundle)
        self.assertTrue(seen["next"].endswith("take the rule out of " + self.bundle), seen["next"])

    def test_a_distrusted_intermediate(self):
        self.store("root-a", "int-a-distrusted")
        seen = self.assertSame(port_of("leaf-int-chain"), self.ostrust(), 28)
        self.assertEqual((seen["depth"], self.ids(seen)[0]), (1, "distrusted"))

    def test_not_for_servers(self):
        self.store("root-a-client-only", "root-b")
        seen = self.assertSame(port_of("leaf-a"), self.ostrust(), 28)
        self.assertEqual((seen["decided_by"], self.ids(seen)[0]), ("ostrust", "limited"))

    def test_only_reported(self):
        self.store("root-a", "int-a-distrusted")
        configuration = self.ostrust({"verify": "report"})
        seen = self.explain("--chain", pem("leaf-int-chain"), configuration=configuration)
        # A distrusted certificate is then no anchor, and nothing more.
        self.assertEqual((seen["verdict"], seen["report_only"]), ("accepted", True))
        self.assertEqual(self.ids(seen)[0], "report-only")
        self.assertIn("distrusted by " + self.bundle, seen["rule"])
        self.assertEqual(self.code_of(port_of("leaf-int-chain"), configuration), 0)

    def test_another_name(self):
        seen = self.explain("--chain", pem("leaf-a"), "--name", "other.example", configuration=self.ostrust())
        self.assertEqual((seen["error"], self.ids(seen)[0]), (62, "wrong-name"))
        self.assertIn("is for localhost, 127.0.0.1, and not for other.example", seen["advice"][0]["text"])
        seen = self.explain("--chain", pem("leaf-a"), "--name", "127.0.0.2", configuration=self.ostrust())
        self.assertEqual((seen["error"], self.ids(seen)[0]), (64, "wrong-name"))
        self.assertEqual(self.code_of(port_of("leaf-a"), self.ostrust(), host="other.example"), 62)
        self.assertEqual(self.code_of(port_of("leaf-a"), self.ostrust(), host="127.0.0.2"), 64)

    def test_an_address(self):
        seen = self.explain("127.0.0.1:%d" % port_of("leaf-a"), configuration=self.ostrust())
        self.assertEqual((seen["verdict"], seen["question"]["name"]), ("accepted", "127.0.0.1"))
        for url in ("https://localhost:%d/path?x#y", "https://localhost:%d", "localhost.:%d"):
            seen = self.explain(url % port_of("leaf-a"), configuration=self.ostrust())
            self.assertEqual(seen["question"]["name"], "localhost")

    def test_a_time(self):
        pki = Pki(self.work, OPENSSL)
        dates = ("20200101000000Z", "20210101000000Z")
        pki.root("past", subject("Past Root"), dates=dates)
        pki.issue("past-leaf", subject("past leaf"), "past", dates=dates)
        support.write_store(self.bundle, os.path.join(self.work, "past"))
        for when, code in (("2020-06-01", 0), ("2019-06-01T00:00:00Z", 9), ("1600000000", 0), ("2026-01-01", 10)):
            seen = self.explain("--chain", pki.pem("past-leaf"), "--time", when, configuration=self.ostrust())
            self.assertEqual(seen["error"], code, when)
        self.assertEqual(seen["question"]["time"], "2026-01-01T00:00:00Z")
        self.assertIn("was verified as of 2026-01-01T00:00:00Z", seen["advice"][0]["text"])

    def test_tls_1_2_and_what_was_sent(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pem("chain-labc"), pem("chain-l")[:-4] + ".key")
        names = []
        context.sni_callback = lambda _, name, __: names.append(name)
        self.store("chain-c")
        with Listening(lambda connection: shake(context, connection)) as server:
            seen = self.explain("localhost:%d" % server.port, configuration=self.ostrust())
            self.assertEqual((seen["connection"]["protocol"], seen["sent"]), ("TLSv1.2", 4))
            self.assertEqual(self.froms(seen), [("sent", None), ("sent", None), ("system", self.bundle)])
            self.explain("127.0.0.1:%d" % server.port, configuration=self.ostrust())
        self.assertEqual(names, ["localhost", "localhost", None, None])

    def test_a_server_that_wants_a_certificate_is_accepted(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(pem("leaf-a"), pem("leaf-a")[:-4] + ".key")
        context.verify_mode = ssl.CERT_REQUIRED
        with Listening(lambda connection: shake(context, connection)) as server:
            seen = self.explain("localhost:%d" % server.port, configuration=self.ostrust())
        self.assertIn("handshake failure", seen["connection"]["error"])
        self.assertEqual((seen["verdict"], "handshake" in self.ids(seen)), ("accepted", True))

    def test_a_server_without_a_certificate_is_not_accepted(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("aNULL:@SECLEVEL=0")
        weak = self.ostrust(init="ssl_conf = ssl_sect",
                            sections="[ssl_sect]\nsystem_default = weak\n[weak]\nCipherString = ALL:aNULL:@SECLEVEL=0\n")
        with Listening(lambda connection: shake(context, connection)) as server:
            done = self.tool("localhost:%d" % server.port, configuration=weak)
        self.assertEqual((done.status, done.out), (NOT_ASKED, ""), done)
        self.assertIn("the handshake had no certificate, so that nothing was verified", done.err)

    def test_strict(self):
        pki = Pki(self.work, OPENSSL)
        pki.root("own", subject("Own Root"))
        pki.issue("old-fashioned", subject("old-fashioned"), "own", extensions="authorityKeyIdentifier = none")
        support.write_store(self.bundle, os.path.join(self.work, "own"))
        chain = pki.pem("old-fashioned")
        seen = self.explain("--chain", chain, configuration=self.ostrust())
        self.assertEqual((seen["verdict"], seen["strict"]["accepted"]), ("accepted", False))
        self.assertIn("strict", self.ids(seen))
        strict = self.explain("--chain", chain, "--strict", configuration=self.ostrust())
        self.assertEqual((strict["verdict"], strict["strict"], strict["error"], strict["text"]),
                         ("refused", None, seen["strict"]["error"], seen["strict"]["text"]))
        self.assertEqual(self.ids(strict)[0], "strict")
        # In CPython, too.
        port = port_of(os.path.join(self.work, "old-fashioned"))
        flags = "context.verify_flags |= ssl.VERIFY_X509_STRICT"
        self.assertEqual(self.code_of(port, self.ostrust(), context="bare(); context.load_verify_locations('os://'); " + flags),
                         strict["error"])
        seen = self.explain("--chain", pem("leaf-a"), configuration=self.ostrust())
        self.assertTrue(seen["strict"]["accepted"] if seen["verdict"] == "accepted" else seen["strict"] is None)

    def test_the_names_of_ca_files(self):
        port = port_of("leaf-a")
        for ca in ("os://", MARKER):
            seen = self.explain("localhost:%d" % port, "--ca", ca, configuration=self.ostrust({"default-paths": "no"}))
            self.assertEqual((seen["verdict"], seen["governed"]), ("accepted", True))
        seen = self.explain("localhost:%d" % port, "--ca", pem("root-a"), configuration=self.ostrust())
        self.assertEqual((seen["verdict"], seen["governed"], self.ids(seen)), ("accepted", False, ["not-served"]))
        self.assertEqual(self.froms(seen)[1], ("ca-file", pem("root-a")))
        self.assertTrue(seen["stock"]["accepted"])
        seen = self.explain("localhost:%d" % port, "--ca", pem("root-b"), configuration=self.ostrust())
        self.assertEqual((seen["verdict"], self.ids(seen)[0]), ("refused", "not-served"))
        seen = self.explain("localhost:%d" % port, "--ca", "/nowhere.pem", configuration=self.ostrust())
        self.assertEqual((seen["verdict"], self.ids(seen)[0]), ("refused", "ca-file"))
        self.assertIn("no such file", seen["advice"][0]["text"])

    # --- not governed

    def test_a_variable_wins(self):
        for file, code in (("root-b", 20), ("root-a", 0)):
            seen = self.assertSame(port_of("leaf-a"), self.ostrust(), code, SSL_CERT_FILE=pem(file))
            self.assertEqual((seen["governed"], self.ids(seen)[0]), (False, "variable-wins"))
            self.assertEqual(seen["stock"]["error"], code)
            self.assertTrue(seen["stock"]["anchors"].startswith(pem(file)), seen["stock"])
        seen = self.assertSame(port_of("leaf-a"), self.ostrust(), 0, SSL_CERT_FILE="os://")
        self.assertEqual((seen["governed"], seen["stock"]["accepted"]), (True, False))
        self.assertNotIn("os:", seen["stock"]["anchors"])

    def test_not_configured(self):
        seen = self.assertSame(port_of("leaf-a"), self.stock(), 20)
        self.assertEqual((seen["governed"], self.ids(seen)[0], seen["module"]["loaded"]), (False, "not-configured", False))

    def test_default_paths_off(self):
        seen = self.assertSame(port_of("leaf-a"), self.ostrust({"default-paths": "no"}), 20)
        self.assertEqual((seen["governed"], self.ids(seen)[0]), (False, "not-governed"))

    def test_programs(self):
        seen = self.explain("localhost:%d" % port_of("leaf-a"), "--program", sys.executable, configuration=self.ostrust())
        self.assertSameFile(seen["program"]["file"], sys.executable)
        self.assertEqual(seen["verdict"], "accepted")
        done = self.tool("localhost:%d" % port_of("leaf-a"), "--program", "true", configuration=self.ostrust())
        self.assertEqual((done.status, done.out), (NOT_ASKED, ""), done)
        self.assertIn("--program", done.err)

    # --- forms

    def test_the_keys_of_the_json_object_are_stable(self):
        def keys(value):
            return sorted(value) if isinstance(value, dict) else None

        configuration = self.ostrust()
        asked = [self.explain(*arguments, configuration=configuration) for arguments in (
            ("localhost:%d" % port_of("leaf-a"),), ("localhost:%d" % port_of("leaf-b"),), ("--chain", pem("leaf-a")))]
        done = self.tool("localhost:1", "--json", configuration=configuration)
        self.assertEqual(done.status, NOT_ASKED)
        self.assertIn("Connection refused", done.err)
        asked.append(json.loads(done.out))
        self.assertEqual((asked[-1]["verdict"], asked[-1]["failure"] in done.err), (None, True))
        for seen in asked:
            short = ["accepted", "depth", "error", "text"]
            expected = dict.fromkeys((
                "format", "verdict", "failure", "error", "depth", "text", "decided_by", "rule", "report_only", "next",
                "configuration", "governed", "sent", "chain", "events", "openssl_errors", "log", "advice"))
            expected.update({
                "tool": ["file", "version"], "question": ["ca", "chain", "name", "strict", "target", "time"],
                "program": ["file", "libcrypto", "libssl", "name", "version"],
                "module": ["file", "intermediates", "loaded", "revocation", "source", "verify", "version"],
                "connection": seen["connection"] and ["address", "error", "port", "protocol", "stapled"],
                "stock": sorted(short + ["anchors", "failure"]),
                "strict": short if seen["verdict"] == "accepted" else None})
            self.assertEqual({key: keys(value) for key, value in seen.items()}, expected)
            self.assertEqual(seen["format"], 1)
            for one in seen["chain"]:
                self.assertEqual(keys(one), ["ca_issuers", "depth", "from", "issuer", "key", "names", "not_after",
                                             "not_before", "serial", "sha256", "subject", "where"])
            for one in seen["events"]:
                self.assertEqual(keys(one), ["depth", "error", "subject", "text"])
            for one in seen["advice"]:
                self.assertEqual(keys(one), ["fix", "id", "text"])
            for one in seen["log"]:
                self.assertEqual(keys(one), ["level", "text"])

    def test_usage_errors(self):
        empty = self.file("empty.pem", "")
        for arguments in ((), ("a", "b"), ("localhost", "--chain", pem("leaf-a")), ("localhost", "--name", "x"),
                          ("localhost", "--time", "1"), ("localhost:",), ("localhost:0",), ("localhost:65536",),
                          ("localhost:1x",), ("",), ("a b",), ("a\x1b[31mb",), ("b\u00fccher.example",), ("[::1",),
                          ("[::1]x",), ("[::1]:x",), ("[localhost]:1",), ("x" * 254,), ("localhost", "--timeout", "0"),
                          ("localhost", "--timeout", "x"), ("localhost", "--program", "no-such-program"),
                          ("localhost", "--nothing"), ("localhost", "--", "true"),
                          ("--chain", pem("leaf-a"), "--time", "yesterday"), ("--chain", pem("leaf-a"), "--time", "2026-13-01"),
                          ("--chain", pem("leaf-a"), "--time", "2027-02-29"), ("--chain", pem("leaf-a"), "--time", "2026-01-01T00:00:60Z"),
                          ("--chain", pem("leaf-a"), "--name", "a b"), ("--chain", "/nowhere"), ("--chain", self.work),
                          ("--chain", empty), ("--chain", "/dev/zero")):
            with self.subTest(arguments):
                done = self.tool(*arguments, configuration=self.ostrust())
                self.assertEqual((done.status, done.out), (USAGE, ""), done)
                self.assertTrue(done.err, done)


def shake(context, connection):
    with context.wrap_socket(connection, server_side=True) as tls:
        tls.recv(1)


class Listening:
    """Does `behave` with each connection."""

    def __init__(self, behave, address="127.0.0.1"):
        self._behave = behave
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.bind((address, 0))
        self._listener.listen(8)
        self.port = self._listener.getsockname()[1]
        self.connections = 0

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                connection.settimeout(60)
                self._behave(connection)
            except OSError:
                pass


def reads_and(send, pause=0.0, times=1):
    def behave(connection):
        connection.recv(4096)
        for _ in range(times):
            connection.sendall(send)
            time.sleep(pause)
    return behave


def drips(data, pause):
    """A byte at a time."""
    def behave(connection):
        connection.recv(4096)
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)
    return behave


class Hostile(Explaining, OstrustTest):

    servers = ()

    def setUp(self):
        super().setUp()
        self.store("root-a")

    def ask(self, behave, *arguments):
        """Of a server that brings no certificate: what is said, and the seconds it took."""
        with Listening(behave) as server:
            start = time.monotonic()
            done = self.tool("localhost:%d" % server.port, *arguments, configuration=self.ostrust())
            self.assertEqual((done.status, done.out), (NOT_ASKED, ""), done)
            self.assertEqual(server.connections, 1)
            return done.err, time.monotonic() - start

    def test_servers_that_say_nothing(self):
        for behave in (lambda connection: time.sleep(30), reads_and(b"", 30), reads_and(b"\x16\x03\x03\x40\x00", 30),
                       drips(b"\x16\x03\x03\x40\x00\x02" + bytes(1000), 0.3)):
            said, seconds = self.ask(behave, "--timeout", "1")
            self.assertIn("did not answer the TLS handshake within 1 second", said)
            self.assertLess(seconds, 6 * SLOWER)
        self.assertLess(self.ask(lambda connection: time.sleep(30), "--timeout", "3")[1], 10 * SLOWER)

    def test_servers_that_talk_of_something_else(self):
        for text in (b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 1000, b"\x1b[31m" * 99):
            said, _ = self.ask(reads_and(text, 0.2))
            self.assertIn("is no TLS handshake", said)
        said, _ = self.ask(reads_and(b"\x15\x03\x03\x00\x02\x02\x28", 0.2))
        self.assertIn("it refused the TLS handshake", said)
        for behave in (lambda connection: None, reads_and(b"")):
            said, _ = self.ask(behave)
            self.assertRegex(said, "closed the connection before it sent a certificate|no TLS handshake")

    def test_a_server_that_has_gone_before_it_is_refused(self):
        # What libssl then writes would end the process with SIGPIPE.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem("leaf-b"), pem("leaf-b")[:-4] + ".key")

        def behave(connection):
            received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(received, sent, server_side=True)
            received.write(connection.recv(4096))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            connection.sendall(sent.read())
            connection.shutdown(socket.SHUT_WR)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with Listening(behave) as server:
            for _ in range(10):
                done = self.tool("localhost:%d" % server.port, configuration=self.ostrust())
                self.assertEqual(done.status, REFUSED, done)

    def test_a_name_server_that_says_nothing(self):
        unshare = ["unshare", "--net", "--mount", "--propagation", "private"]
        if os.geteuid() != 0:
            unshare.append("--map-root-user")
        resolv = self.file("resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
        within = ("ip link set lo up && mount --bind %s /etc/resolv.conf && exec \"$@\"" % resolv)
        probe = subprocess.run([*unshare, "sh", "-c", within, "sh", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if probe.returncode != 0:
            self.skipTest("network and mount namespaces cannot be made here")
        silent = ("import socket, subprocess, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                  "s.bind(('127.0.0.1', 53))\nsys.exit(subprocess.call(sys.argv[1:]))")
        start = time.monotonic()
        done = support.run([*unshare, "sh", "-c", within, "sh", sys.executable, "-c", silent, TOOL, "explain", "some.example",
                            "--timeout", "1"], support.environment(self.ostrust()), cwd=self.work)
        self.assertEqual((done.status, done.out), (NOT_ASKED, ""), done)
        self.assertIn("some.example was not looked up in the 1 s of --timeout", done.err)
        self.assertLess(time.monotonic() - start, 8 * SLOWER)

    def chain(self, *arguments):
        return self.tool("--chain", *arguments, configuration=self.ostrust())

    def test_files_that_are_no_chain(self):
        with open(pem("leaf-a")) as file:
            good = file.read()
        broken = good.replace("MII", "AAAA", 1)
        with open(pem("leaf-a")[:-4] + ".key") as file:
            key = file.read()
        for text, said in (("garbage\n" * 1000, "holds no certificate"), ("\0" * 1000, "holds no certificate"),
                           (key, "holds no certificate"), (broken, "certificate 1 in it cannot be read"),
                           (good + broken, "certificate 2 in it cannot be read"), ("0garbage", "holds no certificate"),
                           (good[:300], "holds no certificate|cannot be read"), ("\x1b[31m" + "x" * 100, "no certificate")):
            done = self.chain(self.file("chain.pem", text))
            self.assertEqual((done.status, done.out), (USAGE, ""), done)
            self.assertRegex(done.err, said)
        large = self.file("large.pem", good)
        os.truncate(large, 17 << 20)
        self.assertIn("is larger than 16 MiB", self.chain(large).err)
        fifo = os.path.join(self.work, "fifo")
        os.mkfifo(fifo)
        self.assertEqual(self.chain(fifo).status, USAGE)

    def test_der_and_text_around_it_and_standard_input(self):
        der = os.path.join(self.work, "leaf.der")
        with open(pem("leaf-a")) as file, open(der, "wb") as out:
            text = file.read()
            out.write(ssl.PEM_cert_to_DER_cert(text))
        self.assertEqual(self.chain(der).status, ACCEPTED)
        self.assertEqual(self.chain(self.file("chain.pem", "subject: x\n" + text + "more\n")).status, ACCEPTED)
        done = subprocess.run([TOOL, "explain", "--chain", "-"], input=text.encode(), stdout=subprocess.PIPE,
                              env=support.environment(self.ostrust()))
        self.assertEqual(done.returncode, ACCEPTED)

    def test_ten_thousand_certificates(self):
        with open(pem("leaf-int")) as leaf, open(pem("root-b")) as other, open(pem("int-a")) as issuer:
            text = leaf.read() + other.read() * 9998 + issuer.read()
        start = time.monotonic()
        seen = self.explain("--chain", self.file("chain.pem", text), configuration=self.ostrust())
        self.assertEqual((seen["verdict"], seen["sent"], len(seen["chain"])), ("accepted", 10000, 3))
        self.assertLess(time.monotonic() - start, 60 * SLOWER)
        # All of one name.
        with open(pem("int-a")) as namesake, open(pem("leaf-int")) as leaf:
            text = leaf.read() + namesake.read() * 9999
        seen = self.explain("--chain", self.file("chain.pem", text), configuration=self.ostrust())
        self.assertEqual((seen["verdict"], seen["sent"]), ("accepted", 10000))

    def test_names_that_would_drive_the_terminal(self):
        pki = Pki(self.work, OPENSSL)
        evil = "\x1b[31mred\x1b[0m \u202egnp.exe\u202c \u200b \x9b31m \u00fc \r\n is accepted"
        config = self.file("evil.cnf", "[req]\nutf8 = yes\nstring_mask = utf8only\nprompt = no\ndistinguished_name = dn\n"
                                       "x509_extensions = v3\n[dn]\n[v3]\nbasicConstraints = CA:FALSE\n"
                                       "subjectAltName = DNS:evil\x1b[31m.example\n")
        pki.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-config", config,
                "-subj", "/CN=" + evil, "-keyout", pki.key("evil"), "-out", pki.pem("evil"))
        port = port_of(os.path.join(self.work, "evil"))
        done = self.tool("localhost:%d" % port, configuration=self.ostrust())  # tool() looks for control characters
        self.assertEqual(done.status, REFUSED, done)
        self.assertNotRegex(done.out, "[\u202a-\u202e\u200b\x80-\x9f]")
        # OpenSSL escapes the controls of ASCII in a subject itself.
        words = "".join(done.out.split())
        for text in (r"\u{202e}gnp.exe\u{202c}", r"\u{200b}", r"\u{9b}31m", "\u00fc", r"evil\u{1b}[31m.example"):
            self.assertIn(text, words)
        # Once in its own line, and not as a line of ours.
        self.assertNotRegex(done.out, "(?m)^ *is accepted")
        done = self.tool("localhost:%d" % port, "--json", configuration=self.ostrust())
        self.assertTrue(done.out.isascii())
        self.assertIn("\u202e", json.loads(done.out)["chain"][0]["subject"])

    def test_ipv6(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem("leaf-a"), pem("leaf-a")[:-4] + ".key")
        try:
            server = Listening(lambda connection: shake(context, connection), "::1")
        except OSError as error:
            self.skipTest("there is no IPv6 here: %s" % error)
        with server:
            seen = self.explain("[::1]:%d" % server.port, configuration=self.ostrust())
        self.assertEqual((seen["error"], self.ids(seen)[0], seen["connection"]["address"]), (64, "wrong-name", "::1"))

    def test_a_store_with_a_thousand_broken_files(self):
        """What is said of them does not push the verdict out of what is told of the log."""
        directory = os.path.join(self.work, "anchors")
        hashed_directory(directory, "root-a")
        for number in range(1000):
            self.file(os.path.join(directory, "%d.pem" % number), "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n")
        seen = self.explain("localhost:%d" % port_of("leaf-int-chain"), configuration=self.ostrust({"trust-source": directory}))
        self.assertEqual((seen["verdict"], seen["decided_by"]), ("accepted", "OpenSSL and ostrust"))
        self.assertEqual(len(seen["log"]), 500)
        self.assertIn("trust source: ", seen["log"][0]["text"])

    def test_standard_output_that_is_full(self):
        for more in ([], ["--json"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([TOOL, "explain", "--chain", pem("leaf-a"), *more], stdout=full, stderr=subprocess.PIPE,
                                      env=support.environment(self.ostrust()), cwd=self.work)
            self.assertEqual(done.returncode, NOT_ASKED)
            self.assertEqual(done.stderr, b"ostrust: standard output cannot be written: No space left on device\n")

    def test_nothing_is_left_behind(self):
        before = set(os.listdir(self.work))
        self.explain("localhost:%d" % port_of("leaf-a"), configuration=self.ostrust(),
                     XDG_RUNTIME_DIR=self.work, TMPDIR=self.work)
        self.assertEqual(set(os.listdir(self.work)) - before, {"ostrust.cnf"} - before)


class Intermediates(Explaining, MissingTest):

    leaves = ("leaf",)

    def sure(self, intermediates, code, leaf="leaf", **more):
        configuration = self.missing(intermediates, **more)
        port = support.port_of(self.name(leaf))
        seen = self.explain("localhost:%d" % port, configuration=configuration)
        self.assertEqual(self.code_of(port, configuration), code)
        self.assertEqual(seen["error"], code, seen)
        return seen

    def test_not_completed(self):
        for intermediates in ("off", "local"):
            seen = self.sure(intermediates, 20)
            self.assertEqual(self.ids(seen)[:2], ["missing-intermediate", "unknown-root"])
            self.assertIn(self.server.url("int"), seen["advice"][0]["text"])
            self.assertIn("intermediates = fetch", seen["next"])
        self.assertNobodyAsked()

    def test_fetched_and_then_known(self):
        url = self.server.url("int")
        for leaf in ("leaf",):
            seen = self.explain("localhost:%d" % support.port_of(self.name(leaf)), configuration=self.missing(cache_dir="off"))
            self.assertEqual(self.froms(seen), [("sent", None), ("fetched", url), ("system", self.bundle)])
        self.server.forget()
        seen = self.explain("localhost:%d" % support.port_of(self.name("leaf")), configuration=self.missing())
        # The text is of a second process: it has it from the cache.
        self.assertAsked("int")
        seen = self.sure("local", 0)
        self.assertEqual(self.froms(seen), [("sent", None), ("known-here", None), ("system", self.bundle)])
        self.assertEqual((seen["sent"], seen["stock"]["error"]), (1, 20))
        seen = self.explain("--chain", self.pem("leaf"), configuration=self.missing("local"))
        self.assertEqual(self.froms(seen), [("sent", None), ("known-here", None), ("system", self.bundle)])
        self.assertNobodyAsked()

    def test_several_of_a_chain(self):
        seen = self.explain("--chain", self.pem("leaf-3-middle"), configuration=self.missing(cache_dir="off"))
        self.assertEqual(self.froms(seen), [("sent", None), ("fetched", self.server.url("lower")), ("sent", None),
                                            ("fetched", self.server.url("upper")), ("system", self.bundle)])

    def test_what_was_tried_in_vain(self):
        del self.server.answers["int"]
        seen = self.sure("fetch", 20, cache_dir="off")
        self.assertEqual(self.ids(seen)[0], "missing-intermediate")
        self.assertNotIn("intermediates = fetch", seen["next"])
        self.assertRegex(seen["advice"][0]["text"], "it could not be fetched: %s: no usable HTTP answer" % re.escape(self.server.url("int")))


class FewRevocations(test_revocation.Revocations):
    """One leaf about which nobody says anything, and one that has an OCSP responder."""

    _only = None

    def make(self, pki, server):
        self.revocable = Revocable(pki, server)
        self.revocable.leaf("neither")
        self.revocable.leaf("revoked", crl="revoked")
        server.serve = self.revocable.serve
        server.serve()


class Revocation(Explaining, WithDirectory):

    @classmethod
    def world(cls):
        return FewRevocations.get()

    def sure(self, setting, code, leaf="neither"):
        configuration = self.checking(setting)
        port = self.world().port(leaf)
        seen = self.explain("localhost:%d" % port, configuration=configuration)
        self.assertEqual(self.code_of(port, configuration), code)
        self.assertEqual(seen["error"], code, seen)
        return seen

    def test_revoked_by_a_list_of_the_directory(self):
        self.sure("local", 0)
        self.put("neither", "revoked")
        seen = self.sure("local", 23)
        self.assertEqual((seen["decided_by"], seen["depth"], self.ids(seen)[0]), ("ostrust", 0, "revoked"))
        self.assertRegex(seen["rule"], "at depth 0 is revoked, says a CRL beside the system's certificates$")
        # Stock OpenSSL looks at no list by itself; nor does a program with a CA directory of its own.
        seen = self.explain("--chain", self.pem("neither-sent"), "--ca", "os://", configuration=self.checking("local"),
                            SSL_CERT_DIR=self.directory_of_roots)
        self.assertEqual((seen["governed"], seen["error"], seen["stock"]["accepted"]), (True, 23, True))
        self.assertIn("stock-differs", self.ids(seen))

    def test_hard_and_nobody_knows(self):
        seen = self.sure("hard", 3)
        self.assertEqual((seen["decided_by"], self.ids(seen)[0]), ("ostrust", "revocation-unknown"))
        self.assertIn("names no CRL and no OCSP responder", seen["rule"])

    def test_what_was_fetched(self):
        # The second process has it from the cache.
        seen = self.sure("soft", 23, "revoked")
        self.assertEqual(self.ids(seen)[0], "revoked")
        self.assertTrue(seen["rule"].endswith(" is revoked, says the CRL of " + self.server.url("crl-revoked")), seen["rule"])
        self.assertIn("revocation: fetched from " + self.server.url("crl-revoked"), [line["text"] for line in seen["log"]])


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
