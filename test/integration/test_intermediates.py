#!/usr/bin/env python3
"""Servers that forget their intermediates, through programs that know nothing of ostrust.

The certificates and the server behind their caIssuers URLs are of test/pki/ca_issuers.py. The server is on the
loopback interface, so `network-allow-private` is yes here; test_intermediates_network.py has tests of the
default. Without ostrust each of these servers is refused with UNKNOWN.
"""
import atexit
import glob
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import support
from support import MARKER, OstrustTest, SLOWER

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import ca_issuers  # noqa: E402
from pki import Pki  # noqa: E402
from test_p11_kit import HANDSHAKE  # noqa: E402
from test_verified_chains import CLIENT as CHAINS  # noqa: E402

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"
MARGIN = 15 * SLOWER  # seconds beyond network-timeout that are nobody's business
MACHINE_CACHE = "/var/cache/ostrust"


def why_not():
    if os.path.exists(MACHINE_CACHE):
        return "%s is there, and would have a part in this" % MACHINE_CACHE
    return None


class World:
    """The certificates and their server: made once, used by all tests of a process."""

    _only = None
    make = staticmethod(ca_issuers.make)

    def __init__(self, server):
        self.directory = tempfile.mkdtemp(prefix="ostrust-test-")
        atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        self.server = server
        self.pki = Pki(self.directory, support.OPENSSL)
        self.make(self.pki, server)

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls(ca_issuers.CaIssuers())
        return cls._only


class MissingTest(OstrustTest):
    """A test whose system trusts Root A, and whose caches are empty."""

    leaves = ()  # whom connect() reaches

    @classmethod
    def world(cls):
        return World.get()

    def setUp(self):
        super().setUp()
        world = self.world()
        self.server = world.server
        self.server.serve()
        self.directory = world.directory
        self.cache = os.path.join(self.work, "cache")
        self.trust("root-a")

    @property
    def servers(self):
        return tuple(map(self.name, self.leaves))

    def name(self, name):
        """As test/integration/support.py wants it."""
        return os.path.join(self.directory, name)

    def pem(self, name):
        return self.name(name) + ".pem"

    def der(self, name):
        return ca_issuers.der_of(self.pem(name))

    def trust(self, *names):
        self.store(*map(self.name, names))

    def missing(self, intermediates="fetch", **more):
        """A configuration; `more` with underscores."""
        keys = {"intermediates": intermediates, "network-allow-private": "yes", "cache-dir": self.cache,
                "log": "info"}
        keys.update((key.replace("_", "-"), value) for key, value in more.items())
        return self.ostrust(keys)

    def run_python(self, code, configuration, **env):
        """As python(); the code can connect("leaf")."""
        return self.python("""
connect_by_path = connect
def connect(context, name, *more): return connect_by_path(context, os.path.join(%r, name), *more)
def pem_of(name): return os.path.join(%r, name + ".pem")
""" % (self.directory, self.directory) + code, configuration, **env)

    def connect(self, leaf, configuration, **env):
        """What a new process says of the server that sends this."""
        self.leaves = (leaf,)
        return self.run_python("report(connect(ssl.create_default_context(), %r))" % leaf, configuration,
                               **env)

    def stock_verdict(self, leaf):
        """What stock OpenSSL says, which trusts the same."""
        self.leaves = (leaf,)
        return self.run_python("report(connect(trusting(BUNDLE), %r))" % leaf, self.stock())

    def cached(self):
        """The names of the files in the cache."""
        return sorted(os.listdir(self.cache)) if os.path.isdir(self.cache) else []

    def assertAsked(self, *paths):
        """These and no others were asked for, in this order; then that is forgotten."""
        self.assertEqual(self.server.targets, ["/" + path for path in paths])
        self.assertNobodyElse(len(paths))
        self.server.forget()

    def assertNobodyElse(self, count=0):
        self.assertEqual(self.server.connections, count, self.server.requests)

    def assertNobodyAsked(self):
        self.assertNobodyElse(0)


# --- programs --------------------------------------------------------------------------------------

