#!/usr/bin/env python3
"""What the tests of p11-kit's policy rest on: that p11-kit's trust module reads what test/pki/p11kit.py writes, that
Mozilla's list comes out of it as NSS has it, and what GnuTLS, the other verifier that asks the module, makes of
every scenario of test/pki/p11kit_scenarios.py. Nothing of ostrust is asked here.

OSTRUST_NSSCKBI: another libnssckbi.so than the system's, such as that of a newer libnss3, to read as well.
"""
import collections
import hashlib
import os
import sys
import tempfile
import unittest
import urllib.parse

import support
from support import OstrustTest, pem

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import mozilla_policy  # noqa: E402
import p11kit  # noqa: E402
import pkcs11  # noqa: E402
from p11kit_scenarios import SCENARIOS, gnutls_answer  # noqa: E402

MODULE = pkcs11.find_module("p11-kit-trust.so")
GNUTLS = os.path.join(support.HOSTS, "gnutls_verdict")
TRUE, FALSE, NOTHING = b"\1", b"\0", b""
PURPOSES = (p11kit.SERVER_AUTH, p11kit.CLIENT_AUTH, p11kit.CODE_SIGNING, p11kit.EMAIL_PROTECTION,
            p11kit.RESERVED_PURPOSE)

CERTIFICATE = {"value": pkcs11.CKA_VALUE, "trusted": pkcs11.CKA_TRUSTED,
               "distrusted": pkcs11.CKA_X_DISTRUSTED, "issuer": pkcs11.CKA_ISSUER,
               "serial": pkcs11.CKA_SERIAL_NUMBER, "key": pkcs11.CKA_PUBLIC_KEY_INFO,
               "label": pkcs11.CKA_LABEL,
               "server": pkcs11.CKA_NSS_SERVER_DISTRUST_AFTER,
               "mail": pkcs11.CKA_NSS_EMAIL_DISTRUST_AFTER}
EXTENSION = {"kind": pkcs11.CKA_OBJECT_ID, "value": pkcs11.CKA_VALUE, "key": pkcs11.CKA_PUBLIC_KEY_INFO}


def read(policy, kind, attributes):
    """What p11-kit's module says of a policy: [{name: bytes}]."""
    with pkcs11.Module(MODULE, policy.parameters) as module:
        return [{name: found[number] for name, number in attributes.items() if number in found}
                for found in module.objects(kind, attributes.values())]


def certificates(policy):
    return read(policy, pkcs11.CKO_CERTIFICATE, CERTIFICATE)


def extensions(policy):
    return read(policy, pkcs11.CKO_X_CERTIFICATE_EXTENSION, EXTENSION)


