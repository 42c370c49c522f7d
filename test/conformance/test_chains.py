#!/usr/bin/env python3
"""Chains that others made, verified through os:// and by stock OpenSSL with the same anchors: the same
verdict, the same errors at the same depths in the same order, the same chain.

The data is not part of the project. OSTRUST_TEST_DATA names a folder that holds

    realchains/cases.tsv    chains of real servers and of other projects' tests; realchains/certs
    pkits/pkits.tsv         NIST's Public Key Interoperability Test Suite; pkits/certs

Each case is verified in several ways (VARIANTS), each with a callback that obeys and with one that forgives
every error. What others expect of a chain is compared too, and printed: OpenSSL itself deviates in places.
"""
import base64
import collections
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import support  # noqa: E402
from support import HOSTS, OstrustTest, pem  # noqa: E402
from test_bundles import BUNDLE  # noqa: E402
from test_hosts import LEAKS  # noqa: E402

DATA = os.environ.get("OSTRUST_TEST_DATA", "")
HOST = os.path.join(HOSTS, "verify_chain")

# What is added to each case. The first is what the expectations are about.
VARIANTS = collections.OrderedDict((
    ("TLS server", ("purpose=sslserver",)),
    ("no purpose", ()),
    ("TLS client", ("purpose=sslclient",)),
    ("mail", ("purpose=smimesign",)),
    ("partial chain", ("purpose=sslserver", "flag=partial_chain")),
    ("strict", ("purpose=sslserver", "flag=x509_strict")),
    ("untrusted first", ("purpose=sslserver", "flag=no_trusted_first")),
))

# An instant at which the certificates of PKITS that are meant to be valid are.
PKITS_TIME = 1600000000
PKITS_POLICY = "2.16.840.1.101.3.2.1.48."
ANY_POLICY = "2.5.29.32.0"  # OpenSSL takes no policy at all for none, not for any

# `words` are those of test/hosts/verify_chain.cpp, without the anchors. Where a rejection may be meant to come
# from a CRL, and none is looked at here, another verdict is not worth a line.
Case = collections.namedtuple("Case", "name expected words needs_revocation")


def why_not():
    if not DATA:
        return "OSTRUST_TEST_DATA does not say where the chains are"
    for name in ("realchains/cases.tsv", "pkits/pkits.tsv"):
        if not os.path.exists(os.path.join(DATA, name)):
            return "there is no %s in %s" % (name, DATA)
    return not os.path.exists(HOST) and "there is no host program verify_chain"


def rows(name):
    with open(os.path.join(DATA, name)) as file:
        for line in file:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def listed(text):
    return [] if text in ("-", "") else text.split(",")


def real_chains():
    """{names of the anchors: [Case]}"""
    cases = collections.defaultdict(list)
    directory = os.path.join(DATA, "realchains", "certs")
    for name, expected, kind, peer, time, leaf, intermediates, _ocsp, anchors, _note in rows(
            "realchains/cases.tsv"):
        words = ["leaf=" + os.path.join(directory, leaf), "time=" + time]
        words += ["untrusted=" + os.path.join(directory, file) for file in listed(intermediates)]
        if kind != "-":
            words.append({"DNS": "host=", "IP": "ip="}[kind] + peer)
        cases[anchors].append(Case(name, expected, words, False))
    return cases


def pkits():
    """{the anchor's name: [Case]}"""
    cases = collections.defaultdict(list)
    directory = os.path.join(DATA, "pkits", "certs")
    for (name, _number, expected, certificates, _crls, policies, explicit, inhibit_map, inhibit_any,
         _user_constrained) in rows("pkits/pkits.tsv"):
        anchor, *others = [os.path.join(directory, file + ".crt") for file in listed(certificates)]
        words = ["leaf=" + others.pop(), "time=%d" % PKITS_TIME, "flag=policy_check"]
        words += ["untrusted=" + file for file in others]
        words += ["flag=" + flag for flag, wanted in (
            ("explicit_policy", explicit), ("inhibit_map", inhibit_map), ("inhibit_any", inhibit_any)
        ) if wanted == "true"]
        words += ["policy=" + (ANY_POLICY if policy == "anyPolicy" else
                               PKITS_POLICY + policy.rpartition("-")[2])
                  for policy in listed(policies)]
        cases[anchor].append(Case(name, expected, words, True))
    return cases