class Programs(MissingTest):
    """What each program makes of a server that sends only its leaf."""

    leaves = ("leaf", "leaf-2", "leaf-3")

    def by_python(self, configuration, anchors, leaf="leaf"):
        return self.run_python("report(connect(trusting(%r), %r))" % (anchors, leaf), configuration)

    def by_default_context(self, configuration, anchors, leaf="leaf"):
        made = "ssl.create_default_context()" if anchors == "os://" else "trusting(%r)" % anchors
        return self.run_python("report(connect(%s, %r))" % (made, leaf), configuration)

    def by_asyncio(self, configuration, anchors, leaf="leaf"):
        return self.run_python("""
import asyncio
async def talk():
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", list(T["ports"].values())[0],
                                                  ssl=trusting(%r), server_hostname="localhost")
    except ssl.SSLCertVerificationError as error: return error.verify_message
    writer.close()
    return ACCEPTED
report(asyncio.run(talk()))""" % anchors, configuration)

    def port(self, leaf):
        return support.port_of(self.name(leaf))

    def by_curl(self, configuration, anchors, leaf="leaf"):
        marker = MARKER if anchors == "os://" else anchors
        done = support.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--ipv4", "--cacert", marker,
                            "--capath", self.work, "https://localhost:%d/" % self.port(leaf)],
                           support.environment(configuration), cwd=self.work)
        if done.status == 0:
            self.assertEqual(done.out, "hello\n", done)
            return ACCEPTED
        self.assertEqual(done.status, 60, done)
        return re.search(r"SSL certificate (?:problem|OpenSSL verify result): ([^(\n]*[^ (\n])", done.text).group(1)

    def by_s_client(self, configuration, anchors, leaf="leaf"):
        done = self.openssl("s_client", "-verify_return_error", "-verify_hostname", "localhost", "-CAfile", anchors,
                            "-connect", "127.0.0.1:%d" % self.port(leaf), configuration=configuration)
        found = re.search(r"Verif(?:y return code: |y error:num=|ication error: )(?:\d+ \(|\d+:)?([^)\n]*)", done.text)
        self.assertTrue(found, done)
        self.assertEqual(done.status == 0, found.group(1) == "ok", done)
        return ACCEPTED if found.group(1) == "ok" else found.group(1)

    def by_verify(self, configuration, anchors, leaf="leaf"):
        done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", anchors, self.pem(leaf),
                            configuration=configuration)
        if done.status == 0:
            return ACCEPTED
        return re.search(r"error 20 at 0 depth lookup: (.*)", done.text).group(1)

    def assertCompletedBy(self, program):
        for intermediates in ("off", "local"):
            self.assertEqual(program(self.missing(intermediates), "os://"), UNKNOWN, intermediates)
        self.assertEqual(program(self.stock(), self.bundle), UNKNOWN)
        self.assertNobodyAsked()
        self.assertEqual(self.cached(), [])
        self.assertEqual(program(self.missing(), "os://"), ACCEPTED)
        self.assertAsked("int")
        self.assertNotEqual(self.cached(), [])
        # The next process needs no network.
        for intermediates in ("fetch", "local"):
            self.assertEqual(program(self.missing(intermediates), "os://"), ACCEPTED, intermediates)
        self.assertEqual(program(self.missing("off"), "os://"), UNKNOWN)
        self.assertEqual(program(self.stock(), self.bundle), UNKNOWN)
        self.assertNobodyAsked()

    def test_python(self):
        self.leaves = ("leaf",)
        self.assertCompletedBy(self.by_python)

    def test_python_with_a_default_context(self):
        self.leaves = ("leaf",)
        self.assertCompletedBy(self.by_default_context)

    def test_asyncio(self):
        self.leaves = ("leaf",)
        self.assertCompletedBy(self.by_asyncio)

    @unittest.skipIf(shutil.which("curl") is None, "there is no curl")
    @unittest.skipIf(support.SANITIZER, "curl does not survive a sanitizer's runtime")
    def test_curl(self):
        version = re.match(r"curl (\d+)\.(\d+)", support.run(["curl", "--version"], dict(os.environ)).out)
        if tuple(map(int, version.groups())) < (8, 23):
            return self.assertCompletedBy(self.by_curl)
        # It has OpenSSL verify under SSL_VERIFY_NONE, and looks at the result afterwards.
        self.assertEqual(self.by_curl(self.missing(), "os://"), UNKNOWN)
        self.assertNobodyAsked()

    def test_s_client(self):
        self.assertCompletedBy(self.by_s_client)

    def test_verify(self):
        self.assertCompletedBy(self.by_verify)

    def test_verify_for_servers_where_the_purpose_can_be_read(self):
        # As Ruby's OpenSSL::X509::Store does it; X509_VERIFY_PARAM_get_purpose() came with 3.5.
        version = re.match(r"OpenSSL (\d+)\.(\d+)", self.openssl("version", configuration=self.stock()).out)
        readable = tuple(map(int, version.groups())) >= (3, 5)
        for more, expected in ((["-untrusted", self.pem("int-u")], ACCEPTED if readable else UNKNOWN), ([], UNKNOWN)):
            done = self.openssl("verify", "-purpose", "sslserver", *more, "-CAfile", "os://", self.pem("leaf"),
                                configuration=self.missing(cache_dir="off"))
            self.assertEqual(done.status == 0, expected == ACCEPTED, done)
        self.assertEqual(self.server.connections, 1 if readable else 0)

    def test_no_key_at_all_is_local(self):
        configuration = self.missing(None)
        self.assertEqual(self.by_verify(configuration, "os://"), UNKNOWN)
        self.assertNobodyAsked()
        self.assertEqual(self.by_verify(self.missing(), "os://"), ACCEPTED)
        self.server.forget()
        self.assertEqual(self.by_verify(self.missing(None), "os://"), ACCEPTED)
        self.assertNobodyAsked()

    def test_two_and_three_certificates_that_are_missing(self):
        self.assertEqual(self.by_verify(self.missing(cache_dir="off"), "os://", "leaf-2"), ACCEPTED)
        self.assertAsked("middle", "upper")
        self.assertEqual(self.by_verify(self.missing(), "os://", "leaf-3"), ACCEPTED)
        self.assertAsked("lower", "middle", "upper")
        self.assertEqual(self.by_verify(self.missing("local"), "os://", "leaf-3"), ACCEPTED)
        self.assertNobodyAsked()

    def test_what_lies_between_may_come_from_the_cache(self):
        self.assertEqual(self.by_verify(self.missing(), "os://", "leaf-2"), ACCEPTED)
        self.assertAsked("middle", "upper")
        self.assertEqual(self.by_verify(self.missing(), "os://", "leaf-3"), ACCEPTED)
        self.assertAsked("lower")

    def test_what_the_server_sent_is_not_asked_for(self):
        for sent, asked in (("lower", ("middle", "upper")), ("middle", ("lower", "upper")),
                            ("upper", ("lower", "middle")), ("int-u", ("lower", "middle", "upper"))):
            with self.subTest(sent):
                self.assertEqual(self.connect("leaf-3-" + sent, self.missing(cache_dir="off")), ACCEPTED)
                self.assertAsked(*asked)
                self.assertEqual(self.stock_verdict("leaf-3-" + sent), UNKNOWN)

    def test_without_the_last_one_nothing_is_accepted_or_kept(self):
        del self.server.answers["upper"]
        for leaf in ("leaf-2", "leaf-3"):
            self.assertEqual(self.connect(leaf, self.missing()), self.stock_verdict(leaf))
        self.assertIn("/upper", self.server.targets)
        # Nor is `middle`, which could be had.
        self.assertEqual(self.by_verify(self.missing("local"), "os://", "leaf-2"), UNKNOWN)


@unittest.skipIf(sys.version_info < (3, 10), "CPython 3.10 or later is needed")
class VerifiedChain(MissingTest):
    """The chain an application sees."""

    def chains(self, leaf, configuration, anchors="os://", flags=0):
        self.leaves = (leaf,)
        return self.run_python(CHAINS + """
context = trusting(%r)
context.verify_flags |= %d
report(connect(context, %r, both))""" % (anchors, flags, leaf), configuration)

    def digests(self, *names):
        return self.run_python("import hashlib\nreport([hashlib.sha256(ssl.PEM_cert_to_DER_cert(open(pem_of(name)"
                               ").read())).hexdigest() for name in %r])" % (names,), self.stock())

    def test_it_is_whole_and_what_was_sent_is_what_was_sent(self):
        for flags in (0, 0x80000):
            for leaf, *above in (("leaf", "int"), ("leaf-2", "middle", "upper"),
                                 ("leaf-3", "lower", "middle", "upper")):
                with self.subTest(leaf=leaf, flags=flags):
                    cache = os.path.join(self.work, "cache-%s-%d" % (leaf, flags))
                    expected = [self.digests(leaf, *above, "root-a"), self.digests(leaf)]
                    for _ in ("fetched", "from the cache"):
                        self.assertEqual(self.chains(leaf, self.missing(cache_dir=cache), flags=flags), expected)
                    self.assertAsked(*above)
                    self.assertEqual(self.chains(leaf, self.stock(), self.bundle, flags), UNKNOWN)

    def test_of_a_whole_chain_it_is_as_without_ostrust(self):
        self.assertEqual(self.chains("leaf-full", self.missing()),
                         self.chains("leaf-full", self.stock(), self.bundle))
        self.assertNobodyAsked()

    def test_a_server_sends_what_it_sent_before(self):
        # A server whose store is governed completes its own chain from it (libssl's automatic chain).
        code = HANDSHAKE + CHAINS + """
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), bare()
load(server, %r)
server.load_verify_locations(%r)
client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
sides = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
for turn in range(10):
    for side in sides:
        try: side.do_handshake()
        except ssl.SSLWantReadError: pass
sent = sides[0].get_unverified_chain if sys.version_info >= (3, 13) else sides[0]._sslobj.get_unverified_chain
report(len(sent()))"""
        # With `int` in the cache, too.
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        self.server.forget()
        for cache in (os.path.join(self.work, "empty"), self.cache):
            for leaf, count in (("leaf", 1), ("leaf-full", 2), ("leaf-direct", 2)):
                with self.subTest(leaf=leaf, cache=cache):
                    seen = self.run_python(code % (self.name(leaf), "os://"), self.missing(cache_dir=cache))
                    stock = self.run_python(code % (self.name(leaf), self.bundle), self.stock())
                    self.assertEqual((seen, stock), (count, count))
        self.assertNobodyAsked()


