#!/usr/bin/env python3
"""Revoked certificates, and what is rightly and wrongly said about them, through programs that know nothing of
ostrust.

The certificates, the server behind their URLs and everything it says are of test/pki/revocation.py. Without ostrust
each of these servers is accepted. That server is on the loopback interface, so `network-allow-private` is yes here.
"""
import base64
import collections
import glob
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse
import urllib.request

import support
from support import MARKER, SLOWER
from test_intermediates import MARGIN, MissingTest, World, ca_issuers, why_not
from test_p11_kit import HANDSHAKE, openssl_version
import revocation
from pki import element, subject
from revocation import (DAY, HOUR, MUST_STAPLE, NO_REVOCATION_AVAILABLE, OCSP, Authority, Revocable, RevocationServer,
                        issuing_distribution_point)

TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(os.path.dirname(support.MODULE), "ostrust")

# What becomes of a verification: 0, or the error and its depth.
ACCEPTED = 0
REVOKED, REVOKED_ABOVE = (23, 0), (23, 1)
NO_ANSWER, NO_ANSWER_ABOVE = (3, 0), (3, 1)
NO_STAPLE = (73, 0)

SETTINGS = ("local", "soft", "hard")
VERSIONS = ("TLSv1.2", "TLSv1.3")

# Of the command; the server is always s_server.
VERSION = openssl_version()
SERVERS_STAPLE = VERSION < (3, 6)
RELEASE = tuple(map(int, re.search(r"(\d+)\.(\d+)\.(\d+)", support.run(
    [support.OPENSSL, "version"], support.environment(os.devnull, preload=False)).out).groups()))
# Seen: 3.0.20 and 3.5.7 take one, 3.5.9, 3.6.5 and 4.0.3 do not.
TAKES_NO_DELTA_ALONE = RELEASE >= (3, 6, 5) or (3, 5, 9) <= RELEASE < (3, 6)
NEEDS_STAPLES = unittest.skipUnless(SERVERS_STAPLE, "s_server -status_file sends nothing from OpenSSL 3.6 on")
COMMAND_ASKS = unittest.skipIf(VERSION >= (4, 0), "with OpenSSL 4.0, which knows ECH, nobody asks for a stapled response")


# --- the table -------------------------------------------------------------------------------------

# A leaf, what Revocable.leaf() makes it of, and what becomes of it with each setting: one outcome, or two, that with
# TLS 1.2 (and without TLS), where nothing is stapled, and that with TLS 1.3.
Row = collections.namedtuple("Row", "leaf made local soft hard")

ROWS = collections.OrderedDict()


def row(name, local, soft, hard, **made):
    leaf = re.sub("[^A-Za-z0-9]+", "-", name)
    assert leaf not in ROWS, name
    ROWS[leaf] = Row(leaf, made, *(one if isinstance(one, list) else [one, one] for one in (local, soft, hard)))


# What a responder or a list says, where it is the only one. `local` asks nobody.
for kind in ("good", "without nextUpdate", "by name", "delegated", "nonce", "sha256", "several"):
    row("ocsp " + kind, ACCEPTED, ACCEPTED, ACCEPTED, ocsp=kind)
for kind in ("revoked", "revoked without nextUpdate", "delegated revoked", "sha256 revoked", "several revoked",
             "good and revoked"):
    row("ocsp " + kind, ACCEPTED, REVOKED, REVOKED, ocsp=kind)
OCSP_SAYS_NOTHING = (
    "unknown", "expired", "expired revoked", "future", "future revoked", "delegated, not sent",
    "delegated without usage", "delegated without usage, revoked", "delegated by another", "delegated by the root",
    "delegated and over", "impostor", "impostor revoked", "tampered", "another serial", "another serial revoked",
    "another issuer", "another key", "none", "critical extension", "critical single extension", "huge", "tryLater",
    "unauthorized", "successful, and nothing", "garbage inside", "garbage", "empty", "more behind", "cut off")
for kind in OCSP_SAYS_NOTHING:
    row("ocsp " + kind, ACCEPTED, ACCEPTED, NO_ANSWER, ocsp=kind)

for kind in ("good", "others", "partition", "users only", "base with a delta", "removed", "indirect, of another"):
    row("crl " + kind, ACCEPTED, ACCEPTED, ACCEPTED, crl=kind)
for kind in ("revoked", "revoked among others", "revoked in the partition", "revoked, users only", "hold",
             "indirect revoked"):
    row("crl " + kind, ACCEPTED, REVOKED, REVOKED, crl=kind)
CRL_SAYS_NOTHING = (
    "expired", "expired revoked", "future", "future revoked", "impostor", "impostor revoked", "tampered",
    "another issuer", "another issuer revoked", "empty", "PEM", "garbage", "cut off", "another partition", "CAs only",
    "some reasons", "delta", "delta revoked", "delta removed", "critical extension", "revoked by a critical entry",
    "without nextUpdate", "revoked without nextUpdate")  # RFC 5280 wants one; without, it could be any old one
for kind in CRL_SAYS_NOTHING:
    row("crl " + kind, ACCEPTED, ACCEPTED, NO_ANSWER, crl=kind)
row("delta good", ACCEPTED, ACCEPTED, ACCEPTED, crl="good", delta="delta")
row("delta revoked", ACCEPTED, REVOKED, REVOKED, crl="good", delta="delta revoked")
row("delta ends the hold", ACCEPTED, ACCEPTED, ACCEPTED, crl="hold", delta="delta removed")
row("delta expired", ACCEPTED, ACCEPTED, ACCEPTED, crl="good", delta="delta expired revoked")
row("delta of an impostor", ACCEPTED, ACCEPTED, ACCEPTED, crl="good", delta="delta impostor revoked")
row("delta of no use, revoked", ACCEPTED, REVOKED, REVOKED, crl="revoked", delta="delta critical")
row("delta as old", ACCEPTED, ACCEPTED, ACCEPTED, crl="good", delta="delta as old")
row("delta missing", ACCEPTED, ACCEPTED, ACCEPTED, crl="good", delta="")
row("delta missing, revoked", ACCEPTED, REVOKED, REVOKED, crl="revoked", delta="")

# What is stapled counts with TLS 1.3, without a request. The responder has nothing to say.
for kind in ("good", "delegated", "nonce", "sha256", "several"):
    row("staple " + kind, ACCEPTED, ACCEPTED, [NO_ANSWER, ACCEPTED], ocsp="tryLater", staple=kind)
for kind in ("revoked", "delegated revoked", "several revoked", "good and revoked"):
    row("staple " + kind, [ACCEPTED, REVOKED], [ACCEPTED, REVOKED], [NO_ANSWER, REVOKED], ocsp="tryLater", staple=kind)
for kind in ("unknown", "expired", "expired revoked", "future", "future revoked", "delegated without usage",
             "delegated without usage, revoked", "delegated by another", "impostor", "impostor revoked", "tampered",
             "another serial", "another serial revoked", "another issuer", "none", "critical extension", "tryLater",
             "successful, and nothing", "garbage inside"):
    row("staple " + kind, ACCEPTED, ACCEPTED, NO_ANSWER, ocsp="tryLater", staple=kind)

# Several that speak.
row("both good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", crl="good")
row("both revoked", ACCEPTED, REVOKED, REVOKED, ocsp="revoked", crl="revoked")
row("list revoked, ocsp good", ACCEPTED, REVOKED, REVOKED, ocsp="good", crl="revoked")
row("no list, ocsp good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", crl="")
row("no list, ocsp revoked", ACCEPTED, REVOKED, REVOKED, ocsp="revoked", crl="")
row("list expired, ocsp good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", crl="expired")
row("list expired, ocsp revoked", ACCEPTED, REVOKED, REVOKED, ocsp="revoked", crl="expired")
row("list good, ocsp revoked", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="revoked", crl="good")  # nobody asks the second
row("list good, no ocsp", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="", crl="good")
row("neither answers", ACCEPTED, ACCEPTED, NO_ANSWER, ocsp="", crl="")
row("staple revoked, ocsp good", [ACCEPTED, REVOKED], [ACCEPTED, REVOKED], [ACCEPTED, REVOKED],
    ocsp="good", staple="revoked")
row("staple good, list revoked", ACCEPTED, [REVOKED, ACCEPTED], [REVOKED, ACCEPTED], crl="revoked", staple="good")
row("staple expired, ocsp revoked", ACCEPTED, REVOKED, REVOKED, ocsp="revoked", staple="expired")
row("staple expired, ocsp good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", staple="expired")
row("staple for another, list revoked", ACCEPTED, REVOKED, REVOKED, crl="revoked", staple="another serial")

# Leaves that must be stapled (RFC 7633), and those about which nobody says anything.
row("must staple good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", staple="good", extensions=MUST_STAPLE)
row("must staple revoked", [ACCEPTED, REVOKED], [ACCEPTED, REVOKED], [ACCEPTED, REVOKED],
    ocsp="good", staple="revoked", extensions=MUST_STAPLE)
for kind in (None, "expired", "future", "impostor", "another serial", "garbage inside"):
    row("must staple %s" % (kind or "missing"), *[[ACCEPTED, NO_STAPLE]] * 3,
        ocsp="good", staple=kind, extensions=MUST_STAPLE)
row("neither", ACCEPTED, ACCEPTED, NO_ANSWER)
row("no revocation available", ACCEPTED, ACCEPTED, ACCEPTED, extensions=NO_REVOCATION_AVAILABLE)

# No intermediate.
row("direct good", ACCEPTED, ACCEPTED, ACCEPTED, ocsp="good", issuer="root-a")
row("direct revoked", ACCEPTED, REVOKED, REVOKED, crl="revoked", issuer="root-a")

# The intermediate; the uppermost is looked at first.
row("below revoked", ACCEPTED, REVOKED_ABOVE, REVOKED_ABOVE, ocsp="good", issuer="int-revoked")
row("below revoked, no revocation available", ACCEPTED, REVOKED_ABOVE, REVOKED_ABOVE, issuer="int-revoked",
    extensions=NO_REVOCATION_AVAILABLE)
row("below silent", ACCEPTED, ACCEPTED, NO_ANSWER_ABOVE, ocsp="good", issuer="int-silent")
row("below silent, revoked", ACCEPTED, REVOKED, NO_ANSWER_ABOVE, ocsp="revoked", issuer="int-silent")

INTERMEDIATES = ("int", "int-revoked", "int-silent")


class Revocations(World):
    """The leaves of the table, and a client."""

    _only = None

    def make(self, pki, server):
        self.revocable = Revocable(pki, server)
        for one in ROWS.values():
            self.revocable.leaf(one.leaf, **one.made)
        self.revocable.leaf("client", ocsp="revoked", crl="revoked", kind="client")
        self.revocable.leaf("indirect", extensions=revocation.INDIRECT % (
            server.url("crl-indirect"), server.url("crl-indirect-too")))
        # Of whoever runs a server: nobody had to sign it.
        pki.root("nobody", subject("Nobody"))
        pki.issue("stranger", subject("stranger"), "nobody", extensions=ca_issuers.access(
            server.url("crl-both-revoked"), server.url(OCSP + "both-revoked")))
        self.finish(pki, server)

    def finish(self, pki, server):
        with open(pki.pem("untrusted"), "w") as out:
            for name in INTERMEDIATES:
                with open(pki.pem(name)) as file:
                    out.write(file.read())
        server.serve = self.revocable.serve
        server.serve()

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls(RevocationServer())
        return cls._only

    def port(self, leaf):
        if os.path.exists(self.pki.path(leaf + ".ocsp")):
            return self.revocable.stapling(leaf).port
        # The chain under the key of the leaf.
        sent = self.pki.path(leaf + "-sent")
        return support.port_of(sent)


CLIENT = """
T["ports"].update(%r)
def verdict(context, leaf):
    print("== " + leaf, file=sys.stderr, flush=True)
    with socket.create_connection(("127.0.0.1", T["ports"][leaf]), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost"): return 0
        except ssl.SSLCertVerificationError as error: return error.verify_code
def limited(context, version):
    if version == "TLSv1.2": context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
"""