def text_of_der(path):
    with open(path, "rb") as file:
        body = base64.encodebytes(file.read()).decode()
    return "-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n" % body


class Chains(OstrustTest):

    def answers(self, cases, anchors, configuration):
        """{(variant, forgiving, case): answer} of one process."""
        keys, lines = [], []
        for variant, more in VARIANTS.items():
            for forgiving in (False, True):
                for case in cases:
                    keys.append((variant, forgiving, case.name))
                    lines.append("\t".join([*case.words, *more, "anchors=" + anchors] +
                                           ["forgive=1"] * forgiving))
        done = subprocess.run([HOST], input="\n".join(lines).encode(), cwd=self.work,
                              env=support.environment(configuration, preload=False,
                                                      ASAN_OPTIONS=LEAKS),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=300 * support.SLOWER)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        found = done.stdout.decode().splitlines()
        self.assertEqual(len(found), len(keys))
        return dict(zip(keys, found))

    def assertSame(self, title, cases, file):
        """The verdicts through os:// are stock OpenSSL's. How many chains it accepts."""
        stock = self.answers(cases, file, self.stock())
        ours = self.answers(cases, "os://", self.ostrust({"trust-source": file}))
        self.assertEqual([key for key, answer in stock.items() if "unusable" in answer], [])
        different = ["%s, %s%s:\n  stock:   %s\n  ostrust: %s" % (
            key[2], key[0], ", forgiving" if key[1] else "", stock[key], ours[key])
            for key in stock if stock[key] != ours[key]]
        self.assertEqual(different, [], "%s: %d of %d differ\n%s" % (
            title, len(different), len(stock), "\n".join(different[:50])))

        first = next(iter(VARIANTS))
        verdicts = {case.name: stock[first, False, case.name].split("\t") for case in cases}
        accepted = sum(answer[0] == "accepted" for answer in verdicts.values())
        expecting = [case for case in cases if case.expected != "-"]
        words = {"ACCEPT": "accepted", "REJECT": "refused"}
        deviating = [case for case in expecting if verdicts[case.name][0] != words[case.expected]]
        print("%s: %d cases in %d ways, %d accepted; %d of %d as others expect" % (
            title, len(cases), len(stock) // len(cases), accepted, len(expecting) - len(deviating),
            len(expecting)))
        for case in deviating:
            if case.expected == "REJECT" and case.needs_revocation:
                continue
            print("  %s: stock OpenSSL as well: %s, error %s at depth %s; expected: %s" % (
                case.name, *verdicts[case.name][:3], case.expected))
        return accepted

    def anchors(self, name):
        """The path of a file with these anchors."""
        text = ""
        for file in listed(name):
            with open(os.path.join(DATA, "realchains", "certs", file)) as one:
                text += one.read()
        return self.file("anchors.pem", text)

    def test_real_chains_with_their_own_anchors(self):
        total = 0
        for name, cases in real_chains().items():
            if name != "SYSTEM":
                total += self.assertSame(name, cases, self.anchors(name))
        self.assertGreater(total, 10)

    def test_real_chains_with_certifi(self):
        cases = real_chains()["SYSTEM"]
        file = os.path.join(DATA, "realchains", "certifi-cacert.pem")
        self.assertGreater(self.assertSame("certifi", cases, file), 10)

    def test_real_chains_with_the_bundle_of_this_machine(self):
        if not BUNDLE:
            self.skipTest("this machine has no bundle of CA certificates (package ca-certificates)")
        cases = real_chains()["SYSTEM"]
        self.assertGreater(self.assertSame(BUNDLE, cases, BUNDLE), 10)

    def test_pkits_without_revocation(self):
        for anchor, cases in pkits().items():
            file = self.file("anchors.pem", text_of_der(anchor))
            accepted = self.assertSame("PKITS", cases, file)
            self.assertGreater(accepted, 50)
            self.assertGreater(len(cases) - accepted, 50)

    def test_the_twins(self):
        # All is refused with another anchor, and without ostrust os:// cannot be loaded.
        cases = [case for cases in real_chains().values() for case in cases]
        other = self.answers(cases, "os://", self.ostrust({"trust-source": pem("root-a")}))
        self.assertEqual([(key, answer) for key, answer in other.items()
                          if not answer.startswith("refused") and not key[1]], [])
        without = self.answers(cases, "os://", self.stock())
        self.assertEqual([key for key, answer in without.items()
                          if not answer.startswith("unusable\tcannot load os://")], [])


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