# --- where an issuer is found ----------------------------------------------------------------------

class Local(MissingTest):
    """Without the network: what this process saw, and what is in the cache."""

    leaves = ("leaf", "leaf-full", "leaf-silent")
    ASK = "report([connect(ssl.create_default_context(), name) for name in %r])"

    def test_a_process_remembers_the_intermediates_of_chains_it_accepted(self):
        for intermediates in ("local", "fetch"):
            with self.subTest(intermediates):
                seen = self.run_python(self.ASK % (["leaf-full", "leaf", "leaf-silent"],),
                                       self.missing(intermediates, cache_dir="off"))
                self.assertEqual(seen, [ACCEPTED] * 3)
        seen = self.run_python(self.ASK % (["leaf", "leaf-full", "leaf"],), self.missing("local"))
        self.assertEqual(seen, [UNKNOWN, ACCEPTED, ACCEPTED])
        self.assertNobodyAsked()

    def test_local_writes_nothing(self):
        self.run_python(self.ASK % (["leaf-full", "leaf"],), self.missing("local"))
        self.assertFalse(os.path.exists(self.cache))
        self.assertEqual(self.run_python(self.ASK % (["leaf"],), self.missing("local")), [UNKNOWN])
        # Nor where others wrote.
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        before = {name: os.stat(os.path.join(self.cache, name)).st_mtime_ns for name in self.cached()}
        self.assertTrue(before)
        self.leaves = ("leaf", "leaf-full", "leaf-2", "leaf-u")
        self.run_python(self.ASK % (list(self.leaves),), self.missing("local"))
        self.assertEqual({name: os.stat(os.path.join(self.cache, name)).st_mtime_ns for name in self.cached()},
                         before)

    def test_off_remembers_nothing(self):
        seen = self.run_python(self.ASK % (["leaf-full", "leaf"],), self.missing("off"))
        self.assertEqual(seen, [ACCEPTED, UNKNOWN])

    def test_a_chain_that_was_refused_is_not_remembered(self):
        # By OpenSSL, and by the system.
        self.distrust("int")
        seen = self.run_python("""
def say(name, *store):
    write_store(*(os.path.join(%r, one) for one in store))
    return connect(ssl.create_default_context(), name)
report([say("leaf-full", "root-u"), say("leaf-full", "root-a", "int-distrusted"), say("leaf-silent", "root-a"),
        say("leaf-full", "root-a"), say("leaf-silent", "root-a")])""" % self.directory, self.missing("local"))
        self.assertEqual(seen, [UNKNOWN, "certificate rejected", UNKNOWN, ACCEPTED, ACCEPTED])

    def distrust(self, name):
        self.world().pki.trusted(name + "-distrusted", name, "-addreject", "anyExtendedKeyUsage")

    def test_a_distrusted_intermediate_is_refused_wherever_it_comes_from(self):
        self.distrust("int")
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        self.trust("root-a", "int-distrusted")
        for intermediates, cache in (("local", self.cache), ("fetch", self.cache), ("fetch", "off")):
            seen = self.connect("leaf", self.missing(intermediates, cache_dir=cache))
            self.assertNotEqual(seen, ACCEPTED, (intermediates, cache))
        # Without the blocklist it is accepted again.
        self.trust("root-a")
        self.assertEqual(self.connect("leaf", self.missing("local")), ACCEPTED)

    def test_what_was_fetched_is_remembered_without_a_cache_directory(self):
        seen = self.run_python(self.ASK % (["leaf", "leaf", "leaf-silent"],), self.missing(cache_dir="off"))
        self.assertEqual(seen, [ACCEPTED] * 3)
        self.assertAsked("int")
        self.assertEqual(self.cached(), [])

    def test_a_server_that_is_off_line_is_no_matter_for_the_next_process(self):
        other = ca_issuers.CaIssuers()
        directory = tempfile.mkdtemp(prefix="ostrust-test-")
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        self.directory = directory
        ca_issuers.make(Pki(directory, support.OPENSSL), other)
        self.trust("root-a")
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        other.close()
        for intermediates in ("fetch", "local"):
            self.assertEqual(self.connect("leaf", self.missing(intermediates)), ACCEPTED, intermediates)
        # The twin: it is the cache that knows.
        self.assertEqual(self.connect("leaf", self.missing(cache_dir="off")), UNKNOWN)


class NotKept(MissingTest):
    """A certificate that was fetched is kept if the whole chain was accepted, and else it is not, whatever the reason."""

    def verify(self, leaf, *options, **more):
        done = self.openssl("verify", "-verify_hostname", "localhost", *options, "-CAfile", "os://", self.pem(leaf),
                            configuration=self.missing(**more))
        found = re.search(r"error (\d+) at", done.text)
        self.assertEqual(done.status == 0, found is None, done)
        return int(found.group(1)) if found else 0

    def assertNotKept(self, expected, *arguments):
        """It is refused with one of these errors, and the next process knows nothing."""
        self.assertIn(self.verify(*arguments), expected)
        self.trust("root-a")
        self.assertEqual(self.verify("leaf-silent", intermediates="local"), 20)
        # The twin: for this verification it is kept.
        shutil.rmtree(self.cache, ignore_errors=True)
        self.assertEqual(self.verify("leaf"), 0)
        self.assertEqual(self.verify("leaf-silent", intermediates="local"), 0)

    def test_another_name(self):
        self.assertNotKept((20, 62), "leaf", "-verify_hostname", "other.example.org")

    def test_another_purpose(self):
        self.assertNotKept((20, 26), "client", "-purpose", "sslserver")

    def test_a_leaf_that_is_over(self):
        self.assertNotKept((10, 20), "leaf-expired")

    def test_a_root_that_is_not_for_servers(self):
        self.world().pki.trusted("root-a-mail-only", "root-a", "-addtrust", "emailProtection")
        self.trust("root-a-mail-only")
        self.assertNotKept((20, 28), "leaf", "-purpose", "sslserver")

    def test_no_root(self):
        self.trust("root-u")
        self.assertNotKept((20,), "leaf")


