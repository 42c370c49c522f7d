#!/usr/bin/env python3
"""The chains an application sees: SSLSocket.get_verified_chain() and get_unverified_chain().

A server sends L, A, B and C: L is signed by A, A and B by C, B is superfluous, C is a root that the
system trusts. The verified chain is L, A, C. Root pins are checked against it, so it must hold the system's
very certificate. Everything is compared with what the same CPython gives without ostrust for a context into
which the same bundle was loaded.

The two functions are public from CPython 3.13 on; from 3.10 on they exist under SSLSocket._sslobj.
"""
import hashlib
import itertools
import json
import ssl
import sys
import unittest

from support import SKIPPED, OstrustTest, text_of

UNKNOWN = "unable to get local issuer certificate"
SELF_SIGNED = "self-signed certificate in certificate chain"
EXPIRED = "certificate has expired"

L, A, B, C = "chain-l", "chain-a", "chain-b", "chain-c"
CROSSED, EXPIRED_C, U = "chain-c-crossed", "chain-c-expired", "chain-u"
TWINS = ("leaf-twin-1", "leaf-twin-2")
CERTIFICATES = (L, A, B, C, CROSSED, EXPIRED_C, U, "twin-1", "twin-2", *TWINS)

# What each server sends.
SENT = {"chain-l" + "".join(order): [L] + ["chain-" + name for name in order]
        for order in itertools.permutations("abc")}
SENT["chain-lab"] = [L, A, B]
SENT["chain-la-expired"] = [L, A, EXPIRED_C]
SENT["chain-la-crossed"] = [L, A, CROSSED]
SENT["chain-la-crossed-c"] = [L, A, CROSSED, C]
SENT["chain-lac-crossed"] = [L, A, C, CROSSED]
SERVERS = tuple(SENT)
# What OpenSSL takes for the end of the chain where it knows none: the first issuer of A that was sent.
CROSSED_FIRST = ("chain-la-crossed", "chain-la-crossed-c")
ROOT_FIRST = tuple(server for server in SERVERS if server not in ("chain-lab", *CROSSED_FIRST))
SENT.update({name: [name] for name in TWINS})

CLIENT = """
import _ssl, hashlib

def chain(tls, function):
    if sys.version_info >= (3, 13): return getattr(tls, function)()
    return [one.public_bytes(_ssl.ENCODING_DER) for one in getattr(tls._sslobj, function)()]

def digests(tls, function): return [hashlib.sha256(der).hexdigest() for der in chain(tls, function)]
def verified(tls): return digests(tls, "get_verified_chain")
def both(tls): return [verified(tls), digests(tls, "get_unverified_chain")]

def default_paths():
    context = bare()
    context.set_default_verify_paths()
    return context

def partial_chains():
    context = trusting("os://")
    context.verify_flags |= PARTIAL_CHAIN
    return context

ENTRIES = {"create_default_context": ssl.create_default_context,
           "set_default_verify_paths": default_paths, "os://": lambda: trusting("os://"),
           "marker": lambda: trusting(MARKER), "os://, partial chains": partial_chains}

def look(make):
    try: context = make()
    except OSError as error: return "not loaded"
    return {name: connect(context, name, both) for name in T["ports"]}

def look_everywhere(): return {entry: look(make) for entry, make in ENTRIES.items()}
"""
ENTRIES = {"create_default_context", "set_default_verify_paths", "os://", "marker",
           "os://, partial chains"}


def why_not():
    return None if sys.version_info >= (3, 10) else "CPython 3.10 or later is needed"


def digest(name):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text_of(name))).hexdigest()


def verified(*names, servers=SERVERS):
    """Each of these servers is accepted, with this chain."""
    return {server: [list(names), SENT[server]] for server in servers}


def refused(why, servers=SERVERS):
    return {server: why for server in servers}


class ChainsTest(OstrustTest):

    def seen(self, code, configuration):
        """What `code` reports, with the names of certificates for their digests."""
        text = json.dumps(self.python(CLIENT + code, configuration))
        for name in CERTIFICATES:
            text = text.replace(digest(name), name)
        return json.loads(text)

    def assertChains(self, expected):
        """What every governed context gives with the system store as it is, and a stock one with the
        same bundle."""
        # One process meets all servers, and would complete chains with what another sent.
        ours = self.seen("report(look_everywhere())", self.ostrust({"intermediates": "off"}))
        self.assertEqual(set(ours), ENTRIES)
        for entry, answers in ours.items():
            with self.subTest(entry):
                self.assertEqual(answers, expected)
        with self.subTest("stock, with the bundle"):
            self.assertEqual(self.seen("report(look(lambda: trusting(BUNDLE)))", self.stock()),
                             expected)