class RevocationTest(MissingTest):
    """A test whose system trusts Root A, and whose caches are empty."""

    servers = ()

    @classmethod
    def world(cls):
        return Revocations.get()

    def setUp(self):
        super().setUp()
        self.revocable = self.world().revocable

    def content(self, name):
        """Of a file of the cache."""
        with open(os.path.join(self.cache, name), "rb") as file:
            return file.read()

    def checking(self, setting, **more):
        """A configuration; `more` with underscores."""
        keys = {"intermediates": "off", "revocation": setting, "network_timeout": 10 * SLOWER}
        return self.missing(**dict(keys, **more))

    def client(self, code, configuration, leaves=(), **env):
        """Runs code that can ask for the verdict() about these leaves; what it reported, and what it printed."""
        ports = {leaf: self.world().port(leaf) for leaf in leaves}
        done = self.python_process(CLIENT % ports + code, configuration, **env)
        self.assertEqual(done.status, 0, done)
        reports = re.findall("^REPORT (.*)", done.out, re.M)
        self.assertTrue(reports, done)
        return json.loads(reports[-1]), done

    def by_python(self, configuration, version, leaves, anchors="os://"):
        """{leaf: outcome}, of one process."""
        codes, done = self.client("report([verdict(limited(trusting(%r), %r), leaf) for leaf in %r])" % (
            anchors, version, list(leaves)), configuration, leaves)
        said = re.split("^== (.*)\n", done.err, flags=re.M)[1:]
        said = dict(zip(said[::2], said[1::2]))
        return {leaf: self.outcome(code, said[leaf]) for leaf, code in zip(leaves, codes)}

    def outcome(self, code, said):
        """What is logged about a refusal has the certificate and its depth."""
        if code == 0:
            return ACCEPTED
        depths = re.findall(r"refused: .* at depth (\d)", said)
        return (code, int(depths[0])) if len(depths) == 1 else (code, said)

    def by_curl(self, configuration, version, leaves, anchors=MARKER, options=()):
        """{leaf: code}, of one process."""
        urls = [argument for leaf in leaves for argument in
                ("https://localhost:%d/" % self.world().port(leaf), "--output", os.devnull)]
        limit = ["--tls-max", "1.2"] if version == "TLSv1.2" else ["--tlsv1.3"]
        done = support.run(["curl", "--silent", "--noproxy", "*", "--ipv4", "--cacert", anchors, "--capath", self.work,
                            "--write-out", "%{exitcode} %{ssl_verify_result}\n", *limit, *options, *urls],
                           support.environment(configuration), cwd=self.work)
        seen = [tuple(map(int, line.split())) for line in done.out.splitlines()]
        self.assertEqual(len(seen), len(leaves), done)
        for status, code in seen:
            self.assertEqual(status, 60 if code else 0, done)
        return {leaf: code for leaf, (_, code) in zip(leaves, seen)}

    def by_verify(self, configuration, leaves, anchors="os://", options=("-verify_hostname", "localhost")):
        """As by_python()."""
        done = self.openssl("verify", *options, "-CAfile", anchors, "-untrusted", self.pem("untrusted"),
                            *map(self.pem, leaves), configuration=configuration)
        seen = {}
        for said, path in re.findall(r"(.*?)^error (\S+\.pem): verification failed$", done.err, re.M | re.S):
            errors = re.findall(r"^error (\d+) at (\d+) depth lookup", said, re.M)
            seen[path] = tuple(map(int, errors[0])) if len(errors) == 1 else errors
        for path in re.findall(r"^(\S+\.pem): OK$", done.out, re.M):
            self.assertNotIn(path, seen, done)
            seen[path] = ACCEPTED
        self.assertEqual(len(seen), len(leaves), done)
        return {leaf: seen[self.pem(leaf)] for leaf in leaves}

    def verify(self, configuration, leaf, **more):
        return self.by_verify(configuration, [leaf], **more)[leaf]

    def ask(self, configuration, leaf, version="TLSv1.3", **more):
        return self.by_python(configuration, version, [leaf], **more)[leaf]

    @property
    def server_asks(self):
        """For client(): what a server that trusts the system's roots says of a client's certificate."""
        return HANDSHAKE + """
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trusting(%r)
load(server, %r)
load(client, %r)
server.verify_mode = ssl.CERT_REQUIRED
server.load_verify_locations("os://")
report(handshake(server, client, "localhost"))""" % (self.pem("root-a"), self.name("neither-sent"),
                                                   self.name("client-sent"))


def code_of(outcome):
    return outcome[0] if outcome else 0


def slowly(behaviour, seconds):
    def behave(connection):
        time.sleep(seconds)
        behaviour(connection)
    return behave


class StockTools(RevocationTest):
    """What is said to be wrong is wrong, and what is said to be right is right: in the words of the openssl command."""

    # What it says; what is not here it believes.
    RESPONSES = {
        "unknown": "unknown\n", "expired": "status expired", "expired revoked": "status expired",
        "future": "status not yet valid", "future revoked": "status not yet valid",
        "delegated, not sent": "signer certificate not found",
        "delegated without usage": "missing ocspsigning usage",
        "delegated without usage, revoked": "missing ocspsigning usage",
        "delegated by another": "root ca not trusted", "delegated by the root": "root ca not trusted",
        "delegated and over": "certificate has expired", "impostor": "signature failure",
        "impostor revoked": "signature failure", "tampered": "signature failure",
        "tryLater": "trylater (3)", "unauthorized": "unauthorized (6)",
        "successful, and nothing": "no response data", "garbage inside": "Error parsing response",
        "garbage": "Error reading OCSP response", "empty": "Error reading OCSP response",
        "cut off": "Error reading OCSP response", "nonce": "Nonce Verify error",  # it has asked nothing
        **dict.fromkeys(("another serial", "another serial revoked", "another issuer", "another key", "none",
                         "sha256", "sha256 revoked"), "No Status found"),
    }
    LISTS = {
        "expired": 12, "expired revoked": 12, "future": 11, "future revoked": 11, "impostor": 8, "impostor revoked": 8,
        "tampered": 8, "another issuer": 3, "another issuer revoked": 3, "another partition": 44, "CAs only": 44,
        "some reasons": 3, "indirect, of another": 3, "indirect revoked": 3, "critical extension": 36, "delta critical": 36,
        "revoked by a critical entry": 36, "delta expired revoked": 12, "delta impostor revoked": 8,
        **dict.fromkeys(("empty", "PEM", "garbage", "cut off"), "Could not "),  # read, find, find or decode
    }

    def test_responses(self):
        path = os.path.join(self.work, "response.der")
        for kind in revocation.RESPONSES:
            with self.subTest(kind):
                with open(path, "wb") as out:
                    out.write(self.revocable.response("both-good", kind))
                done = self.openssl("ocsp", "-respin", path, "-issuer", self.pem("int"), "-cert", self.pem("both-good"),
                                    "-CAfile", self.bundle, "-no-CApath", "-no-CAstore", configuration=self.stock())
                expected = self.RESPONSES.get(kind)
                if expected is None:
                    self.assertSays("Response verify OK", done)
                    expected = "revoked\n" if kind != "good and revoked" and "revoked" in kind else "good\n"
                    expected = "both-good.pem: " + expected
                self.assertSays(expected, done)
                if expected.startswith("both-good"):
                    self.assertNotIn("WARNING: Status times invalid", done.text)

    def test_lists(self):
        path = os.path.join(self.work, "list")
        for kind in revocation.CRLS:
            with self.subTest(kind):
                with open(path + ".der", "wb") as out:
                    out.write(self.revocable.crl("both-good", kind))
                done = self.openssl("crl", "-inform", "DER", "-in", path + ".der", "-out", path,
                                    configuration=self.stock())
                expected = self.LISTS.get(kind, 23 if "revoked" in kind or kind == "hold" else None)
                if isinstance(expected, str):
                    self.assertSays(expected, done)
                    continue
                if kind.startswith("delta") and TAKES_NO_DELTA_ALONE:
                    expected = 3  # it takes no delta for a list of its own
                done = self.openssl("verify", "-crl_check", "-CAfile", self.bundle, "-no-CApath", "-no-CAstore",
                                    "-untrusted", self.pem("int"), "-CRLfile", path, self.pem("both-good"),
                                    configuration=self.stock())
                errors = re.findall(r"^error (\d+) at 0 depth", done.err, re.M)
                self.assertEqual(errors[:1], [str(expected)] if expected else [], done)

    @NEEDS_STAPLES
    def test_what_is_stapled(self):
        port = self.world().port("staple-revoked")
        for version in ("-tls1_2", "-tls1_3"):
            for ask, expected in (("-status", True), ("-brief", False)):
                done = self.openssl("s_client", version, ask, "-CAfile", self.bundle, "-verify_return_error",
                                    "-connect", "127.0.0.1:%d" % port, configuration=self.stock())
                self.assertEqual("Cert Status: revoked" in done.text, expected, done)

    def test_the_responder_answers_get_and_post(self):
        made = self.revocable.leaves["ocsp-good"]
        done = self.openssl("ocsp", "-url", self.server.url(OCSP + "ocsp-good"), "-issuer", self.pem("int"), "-cert",
                            self.pem("ocsp-good"), "-CAfile", self.bundle, configuration=self.stock())
        self.assertSays("ocsp-good.pem: good", done)
        request, = self.server.requests
        self.assertEqual(request.method, "POST")
        about = made.issuer.certificate_id(made.serial)
        self.assertEqual(revocation.asked_about(request.body), about)
        der = revocation.sequence(revocation.sequence(revocation.sequence(revocation.sequence(about.der()))))
        url = self.server.url(OCSP + "ocsp-good") + "/" + urllib.parse.quote(base64.b64encode(der).decode(), "")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
            got = answer.read()
        self.assertIn(about.der(), got)
        # About another certificate it says nothing.
        der = der.replace(about.der(), about._replace(serial=about.serial ^ 1).der())
        url = self.server.url(OCSP + "ocsp-good") + "/" + urllib.parse.quote(base64.b64encode(der).decode(), "")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as answer:
            self.assertEqual(answer.read(), revocation.ocsp_response(revocation.UNAUTHORIZED))


def why_no_curl():
    if shutil.which("curl") is None:
        return "there is no curl"
    if support.SANITIZER:
        return "curl does not survive a sanitizer's runtime"
    version = re.match(r"curl (\d+)\.(\d+)", support.run(["curl", "--version"], dict(os.environ)).out)
    if not (7, 87) <= tuple(map(int, version.groups())) < (8, 23):
        return "8.23 has OpenSSL verify under SSL_VERIFY_NONE, and before 7.87 CAs were loaded earlier"
    return None


NEEDS_CURL = unittest.skipIf(why_no_curl(), why_no_curl())