class PartialChain(MissingTest):
    """Rule 3: what was fetched or kept is no anchor, not even where any trusted certificate is one."""

    leaves = ("leaf-u",)
    ASK = """
context = trusting("os://")
context.verify_flags |= PARTIAL_CHAIN
report(connect(context, "leaf-u"))"""

    def ask(self, configuration):
        return self.run_python(self.ASK, configuration)

    def test_what_was_fetched_is_no_anchor(self):
        self.assertEqual(self.ask(self.missing()), UNKNOWN)
        self.assertEqual(self.run_python(self.ASK.replace('"os://"', "BUNDLE"), self.stock()), UNKNOWN)

    def test_what_is_in_the_cache_is_no_anchor(self):
        self.trust("root-u")
        self.assertEqual(self.ask(self.missing()), ACCEPTED)
        self.assertNotEqual(self.cached(), [])
        self.assertEqual(self.ask(self.missing("local")), ACCEPTED)
        self.trust("root-a")
        for intermediates in ("fetch", "local"):
            self.assertEqual(self.ask(self.missing(intermediates)), UNKNOWN, intermediates)
        # The twin: trusted, it is one.
        self.trust("int-u")
        self.assertEqual(self.ask(self.missing("off")), ACCEPTED)

    def test_what_is_in_memory_is_no_anchor(self):
        seen = self.run_python("""
context = trusting("os://")
context.verify_flags |= PARTIAL_CHAIN
seen = []
for name in ("root-u", "root-a", "int-u", "root-a"):
    write_store(os.path.join(%r, name))
    seen.append(connect(context, "leaf-u"))
report(seen)""" % self.directory, self.missing())
        self.assertEqual(seen, [ACCEPTED, UNKNOWN, ACCEPTED, UNKNOWN])


# --- when nothing is fetched (rule 9) --------------------------------------------------------------

