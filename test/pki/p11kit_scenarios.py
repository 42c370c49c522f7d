"""What a verifier must make of policy in p11-kit: one list, for every verifier that is asked.

A chain and certificates are names of test/pki, a chain with the leaf first and without its root. `policy(at, pem)`
fills a p11kit.Policy. `expected` is the right answer. `others` holds GnuTLS's where it is another one, by the
version from which on it gives that answer (the first key that is not newer counts), and `why` says why
ours is right.

"Right" is: OpenSSL accepts the chain, and the system's policy has nothing against it. A purpose "none" is
a verification that says nothing of what the certificate is for.
"""
import collections

import p11kit
from p11kit import (CLIENT_AUTH, EMAIL_PROTECTION, EXTENDED_KEY_USAGE, RESERVED_PURPOSE,
                    SERVER_AUTH)
from pki import POLICY_DATE

ACCEPTED = "accepted"
REFUSED = "refused"
HOST = "localhost"
ROOT, UPPER, LOWER = "policy-root", "policy-upper", "policy-lower"
DATE = POLICY_DATE[2:].encode()  # a UTCTime

Scenario = collections.namedtuple("Scenario", "name chain policy purpose host expected others why")
SCENARIOS = []


def gnutls_answer(scenario, version):
    """What GnuTLS of a version, (3, 7, 9), says."""
    for since, answer in sorted(scenario.others.items(), reverse=True):
        if version >= since:
            return answer
    return scenario.expected


def _add(name, chain, expected, policy, purpose="server", host=HOST, others=None, why=""):
    SCENARIOS.append(Scenario(name, chain, policy, purpose, host, expected, others or {}, why))


def _always(answer):
    return {(0,): answer}


def _from_3_8_1(answer):
    """GnuTLS knows of dates from 3.8.1 on."""
    return {(3, 8, 1): answer}


def _before_3_8_1(answer, after):
    return {(0,): answer, (3, 8, 1): after}


def _anchored(*objects):
    """A policy of Policy Root as an anchor and of objects that are made when it is written."""
    def policy(at, pem):
        at.anchor(pem(ROOT))
        at.write("more", *(make(pem) for make in objects))
    return policy


def _object(make, certificate, *arguments, **more):
    return lambda pem: make(pem(certificate), *arguments, **more)


_NONE_IS_SERVER = "GnuTLS takes no purpose for the one of servers"
_ANCHOR_ONLY = "GnuTLS looks for stapled extensions of the anchor only"

# --- anchors ---------------------------------------------------------------------------------------

for length in (2, 3, 4):
    chain = "policy-%d-after" % length
    _add("anchor, a chain of %d" % length, chain, ACCEPTED, _anchored())
    _add("no anchor, a chain of %d" % length, chain, REFUSED, lambda at, pem: at.anchor(pem("root-b")))
    _add("another name, a chain of %d" % length, chain, REFUSED, _anchored(), host="example.com")
for name, attributes, expected in (("trusted object", {"trusted": True}, ACCEPTED),
                                   ("neutral object", {}, REFUSED),
                                   ("untrusted object", {"trusted": False}, REFUSED)):
    _add(name, "policy-3-after", expected, lambda at, pem, attributes=attributes: at.write(
        "object", p11kit.certificate(pem(ROOT), **attributes)))
_add("neutral intermediate changes nothing", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.certificate, UPPER, trusted=False)))
for length in (3, 4):
    _add("intermediate as the only anchor, a chain of %d" % length, "policy-%d-after" % length, ACCEPTED,
         lambda at, pem: at.anchor(pem(UPPER)))
    _add("another anchor with the key of the root, a chain of %d" % length, "policy-%d-after" % length,
         ACCEPTED, lambda at, pem: at.anchor(pem("policy-root-reissued")))
_add("leaf as the only anchor", "policy-3-after", ACCEPTED,
     lambda at, pem: at.anchor(pem("policy-leaf-3-after")))

# --- blocklist -------------------------------------------------------------------------------------