class Table(RevocationTest):
    """The rows, with each setting and in each program."""

    def assertRows(self, setting, version, seen, comparable=lambda outcome: outcome):
        wrong = []
        for leaf, one in ROWS.items():
            if leaf.startswith(("staple", "must-staple")) and version == "TLSv1.3" and not SERVERS_STAPLE:
                continue
            expected = getattr(one, setting)[VERSIONS.index(version)]
            if seen[leaf] != comparable(expected):
                wrong.append("%s, %s, %s: %s, and not %s" % (leaf, setting, version, seen[leaf], comparable(expected)))
        if wrong:
            self.fail("\n" + "\n".join(wrong))

    def test_python(self):
        for setting in SETTINGS:
            for version in VERSIONS:
                with self.subTest(setting=setting, version=version):
                    self.server.serve()
                    cache = os.path.join(self.work, setting + version)
                    seen = self.by_python(self.checking(setting, cache_dir=cache), version, list(ROWS))
                    self.assertRows(setting, version, seen)
                    if setting == "local":
                        self.assertNobodyAsked()

    def test_openssl_verify(self):
        for setting in SETTINGS:
            with self.subTest(setting):
                self.server.serve()
                seen = self.by_verify(self.checking(setting, cache_dir=os.path.join(self.work, setting)), list(ROWS))
                self.assertRows(setting, "TLSv1.2", seen)

    @NEEDS_CURL
    def test_curl(self):
        # It loads its CAs when it has sent its ClientHello, so that nobody asked for a stapled response.
        for setting in SETTINGS:
            for version in VERSIONS:
                with self.subTest(setting=setting, version=version):
                    self.server.serve()
                    cache = os.path.join(self.work, setting + version)
                    seen = self.by_curl(self.checking(setting, cache_dir=cache), version, list(ROWS))
                    self.assertRows(setting, "TLSv1.2", seen, code_of)

    @NEEDS_CURL
    @NEEDS_STAPLES
    def test_curl_that_asks_for_a_stapled_response_itself(self):
        leaves = ("staple-good", "staple-revoked", "must-staple-good", "must-staple-missing")
        for setting, expected in (("local", (0, 23, 0, 73)), ("hard", (0, 23, 0, 73))):
            seen = self.by_curl(self.checking(setting), "TLSv1.3", leaves, options=["--cert-status"])
            self.assertEqual(tuple(seen.values()), expected, setting)

    def test_without_a_key_it_is_local(self):
        for version in VERSIONS:
            self.assertRows("local", version, self.by_python(self.checking(None), version, list(ROWS)))
        self.assertNobodyAsked()

    def test_each_is_accepted_where_nobody_looks(self):
        for made, anchors in ((self.stock, self.bundle), (lambda: self.checking("off"), "os://"),
                              (lambda: self.checking("hard", verify="roots"), "os://")):
            for version in VERSIONS:
                with self.subTest(anchors=anchors, version=version):
                    seen = self.by_python(made(), version, list(ROWS), anchors)
                    self.assertEqual({leaf: one for leaf, one in seen.items() if one}, {})
        self.assertNobodyAsked()


# --- what is asked ---------------------------------------------------------------------------------

class Requests(RevocationTest):
    """Who is asked for what, and in which words."""

    def test_lists_first_and_then_responders(self):
        # The intermediate has a list, and nothing else.
        for leaf, setting, asked in (("both-good", "soft", ["crl-both-good"]), ("both-good", "local", []),
                                     ("list-expired-ocsp-good", "soft",
                                      ["crl-list-expired-ocsp-good", OCSP + "list-expired-ocsp-good"]),
                                     ("no-list-ocsp-good", "hard",
                                      ["crl-no-list-ocsp-good", OCSP + "no-list-ocsp-good"]),
                                     ("ocsp-good", "soft", [OCSP + "ocsp-good"]),
                                     ("crl-good", "hard", ["crl-crl-good"]), ("neither", "soft", []),
                                     ("no-revocation-available", "hard", [])):
            with self.subTest(leaf=leaf, setting=setting):
                self.server.forget()
                self.assertEqual(self.verify(self.checking(setting, cache_dir="off"), leaf), ACCEPTED)
                above = [] if setting == "local" else ["crl-int"]
                self.assertEqual(sorted(self.server.asked), sorted(asked + above))
                self.assertEqual([one for one in self.server.asked if one not in above], asked)
                self.assertNobodyElse(len(asked + above))

    def test_a_delta_that_says_nothing_new_is_asked_for_once(self):
        # Some CAs publish base and delta with one number; OpenSSL uses no such delta.
        for leaf in ("delta-as-old", "delta-good"):
            delta = "crl-%s-delta" % leaf
            self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
            self.assertEqual(self.server.asked.count(delta), 1)
            for failed in glob.glob(os.path.join(self.cache, "failed-fetches")):
                os.remove(failed)
            self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
            self.assertEqual(self.server.asked.count(delta), 1)

    @NEEDS_STAPLES
    def test_what_is_stapled_is_not_asked_for(self):
        for leaf, expected in (("staple-good", ACCEPTED), ("must-staple-good", ACCEPTED),
                               ("staple-revoked", REVOKED)):
            with self.subTest(leaf):
                self.assertEqual(self.ask(self.checking("hard", cache_dir="off"), leaf), expected)
                self.assertNotIn(OCSP + leaf, self.server.asked)
                self.server.forget()
                # The twin: where it cannot be had, it is.
                self.ask(self.checking("hard", cache_dir="off"), leaf, "TLSv1.2")
                self.assertIn(OCSP + leaf, self.server.asked)
                self.server.forget()

    def test_a_request_to_a_responder_is_a_get_that_caches_can_answer(self):
        leaf = "ocsp-good"
        self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
        request, = [one for one in self.server.requests if one.target.startswith("/" + OCSP)]
        self.assertEqual(request.method, "GET")
        # RFC 6960 appendix A.1: what is special in an URL is escaped. RFC 5019: no nonce, SHA-1, one certificate.
        path, encoded = revocation.split(request.target[1:])
        self.assertEqual(path, OCSP + leaf)
        self.assertRegex(encoded, "^[A-Za-z0-9%]+$")
        der = revocation.unwrap(encoded)
        made = self.revocable.leaves[leaf]
        about = made.issuer.certificate_id(made.serial)
        self.assertEqual(revocation.asked_about(der), about)
        self.assertEqual(der, revocation.sequence(revocation.sequence(revocation.sequence(revocation.sequence(
            about.der())))))

    def test_a_request_says_little(self):
        self.assertEqual(self.verify(self.checking("hard"), "no-list-ocsp-good"), ACCEPTED)
        self.assertEqual(len(self.server.requests), 3)
        for request in self.server.requests:
            self.assertEqual((request.method, request.body), ("GET", b""))
            self.assertEqual(request.headers.get("host"), self.server.authority)
            for name in ("cookie", "authorization", "referer"):
                self.assertNotIn(name, request.headers)

    def test_inside_nobody_is_asked_by_default(self):
        for setting, expected in (("soft", ACCEPTED), ("hard", NO_ANSWER_ABOVE)):
            configuration = self.checking(setting, network_allow_private=None)
            self.assertEqual(self.verify(configuration, "both-revoked"), expected)
        self.assertNobodyAsked()


class Chains(RevocationTest):
    """Which chain is looked at, and for which time."""

    def complete(self, leaf, setting, **more):
        """The outcome for a server that did not send its intermediate."""
        done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem(leaf),
                            configuration=self.checking(setting, intermediates="fetch", **more))
        errors = re.findall(r"^error (\d+) at (\d+) depth", done.err, re.M)
        self.assertEqual(done.status == 0, not errors, done)
        return tuple(map(int, errors[-1])) if errors else ACCEPTED

    def test_a_chain_that_was_completed(self):
        for leaf, expected in (("ocsp-good", ACCEPTED), ("ocsp-revoked", REVOKED)):
            with self.subTest(leaf):
                cache = os.path.join(self.work, leaf)
                self.assertEqual(self.complete(leaf, "hard", cache_dir=cache), expected)
                self.assertEqual(self.server.asked, ["ca-int", "crl-int", OCSP + leaf])
                self.server.forget()
                self.assertEqual(self.complete(leaf, "local", cache_dir=cache), expected)
                self.assertEqual(self.server.asked, [] if expected == ACCEPTED else ["ca-int"])
                self.server.forget()

    def test_one_deadline_for_the_intermediate_and_for_revocation(self):
        for path in ("ca-int", "crl-int"):
            self.server.answers[path] = slowly(self.server.answers[path], 1.5)
        self.server.responders[OCSP + "ocsp-good"] = lambda about: ca_issuers.never_answers
        begin = time.monotonic()
        self.complete("ocsp-good", "hard", network_timeout=2)
        self.assertLess(time.monotonic() - begin, 2 + MARGIN)
        # Nothing is left for the responder, which is not even asked.
        self.assertEqual(self.server.asked, ["ca-int", "crl-int"])

    def test_an_intermediate_that_the_system_trusts_is_an_anchor(self):
        # Then nobody asks whether it is revoked.
        partial = ("-verify_hostname", "localhost", "-partial_chain")
        self.trust("int-revoked")
        self.assertEqual(self.verify(self.checking("hard"), "below-revoked", options=partial), ACCEPTED)
        self.assertEqual(self.server.asked, [OCSP + "below-revoked"])
        self.trust("root-a")
        self.assertEqual(self.verify(self.checking("hard"), "below-revoked", options=partial), REVOKED_ABOVE)

    def test_the_time_that_the_application_gives(self):
        later = ("-verify_hostname", "localhost", "-attime", str(int(time.time()) + 2 * DAY))
        for leaf, expected in (("crl-good", ACCEPTED), ("ocsp-revoked", REVOKED)):
            with self.subTest(leaf):
                self.assertEqual(self.verify(self.checking("hard"), leaf), expected)
                # What was fetched is over by then.
                self.assertEqual(self.verify(self.checking("hard"), leaf, options=later), NO_ANSWER_ABOVE)
                self.assertEqual(self.verify(self.checking("hard"), leaf), expected)
                # That it was no good for that time is nothing against the URL.
                shutil.rmtree(self.cache)
                self.assertEqual(self.verify(self.checking("hard"), leaf, options=later), NO_ANSWER_ABOVE)
                self.assertEqual(self.verify(self.checking("hard"), leaf), expected)


    def test_a_responder_that_the_system_distrusts_is_not_believed(self):
        configuration = self.checking("hard", cache_dir="off")
        self.revocable.pki.trusted("delegate-distrusted", "delegate", "-addreject", "anyExtendedKeyUsage")
        for leaf, distrusted in (("ocsp-delegated", NO_ANSWER), ("ocsp-good", ACCEPTED)):
            self.trust("root-a")
            self.assertEqual(self.verify(configuration, leaf), ACCEPTED)
            self.trust("root-a", "delegate-distrusted")
            self.assertEqual(self.verify(configuration, leaf), distrusted)

    def test_a_list_of_an_issuer_that_the_system_distrusts_is_not_believed(self):
        self.revocable.pki.trusted("int-other-distrusted", "int-other", "-addreject", "anyExtendedKeyUsage")
        leaf = self.revocable.leaves["indirect"]
        issuer = Authority(self.revocable.pki, "int-other")
        indirect = [issuing_distribution_point(element(0x84, revocation.TRUE))]
        sent = os.path.join(self.work, "sent.pem")
        with open(sent, "w") as out:
            for name in ("int-other", "int"):
                with open(self.pem(name)) as file:
                    out.write(file.read())
        for entries, believed in (([], None), ([revocation.entry(leaf.serial, issuer=leaf.issuer.subject)], REVOKED)):
            for path in ("crl-indirect", "crl-indirect-too"):
                self.server.answers[path] = ca_issuers.answers(issuer.crl(*entries, extensions=indirect))
            for anchors, expected in ((["root-a"], believed), (["root-a", "int-other-distrusted"], NO_ANSWER)):
                with self.subTest(entries=len(entries), anchors=anchors):
                    self.trust(*anchors)
                    done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", "-untrusted", sent,
                                        self.pem("indirect"), configuration=self.checking("hard", cache_dir="off"))
                    self.assertEqual(re.findall(r"^error (\d+) at (\d+) depth", done.err, re.M),
                                     [tuple(map(str, expected))] if expected else [], done)