class NobodyIsAsked(MissingTest):
    """Verifications for which nothing may be fetched, and nothing is taken from the cache either."""

    def setUp(self):
        super().setUp()
        # One cache that has what is missing.
        self.full = os.path.join(self.work, "full")
        self.leaves = ("leaf",)
        self.assertEqual(self.connect("leaf", self.missing(cache_dir=self.full)), ACCEPTED)
        self.assertAsked("int")

    def assertAsStock(self, code, expected, *leaves, anchors=True):
        """With an empty cache and a full one; `code` names what it trusts `CAS`."""
        self.leaves = leaves
        code = HANDSHAKE + "CAS = %r\n" + code
        self.assertEqual(self.run_python(code % self.bundle, self.stock()), expected)
        for cache in (self.cache, self.full):
            self.assertEqual(self.run_python(code % ("os://" if anchors else self.bundle),
                                             self.missing(cache_dir=cache)), expected, cache)
        self.assertNobodyAsked()
        self.assertEqual(self.cached(), [])

    def test_for_a_clients_certificate(self):
        self.assertAsStock("""
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trusting(pem_of("root-a"))
load(server, pem_of("leaf-direct")[:-4])
load(client, pem_of("client")[:-4])
server.verify_mode = ssl.CERT_REQUIRED
server.load_verify_locations(CAS)
report(handshake(server, client, "localhost"))""", 20)

    def test_where_nothing_is_verified(self):
        self.assertAsStock("""
context = trusting(CAS)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
report(connect(context, "leaf"))""", ACCEPTED, "leaf")

    def test_for_a_chain_that_is_whole(self):
        self.assertAsStock("report([connect(trusting(CAS), name) for name in ('leaf-full', 'leaf-direct')])",
                           [ACCEPTED] * 2, "leaf-full", "leaf-direct")

    def test_for_a_chain_that_would_be_too_long(self):
        port = support.port_of(self.name("leaf-3-lower"))
        for configuration, anchors in ((self.stock(), self.bundle), (self.missing(), "os://")):
            done = self.openssl("s_client", "-verify_return_error", "-verify_depth", "0", "-CAfile", anchors,
                                "-connect", "127.0.0.1:%d" % port, configuration=configuration)
            self.assertIn("certificate chain too long", done.text, done)
        self.assertNobodyAsked()

    def test_for_a_store_with_a_ca_file_of_its_own(self):
        own = self.file("own.pem", "")
        shutil.copyfile(self.pem("root-a"), own)
        self.assertAsStock("report(connect(trusting(%r), 'leaf'))" % own, UNKNOWN, "leaf")
        self.assertAsStock("""
context = bare()
context.load_verify_locations(cadata=open(CAS).read())
report(connect(context, "leaf"))""", UNKNOWN, "leaf", anchors=False)

    def test_for_a_certificate_without_urls(self):
        self.assertEqual(self.connect("leaf-silent", self.missing()), UNKNOWN)
        self.assertNobodyAsked()
        # The cache has its issuer.
        self.assertEqual(self.connect("leaf-silent", self.missing(cache_dir=self.full)), ACCEPTED)
        self.assertNobodyAsked()

    def verify(self, configuration, anchors, *options):
        done = self.openssl("verify", "-CAfile", anchors, *options, configuration=configuration)
        return done.status, re.findall(r"error \d+ at .*", done.text)

    def test_for_a_verification_that_is_not_of_a_server(self):
        for options in ((self.pem("leaf"),), ("-purpose", "smimesign", self.pem("leaf")),
                        ("-purpose", "sslclient", self.pem("client"))):
            with self.subTest(options):
                expected = self.verify(self.stock(), self.bundle, *options)
                self.assertEqual(expected, (2, ["error 20 at 0 depth lookup: " + UNKNOWN]))
                for cache in (self.cache, self.full):
                    self.assertEqual(self.verify(self.missing(cache_dir=cache), "os://", *options), expected)
        self.assertNobodyAsked()

    def test_with_a_verdict_that_changes_nothing(self):
        for verify in ("report", "roots"):
            self.assertEqual(self.connect("leaf", self.missing(cache_dir=self.full, verify=verify)), UNKNOWN, verify)
        self.assertEqual(self.connect("leaf", self.missing("off", cache_dir=self.full)), UNKNOWN)
        self.assertNobodyAsked()

    @unittest.skipIf(shutil.which("node") is None, "there is no Node.js")
    @unittest.skipIf(support.SANITIZER, "Node.js does not survive a sanitizer's runtime")
    def test_by_node_which_verifies_under_ssl_verify_none(self):
        for cache, leaf, expected in ((self.cache, "leaf", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
                                      (self.full, "leaf", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
                                      (self.cache, "leaf-full", "accepted")):
            self.leaves = (leaf,)
            done = support.run(["node", "--use-openssl-ca", "--openssl-shared-config", "-e", """
require("https").get({host: "localhost", port: process.argv[1], family: 4}, () => {
  console.log("accepted"); process.exit(0);
}).on("error", error => { console.log(error.code); process.exit(1); });""",
                                str(support.port_of(self.name(leaf)))],
                               support.environment(self.missing(cache_dir=cache)), cwd=self.work)
            self.assertEqual(done.out.strip(), expected, done)
        self.assertNobodyAsked()


# --- URLs ------------------------------------------------------------------------------------------

class Urls(MissingTest):
    """Which URLs of a certificate are asked."""

    def test_without_ostrust_each_of_these_servers_is_refused(self):
        self.leaves = ("leaf", "leaf-silent", "leaf-other-url", "leaf-dead-first", "leaf-schemes", "leaf-odd-schemes",
                       "leaf-many", "leaf-2", "leaf-3", "leaf-u", "leaf-loop", "client")
        seen = self.run_python("report([connect(trusting(BUNDLE), name) for name in %r])" % (self.leaves,), self.stock())
        self.assertEqual(seen, [UNKNOWN] * len(self.leaves))
        self.assertNobodyAsked()

    def test_the_next_one_if_the_first_is_dead(self):
        self.assertEqual(self.connect("leaf-dead-first", self.missing()), ACCEPTED)
        self.assertAsked("int")

    def test_other_schemes_are_passed_over(self):
        self.assertEqual(self.connect("leaf-schemes", self.missing()), ACCEPTED)
        self.assertAsked("int")
        self.assertEqual(self.connect("leaf-odd-schemes", self.missing(cache_dir="off")), UNKNOWN)
        self.assertNobodyAsked()

    def test_not_all_of_very_many(self):
        self.assertEqual(self.connect("leaf-many", self.missing()), UNKNOWN)
        self.assertTrue(1 <= self.server.connections < ca_issuers.MANY, self.server.targets)
        self.assertEqual(self.stock_verdict("leaf-many"), UNKNOWN)

    def test_cas_that_issued_each_other(self):
        begin = time.monotonic()
        self.assertEqual(self.connect("leaf-loop", self.missing()), self.stock_verdict("leaf-loop"))
        self.assertLess(time.monotonic() - begin, 3 + MARGIN)
        self.assertTrue(1 <= self.server.connections <= 10, self.server.targets)

    def test_the_request_says_little(self):
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        request, = self.server.requests
        self.assertEqual((request.method, request.target), ("GET", "/int"))
        self.assertEqual(request.headers.get("host"), self.server.authority)
        for name in ("cookie", "authorization", "referer"):
            self.assertNotIn(name, request.headers)
        self.assertNotIn("gzip", request.headers.get("accept-encoding", ""))


# --- what the server does --------------------------------------------------------------------------

class Answers(MissingTest):
    """Whatever the server behind an URL answers."""

    def test_every_right_way_of_sending_a_certificate(self):
        ways = ca_issuers.good(self.der("int"), ca_issuers.cms([self.der("int")]))
        ways["CMS with others"] = ca_issuers.answers(ca_issuers.cms(
            [self.der(name) for name in ("int-u", "impostor", "int", "root-a")]))
        for status in ("301 Moved Permanently", "302 Found"):
            ways["redirected, " + status] = ca_issuers.redirects(self.server.url("other-url"), status)
        ways["redirected by a path"] = ca_issuers.redirects("/other-url")
        for way, behaviour in ways.items():
            with self.subTest(way):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.server.forget()
                self.server.answers["int"] = behaviour
                self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
                self.assertEqual(self.server.targets[0], "/int")
                self.assertEqual(self.connect("leaf", self.missing("local")), ACCEPTED)

    def hostile(self):
        return ca_issuers.hostile(self.server, self.der("int"), self.der("int-u"), self.der("impostor"),
                                  [self.der("loop-a"), self.der("loop-b")])

    # Of the hostile ones those that are an answer, and of no use for this chain.
    CERTIFICATES = {"a wrong issuer", "the issuer's name and key identifier, another key", "CMS of 200 certificates",
                    "CMS with a loop"}

    def test_every_wrong_one_is_survived(self):
        self.assertLess(self.CERTIFICATES, set(self.hostile()))
        code = """
begin = time.monotonic()
verdict = connect(ssl.create_default_context(), "leaf")
report([verdict, time.monotonic() - begin] +
       [connect(ssl.create_default_context(), name) for name in ("leaf", "leaf-direct", "leaf-2")])"""
        for way, behaviour in self.hostile().items():
            with self.subTest(way):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.server.forget()
                self.server.answers["int"] = behaviour
                self.leaves = ("leaf", "leaf-direct", "leaf-2")
                verdict, took, again, *healthy = self.run_python(code, self.missing(network_timeout="1"))
                self.assertEqual((verdict, again), (UNKNOWN, UNKNOWN))
                self.assertLess(took, 1 + MARGIN)
                self.assertEqual(healthy, [ACCEPTED, ACCEPTED])
                asked = self.server.targets.count("/int")
                self.assertGreaterEqual(asked, 1, "it was not asked at all")
                self.assertLess(self.server.connections, 20)
                # The next process does not ask again: the same minute has not passed. But it judges certificates itself.
                self.assertEqual(self.connect("leaf", self.missing()), UNKNOWN)
                self.assertEqual(self.server.targets.count("/int"), asked + (way in self.CERTIFICATES))
        # One that knows nothing of that asks.
        self.server.serve()
        self.assertEqual(self.connect("leaf", self.missing(cache_dir="off")), ACCEPTED)

    def test_the_error_is_the_one_without_ostrust(self):
        code = """
def full(context):
    with socket.create_connection(("127.0.0.1", list(T["ports"].values())[0])) as plain:
        try: context.wrap_socket(plain, server_hostname="localhost").close()
        except ssl.SSLCertVerificationError as error:
            return [str(error.args[1]).split(" (_ssl")[0], error.verify_code, error.verify_message]
report(full(trusting(%r)))"""
        for name, behaviour in (("nothing", ca_issuers.NOT_FOUND),
                                ("an impostor", ca_issuers.answers(self.der("impostor"))),
                                ("garbage", ca_issuers.answers(b"\x30\x82\xff\xff" + b"x" * 1000))):
            with self.subTest(name):
                self.leaves = ("leaf",)
                self.server.answers["int"] = behaviour
                self.assertEqual(self.run_python(code % "os://", self.missing(cache_dir="off")),
                                 self.run_python(code % self.bundle, self.stock()))


class FailedUrls(MissingTest):
    """An URL that failed is left alone for a while."""

    leaves = ("leaf",)

    def age(self, seconds):
        """Makes every failure in the cache one of so many seconds ago. The file (intermediate_files.cpp): a line,
        and records of a hash, the number of failures, and the time in 8 bytes, the highest first."""
        path = os.path.join(self.cache, "failed-fetches")
        with open(path, "rb") as file:
            head, _, records = file.read().partition(b"\n")
        size = 20 + 1 + 8
        self.assertTrue(records and len(records) % size == 0, len(records))
        when = struct.pack(">q", int(time.time()) - seconds)
        records = [records[at:at + size - 8] + when for at in range(0, len(records), size)]
        with open(path, "wb") as file:
            file.write(head + b"\n" + b"".join(records))

    def fetch_in_vain(self):
        del self.server.answers["int"]
        self.assertEqual(self.connect("leaf", self.missing()), UNKNOWN)
        self.assertAsked("int")

    def test_within_the_minute(self):
        self.fetch_in_vain()
        self.server.serve()
        self.assertEqual(self.connect("leaf", self.missing()), UNKNOWN)
        self.assertNobodyAsked()

    def test_by_the_same_process(self):
        del self.server.answers["int"]
        seen = self.run_python("report([connect(ssl.create_default_context(), 'leaf') for _ in range(3)])",
                               self.missing(cache_dir="off"))
        self.assertEqual(seen, [UNKNOWN] * 3)
        self.assertAsked("int")

    def test_another_url_of_the_same_certificate_is_asked(self):
        self.fetch_in_vain()
        self.server.serve()
        self.assertEqual(self.connect("leaf-other-url", self.missing()), ACCEPTED)
        self.assertAsked("other-url")

    def test_a_cache_that_is_emptied_forgets_it(self):
        self.fetch_in_vain()
        self.server.serve()
        shutil.rmtree(self.cache)
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        self.assertAsked("int")

    def test_one_that_others_left_no_time_is_not_to_blame(self):
        for path in ("slow-1", "slow-2", "slow-3", "int"):
            self.server.answers[path] = ca_issuers.never_answers
        self.assertEqual(self.connect("leaf-slow-first", self.missing(network_timeout="2")), UNKNOWN)
        self.assertAsked("slow-1", "slow-2", "slow-3", "int")
        self.server.serve()
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        self.assertAsked("int")
        # The first had time enough.
        shutil.rmtree(self.cache)
        self.server.answers["int"] = ca_issuers.never_answers
        self.assertEqual(self.connect("leaf", self.missing(network_timeout="2")), UNKNOWN)
        self.assertAsked("int")
        self.assertEqual(self.connect("leaf", self.missing()), UNKNOWN)
        self.assertNobodyAsked()

    def test_for_local_nothing_is_noted(self):
        self.assertEqual(self.connect("leaf", self.missing("local")), UNKNOWN)
        self.assertFalse(os.path.exists(self.cache))

    def test_after_a_minute_and_the_next_time_not_yet(self):
        self.fetch_in_vain()
        for seconds, asked in ((30, False), (61, True), (61, False), (121, True), (121, False)):
            with self.subTest(seconds=seconds, asked=asked):
                self.age(seconds)
                self.assertEqual(self.connect("leaf", self.missing()), UNKNOWN)
                self.assertEqual(self.server.targets, ["/int"] * asked)
                self.server.forget()
        # A success is remembered, and forgets the failures.
        self.server.serve()
        self.age(3601)
        self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED)
        self.assertAsked("int")


# --- the cache directory ---------------------------------------------------------------------------

class CacheDirectory(MissingTest):
    """What lies in the cache directory, and who could have put it there. Through `openssl verify`, which other
    users can run."""

    def verify(self, intermediates="local", user=None, cache=None, leaf="leaf"):
        configuration = self.missing(intermediates, cache_dir=cache or self.cache, log=None)
        command = [support.OPENSSL, "verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem(leaf)]
        if user is not None:
            command = ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups", *command]
        done = support.run(command, support.environment(configuration), cwd="/")
        if done.status == 0:
            return ACCEPTED
        self.assertSays("error 20 at 0 depth lookup: " + UNKNOWN, done)
        return UNKNOWN

    def fill(self, leaf="leaf"):
        self.assertEqual(self.verify("fetch", leaf=leaf), ACCEPTED)
        self.server.forget()
        self.assertEqual(self.verify(leaf=leaf), ACCEPTED)

    def file_of(self, name):
        """The file of the cache that has this certificate in it."""
        found = []
        for path in glob.glob(os.path.join(self.cache, "*")):
            with open(path, "rb") as file:
                if self.der(name) in file.read():
                    found.append(path)
        self.assertEqual(len(found), 1, self.cached())
        return found[0]

    def test_only_the_user_can_change_what_is_written(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.fill()
        self.assertEqual(os.stat(self.cache).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(self.file_of("int")).st_mode & 0o777, 0o644)
        # Nothing is left over.
        self.assertEqual(self.cached(), [os.path.basename(self.file_of("int"))])

    def test_a_damaged_file_is_ignored_and_replaced(self):
        self.fill()
        path = self.file_of("int")
        with open(path, "rb") as file:
            good = file.read()
        at = good.index(self.der("int"))
        damaged = {"empty": b"", "cut off": good[:-1], "cut in half": good[:len(good) // 2], "one byte": good[:1],
                   "zeros": bytes(len(good)), "text": b"hello\n" * 100,
                   "a length of gigabytes": good[:at] + b"\x30\x84\xff\xff\xff\xff" + good[at + 4:],
                   "another name": good.replace(b"CA int", b"CA inT"),
                   "another key": good[:at + 300] + bytes([good[at + 300] ^ 1]) + good[at + 301:],
                   "large": good + bytes(20 << 20)}
        for what, content in damaged.items():
            with self.subTest(what):
                with open(path, "wb") as file:
                    file.write(content)
                self.assertEqual(self.verify(), UNKNOWN)
                self.assertEqual(self.verify("fetch"), ACCEPTED)
                self.assertEqual(self.verify(), ACCEPTED)

    def test_one_whose_own_signature_is_damaged_is_ignored_and_replaced(self):
        # Its name, its key identifier and its key are right: it did issue the leaf.
        self.fill()
        path = self.file_of("int")
        with open(path, "rb") as file:
            good = file.read()
        with open(path, "wb") as file:
            file.write(good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])
        self.assertEqual(self.verify(), UNKNOWN)
        self.assertEqual(self.verify("fetch"), ACCEPTED)
        self.assertEqual(self.verify(), ACCEPTED)

    def test_something_else_in_its_place_is_ignored(self):
        self.fill()
        path = self.file_of("int")
        with open(path, "rb") as file:
            good = file.read()
        aside = os.path.join(self.work, "aside")
        shutil.copyfile(path, aside)

        def link(): os.symlink(aside, path)
        def fifo(): os.mkfifo(path)
        def directory(): os.mkdir(path)
        for make in (link, fifo, directory):
            with self.subTest(make.__name__):
                os.remove(path)
                make()
                self.assertEqual(self.verify(), UNKNOWN)
                self.assertEqual(self.verify("fetch"), ACCEPTED)
                with open(aside, "rb") as file:
                    self.assertEqual(file.read(), good)
                if os.path.isdir(path):
                    os.rmdir(path)
                    self.fill()

    def test_a_certificate_of_another_is_of_no_use(self):
        self.fill()
        path = self.file_of("int")
        with open(path, "rb") as file:
            good = file.read()
        int_, impostor, other = map(self.der, ("int", "impostor", "int-u"))
        for ders, expected in (([impostor], UNKNOWN), ([other], UNKNOWN), ([impostor, int_], ACCEPTED),
                               ([int_, impostor], ACCEPTED)):
            with self.subTest([len(ders), expected]):
                with open(path, "wb") as file:
                    file.write(good.replace(int_, b"".join(ders)))
                self.assertEqual(self.verify(), expected)
        with open(path, "wb") as file:
            file.write(good.replace(int_, impostor))
        self.assertEqual(self.verify("fetch"), ACCEPTED)
        self.assertAsked("int")

    def test_a_directory_that_cannot_be_written_is_no_matter(self):
        blocked = self.file("a-file", "x")
        for cache in (blocked, os.path.join(blocked, "below"), "/proc/ostrust", "/dev/null", "/absent/deep/down"):
            with self.subTest(cache):
                self.server.forget()
                self.assertEqual(self.verify("fetch", cache=cache), ACCEPTED)
                self.assertAsked("int")
                self.assertEqual(self.verify("local", cache=cache), UNKNOWN)
        with open(blocked) as file:
            self.assertEqual(file.read(), "x")

    def test_what_others_could_have_written_is_not_read_or_written(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to make files of others")
        self.fill()
        path = self.file_of("int")
        with open(path, "rb") as file:
            good = file.read()
        for what, change in (("another's directory", lambda: os.chown(self.cache, 65534, 65534)),
                             ("anybody's directory", lambda: os.chmod(self.cache, 0o777)),
                             ("a group's directory", lambda: os.chmod(self.cache, 0o770)),
                             ("another's file", lambda: os.chown(path, 65534, 65534)),
                             ("anybody's file", lambda: os.chmod(path, 0o666))):
            with self.subTest(what):
                os.chown(self.cache, 0, 0)
                os.chmod(self.cache, 0o700)
                os.chown(path, 0, 0)
                os.chmod(path, 0o644)
                self.assertEqual(self.verify(), ACCEPTED)
                change()
                self.assertEqual(self.verify(), UNKNOWN)
                if "directory" in what:
                    os.remove(path)
                    self.assertEqual(self.verify("fetch"), ACCEPTED)
                    self.assertEqual(self.cached(), [])
                    with open(path, "wb") as file:
                        file.write(good)

    def test_another_user(self):
        user = 65534
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            self.skipTest("needs root and setpriv, to run programs of others")
        self.addCleanup(os.chmod, self.directory, os.stat(self.directory).st_mode)
        for directory in (self.directory, self.work):
            os.chmod(directory, 0o755)
        before = support.MODULE
        self.addCleanup(setattr, support, "MODULE", before)
        support.MODULE = shutil.copy(before, self.work)  # where everybody may go
        self.fill()
        os.chmod(self.cache, 0o755)
        # What root wrote is read, and not written.
        self.assertEqual(self.verify(user=user), ACCEPTED)
        self.assertEqual(self.verify("fetch", user, leaf="leaf-2"), ACCEPTED)
        self.assertEqual(self.verify(user=user, leaf="leaf-2"), UNKNOWN)
        # What a third wrote is not.
        os.chown(self.cache, 1, 1)
        self.assertEqual(self.verify(user=user), UNKNOWN)
        self.assertEqual(self.verify("fetch", user), ACCEPTED)
        # What they wrote themselves is, by them and not by root.
        home = os.path.join(self.work, "home")
        os.mkdir(home)
        os.chown(home, user, user)
        own = os.path.join(home, "cache")
        self.assertEqual(self.verify("fetch", user, own), ACCEPTED)
        self.assertEqual(os.stat(own).st_uid, user)
        self.assertEqual(self.verify("local", user, own), ACCEPTED)
        self.assertEqual(self.verify("local", None, own), UNKNOWN)


# --- several at once -------------------------------------------------------------------------------

class AtOnce(MissingTest):
    """Processes and threads that miss the same certificate at the same time, or end in the middle."""

    def start(self, leaf="leaf"):
        command = [support.OPENSSL, "verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem(leaf)]
        process = subprocess.Popen(command, env=support.environment(self.missing(network_timeout="30")), cwd=self.work,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for_request(self):
        end = time.monotonic() + MARGIN
        while not self.server.requests:
            self.assertLess(time.monotonic(), end, "nothing is asked")
            time.sleep(0.005)

    def test_two_processes(self):
        both = threading.Barrier(2)
        answer = ca_issuers.answers(self.der("int"))

        def behave(connection):
            both.wait(20)
            answer(connection)
        self.server.answers["int"] = behave
        processes = [self.start(), self.start()]
        for process in processes:
            out = process.communicate(timeout=60 * SLOWER)[0]
            self.assertEqual(process.returncode, 0, out)
        self.assertAsked("int", "int")
        self.assertEqual(self.connect("leaf", self.missing("local")), ACCEPTED)

    def test_a_process_that_is_killed_while_it_asks_or_writes(self):
        self.server.answers["int"] = ca_issuers.never_answers
        process = self.start()
        self.wait_for_request()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        self.server.serve()
        for delay in range(0, 20, 2):
            shutil.rmtree(self.cache, ignore_errors=True)
            self.server.forget()
            process = self.start()
            self.wait_for_request()
            time.sleep(delay / 1000.0 * SLOWER)
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=60)
            self.assertIn(self.connect("leaf", self.missing("local")), (ACCEPTED, UNKNOWN))
            self.assertEqual(self.connect("leaf", self.missing()), ACCEPTED, delay)
            self.assertEqual(self.connect("leaf", self.missing("local")), ACCEPTED, delay)

    def test_eight_threads(self):
        self.leaves = ("leaf", "leaf-2", "leaf-u")
        self.server.answers["int"] = self.slowly("int")
        seen = self.run_python("""
seen = {}
def work(number):
    name = ("leaf", "leaf", "leaf-2", "leaf-u")[number % 4]
    seen[number] = [name] + [connect(ssl.create_default_context(), name) for _ in range(3)]
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
report(list(seen.values()))""", self.missing())
        self.assertEqual(len(seen), 8)
        for name, *verdicts in seen:
            self.assertEqual(verdicts, [UNKNOWN if name == "leaf-u" else ACCEPTED] * 3, name)
        self.assertLessEqual(self.server.connections, 8 * 3)

    def slowly(self, name):
        answer = ca_issuers.answers(self.der(name))

        def behave(connection):
            time.sleep(0.3)
            answer(connection)
        return behave

    def test_a_child_that_is_forked_while_a_thread_asks(self):
        self.leaves = ("leaf", "leaf-2")
        self.server.answers["int"] = ca_issuers.never_answers
        seen = self.run_python("""
thread = threading.Thread(target=lambda: connect(ssl.create_default_context(), "leaf"), daemon=True)
thread.start()
time.sleep(0.5)
child = os.fork()
if child == 0:
    os._exit(0 if connect(ssl.create_default_context(), "leaf-2") == ACCEPTED else 1)
report([os.waitpid(child, 0)[1], thread.is_alive()])""", self.missing(network_timeout="30"))
        self.assertEqual(seen, [0, True])

    def test_a_program_ends_while_a_thread_asks(self):
        self.leaves = ("leaf",)
        self.server.answers["int"] = ca_issuers.never_answers
        begin = time.monotonic()
        seen = self.run_python("""
threading.Thread(target=lambda: connect(ssl.create_default_context(), "leaf"), daemon=True).start()
time.sleep(0.5)
report("ends")""", self.missing(network_timeout="30"))
        self.assertEqual(seen, "ends")
        self.assertLess(time.monotonic() - begin, MARGIN)


# --- proxies ---------------------------------------------------------------------------------------

class Proxies(MissingTest):
    """http_proxy and no_proxy, as curl and wget have them."""

    def setUp(self):
        super().setUp()
        self.proxy = ca_issuers.CaIssuers()
        self.addCleanup(self.proxy.close)
        self.proxy.answers.update(self.server.answers)
        self.through = "http://" + self.proxy.authority

    def ask(self, **env):
        """What the server and the proxy were asked for."""
        self.server.forget()
        self.proxy.forget()
        verdict = self.connect("leaf", self.missing(cache_dir="off"), **env)
        self.assertEqual(self.server.connections, len(self.server.targets))
        return verdict, self.server.targets, self.proxy.targets

    def test_a_proxy_gets_the_whole_uri(self):
        expected = (ACCEPTED, [], [self.server.url("int")])
        self.assertEqual(self.ask(http_proxy=self.through), expected)
        self.assertEqual(self.proxy.requests[0].headers["host"], self.server.authority)
        self.assertEqual(self.ask(http_proxy=self.through + "/"), expected)
        self.assertEqual(self.ask(http_proxy=self.through, no_proxy="example.org"), expected)

    def test_no_proxy(self):
        for names in ("127.0.0.1", "*", "example.org,127.0.0.1", "example.org, 127.0.0.1"):
            with self.subTest(names):
                self.assertEqual(self.ask(http_proxy=self.through, no_proxy=names), (ACCEPTED, ["/int"], []))

    def test_what_a_request_may_have_set_is_no_proxy(self):
        # A CGI program's environment has the request's Proxy header as HTTP_PROXY (CVE-2016-5385).
        self.assertEqual(self.ask(HTTP_PROXY=self.through), (ACCEPTED, ["/int"], []))

    def test_without_its_proxy_nothing_is_asked(self):
        self.proxy.close()
        self.assertEqual(self.ask(http_proxy=self.through), (UNKNOWN, [], []))

    def test_a_proxy_of_another_kind_is_not_passed_by(self):
        for scheme in ("https", "socks5"):
            with self.subTest(scheme):
                self.assertEqual(self.ask(http_proxy="%s://%s" % (scheme, self.proxy.authority)), (UNKNOWN, [], []))

    def test_a_proxy_gets_its_password(self):
        asked = (ACCEPTED, [], [self.server.url("int")])
        self.assertEqual(self.ask(http_proxy="http://user:pass@" + self.proxy.authority), asked)
        self.assertEqual(self.proxy.requests[0].headers["proxy-authorization"], "Basic dXNlcjpwYXNz")
        self.assertEqual(self.ask(http_proxy=self.through), asked)
        self.assertNotIn("proxy-authorization", self.proxy.requests[0].headers)


# --- what CPython does not do ----------------------------------------------------------------------

class Host(MissingTest):
    """test/hosts/missing_intermediates.cpp."""

    def host(self, *arguments, configuration):
        done = support.run([os.path.join(support.HOSTS, "missing_intermediates"), *arguments],
                           support.environment(configuration, preload=False, OSTRUST_PKI=self.directory,
                                               OSTRUST_SECOND_NAME=support.MODULE,
                                               ASAN_OPTIONS="detect_leaks=1:intercept_tls_get_addr=0"),
                           cwd=self.work)
        self.assertEqual(done.status, 0, done)
        return done.out.splitlines()

    def test_with_dane_nobody_is_asked(self):
        stock = self.host("dane", self.bundle, configuration=self.stock())
        self.assertIn("DANE-EE: accepted", stock)
        self.assertIn("PKIX-EE: refused: " + UNKNOWN, stock)
        self.assertEqual(self.host("dane", "os://", configuration=self.missing()), stock)
        self.assertNobodyAsked()

    def test_dane_without_its_connection(self):
        refused = "refused: %s at 0, untrusted 1 of 1" % UNKNOWN
        self.assertEqual(self.host("set0-dane", self.bundle, configuration=self.stock()),
                         ["root-a: " + refused, "root-u: " + refused])
        # Completed, the records still count, and what was fetched is no trusted certificate.
        self.assertEqual(self.host("set0-dane", "os://", configuration=self.missing()),
                         ["root-a: accepted: ok at 0, untrusted 2 of 3", "root-u: " + refused])
        self.assertAsked("int")

    def test_where_the_connection_cannot_be_told_nobody_is_asked(self):
        stock = self.host("own-default", self.bundle, configuration=self.stock())
        nothing, dane = "accepted despite: " + UNKNOWN, "refused: " + UNKNOWN
        self.assertEqual(stock, ["nothing: " + nothing, "PKIX-TA of another: " + dane,
                                 "nothing with a callback: " + nothing,
                                 "PKIX-TA of another with a callback: " + dane])
        self.assertEqual(self.host("own-default", "os://", configuration=self.missing()), stock)
        self.assertNobodyAsked()

    def test_functions_of_the_application(self):
        unknown = "refused: %s; " % UNKNOWN
        vetoed = "refused: unspecified certificate verification error; called, strangers: 0"
        stock = self.host("callbacks", self.bundle, configuration=self.stock())
        self.assertEqual(stock, ["callback: " + unknown + "called, strangers: 0",
                                 "callback that refuses: " + unknown + "called, strangers: 0",
                                 "verify function: " + unknown + "not called, strangers: 0",
                                 "cleanup function: " + unknown + "not called, strangers: 0",
                                 "callback that refuses, loaded twice: " + vetoed])
        self.assertEqual(self.host("callbacks", "os://", configuration=self.missing()),
                         ["callback: accepted: ok; called, strangers: 0", "callback that refuses: " + vetoed,
                          *stock[2:]])
        self.assertAsked("int")

    def test_the_error_queue_is_as_it_was(self):
        stock = self.host("errors", self.bundle, configuration=self.stock())
        self.assertEqual(stock, ["the application's"])
        good = self.der("int")
        for what, der in (("impostor", self.der("impostor")),
                          ("one whose own signature is damaged", good[:-1] + bytes([good[-1] ^ 1]))):
            with self.subTest(what):
                self.server.answers["int"] = ca_issuers.answers(ca_issuers.cms([der] * 64))
                cache = self.missing(cache_dir=os.path.join(self.work, what))
                self.assertEqual(self.host("errors", "os://", configuration=cache), stock)
                self.assertAsked("int")

    def test_library_contexts_and_threads(self):
        seen = self.host("contexts", "os://", configuration=self.missing())
        self.assertEqual(seen, ["accepted"] * 8)
        self.assertLessEqual(self.server.connections, 8)
        self.assertGreaterEqual(self.server.connections, 1)
        seen = self.host("contexts", self.bundle, configuration=self.stock())
        self.assertEqual(seen, ["refused: " + UNKNOWN] * 8)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