for certificate, what in (("policy-leaf-4-after", "leaf"), (LOWER, "intermediate above the leaf"),
                          (UPPER, "intermediate below the root"), (ROOT, "root")):
    def blocked(at, pem, certificate=certificate):
        at.anchor(pem(ROOT))
        at.block(pem(certificate))

    _add("blocked certificate: " + what, "policy-4-after", REFUSED, blocked)
    _add("distrusted object: " + what, "policy-4-after", REFUSED,
         _anchored(_object(p11kit.certificate, certificate, x_distrusted=True)))
    _add("distrusted serial number: " + what, "policy-4-after", REFUSED,
         _anchored(_object(p11kit.distrusted_serial, certificate)))
    _add("distrusted key: " + what, "policy-4-after", REFUSED,
         _anchored(_object(p11kit.distrusted_key, certificate)), others=_always(ACCEPTED),
         why="p11-kit's own tools take a distrusted key to mean every certificate with it; GnuTLS looks "
             "for names and serial numbers, and there is neither")
for chain in ("policy-2-after", "policy-3-after"):
    _add("distrusted root, " + chain, chain, REFUSED,
         _anchored(_object(p11kit.certificate, ROOT, x_distrusted=True)))
_add("blocked by the key of a renewed intermediate", "policy-3-after", REFUSED,
     _anchored(_object(p11kit.certificate, "policy-upper-renewed", x_distrusted=True)))
_add("blocked by the key of a reissued root", "policy-3-after", REFUSED,
     _anchored(_object(p11kit.certificate, "policy-root-reissued", x_distrusted=True)))
_add("serial number of a renewed intermediate blocks no other", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.distrusted_serial, "policy-upper-renewed")))
_add("blocked key of another hierarchy", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.distrusted_key, "root-b")))
_add("blocked root of the same name and another key", "leaf-twin-1", ACCEPTED,
     lambda at, pem: (at.anchor(pem("twin-1")), at.block(pem("twin-2"))), others=_always(REFUSED),
     why="GnuTLS takes the name alone for enough")
_add("blocked certificate of another hierarchy", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.certificate, "int-a", x_distrusted=True)))
for purpose in ("client", "none"):
    _add("blocked for every purpose: " + purpose, "policy-3-client", REFUSED,
         _anchored(_object(p11kit.certificate, UPPER, x_distrusted=True)), purpose=purpose, host="-")
_add("anchor that is distrusted, too", "policy-2-after", REFUSED, lambda at, pem: at.write(
    "both", p11kit.certificate(pem(ROOT), trusted=True, x_distrusted=True)))
_add("a cross-signed certificate with a distrusted key", "chain-la-crossed", REFUSED,
     lambda at, pem: (at.anchor(pem("chain-u")), at.block(pem("chain-c"))))
_add("a cross-signed certificate whose key nobody distrusts", "chain-la-crossed", ACCEPTED,
     lambda at, pem: at.anchor(pem("chain-u")))

# --- stapled extended key usages -------------------------------------------------------------------

for chain in ("policy-2-after", "policy-3-after", "policy-4-after"):
    for usages, expected in ((SERVER_AUTH,), ACCEPTED), ((SERVER_AUTH, EMAIL_PROTECTION), ACCEPTED), \
            ((EMAIL_PROTECTION,), REFUSED), ((RESERVED_PURPOSE,), REFUSED):
        _add("root is for %s, %s" % (" ".join(usages), chain), chain, expected,
             _anchored(_object(p11kit.stapled_usages, ROOT, *usages)))
_add("root is for servers, and the peer a client", "policy-3-client", REFUSED,
     _anchored(_object(p11kit.stapled_usages, ROOT, SERVER_AUTH)), purpose="client", host="-")
_add("root is for clients, and the peer is one", "policy-3-client", ACCEPTED,
     _anchored(_object(p11kit.stapled_usages, ROOT, CLIENT_AUTH)), purpose="client", host="-")
_add("root is for mail, and nothing is said of the purpose", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.stapled_usages, ROOT, EMAIL_PROTECTION)), purpose="none",
     others=_always(REFUSED), why=_NONE_IS_SERVER)