class NobodyIsAsked(RevocationTest):
    """Verifications for which nothing is fetched."""

    def test_for_a_clients_certificate(self):
        for setting, expected in (("local", "accepted"), ("soft", "accepted"), ("hard", 3)):
            self.assertEqual(self.client(self.server_asks, self.checking(setting))[0], expected, setting)
        self.assertNobodyAsked()
        # The twin: of a server with this certificate it would be.
        self.verify(self.checking("soft"), "client", options=("-verify_hostname", "client"))
        self.assertIn("crl-client", self.server.asked)

    def test_for_the_chain_that_a_server_sends(self):
        # libssl builds it from the server's store.
        code = HANDSHAKE + """
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), bare()
load(server, %r)
server.load_verify_locations("os://")
client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
report(handshake(server, client, "localhost"))""" % self.name("both-revoked")
        for setting in SETTINGS:
            self.assertEqual(self.client(code, self.checking(setting))[0], "accepted", setting)
        self.assertNobodyAsked()

    def test_where_nothing_is_verified(self):
        leaves = ["both-revoked", "staple-revoked", "must-staple-missing"]
        code = """
context = trusting("os://")
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
report([verdict(context, leaf) for leaf in %r])""" % leaves
        for setting in SETTINGS:
            self.assertEqual(self.client(code, self.checking(setting), leaves)[0], [ACCEPTED] * 3, setting)
        self.assertNobodyAsked()

    def test_for_a_store_with_a_ca_file_of_its_own(self):
        own = self.file("own.pem", "")
        shutil.copyfile(self.pem("root-a"), own)
        leaves = ["both-revoked", "staple-revoked", "must-staple-missing", "below-revoked"]
        for setting in SETTINGS:
            seen = self.by_python(self.checking(setting), "TLSv1.3", leaves, own)
            self.assertEqual(seen, dict.fromkeys(leaves, ACCEPTED), setting)
            seen = self.by_verify(self.checking(setting), leaves, own)
            self.assertEqual(seen, dict.fromkeys(leaves, ACCEPTED), setting)
        self.assertNobodyAsked()

    def test_for_a_chain_that_openssl_refuses(self):
        other = ("-verify_hostname", "other.example.org")
        self.assertEqual(self.verify(self.checking("hard"), "both-revoked", options=other), (62, 0))
        self.assertNobodyAsked()

    def test_for_a_chain_that_ends_in_an_anchor_of_the_applications(self):
        self.store(self.name("impostor"))
        code = "report(verdict(trusting('os://', %r), 'both-revoked'))" % self.pem("root-a")
        self.assertEqual(self.client(code, self.checking("hard"), ["both-revoked"])[0], ACCEPTED)
        self.assertNobodyAsked()

    def test_for_a_verification_that_is_not_of_a_server(self):
        for options in ((), ("-purpose", "sslclient"), ("-purpose", "smimesign")):
            leaf = "client" if options else "both-revoked"
            with self.subTest(options):
                expected = self.verify(self.stock(), leaf, anchors=self.bundle, options=options)
                if "sslclient" in options and VERSION >= (3, 5):
                    expected = NO_ANSWER_ABOVE  # the purpose can be read
                self.assertEqual(self.verify(self.checking("hard"), leaf, options=options), expected)
        self.assertNobodyAsked()

    def test_with_dane(self):
        root, leaf = (subprocess.run([support.OPENSSL, "x509", "-in", self.pem(name), "-outform", "DER"],
                                     stdout=subprocess.PIPE, check=True).stdout for name in ("root-a", "both-revoked"))
        for record in ("1 0 0 " + leaf.hex(), "3 0 0 " + leaf.hex()):
            for setting in ("local", "soft"):
                with self.subTest(record=record[:5], setting=setting):
                    done = self.s_client(self.checking(setting), "both-revoked", "-dane_tlsa_domain", "localhost",
                                         "-dane_tlsa_rrdata", record)
                    self.assertSays("Verify return code: 0 (ok)", done)
        self.assertNobodyAsked()

    def s_client(self, configuration, leaf, *options):
        return self.openssl("s_client", "-verify_return_error", "-verify_hostname", "localhost", "-CAfile", "os://",
                            *options, "-connect", "127.0.0.1:%d" % self.world().port(leaf),
                            configuration=configuration)


# --- the ClientHello -------------------------------------------------------------------------------

STATUS_REQUEST = 5  # TLS extension type, RFC 6066
ENCRYPTED_HELLO = 0xfe0d  # RFC 9849


def extensions_of(hello):
    """The types of the extensions of a ClientHello, as they come in the first record."""
    at = 5 + 4 + 2 + 32  # record header, handshake header, version, random
    at += 1 + hello[at]  # session id
    at += 2 + int.from_bytes(hello[at:at + 2], "big")  # cipher suites
    at += 1 + hello[at]  # compression methods
    end = at + 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 2
    found = []
    while at < end:
        found.append(int.from_bytes(hello[at:at + 2], "big"))
        at += 4 + int.from_bytes(hello[at + 2:at + 4], "big")
    return found


class HelloServer:
    """Reads what a client says first, and hangs up. `extensions`: of each connection."""

    def __init__(self):
        self.extensions = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                head = file.read(5)
                self.extensions.append(extensions_of(head + file.read(int.from_bytes(head[3:5], "big"))))


class HelloTest(RevocationTest):
    """A test of what is in a ClientHello."""

    def setUp(self):
        super().setUp()
        self.hello = HelloServer()
        self.addCleanup(self.hello.close)

    def has_ech(self, path):
        """Whether the openssl command has; then nobody asks. A key and a configuration are in the file."""
        return self.openssl("ech", "-public_name", "front.example", "-out", path,
                            configuration=os.devnull).status == 0


class StatusRequest(HelloTest):
    """Who asks for a stapled response."""

    def asks(self, configuration, made, more=""):
        """Whether a client with this context does."""
        self.hello.extensions.clear()
        self.client("""
context = %s
%s
with socket.create_connection(("127.0.0.1", %d), timeout=60) as plain:
    report(attempt(context.wrap_socket, plain, server_hostname="localhost"))""" % (made, more, self.hello.port),
                    configuration)
        (extensions,) = self.hello.extensions
        self.assertIn(len(extensions), range(5, 40), extensions)
        return extensions.count(STATUS_REQUEST)

    def test_a_client_that_trusts_the_system_does(self):
        for setting in (None, *SETTINGS):
            self.assertEqual(self.asks(self.checking(setting), "trusting('os://')"), 1, setting)
        for made in ("trusting(MARKER)", "ssl.create_default_context()"):
            self.assertEqual(self.asks(self.checking("local"), made), 1, made)
        self.assertEqual(self.asks(self.checking("local", verify="report"), "trusting('os://')"), 1)

    def test_one_that_came_to_trust_it_later_does(self):
        self.assertEqual(self.asks(self.checking("local"), "bare()", "context.load_verify_locations('os://')"), 1)

    def test_nobody_else_does(self):
        limited = "context.maximum_version = ssl.TLSVersion.TLSv1_2"
        unverified = "context.check_hostname, context.verify_mode = False, ssl.CERT_NONE"
        governed = "trusting('os://')"
        # TLSv1_2_client_method(), which has no highest version to ask for.
        older = "ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)"
        load = "context.verify_mode = ssl.CERT_REQUIRED\ncontext.load_verify_locations('os://')"
        for setting, keys, made, more in (
                ("off", {}, governed, ""), ("hard", {"verify": "roots"}, governed, ""),
                ("hard", {}, "trusting(%r)" % self.pem("root-a"), ""), ("hard", {}, "bare()", ""),
                ("hard", {}, governed, limited), ("hard", {}, older, load), ("hard", {}, governed, unverified)):
            with self.subTest(setting=setting, keys=keys, made=made, more=more):
                self.assertEqual(self.asks(self.checking(setting, **keys), made, more), 0)
        self.assertEqual(self.asks(self.stock(), "trusting(BUNDLE)"), 0)

    def test_programs(self):
        asks = 0 if self.has_ech(os.path.join(self.work, "ech.pem")) else 1
        for anchors, verifies, expected in (("os://", True, asks), (self.pem("root-a"), True, 0), ("os://", False, 0)):
            with self.subTest(anchors=anchors, verifies=verifies):
                self.hello.extensions.clear()
                self.openssl("s_client", *(["-verify_return_error"] if verifies else []), "-CAfile", anchors,
                             "-connect", "127.0.0.1:%d" % self.hello.port, configuration=self.checking("local"))
                (extensions,) = self.hello.extensions
                self.assertEqual(extensions.count(STATUS_REQUEST), expected)

    def test_a_program_that_asks_itself_asks_once(self):
        for configuration, anchors in ((self.stock(), self.bundle), (self.checking("local"), "os://")):
            self.hello.extensions.clear()
            self.openssl("s_client", "-verify_return_error", "-status", "-CAfile", anchors, "-connect",
                         "127.0.0.1:%d" % self.hello.port, configuration=configuration)
            (extensions,) = self.hello.extensions
            self.assertEqual(extensions.count(STATUS_REQUEST), 1)


class EncryptedHello(HelloTest):
    """ECH, which OpenSSL 4.0 knows."""

    def test_a_client_that_encrypts_its_hello_can_send_it(self):
        path = os.path.join(self.work, "ech.pem")
        if not self.has_ech(path):
            self.skipTest("this openssl has no ECH")
        with open(path) as file:
            config, = re.findall("-----BEGIN ECHCONFIG-----(.*?)-----END", file.read().replace("\n", ""))
        # Whoever trusts the system, and who does not.
        for configuration, anchors in ((self.stock(), self.bundle), (self.checking("local"), self.pem("root-a")),
                                       (self.checking("local"), "os://")):
            with self.subTest(anchors=anchors):
                self.hello.extensions.clear()
                done = self.openssl("s_client", "-verify_return_error", "-CAfile", anchors, "-ech_config_list", config,
                                    "-connect", "127.0.0.1:%d" % self.hello.port, configuration=configuration)
                self.assertEqual([ENCRYPTED_HELLO in one for one in self.hello.extensions], [True], done)


# --- what is kept ----------------------------------------------------------------------------------