@unittest.skipUnless(MODULE, "p11-kit-trust.so is missing (Debian: p11-kit-modules)")
class Objects(OstrustTest):
    """The module says of each object what was written."""

    def setUp(self):
        super().setUp()
        self.policy = p11kit.Policy(self.work)
        self.root = p11kit.fields(pem("root-a"))

    def written(self, *objects, place=""):
        self.policy.write("written", *objects, place=place)
        return certificates(self.policy)

    def test_a_certificate_is_what_its_place_and_its_object_say(self):
        for place, attributes, trusted, distrusted in (
                ("", {"trusted": True}, TRUE, FALSE), ("", {}, FALSE, FALSE),
                ("", {"x_distrusted": True}, FALSE, TRUE),
                ("", {"trusted": True, "x_distrusted": True}, TRUE, TRUE),
                ("anchors", {}, TRUE, FALSE), ("anchors", {"x_distrusted": True}, FALSE, TRUE),
                ("blocklist", {}, FALSE, TRUE), ("blocklist", {"trusted": True}, FALSE, TRUE)):
            with self.subTest(place=place, **attributes):
                self.policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
                self.assertEqual(
                    self.written(p11kit.certificate(pem("root-a"), **attributes), place=place),
                    [{"value": self.root.value, "trusted": trusted, "distrusted": distrusted,
                      "issuer": self.root.issuer, "serial": self.root.serial,
                      "key": self.root.public_key, "label": b"Root A"}])

    def test_plain_files(self):
        self.policy.anchor(pem("root-a"))
        self.policy.block(pem("int-a"))
        self.assertEqual(
            {(one["value"], one["trusted"], one["distrusted"]) for one in certificates(self.policy)},
            {(self.root.value, TRUE, FALSE), (p11kit.fields(pem("int-a")).value, FALSE, TRUE)})

    def test_a_serial_number_is_distrusted_without_a_certificate(self):
        self.assertEqual(self.written(p11kit.distrusted_serial(pem("root-a"))),
                         [{"value": NOTHING, "trusted": FALSE, "distrusted": TRUE,
                           "issuer": self.root.issuer, "serial": self.root.serial,
                           "label": NOTHING}])

    def test_a_key_is_distrusted_without_a_certificate(self):
        self.assertEqual(self.written(p11kit.distrusted_key(pem("root-a"))),
                         [{"value": NOTHING, "trusted": FALSE, "distrusted": TRUE, "issuer": NOTHING,
                           "serial": NOTHING, "key": self.root.public_key, "label": NOTHING}])

    def test_dates_are_handed_out_as_they_are_written(self):
        # The module checks the form of what an application makes, not of what is in a file.
        for date, seen in ((False, FALSE), (b"240101000000Z", b"240101000000Z"),
                           (b"20240101000000Z", b"20240101000000Z"), (b"garbage", b"garbage")):
            with self.subTest(date=date):
                self.policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
                one, = self.written(p11kit.certificate(
                    pem("root-a"), nss_server_distrust_after=date, nss_email_distrust_after=False))
                self.assertEqual((one.get("server"), one.get("mail")), (seen, FALSE))

    def test_stapled_extensions(self):
        mail_and_server = (p11kit.EMAIL_PROTECTION, p11kit.SERVER_AUTH)
        self.policy.write(
            "stapled",
            p11kit.stapled_usages(pem("root-a"), *mail_and_server),
            p11kit.stapled_rejection(pem("root-a"), *mail_and_server),
            p11kit.stapled_name_constraints(pem("root-a"), ["example.com"], ["bad.example.com"]),
            p11kit.stapled_basic_constraints(pem("root-a"), True, path_length=0))
        # The first two as Fedora writes them.
        expected = {
            p11kit.EXTENDED_KEY_USAGE: "0 %06%03U%1d%25%01%01%ff%04%160%14%06%08%2b%06%01%05%05%07%03%04"
                                       "%06%08%2b%06%01%05%05%07%03%01",
            p11kit.OPENSSL_REJECT: "0$%06%0a%2b%06%01%04%01%99w%06%0a%01%04%160%14%06%08%2b%06%01%05%05%07"
                                   "%03%04%06%08%2b%06%01%05%05%07%03%01",
            p11kit.NAME_CONSTRAINTS: "02%06%03U%1d%1e%01%01%ff%04(0&%a0%0f0%0d%82%0bexample.com"
                                     "%a1%130%11%82%0fbad.example.com",
            p11kit.BASIC_CONSTRAINTS: "0%12%06%03U%1d%13%01%01%ff%04%080%06%01%01%ff%02%01%00"}
        self.assertEqual(
            {one["kind"]: (one["value"], one["key"]) for one in extensions(self.policy)},
            {p11kit.oid(kind): (urllib.parse.unquote_to_bytes(value), self.root.public_key)
             for kind, value in expected.items()})

    def test_one_bad_line_costs_a_file_its_trust_and_its_distrust(self):
        # What is not understood as objects is read again as PEM, and PEM says nothing of trust.
        objects = [p11kit.certificate(pem("root-a"), trusted=True),
                   p11kit.certificate(pem("root-b"), x_distrusted=True)]
        self.assertEqual([(one["trusted"], one["distrusted"]) for one in self.written(*objects)],
                         [(TRUE, FALSE), (FALSE, TRUE)])
        self.policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
        broken = objects + ["[p11-kit-object-v1]\nclass: no-such-class\n"]
        self.assertEqual([(one["trusted"], one["distrusted"]) for one in self.written(*broken)],
                         [(FALSE, FALSE), (FALSE, FALSE)])


def lists_of_nss():
    """The libnssckbi.so that there are."""
    paths = (os.environ.get("OSTRUST_NSSCKBI"), pkcs11.find_module("libnssckbi.so"))
    return [path for path in paths if path]