for certificate, what in ((UPPER, "intermediate below the root"), (LOWER, "intermediate above the leaf"),
                          ("policy-leaf-4-after", "leaf")):
    _add("%s is for mail" % what, "policy-4-after", REFUSED,
         _anchored(_object(p11kit.stapled_usages, certificate, EMAIL_PROTECTION)),
         others=_always(ACCEPTED), why=_ANCHOR_ONLY)
    _add("%s is for servers" % what, "policy-4-after", ACCEPTED,
         _anchored(_object(p11kit.stapled_usages, certificate, SERVER_AUTH)))
_add("key of the root is for mail, and the anchor is another certificate with it", "policy-3-after", REFUSED,
     lambda at, pem: (at.anchor(pem("policy-root-reissued")),
                      at.write("usages", p11kit.stapled_usages(pem(ROOT), EMAIL_PROTECTION))))
_add("root has a stapled usage that cannot be read", "policy-3-after", REFUSED,
     _anchored(_object(p11kit.stapled, ROOT, EXTENDED_KEY_USAGE, b"garbage")))
_add("intermediate as the only anchor is for mail", "policy-3-after", REFUSED,
     lambda at, pem: (at.anchor(pem(UPPER)),
                      at.write("usages", p11kit.stapled_usages(pem(UPPER), EMAIL_PROTECTION))))
_add("root that says it is for mail, and is stapled for servers", "leaf-own-mail-server", REFUSED,
     lambda at, pem: (at.anchor(pem("root-own-mail")),
                      at.write("usages", p11kit.stapled_usages(pem("root-own-mail"), SERVER_AUTH))),
     others=_always(ACCEPTED),
     why="the stapled usage replaces the certificate's for the policy, but OpenSSL still refuses its own")

# --- OpenSSL's reject extension --------------------------------------------------------------------

for certificate, what in ((ROOT, "root"), (UPPER, "intermediate"), ("policy-leaf-3-after", "leaf")):
    _add("%s rejects servers" % what, "policy-3-after", REFUSED,
         _anchored(_object(p11kit.stapled_rejection, certificate, SERVER_AUTH)),
         others=_always(ACCEPTED), why="GnuTLS does not know the extension")
    _add("%s rejects mail" % what, "policy-3-after", ACCEPTED,
         _anchored(_object(p11kit.stapled_rejection, certificate, EMAIL_PROTECTION)))
_add("root rejects servers, and the peer is a client", "policy-3-client", ACCEPTED,
     _anchored(_object(p11kit.stapled_rejection, ROOT, SERVER_AUTH)), purpose="client", host="-")
_add("root rejects clients, and the peer is one", "policy-3-client", REFUSED,
     _anchored(_object(p11kit.stapled_rejection, ROOT, CLIENT_AUTH)), purpose="client", host="-",
     others=_always(ACCEPTED), why="GnuTLS does not know the extension")
_add("root is for servers and rejects them", "policy-3-after", REFUSED,
     _anchored(_object(p11kit.stapled_usages, ROOT, SERVER_AUTH),
               _object(p11kit.stapled_rejection, ROOT, SERVER_AUTH)),
     others=_always(ACCEPTED), why="GnuTLS does not know the extension")

# --- stapled name and basic constraints ------------------------------------------------------------

for chain in ("policy-2-after", "policy-3-after", "policy-4-after"):
    for names, expected in (({"permitted": [HOST]}, ACCEPTED), ({"permitted": ["example.com"]}, REFUSED),
                            ({"permitted": ["example.com", HOST]}, ACCEPTED),
                            ({"excluded": [HOST]}, REFUSED), ({"excluded": ["example.com"]}, ACCEPTED)):
        text = ", ".join("%s %s" % (kind, " ".join(some)) for kind, some in names.items())
        _add("root: %s, %s" % (text, chain), chain, expected,
             _anchored(_object(p11kit.stapled_name_constraints, ROOT, **names)))
for certificate, what in ((UPPER, "intermediate below the root"), (LOWER, "intermediate above the leaf")):
    _add("%s: permitted example.com" % what, "policy-4-after", REFUSED,
         _anchored(_object(p11kit.stapled_name_constraints, certificate, permitted=["example.com"])),
         others=_always(ACCEPTED), why=_ANCHOR_ONLY)
    _add("%s: permitted %s" % (what, HOST), "policy-4-after", ACCEPTED,
         _anchored(_object(p11kit.stapled_name_constraints, certificate, permitted=[HOST])))