class Cache(RevocationTest):
    """What was fetched serves the next process, and those that fetch nothing."""

    LEAVES = collections.OrderedDict((("ocsp-good", ACCEPTED), ("ocsp-revoked", REVOKED), ("crl-good", ACCEPTED),
                                      ("crl-revoked", REVOKED), ("below-revoked", REVOKED_ABOVE)))

    def fill(self, leaves=None):
        leaves = leaves or self.LEAVES
        self.assertEqual(self.by_verify(self.checking("soft"), list(leaves)), dict(leaves))
        self.assertTrue(self.cached())
        self.server.forget()

    def test_what_was_fetched_serves_local_and_off_line(self):
        self.fill()
        self.revocable.silence()
        for setting in SETTINGS:
            self.assertEqual(self.by_verify(self.checking(setting), list(self.LEAVES)), self.LEAVES, setting)
            self.assertEqual(self.by_python(self.checking(setting), "TLSv1.3", list(self.LEAVES)), self.LEAVES, setting)
        self.assertNobodyAsked()
        # The twin: it is the cache that knows.
        seen = self.by_verify(self.checking("hard", cache_dir="off"), list(self.LEAVES))
        self.assertEqual(set(seen.values()), {NO_ANSWER_ABOVE})

    def test_local_writes_nothing(self):
        self.by_verify(self.checking("local"), list(self.LEAVES))
        self.by_python(self.checking("local"), "TLSv1.3", ["staple-good", "staple-revoked"])
        self.assertEqual(self.cached(), [])

    def test_what_is_not_believed_is_not_kept(self):
        for leaf, expected, kept in (("crl-revoked", REVOKED, True), ("ocsp-revoked", REVOKED, True),
                                     ("crl-impostor-revoked", ACCEPTED, False),
                                     ("crl-another-issuer-revoked", ACCEPTED, False),
                                     ("ocsp-impostor-revoked", ACCEPTED, False), ("ocsp-tampered", ACCEPTED, False),
                                     ("ocsp-delegated-without-usage-revoked", ACCEPTED, False)):
            with self.subTest(leaf):
                self.assertEqual(self.verify(self.checking("soft"), leaf), expected)
                files = [name for name in self.cached() if self.serial(leaf) in self.content(name)]
                self.assertEqual(len(files), 1 if kept else 0, files)

    def serial(self, leaf):
        """By which what was said about the leaf is recognised."""
        return revocation.integer(self.revocable.leaves[leaf].serial)

    def times(self, this_update, seconds):
        """For crl() and single(): from so long ago, and over in so many seconds from now."""
        return (this_update, revocation.from_now(seconds))

    # Seconds from which on what was said is over. A program comes to its end within them.
    LIFE = 10 if support.SANITIZER else 4

    def outlive(self):
        """What was said to be valid for LIFE seconds is over, whichever second it was made in."""
        time.sleep(self.LIFE + 1)

    def test_what_is_over_is_asked_for_again(self):
        leaves = ("crl-good", "ocsp-good")
        for leaf in leaves:
            self.say(leaf, self.times(-HOUR, self.LIFE))
            self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
        self.outlive()
        for leaf in leaves:
            with self.subTest(leaf):
                self.server.forget()
                self.server.serve()
                self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
                self.assertEqual(len(self.server.asked), 1, self.server.asked)
                self.server.forget()
                self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)
                self.assertNobodyAsked()

    def test_what_is_over_says_nothing(self):
        leaves = ("crl-revoked", "ocsp-revoked")
        for leaf in leaves:
            self.say(leaf, self.times(-HOUR, self.LIFE), revoked=True)
            self.assertEqual(self.verify(self.checking("hard"), leaf), REVOKED)
        self.outlive()
        self.revocable.silence()
        for leaf in leaves:
            with self.subTest(leaf):
                self.assertEqual(self.verify(self.checking("local"), leaf), ACCEPTED)
                self.assertEqual(self.verify(self.checking("hard"), leaf), NO_ANSWER)

    def test_what_is_over_is_not_remembered(self):
        leaves = ["crl-good", "ocsp-good", "crl-revoked", "ocsp-revoked"]
        for leaf in leaves:
            self.world().port(leaf)  # a server takes its time to start
        for leaf in leaves:
            self.say(leaf, self.times(-HOUR, 2 * self.LIFE), revoked=leaf.endswith("revoked"))
        seen, _ = self.client("""
context, leaves = trusting("os://"), %r
seen = [verdict(context, leaf) for leaf in leaves]
time.sleep(%d)
report([seen, [verdict(context, leaf) for leaf in leaves]])""" % (leaves, 2 * self.LIFE + 1),
                              self.checking("hard", refresh="86400"), leaves)
        self.assertEqual(seen, [[0, 0, 23, 23], [3, 3, 3, 3]])

    def test_nor_is_what_a_responder_said_whose_certificate_is_over(self):
        leaf, pki = "ocsp-good", self.revocable.pki
        self.world().port(leaf)
        end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 2 * self.LIFE))
        pki.issue("delegate-brief", revocation.subject("delegate-brief"), "int", dates=("20200101000000Z", end),
                  extensions="extendedKeyUsage = OCSPSigning\nnoCheck = ignored")
        self.server.responders[OCSP + leaf] = lambda about: ca_issuers.answers(self.revocable.leaves[leaf].issuer.response(
            revocation.single(about), signer="delegate-brief", sent=["delegate-brief"]))
        seen, _ = self.client("""
context = trusting("os://")
seen = verdict(context, %r)
time.sleep(%d)
report([seen, verdict(context, %r)])""" % (leaf, 2 * self.LIFE + 1, leaf), self.checking("hard", refresh="86400"), [leaf])
        self.assertEqual(seen, [0, 3])

    def test_nor_is_a_list_whose_issuers_certificate_is_over(self):
        pki = self.revocable.pki
        end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 2 * self.LIFE))
        pki.issue("int-other-brief", revocation.subject("CA int-other"), "root-a", kind="authority", like="int-other",
                  dates=("20200101000000Z", end))
        pki.chain("indirect-brief", "indirect", "int", "int-other-brief")
        port = support.port_of(pki.path("indirect-brief"))
        content = Authority(pki, "int-other").crl(extensions=[revocation.issuing_distribution_point(
            element(0x84, revocation.TRUE))])
        for path in ("crl-indirect", "crl-indirect-too"):
            self.server.answers[path] = ca_issuers.answers(content)
        seen, _ = self.client("""
context = trusting("os://")
T["ports"]["indirect"] = %d
seen = verdict(context, "indirect")
time.sleep(%d)
report([seen, verdict(context, "indirect")])""" % (port, 2 * self.LIFE + 1), self.checking("hard", refresh="86400"), [])
        self.assertEqual(seen, [0, 3])

    def say(self, leaf, times, revoked=False):
        """Has the leaf's URL answer so."""
        made = self.revocable.leaves[leaf]
        if leaf.startswith("crl"):
            entries = [revocation.entry(made.serial)] if revoked else []
            self.server.answers["crl-" + leaf] = ca_issuers.answers(made.issuer.crl(*entries, times=times))
        else:
            status = revocation.REVOKED if revoked else revocation.GOOD
            self.server.responders[OCSP + leaf] = lambda about: ca_issuers.answers(
                made.issuer.response(revocation.single(about, status, times)))

    def test_older_never_replaces_newer(self):
        # Newer is "revoked", and over soon; then somebody has what was said before, which is valid for longer.
        leaves, newer = ("crl-revoked", "ocsp-revoked"), {}
        for leaf in leaves:
            self.say(leaf, self.times(-HOUR, self.LIFE), revoked=True)
            self.assertEqual(self.verify(self.checking("soft"), leaf), REVOKED)
            before, newer = newer, {name: self.content(name) for name in self.cached()}
            self.assertNotEqual(newer, before)
            self.say(leaf, (-2 * HOUR, DAY))
            self.assertEqual(self.verify(self.checking("soft"), leaf), REVOKED)
        self.outlive()
        for leaf in leaves:
            with self.subTest(leaf):
                self.assertEqual(self.verify(self.checking("hard"), leaf), NO_ANSWER)
        self.assertEqual({name: self.content(name) for name in newer}, newer)

    def test_even_newer_replaces_what_is_over(self):
        leaves = ("crl-revoked", "ocsp-revoked")
        for leaf in leaves:
            self.say(leaf, self.times(-HOUR, self.LIFE), revoked=True)
            self.assertEqual(self.verify(self.checking("soft"), leaf), REVOKED)
        self.outlive()
        for leaf in leaves:
            with self.subTest(leaf):
                self.say(leaf, (-HOUR + 60, DAY))
                self.assertEqual(self.verify(self.checking("hard"), leaf), ACCEPTED)

    def test_damaged_files_are_never_believed(self):
        self.fill()
        self.revocable.silence()
        good = {name: self.content(name) for name in self.cached()}
        names = sorted(good)
        for at, name in enumerate(names):
            content, other = good[name], good[names[at - 1]]
            middle = len(content) // 2
            for what, damaged in (("empty", b""), ("cut off", content[:-1]), ("cut in half", content[:middle]),
                                  ("flipped at the end", content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]),
                                  ("flipped in the middle", content[:middle] + bytes([content[middle] ^ 1]) +
                                   content[middle + 1:]),
                                  ("flipped everywhere", bytes(octet ^ 0xff for octet in content)),
                                  ("zeros", bytes(len(content))), ("swapped", other), ("more behind", content + b"x"),
                                  ("twice", content + content)):
                with self.subTest(name=name, what=what):
                    for each in names:
                        self.write(each, good[each])
                    self.write(name, damaged)
                    if what == "swapped":
                        self.write(names[at - 1], content)
                    for setting in ("local", "hard"):
                        seen = self.by_verify(self.checking(setting), list(self.LEAVES))
                        self.assertCareful(setting, seen)
        for each in names:
            self.write(each, good[each])
        self.assertEqual(self.by_verify(self.checking("hard"), list(self.LEAVES)), self.LEAVES)

    def test_a_damaged_file_is_replaced(self):
        for leaf, expected in self.LEAVES.items():
            self.fill({leaf: expected})
            good = {name: self.content(name) for name in self.cached() if name.startswith(("crl-", "ocsp-"))}
            for name, content in good.items():
                cases = {"flipped at %d" % at: content[:at] + bytes([content[at] ^ 1]) + content[at + 1:]
                         for at in (0, len(content) // 3, len(content) // 2, len(content) - 1)}
                for what, damaged in dict(cases, empty=b"", half=content[:len(content) // 2]).items():
                    with self.subTest(leaf=leaf, name=name, what=what):
                        self.write(name, damaged)
                        self.assertEqual(self.verify(self.checking("hard"), leaf), expected)
                        self.assertEqual(self.verify(self.checking("local"), leaf), expected)
                    self.write(name, content)
            shutil.rmtree(self.cache)

    def write(self, name, content):
        with open(os.path.join(self.cache, name), "wb") as file:
            file.write(content)

    def assertCareful(self, setting, seen):
        """Each is what it would be, or unknown."""
        for leaf, outcome in seen.items():
            unknown = [ACCEPTED] if setting == "local" else [NO_ANSWER, NO_ANSWER_ABOVE]
            self.assertIn(outcome, [self.LEAVES[leaf], *unknown], (leaf, seen))

    def test_every_byte_counts(self):
        # That of every 16 bytes one is damaged must do.
        for leaf in ("crl-revoked", "ocsp-revoked"):
            self.fill({leaf: REVOKED})
            self.revocable.silence()
            name, = [name for name in self.cached() if self.serial(leaf) in self.content(name)]
            content = self.content(name)
            for at in range(0, len(content), 16):
                self.write(name, content[:at] + bytes([content[at] ^ 1]) + content[at + 1:])
                self.assertIn(self.verify(self.checking("hard"), leaf), [REVOKED, NO_ANSWER], (leaf, at))
            self.write(name, content)
            self.assertEqual(self.verify(self.checking("hard"), leaf), REVOKED)
            self.server.serve()

    def test_a_failed_url_is_left_alone_by_the_next_process(self):
        self.revocable.silence()
        for _ in range(2):
            self.assertEqual(self.verify(self.checking("soft"), "both-revoked"), ACCEPTED)
            asked = sorted(self.server.asked)
        self.assertEqual(asked, ["crl-both-revoked", "crl-int", OCSP + "both-revoked"])
        self.server.serve()
        self.assertEqual(self.verify(self.checking("hard"), "both-revoked"), NO_ANSWER_ABOVE)
        self.assertNobodyAsked()
        # The twin: one that knows nothing of that.
        self.assertEqual(self.verify(self.checking("soft", cache_dir="off"), "both-revoked"), REVOKED)

    def test_a_stranger_has_no_url_of_a_ca_left_alone(self):
        # It says that its issuer's certificate is where a CA has a list, and where it answers: there is none.
        done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem("stranger"),
                            configuration=self.checking("soft", intermediates="fetch"))
        self.assertIn("error 20 at 0 depth", done.err)
        self.assertEqual(self.server.asked, ["crl-both-revoked", OCSP + "both-revoked"])
        self.server.answers.pop("crl-both-revoked")  # so that the responder is asked, too
        for setting in ("soft", "hard"):
            self.assertEqual(self.verify(self.checking(setting), "both-revoked"), REVOKED)
        # The twin: what a stranger was told is of no use is left alone when a stranger asks for it.
        self.server.forget()
        self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem("stranger"),
                     configuration=self.checking("soft", intermediates="fetch"))
        self.assertNobodyAsked()

    def test_what_nobody_can_believe_is_left_alone_by_the_process(self):
        for leaf in ("crl-impostor", "ocsp-impostor", "crl-expired", "ocsp-tryLater"):
            with self.subTest(leaf):
                for processes in (1, 2):
                    again = self.client("report([verdict(trusting('os://'), %r) for _ in range(2)])" % leaf,
                                        self.checking("hard"), [leaf])[0]
                    self.assertEqual(again, [NO_ANSWER[0]] * 2)
                    self.assertEqual(len([one for one in self.server.asked if leaf in one]), processes, self.server.asked)


# --- the lists beside the system's certificates ----------------------------------------------------

class WithDirectory(RevocationTest):
    """The system's certificates are in a directory."""

    def setUp(self):
        super().setUp()
        self.directory_of_roots = support.hashed_directory(os.path.join(self.work, "roots"), self.name("root-a"))

    def put(self, name, kind, number=0, pem=True):
        """Puts the list that speaks about this certificate there."""
        self.put_list(self.revocable.crl(name, kind), number, pem)

    def put_list(self, content, number=0, pem=True):
        der = os.path.join(self.work, "list.der")
        with open(der, "wb") as out:
            out.write(content)
        done = self.openssl("crl", "-inform", "DER", "-in", der, "-noout", "-hash", configuration=os.devnull)
        path = os.path.join(self.directory_of_roots, "%s.r%d" % (done.out.strip(), number))
        done = self.openssl("crl", "-inform", "DER", "-in", der, "-outform", "PEM" if pem else "DER", "-out", path,
                            configuration=os.devnull)
        self.assertEqual(done.status, 0, done)

    def remove_all(self):
        for name in os.listdir(self.directory_of_roots):
            if ".r" in name:
                os.remove(os.path.join(self.directory_of_roots, name))

    def checking(self, setting, **more):
        return super().checking(setting, trust_source=self.directory_of_roots, **more)


class HashedDirectory(WithDirectory):
    """<hash>.r0 and so on, in the directory of the system's certificates."""

    def test_revoked_is_refused_and_nobody_is_asked(self):
        for setting in ("local", None):
            self.assertEqual(self.verify(self.checking(setting), "neither"), ACCEPTED)
        self.put("neither", "revoked")
        for setting in ("local", None, "hard"):
            self.assertEqual(self.verify(self.checking(setting), "neither"), REVOKED)
            self.assertEqual(self.ask(self.checking(setting), "neither"), REVOKED)
        self.assertEqual(self.verify(self.checking("off"), "neither"), ACCEPTED)
        self.assertEqual(self.verify(self.checking("local"), "both-good"), ACCEPTED)

    def test_in_a_thread_with_another_default_library_context(self):
        # There nobody can tell that it is a TLS connection, with OpenSSL 3.0; the host name says what it is for.
        code = """
import ctypes
crypto = ctypes.CDLL("libcrypto.so.%s")
crypto.OSSL_LIB_CTX_new.restype = crypto.OSSL_LIB_CTX_set0_default.restype = ctypes.c_void_p
crypto.OSSL_LIB_CTX_set0_default.argtypes = [ctypes.c_void_p]
context, own, seen = trusting("os://"), crypto.OSSL_LIB_CTX_new(), []
def inside():
    assert crypto.OSSL_LIB_CTX_set0_default(own) != own
    seen.append(verdict(context, "neither"))
thread = threading.Thread(target=inside)
thread.start()
thread.join()
report(seen + [verdict(context, "neither")])""" % VERSION[0]
        for setting in ("local", "hard"):
            self.assertEqual(self.client(code, self.checking(setting), ["neither"])[0],
                             [ACCEPTED, ACCEPTED] if setting == "local" else [3, 3])
        self.put("neither", "revoked")
        self.put("int", "good")
        for setting in ("local", "hard"):
            self.assertEqual(self.client(code, self.checking(setting), ["neither"])[0], [23, 23])

    def test_of_the_intermediate(self):
        self.assertEqual(self.verify(self.checking("local"), "below-silent"), ACCEPTED)
        self.put("int-silent", "revoked")
        self.assertEqual(self.verify(self.checking("local"), "below-silent"), REVOKED_ABOVE)
        self.assertEqual(self.verify(self.checking("local"), "neither"), ACCEPTED)
        self.assertNobodyAsked()

    def test_they_are_enough_for_hard(self):
        self.put("int-silent", "good")
        self.put("neither", "good")
        self.assertEqual(self.verify(self.checking("hard"), "neither"), ACCEPTED)
        self.assertNobodyAsked()

    def test_they_are_for_clients_too(self):
        for setting in ("local", "hard"):
            self.assertEqual(self.client(self.server_asks, self.checking(setting))[0],
                             "accepted" if setting == "local" else 3)
            self.put("int", "good")
            self.put("client", "good")
            self.assertEqual(self.client(self.server_asks, self.checking(setting))[0], "accepted")
            self.put("client", "revoked")
            self.assertEqual(self.client(self.server_asks, self.checking(setting))[0], 23)
            self.remove_all()
        self.assertNobodyAsked()

    def test_of_several_the_newest(self):
        leaf = self.revocable.leaves["neither"]
        older = leaf.issuer.crl(times=(-2 * HOUR, DAY))
        newer = leaf.issuer.crl(revocation.entry(leaf.serial))
        for first, second in ((older, newer), (newer, older)):
            for pem in (True, False):
                self.put_list(first, 0, pem)
                self.put_list(second, 1, not pem)
                self.assertEqual(self.verify(self.checking("local"), "neither"), REVOKED)

    def test_a_large_list_whose_index_was_damaged(self):
        leaf = self.revocable.leaves["neither"]
        others = [revocation.entry(serial) for serial in range(1, 60000)]
        self.put_list(leaf.issuer.crl(*others, revocation.entry(leaf.serial)))
        self.put("int", "good")
        time.sleep(3)  # a file that was written just now may be written again unseen, so nothing is kept of it
        self.assertEqual(self.by_verify(self.checking("local"), ["neither", "neither-answers"]),
                         {"neither": REVOKED, "neither-answers": ACCEPTED})
        # Its index is in the cache, and nothing else.
        name, = self.cached()
        path = os.path.join(self.cache, name)
        with open(path, "rb") as file:
            good = file.read()
        serial = revocation.integer(leaf.serial)
        self.assertIn(serial, good)
        for at in (0, 100, 400, 1000, len(good) // 3, len(good) - 1, good.index(serial) + 4, good.rindex(serial) + 4):
            with self.subTest(at=at, of=len(good)):
                with open(path, "wb") as file:
                    file.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
                seen = self.by_verify(self.checking("hard"), ["neither", "neither-answers"])
                self.assertIn(seen["neither"], [REVOKED, NO_ANSWER])
                self.assertIn(seen["neither-answers"], [ACCEPTED, NO_ANSWER])
                self.assertEqual(self.verify(self.checking("local"), "neither"), REVOKED)

    def test_what_cannot_be_believed(self):
        for kind in ("impostor revoked", "expired revoked", "future revoked"):
            with self.subTest(kind):
                self.put("neither", kind)
                self.assertEqual(self.verify(self.checking("local"), "neither"), ACCEPTED)

    def test_it_wins_over_what_is_stapled_and_what_was_fetched(self):
        self.assertEqual(self.verify(self.checking("soft"), "ocsp-good"), ACCEPTED)
        for leaf in ("staple-good", "ocsp-good"):
            self.put(leaf, "revoked")
            self.assertEqual(self.ask(self.checking("local"), leaf), REVOKED)

    def test_one_that_comes_and_goes_while_the_program_runs(self):
        self.put("neither", "revoked")
        (name,) = [name for name in os.listdir(self.directory_of_roots) if ".r" in name]
        path = os.path.join(self.directory_of_roots, name)
        seen, _ = self.client("""
path, seen = %r, []
for state in (True, False, True):
    os.rename(*((path + ".away", path) if state else (path, path + ".away"))) if seen else None
    seen.append(verdict(trusting("os://"), "neither"))
report(seen)""" % path, self.checking("local"), ["neither"])
        self.assertEqual(seen, [23, 0, 23])

    def test_what_was_found_holds_for_refresh_seconds_and_for_that_certificate(self):
        leaves = ["neither", "neither-answers"]
        made = [self.revocable.leaves[leaf] for leaf in leaves]
        self.put_list(made[0].issuer.crl(*(revocation.entry(one.serial) for one in made)))
        (name,) = [name for name in os.listdir(self.directory_of_roots) if ".r" in name]
        path = os.path.join(self.directory_of_roots, name)
        for refresh, expected in (("60", [0, 0, 23]), ("0", [0, 23, 23])):
            os.rename(path, path + ".away")
            seen, _ = self.client("""
path, context = %r, trusting("os://")
seen = [verdict(context, "neither")]
os.rename(path + ".away", path)
report(seen + [verdict(context, "neither"), verdict(context, "neither-answers")])""" % path,
                                  self.checking("local", refresh=refresh), leaves)
            self.assertEqual(seen, expected, refresh)


class Substituted(WithDirectory):
    """What a CA did sign, where something else belongs, and what it did not sign at all."""

    def failures_forgotten(self):
        for name in self.cached():
            if not name.startswith(("crl-", "ocsp-")):
                os.remove(os.path.join(self.cache, name))

    def test_a_list_of_another_scope_does_not_take_the_place_of_one(self):
        made = self.revocable.leaves["crl-revoked"]
        for kind in ("another partition", "CAs only"):
            with self.subTest(kind):
                shutil.rmtree(self.cache, ignore_errors=True)
                # One in the last quarter of its life, so that it is fetched again.
                self.server.answers["crl-crl-good"] = ca_issuers.answers(
                    made.issuer.crl(revocation.entry(made.serial), times=(-DAY, HOUR)))
                self.assertEqual(self.verify(self.checking("soft"), "crl-good"), ACCEPTED)
                kept = [name for name in self.cached() if revocation.integer(made.serial) in self.content(name)]
                self.assertEqual(len(kept), 1)
                self.server.forget()
                self.revocable.say_crl("crl-good", kind)
                self.assertEqual(self.verify(self.checking("soft"), "crl-good"), ACCEPTED)
                self.assertIn("crl-crl-good", self.server.asked)
                self.assertIn(revocation.integer(made.serial), self.content(kept[0]))

    def test_a_list_of_another_scope_does_not_stay(self):
        self.revocable.say_crl("crl-revoked", "another partition")
        self.assertEqual(self.verify(self.checking("hard"), "crl-revoked"), NO_ANSWER)
        self.server.serve()
        self.failures_forgotten()
        self.assertEqual(self.verify(self.checking("hard"), "crl-revoked"), REVOKED)

    def test_of_several_deltas_the_newest(self):
        made = self.revocable.leaves["delta-good"]
        deltas = [made.issuer.crl(*entries, number=number, times=(60 * number - HOUR, DAY),
                                  extensions=[revocation.DELTA])
                  for number, entries in ((2, []), (3, [revocation.entry(made.serial)]))]
        self.put("delta-good", "good")
        for first, second in (deltas, deltas[::-1]):
            self.put_list(first, 1)
            self.put_list(second, 2)
            self.assertEqual(self.verify(self.checking("local"), "delta-good"), REVOKED)

    def test_a_forged_indirect_list(self):
        # The peer sends, before the certificate of the list's issuer, one of his own: the same name and the same
        # point, on a curve whose generator it is. Of that key he knows the private part, which is 1.
        leaf = self.revocable.leaves["indirect"]
        issuer = Authority(self.revocable.pki, "int-other")
        genuine = issuer.crl(revocation.entry(leaf.serial, issuer=leaf.issuer.subject),
                             extensions=[issuing_distribution_point(element(0x84, revocation.TRUE))])
        forged = revocation.forged_by_point(issuer.crl(
            times=(-60, DAY), extensions=[issuing_distribution_point(element(0x84, revocation.TRUE))]), issuer)
        impostor = self.file("impostor.pem", ssl.DER_cert_to_PEM_cert(revocation.impostor_by_point(issuer)))
        sent = os.path.join(self.work, "sent.pem")
        for first, content, expected in (([], genuine, REVOKED), ([impostor], forged, NO_ANSWER)):
            with self.subTest(impostor=first):
                with open(sent, "w") as out:
                    for path in (*first, self.pem("int-other"), self.pem("int")):
                        with open(path) as file:
                            out.write(file.read())
                # OpenSSL has read the key identifier of the first only when it looks at the second list.
                for path in ("crl-indirect", "crl-indirect-too"):
                    self.server.answers[path] = ca_issuers.answers(content)
                done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", "-untrusted", sent,
                                    self.pem("indirect"), configuration=self.checking("hard", cache_dir="off"))
                self.assertEqual(re.findall(r"^error (\d+) at (\d+) depth", done.err, re.M),
                                 [tuple(map(str, expected))], done)


# --- what people see -------------------------------------------------------------------------------

class LibraryContexts(support.OstrustTest):
    """What one library context found is no answer for another: one may not verify what the other may."""

    # That only one of them can verify, and without this property query; who can make it.
    DIGEST, QUERY, MAKER = "md4", "provider=default", ("-provider", "default", "-provider", "legacy")

    def setUp(self):
        super().setUp()
        if support.FIPS and self.DIGEST == "md4":
            self.skipTest("beside FIPS the digest is MD5: test_fips.py has these tests")
        self.roots = os.path.join(self.work, "roots")
        os.mkdir(self.roots)
        key = ["-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "2"]
        self.make("req", "-x509", *key, "-subj", "/CN=Old CA", "-addext", "basicConstraints=critical,CA:TRUE",
                  "-keyout", "ca.key", "-out", "ca.pem")
        self.make("req", "-new", *key, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                  "-keyout", "leaf.key", "-out", "leaf.csr")
        self.make("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copy",
                  "-set_serial", "7", "-days", "2", "-out", "leaf.pem")
        self.file("index.txt", "R\t491231235959Z\t200101000000Z\t07\tunknown\t/CN=localhost\n")
        self.file("ca.cnf", "[ca]\ndefault_ca = one\n[one]\ndatabase = index.txt\ndefault_crl_days = 1\n")
        self.make("ca", "-config", "ca.cnf", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem", "-md", self.DIGEST,
                  "-out", "list.pem", *self.MAKER)
        self.hash = self.make("x509", "-noout", "-hash", "-in", "ca.pem").out.strip()
        shutil.copyfile(os.path.join(self.work, "ca.pem"), os.path.join(self.roots, self.hash + ".0"))

    def make(self, *arguments):
        done = support.run([support.OPENSSL, *arguments], support.environment(os.devnull, preload=False), cwd=self.work)
        self.assertEqual(done.status, 0, done)
        return done

    def context(self, setting, old, private="yes"):
        keys = {"trust-source": self.roots, "refresh": "60", "intermediates": "off", "revocation": setting,
                "cache-dir": os.path.join(self.work, "cache"), "network-allow-private": private}
        return self.file("%s-%s-%s.cnf" % (setting, old, private), self.configured(keys, old))

    @staticmethod
    def configured(keys, old):
        """The text for a context. `old`: one that can verify DIGEST."""
        text = support.configuration_text(keys, sections="[legacy_sect]\nactivate = 1\n")
        return text.replace("ostrust = ostrust_sect", "ostrust = ostrust_sect\nlegacy = legacy_sect") if old else text

    def in_turn(self, *contexts):
        done = support.run([os.path.join(support.HOSTS, "contexts_in_turn"), "leaf.pem", "localhost", *contexts],
                           support.environment(self.stock(), preload=False), cwd=self.work)
        self.assertEqual(done.status, 0, done)
        return done.out.splitlines()

    REVOKED, UNKNOWN = "certificate revoked", "unable to get certificate CRL"

    def test_each_answers_as_if_it_were_alone(self):
        shutil.copyfile(os.path.join(self.work, "list.pem"), os.path.join(self.roots, self.hash + ".r0"))
        revoked, unknown = self.REVOKED, self.UNKNOWN
        for setting, without in (("local", "accepted"), ("hard", unknown)):
            new, old = self.context(setting, False), self.context(setting, True)
            for order in ([new], [old], [new, old, new], [old, new, old]):
                with self.subTest(setting, order=order):
                    self.assertEqual(self.in_turn(*order), [revoked if one == old else without for one in order])

    def serve(self, pointer, signer="ca", digest=None):
        """Gives the leaf this extension, with one of two URLs: of the list, or of the response that `signer` signed."""
        server = revocation.RevocationServer()
        self.addCleanup(server.close)
        self.file("pointer.cnf", pointer % {"list": server.url("list"), "ocsp": server.url(OCSP + "here")})
        self.make("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copy",
                  "-set_serial", "7", "-days", "2", "-extfile", "pointer.cnf", "-out", "leaf.pem")
        self.make("crl", "-in", "list.pem", "-outform", "DER", "-out", "list.der")
        self.make("ocsp", "-issuer", "ca.pem", "-cert", "leaf.pem", "-no_nonce", "-reqout", "request.der")
        self.make("ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", signer + ".pem", "-rkey", signer + ".key",
                  "-reqin", "request.der", "-ndays", "1", "-rmd", digest or self.DIGEST, "-respout", "response.der",
                  *self.MAKER)
        with open(os.path.join(self.work, "list.der"), "rb") as file:
            server.answers["list"] = ca_issuers.answers(file.read())
        with open(os.path.join(self.work, "response.der"), "rb") as file:
            said = ca_issuers.answers(file.read(), Content_Type="application/ocsp-response")
        server.responders[OCSP + "here"] = lambda about: said
        return server

    LIST = "crlDistributionPoints = URI:%(list)s\n"

    def assertInTurn(self, expected):
        """[(context, what it says)], with an empty cache."""
        shutil.rmtree(os.path.join(self.work, "cache"), ignore_errors=True)
        self.assertEqual(self.in_turn(*[context for context, _ in expected]), [said for _, said in expected])

    def test_what_one_cannot_believe_is_fetched_by_the_other(self):
        server = self.serve(self.LIST)
        for setting, without in (("soft", "accepted"), ("hard", self.UNKNOWN)):
            with self.subTest(setting):
                new, old = self.context(setting, False), self.context(setting, True)
                self.assertInTurn([(new, without), (new, without)])
                self.assertEqual(server.asked, ["list"])  # left alone by who could not believe it
                server.forget()
                self.assertInTurn([(new, without), (old, self.REVOKED)])
                self.assertEqual(server.asked, ["list", "list"])
                server.forget()

    def test_what_one_cannot_believe_is_fetched_by_another_process(self):
        server = self.serve(self.LIST)
        for setting, without in (("soft", "accepted"), ("hard", self.UNKNOWN)):
            with self.subTest(setting):
                # Each is the first context of its process.
                self.assertInTurn([(self.context(setting, False), without)])
                self.assertEqual(self.in_turn(self.context(setting, True)), [self.REVOKED])
                self.assertEqual(server.asked, ["list", "list"])
                server.forget()

    def test_where_one_may_not_go_the_other_goes(self):
        self.serve(self.LIST)
        self.assertInTurn([(self.context("soft", True, private="no"), "accepted"),
                           (self.context("soft", True), self.REVOKED)])

    def test_a_response_is_verified_with_the_algorithms_of_the_verification(self):
        self.make("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Responder", "-keyout", "responder.key",
                  "-out", "responder.csr")
        self.file("responder.cnf", "extendedKeyUsage = OCSPSigning\n")
        self.make("x509", "-req", "-in", "responder.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "8",
                  "-days", "2", "-sha256", "-extfile", "responder.cnf", "-out", "responder.pem")
        new, old = self.context("hard", False), self.context("hard", True)
        for signer, digest, by_new in (("ca", self.DIGEST, self.UNKNOWN), ("responder", self.DIGEST, self.UNKNOWN),
                                       ("ca", "sha256", self.REVOKED), ("responder", "sha256", self.REVOKED)):
            with self.subTest(signer, digest=digest):
                self.serve("authorityInfoAccess = OCSP;URI:%(ocsp)s\n", signer, digest)
                for context, said in ((new, by_new), (old, self.REVOKED), (old + "?" + self.QUERY, by_new)):
                    self.assertInTurn([(context, said)])


class LackingOpenSsl(RevocationTest):
    """A libcrypto that does not export all that it takes to look for revocation: a copy of the system's in which one name is
    another. The names are of functions that OpenSSL itself does not call by name, from 3.0 to 4.0: not in libcrypto (Debian
    13's asks the loader for those that it calls), libssl, or the openssl command."""

    LACKING = ("OCSP_SINGLERESP_get_ext_by_critical", "BIO_meth_set_read")
    # All verdicts need it: without it there is only the store loader.
    UNBOUND = "X509_LOOKUP_meth_get_get_by_issuer_serial"

    def without(self, name):
        """What its LD_LIBRARY_PATH has to be."""
        mapped = re.search(r"libcrypto\S+ => (/\S+)", subprocess.run(
            ["ldd", shutil.which(support.OPENSSL)], stdout=subprocess.PIPE, check=True, text=True).stdout).group(1)
        content = support.without_name(mapped, name)
        directory = os.path.join(self.work, name or "whole")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, os.path.basename(mapped)), "wb") as out:
            out.write(content)
        return directory

    def ask_in(self, name, setting, leaf, option="-CAfile", **more):
        done = self.openssl("verify", "-verify_hostname", "localhost", option, "os://", self.pem(leaf),
                            configuration=self.checking(setting, **more), LD_LIBRARY_PATH=self.without(name))
        errors = re.findall(r"^error (\d+) at (\d+) depth", done.err, re.M)
        self.assertEqual(done.status, 2 if errors else 0, done)
        return tuple(map(int, errors[0])) if errors else ACCEPTED, done

    def test_hard_refuses(self):
        # The twin: the copy alone changes nothing.
        self.assertEqual(self.ask_in(None, "hard", "direct-good")[0], ACCEPTED)
        for name in self.LACKING:
            with self.subTest(name):
                seen, done = self.ask_in(name, "hard", "direct-good")
                self.assertEqual(seen, NO_ANSWER, done)
                self.assertIn("CN=direct-good at depth 0 is of unknown revocation status: this OpenSSL lacks what it "
                              "takes to find out", done.err)
                because = "; revocation: off, because this OpenSSL lacks what it takes to look for it"
                self.assertIn(because + ": servers are refused; verify: platform", done.err)
                seen, done = self.ask_in(name, "hard", "direct-good", verify="report")
                self.assertEqual(seen, ACCEPTED, done)
                self.assertIn(because + "; verify: report", done.err)

    @unittest.skipUnless(os.path.exists(TOOL), "the tool was not built")
    def test_status_says_so(self):
        loader_only = "only os:// opened as an OpenSSL store works: "
        for name, setting, said in (
                (None, "hard", None),
                (self.LACKING[0], "hard", "every server is refused: revocation = hard, and this OpenSSL lacks "),
                (self.LACKING[0], "soft", None),
                (self.UNBOUND, "hard", "nothing is served: revocation = hard cannot be kept in this OpenSSL: "),
                (self.UNBOUND, "soft", loader_only)):
            with self.subTest(name, setting=setting):
                done = support.run([TOOL, "status", "--json", "--program", support.OPENSSL], support.environment(
                    self.checking(setting), LD_LIBRARY_PATH=self.without(name)))
                first = next((finding for finding in json.loads(done.out)["findings"] if finding["level"] == "problem"), None)
                self.assertEqual(first is None, said is None, done)
                self.assertTrue(first is None or first["text"].startswith(said), done)
                self.assertEqual("or set revocation = soft in [" in done.out, bool(said) and setting == "hard", done)

    @unittest.skipUnless(os.path.exists(TOOL), "the tool was not built")
    def test_nothing_is_started_that_hard_would_leave_without_servers(self):
        kept, refuses = "revocation = hard cannot be kept in this OpenSSL: ", "revocation = hard would refuse every server: "
        for name, setting, said in ((None, "hard", None), (self.LACKING[0], "soft", None), (self.LACKING[0], "hard", refuses),
                                    (self.UNBOUND, "soft", None), (self.UNBOUND, "hard", kept)):
            with self.subTest(name, setting=setting):
                done = support.run([TOOL, "run", "--set", "revocation=" + setting, "--", support.OPENSSL, "version"],
                                   support.environment(os.devnull, LD_LIBRARY_PATH=self.without(name), HOME=self.work))
                self.assertEqual(done.status, 125 if said else 0, done)
                self.assertTrue(done.err.startswith("ostrust run: " + (said or "")) or not said, done)

    def test_where_nothing_can_be_judged_hard_hands_nothing_out(self):
        for option in ("-CAfile", "-CAstore"):
            self.assertEqual(self.ask_in(None, "hard", "direct-good", option)[0], ACCEPTED)
        unhooked = os.path.join(os.path.dirname(support.MODULE), "test", "ostrust-unhooked.so")
        for name, more in ((self.UNBOUND, {}), (None, {"module": unhooked})):
            for setting, expected in (("soft", ACCEPTED), ("hard", None)):
                with self.subTest(name, setting=setting):
                    done = self.openssl("verify", "-verify_hostname", "localhost", "-CAstore", "os://",
                                        self.pem("direct-good"), configuration=self.checking(setting, **more),
                                        LD_LIBRARY_PATH=self.without(name))
                    self.assertEqual(done.status == 0, expected == ACCEPTED, done)
                    self.assertEqual("revocation = hard cannot be kept in this OpenSSL: " in done.err, setting == "hard", done)

    def test_the_others_do_not(self):
        self.assertEqual(self.ask_in(None, "soft", "direct-revoked")[0], REVOKED)
        for name in self.LACKING:
            for setting in ("local", "soft"):
                with self.subTest(name, setting=setting):
                    self.assertEqual(self.ask_in(name, setting, "direct-revoked")[0], ACCEPTED)


class Told(RevocationTest):
    """What is logged, reported and forgiven."""

    def s_client(self, configuration, leaf, *options):
        return self.openssl("s_client", "-verify_hostname", "localhost", "-CAfile", "os://", *options,
                            "-connect", "127.0.0.1:%d" % self.world().port(leaf), configuration=configuration)

    def test_a_sentence_says_which_certificate_and_where(self):
        for leaf, named, depth in (("crl-revoked", "CN=crl-revoked", 0), ("ocsp-revoked", "CN=ocsp-revoked", 0),
                                   ("below-revoked", "CN=CA int-revoked", 1)):
            with self.subTest(leaf):
                done = self.s_client(self.checking("soft"), leaf, "-verify_return_error")
                self.assertNotEqual(done.status, 0, done)
                self.assertSays("num=23:certificate revoked", done)
                said = [line for line in done.err.splitlines()
                        if named in line and ("ostrust[" in line or ":error:" in line)]
                self.assertTrue(any("ostrust[" in line for line in said), done)  # the log
                self.assertTrue(any(":error:" in line for line in said), done)  # the error queue
                for line in said:
                    self.assertIn("depth %d" % depth, line, done)

    def test_a_sentence_says_what_was_tried(self):
        self.server.serve()
        for leaf, tried in (("neither", []), ("neither-answers", ["crl-neither-answers", OCSP + "neither-answers"])):
            with self.subTest(leaf):
                done = self.s_client(self.checking("hard"), leaf, "-verify_return_error")
                self.assertNotEqual(done.status, 0, done)
                self.assertSays("num=3:unable to get certificate CRL", done)
                said = [line for line in done.err.splitlines() if "CN=" + leaf in line and "depth 0" in line]
                self.assertTrue(any("ostrust[" in line for line in said), done)
                queued = [line for line in said if ":error:" in line]
                self.assertTrue(queued, done)
                for path in tried:
                    self.assertIn(self.server.url(path), queued[0], done)

    @COMMAND_ASKS
    def test_a_missing_staple_is_called_so(self):
        done = self.s_client(self.checking("local"), "must-staple-missing", "-verify_return_error")
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("num=73:OCSP verification needed", done)
        self.assertTrue([line for line in done.err.splitlines()
                         if "CN=must-staple-missing" in line and ":error:" in line], done)

    def test_report_says_it_and_accepts(self):
        for leaf, setting, words in (("crl-revoked", "soft", "revoked"), ("below-revoked", "soft", "revoked"),
                                     ("staple-revoked", "local", "revoked"), ("neither-answers", "hard", "depth 0"),
                                     ("must-staple-missing", "local", "depth 0")):
            if leaf == "staple-revoked" and not SERVERS_STAPLE:
                continue
            with self.subTest(leaf):
                codes, done = self.client("report(verdict(trusting('os://'), %r))" % leaf,
                                          self.checking(setting, verify="report"), [leaf])
                self.assertEqual(codes, ACCEPTED)
                named = leaf.replace("below", "int")
                said = [line for line in done.err.splitlines() if "ostrust[" in line and named in line]
                self.assertTrue(said, done)
                self.assertIn(words, "".join(said))
                # The twin: without report it is refused.
                self.assertNotEqual(self.ask(self.checking(setting, cache_dir="off"), leaf), ACCEPTED)

    def test_a_callback_that_forgives_is_obeyed(self):
        # That of s_client, without -verify_return_error, forgives everything.
        for leaf, setting, depth, code in (("crl-revoked", "soft", 0, "23:certificate revoked"),
                                           ("below-revoked", "soft", 1, "23:certificate revoked"),
                                           ("neither", "hard", 0, "3:unable to get certificate CRL"),
                                           ("must-staple-missing", "local", 0, "73:OCSP verification needed")):
            if leaf == "must-staple-missing" and VERSION >= (4, 0):
                continue  # COMMAND_ASKS
            with self.subTest(leaf):
                done = self.s_client(self.checking(setting), leaf, "-verify", "5")
                self.assertEqual(done.status, 0, done)
                said = re.findall(r"^depth=(\d+) .*\nverify error:num=(.*)", done.err, re.M)
                self.assertEqual(said, [(str(depth), code)], done)
                self.assertSays("Verify return code: " + code.replace(":", " (") + ")", done)

    def test_the_build_info_says_the_setting(self):
        for setting, said in (("off", "off"), (None, "local"), ("local", "local"), ("soft", "soft"), ("hard", "hard")):
            done = self.openssl("list", "-providers", "-verbose", configuration=self.checking(setting))
            self.assertSays("revocation: " + said, done)

    def test_a_value_that_is_none_is_named(self):
        done = self.openssl("list", "-providers", "-verbose", configuration=self.checking("always"))
        for words in ("revocation", "always", "off", "local", "soft", "hard"):
            self.assertSays(words, done)
        done = self.openssl("verify", "-CAfile", "os://", self.pem("neither"), configuration=self.checking("always"))
        self.assertSays("Error loading file os://", done)


# --- the application's own lists -------------------------------------------------------------------

class OwnLists(RevocationTest):
    """CRLs and X509_V_FLAG_CRL_CHECK of the application's."""

    def list_of(self, name, kind):
        path = os.path.join(self.work, name + ".crl")
        with open(path + ".der", "wb") as out:
            out.write(self.revocable.crl(name, kind))
        done = self.openssl("crl", "-inform", "DER", "-in", path + ".der", "-out", path, configuration=os.devnull)
        self.assertEqual(done.status, 0, done)
        return path

    def ask_with(self, configuration, anchors, leaf, lists, flags):
        code = """
context = trusting(*%r)
context.verify_flags |= ssl.%s
report(verdict(context, %r))""" % ((anchors, *lists), flags, leaf)
        return self.client(code, configuration, [leaf])[0]

    def test_they_work_as_without_ostrust(self):
        for kind in ("good", "revoked", "expired", "impostor"):
            own = [self.list_of("neither", kind)]
            for lists, flags in ((own, "VERIFY_CRL_CHECK_LEAF"), ([], "VERIFY_CRL_CHECK_LEAF"), (own, "VERIFY_DEFAULT"),
                                 (own, "VERIFY_CRL_CHECK_CHAIN"),
                                 (own + [self.list_of("int", "good")], "VERIFY_CRL_CHECK_CHAIN")):
                expected = self.ask_with(self.stock(), self.bundle, "neither", lists, flags)
                for setting in ("off", "local", "soft"):
                    with self.subTest(kind=kind, lists=lists, flags=flags, setting=setting):
                        seen = self.ask_with(self.checking(setting), "os://", "neither", lists, flags)
                        self.assertEqual(seen, expected)
        self.assertEqual(self.server.asked.count("crl-neither"), 0)

    def test_both_are_looked_at(self):
        # The application's list says good, what was fetched says revoked; and the other way round.
        good, revoked = self.list_of("crl-revoked", "good"), self.list_of("crl-good", "revoked")
        for leaf, own, stock in (("crl-revoked", good, 0), ("crl-good", revoked, 23)):
            with self.subTest(leaf):
                self.assertEqual(self.ask_with(self.stock(), self.bundle, leaf, [own], "VERIFY_CRL_CHECK_LEAF"), stock)
                seen = self.ask_with(self.checking("soft"), "os://", leaf, [own], "VERIFY_CRL_CHECK_LEAF")
                self.assertEqual(seen, 23)
        # What was fetched is no list of the application's.
        self.assertEqual(self.verify(self.checking("soft"), "crl-good"), ACCEPTED)
        self.assertEqual(self.ask_with(self.checking("soft"), "os://", "crl-good", [], "VERIFY_CRL_CHECK_LEAF"), 3)


# --- time, and several at once ---------------------------------------------------------------------

class Deadline(RevocationTest):
    """A server that never answers costs network-timeout, once for everything."""

    def test_it_holds(self):
        for path in ("crl-both-good", "crl-int"):
            self.server.answers[path] = ca_issuers.never_answers
        self.server.responders[OCSP + "both-good"] = lambda about: ca_issuers.never_answers
        for setting, expected in (("soft", ACCEPTED), ("hard", NO_ANSWER_ABOVE)):
            for program in (self.verify, self.ask):
                with self.subTest(setting=setting, program=program.__name__):
                    self.server.forget()
                    begin = time.monotonic()
                    seen = program(self.checking(setting, cache_dir="off", network_timeout=2), "both-good")
                    took = time.monotonic() - begin
                    self.assertEqual(seen, expected)
                    self.assertLess(took, 2 + MARGIN)
                    self.assertTrue(self.server.asked)

    def test_a_context_that_verifies_again_has_it_again(self):
        # The first has used it up: for its list, or in vain for the intermediate that it names.
        for first, silent in (("crl-good", ["crl-crl-good"]),
                              ("stranger", ["crl-both-revoked", OCSP + "both-revoked"])):
            self.server.serve()
            self.server.responders.pop(OCSP + "both-revoked")
            self.server.answers.update((path, ca_issuers.never_answers) for path in silent)
            configuration = self.checking("soft", intermediates="fetch", cache_dir="off", network_timeout=1, log="off")
            for again in ("crl-revoked", "ocsp-revoked"):
                with self.subTest(first=first, again=again):
                    answer = support.verify_chain(
                        ["leaf=" + self.pem(first), "then=" + self.pem(again), "untrusted=" + self.pem("int"),
                         "anchors=os://", "host=localhost", "callback=store"], configuration, self.work)
                    self.assertEqual(answer[:2], ["refused", "23"])
                    self.assertLessEqual(set(silent), set(self.server.asked))

    def test_one_that_sends_without_end(self):
        for behaviour in (ca_issuers.sends_for_ever(ca_issuers.response(b"\x30\x84\x7f\xff\xff\xff", length=1 << 31),
                                                    b"x" * 65536),
                          ca_issuers.drips(ca_issuers.response(self.revocable.crl("crl-revoked", "revoked")))):
            self.server.answers["crl-crl-revoked"] = behaviour
            begin = time.monotonic()
            seen = self.verify(self.checking("hard", cache_dir="off", network_timeout=2), "crl-revoked")
            self.assertEqual(seen, NO_ANSWER)
            self.assertLess(time.monotonic() - begin, 2 + MARGIN)


class AtOnce(RevocationTest):
    """Threads and processes that want the same at the same time."""

    def take_time(self):
        """Every answer takes a while."""
        for path in ("crl-int", "crl-crl-good", "crl-crl-revoked"):
            self.server.answers[path] = slowly(self.server.answers[path], 0.5)
        for leaf in ("ocsp-good", "ocsp-revoked"):
            def respond(about, original=self.server.responders[OCSP + leaf]):
                return slowly(original(about), 0.5)
            self.server.responders[OCSP + leaf] = respond

    LEAVES = collections.OrderedDict((("crl-good", ACCEPTED), ("crl-revoked", REVOKED), ("ocsp-good", ACCEPTED),
                                      ("ocsp-revoked", REVOKED)))
    PATHS = ("crl-int", "crl-crl-good", "crl-crl-revoked", OCSP + "ocsp-good", OCSP + "ocsp-revoked")

    def assertAskedAboutOnce(self, most):
        counts = collections.Counter(self.server.asked)
        self.assertEqual(set(counts), set(self.PATHS))
        self.assertLessEqual(max(counts.values()), most, counts)

    def test_eight_threads(self):
        self.take_time()
        code = """
leaves, seen = %r, []
def work():
    seen.append([verdict(trusting("os://"), leaf) for leaf in leaves])
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
report(seen)""" % list(self.LEAVES)
        seen, done = self.client(code, self.checking("hard", network_timeout=30), list(self.LEAVES))
        self.assertEqual(seen, [list(map(code_of, self.LEAVES.values()))] * 8, done)
        self.assertAskedAboutOnce(2)

    def test_four_processes(self):
        self.take_time()
        command = [support.OPENSSL, "verify", "-verify_hostname", "localhost", "-CAfile", "os://", "-untrusted",
                   self.pem("untrusted"), *map(self.pem, self.LEAVES)]
        environment = support.environment(self.checking("hard", network_timeout=30))
        processes = [subprocess.Popen(command, env=environment, cwd=self.work, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        for process in processes:
            out, err = process.communicate(timeout=120 * SLOWER)
            self.assertEqual(len(re.findall(b": OK\n", out)), 2, out + err)
            self.assertEqual(len(re.findall(b"error 23 at 0 depth", err)), 2, out + err)
        self.assertAskedAboutOnce(2)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