@unittest.skipUnless(MODULE, "p11-kit-trust.so is missing (Debian: p11-kit-modules)")
class Mozilla(OstrustTest):
    """Mozilla's list, written for p11-kit, is what NSS says: every certificate, purpose and date."""

    def setUp(self):
        super().setUp()
        if not lists_of_nss():
            self.skipTest("libnssckbi.so is missing (Debian: libnss3)")

    def test_the_list_comes_out_as_nss_has_it(self):
        for path in lists_of_nss():
            with self.subTest(path=path):
                roots = mozilla_policy.read(path)
                print(path, mozilla_policy.summary(roots))
                self.assertGreater(len(roots), 100)
                self.assertEqual(self.of_policy(self.written(roots)), self.of_nss(roots))

    def test_what_is_changed_on_the_way_is_noticed(self):
        roots = mozilla_policy.read(lists_of_nss()[0])
        first = next(root for root in roots if root.trusted)
        for change in ({"trusted": (p11kit.CODE_SIGNING,)}, {"distrusted": True}, {"label": b"another"},
                       {"dates": {"nss-server-distrust-after": b"240101000000Z"}}):
            with self.subTest(**change):
                changed = [root._replace(**change) if root is first else root for root in roots]
                self.assertNotEqual(self.of_policy(self.written(changed)), self.of_nss(roots))

    def written(self, roots):
        return mozilla_policy.write(roots, tempfile.mkdtemp(dir=self.work))

    # Both: {(label, first bytes of the SHA-256):
    #        (trusted, distrusted, [purposes, one set for each stapled usage], date for servers, for mail)}

    @staticmethod
    def identity(label, value):
        return label, hashlib.sha256(value).hexdigest()[:16]

    def of_nss(self, roots):
        count = collections.Counter(p11kit.fields_of(root.value).public_key for root in roots)
        found = {}
        for root in roots:
            purposes = set(root.trusted) or ({p11kit.RESERVED_PURPOSE} if root.distrusted else None)
            # Two certificates of one key have both their usages on it.
            usages = [purposes] * count[p11kit.fields_of(root.value).public_key] if purposes else []
            dates = (root.dates.get(name, None) for name in ("nss-server-distrust-after",
                                                             "nss-email-distrust-after"))
            found[self.identity(root.label, root.value)] = (
                bool(root.trusted) and not root.distrusted, root.distrusted, usages,
                *(FALSE if date is False else date for date in dates))
        return found

    def of_policy(self, policy):
        usages = collections.defaultdict(list)
        for one in extensions(policy):
            if one["kind"] == p11kit.oid(p11kit.EXTENDED_KEY_USAGE):
                usages[one["key"]].append({purpose for purpose in PURPOSES
                                           if p11kit.oid(purpose) in one["value"]})
        return {self.identity(one["label"], one["value"]): (
            one["trusted"] == TRUE, one["distrusted"] == TRUE, usages[one["key"]], one.get("server"),
            one.get("mail")) for one in certificates(policy)}


class Scenarios(unittest.TestCase):
    """The list makes sense."""

    def test_no_two_have_one_name(self):
        count = collections.Counter(scenario.name for scenario in SCENARIOS)
        self.assertEqual([name for name in count if count[name] > 1], [])

    def test_what_others_say_is_noted_where_it_is_another_answer(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario.name):
                self.assertEqual(any(answer != scenario.expected for answer in scenario.others.values()),
                                 bool(scenario.others))
                self.assertEqual(bool(scenario.others), bool(scenario.why))


@unittest.skipUnless(MODULE, "p11-kit-trust.so is missing (Debian: p11-kit-modules)")
@unittest.skipUnless(os.path.exists(GNUTLS), "there is no host program gnutls_verdict (libgnutls28-dev)")
class GnuTls(OstrustTest):
    """GnuTLS answers as the scenarios say it does. Where it does not, the list has to be looked at again."""

    def gnutls(self, *arguments):
        done = support.run([GNUTLS, *arguments], support.environment(os.devnull, preload=False))
        self.assertEqual(done.status, 0, done)
        return done.out.strip()

    def test_every_scenario(self):
        version = tuple(map(int, self.gnutls("--version").split(".")[:3]))
        for scenario in SCENARIOS:
            with self.subTest(scenario.name):
                policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
                scenario.policy(policy, pem)
                seen = self.gnutls(MODULE, policy.directory, pem(scenario.chain), scenario.host,
                                   scenario.purpose)
                self.assertEqual(seen.split()[0], gnutls_answer(scenario, version),
                                 "GnuTLS %s says: %s; right is: %s" % (version, seen, scenario.expected))

    def test_time_is_the_one_that_was_asked_for(self):
        policy = p11kit.Policy(self.work)
        policy.anchor(pem("policy-root"))
        asked = (MODULE, self.work, pem("policy-3-after"), "localhost", "server")
        self.assertEqual(self.gnutls(*asked), "accepted")
        self.assertIn("not-activated", self.gnutls(*asked, "1700000000"))


if __name__ == "__main__":
    support.main()