_add("root is no authority", "policy-2-after", REFUSED,
     _anchored(_object(p11kit.stapled_basic_constraints, ROOT, False)))
_add("root allows no intermediate", "policy-3-after", REFUSED,
     _anchored(_object(p11kit.stapled_basic_constraints, ROOT, True, path_length=0)))
_add("root allows no intermediate, and there is none", "policy-2-after", ACCEPTED,
     _anchored(_object(p11kit.stapled_basic_constraints, ROOT, True, path_length=0)))

# --- distrust after a date -------------------------------------------------------------------------


def _dated(certificate=ROOT, **dates):
    return lambda at, pem: at.write("dated", p11kit.certificate(pem(certificate), trusted=True, **dates))


_LEAF_COUNTS = "the date is about the leaf; GnuTLS compares the certificate below the anchor"
_OLD_GNUTLS = "GnuTLS knows of dates from 3.8.1 on"
_SERVER_DATE = _dated(nss_server_distrust_after=DATE)

_add("leaf from before the date, a chain of 2", "policy-2-before", ACCEPTED, _SERVER_DATE)
_add("leaf from the very date", "policy-2-at", ACCEPTED, _SERVER_DATE)
_add("leaf from after the date, a chain of 2", "policy-2-after", REFUSED, _SERVER_DATE,
     others=_before_3_8_1(ACCEPTED, REFUSED), why=_OLD_GNUTLS)
for length in (3, 4):
    _add("leaf and intermediates from before the date, a chain of %d" % length,
         "policy-%d-before" % length, ACCEPTED, _SERVER_DATE)
    _add("leaf from after the date, a chain of %d" % length, "policy-%d-after" % length, REFUSED,
         _SERVER_DATE, others=_always(ACCEPTED), why=_LEAF_COUNTS)
    _add("leaf from before the date, renewed intermediate, a chain of %d" % length,
         "policy-%d-before-renewed" % length, ACCEPTED, _SERVER_DATE, others=_from_3_8_1(REFUSED),
         why=_LEAF_COUNTS)
    _add("leaf and intermediate from after the date, a chain of %d" % length,
         "policy-%d-after-renewed" % length, REFUSED, _SERVER_DATE,
         others=_before_3_8_1(ACCEPTED, REFUSED), why=_OLD_GNUTLS)
_add("date is FALSE", "policy-3-after-renewed", ACCEPTED, _dated(nss_server_distrust_after=False))
_add("date is for mail", "policy-2-after", ACCEPTED,
     _dated(nss_server_distrust_after=False, nss_email_distrust_after=DATE))
_add("date is for servers, and the peer a client", "policy-3-client", ACCEPTED, _SERVER_DATE,
     purpose="client", host="-")
_add("date is for servers, and nothing is said of the purpose", "policy-2-after", ACCEPTED, _SERVER_DATE,
     purpose="none", others=_from_3_8_1(REFUSED), why=_NONE_IS_SERVER)
_add("date with a year of four digits", "policy-2-after", REFUSED,
     _dated(nss_server_distrust_after=POLICY_DATE.encode()), others=_always(ACCEPTED),
     why="p11-kit takes a GeneralizedTime, too; GnuTLS does not read one")
_add("date that cannot be read", "policy-2-before", REFUSED, _dated(nss_server_distrust_after=b"garbage"),
     others=_always(ACCEPTED), why="a limit that cannot be read must not be taken for none")
_add("date of an anchor that is an intermediate", "policy-3-after", REFUSED,
     _dated(UPPER, nss_server_distrust_after=DATE), others=_before_3_8_1(ACCEPTED, REFUSED), why=_OLD_GNUTLS)
_add("date of an intermediate that is no anchor", "policy-3-after", ACCEPTED,
     _anchored(_object(p11kit.certificate, UPPER, nss_server_distrust_after=DATE)))