class Chains(ChainsTest):

    servers = SERVERS

    def test_superfluous_certificates_in_any_order(self):
        self.store("root-b", C)
        self.assertChains(verified(L, A, C))

    def test_without_ostrust_every_server_is_refused(self):
        self.store("root-b", C)
        seen = self.seen("report(look_everywhere())", self.stock())
        for entry in ("os://", "os://, partial chains"):
            self.assertEqual(seen.pop(entry), "not loaded")
        for entry, answers in seen.items():
            with self.subTest(entry):
                self.assertEqual(set(answers), set(SERVERS))
                self.assertLessEqual({str(why) for why in answers.values()}, {UNKNOWN, SELF_SIGNED})

    def test_without_the_root_every_server_is_refused(self):
        self.store("root-b")
        self.assertChains({**refused(UNKNOWN), **refused(SELF_SIGNED, ROOT_FIRST)})

    def test_a_root_that_is_removed_is_in_no_chain_of_the_same_context(self):
        self.store("root-b", C)
        seen = self.seen("""
context = ssl.create_default_context()
steps = [connect(context, "chain-labc", verified)]
write_store("root-b"); steps.append(connect(context, "chain-labc", verified))
write_store("chain-c"); steps.append(connect(context, "chain-labc", verified))
report(steps)""", self.ostrust())
        self.assertEqual(seen, [[L, A, C], SELF_SIGNED, [L, A, C]])

    def test_the_cross_certificate_where_only_its_root_is_trusted(self):
        self.store(U)
        self.assertChains({**refused(UNKNOWN), **refused(SELF_SIGNED, ROOT_FIRST),
                           **verified(L, A, CROSSED, U, servers=CROSSED_FIRST)})

    def test_the_shorter_chain_where_both_roots_are_trusted(self):
        for order in ((U, C), (C, U)):
            with self.subTest(order):
                self.store(*order)
                self.assertChains(verified(L, A, C))

    def test_the_fresh_one_of_two_copies_of_an_anchor(self):
        for order in ((EXPIRED_C, C), (C, EXPIRED_C)):
            with self.subTest(order):
                self.store(*order)
                self.assertChains(verified(L, A, C))

    def test_an_expired_anchor_is_refused(self):
        self.store(EXPIRED_C)
        self.assertChains(refused(EXPIRED))

    def test_a_root_with_trust_settings_only(self):
        self.store("chain-c-trusted")
        self.assertChains(verified(L, A, C))

    def test_a_root_pin_holds_for_its_root_and_for_no_other(self):
        self.store(U, C, "root-b")
        seen = self.python(CLIENT + """
pins = %s
def held(tls): return {name: verified(tls)[-1] == pin for name, pin in pins.items()}
report([connect(make(), name, held) for make in ENTRIES.values() for name in T["ports"]])"""
                           % {name: digest(name) for name in (C, CROSSED, EXPIRED_C, U, "root-b")},
                           self.ostrust())
        self.assertEqual(seen, [{C: True, CROSSED: False, EXPIRED_C: False, U: False,
                                 "root-b": False}] * len(ENTRIES) * len(SERVERS))


class Twins(ChainsTest):
    """Two anchors with one subject and different keys."""

    servers = TWINS

    def test_each_leaf_is_below_its_own_anchor(self):
        for order in (("twin-1", "twin-2"), ("twin-2", "twin-1")):
            with self.subTest(order):
                self.store(*order)
                self.assertChains({leaf: [[leaf, leaf[len("leaf-"):]], [leaf]] for leaf in TWINS})

    def test_the_other_anchor_is_not_enough(self):
        self.store("twin-2")
        self.assertChains({"leaf-twin-1": UNKNOWN,
                           "leaf-twin-2": [["leaf-twin-2", "twin-2"], ["leaf-twin-2"]]})


if __name__ == "__main__":
    if why_not():
        print("skipped: " + why_not())
        sys.exit(SKIPPED)
    unittest.main()
