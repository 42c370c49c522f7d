#!/usr/bin/env python3
"""NIST's Public Key Interoperability Test Suite with its CRLs (PKITS, the data of test_chains.py): by the
application's own checks, where ostrust must change nothing, and by ostrust's.

    Application  X509_V_FLAG_CRL_CHECK and what belongs to it, the CRLs in the context or in the store: verdict, errors,
                 depths and chain as by stock OpenSSL with the same anchors
    Hard         the CRLs beside the anchors in a hashed directory, `revocation = hard`, no flag: what PKITS expects
"""
import collections
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))
import support  # noqa: E402
import test_chains  # noqa: E402
from test_chains import DATA, HOST, LEAKS, listed, rows, text_of_der  # noqa: E402

CHECKS = ["flag=" + flag for flag in ("crl_check", "crl_check_all", "extended_crl_support", "use_deltas")]

# A host name that no certificate of PKITS has, and the error of that: who wants a name verifies a server.
NAME = ["host=server.test", "forgive=62"]

# How many cases OpenSSL 3.0 gets wrong, all of them refused: one because of its DSA key, the others because of indirect
# CRLs, of which more are found in the context.
STOCK_MISSES = {"crl": 2, "store_crl": 7}

Case = collections.namedtuple("Case", "name expected words anchor crls")


def cases():
    crls = {row[0]: [os.path.join(DATA, "pkits", "crls", name + ".crl") for name in listed(row[4])]
            for row in rows("pkits/pkits.tsv")}
    return [Case(case.name, case.expected, case.words, anchor, crls[case.name])
            for anchor, some in test_chains.pkits().items() for case in some]


def verdict(answer):
    return {"accepted": "ACCEPT", "refused": "REJECT"}.get(answer.split("\t")[0], answer)


class Pkits(support.OstrustTest):

    def setUp(self):
        super().setUp()
        reason = test_chains.why_not()
        if reason:
            self.skipTest(reason)
        self.cases = cases()
        self.assertEqual(len(self.cases), 249)
        self.assertEqual(len({case.anchor for case in self.cases}), 1)
        self.anchor = self.file("anchor.pem", text_of_der(self.cases[0].anchor))

    def ask(self, configuration, lines):
        """The host's answer to each line."""
        done = subprocess.run([HOST], input="\n".join("\t".join(line) for line in lines).encode(), cwd=self.work,
                              env=support.environment(configuration, preload=False, ASAN_OPTIONS=LEAKS),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300 * support.SLOWER)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        answers = done.stdout.decode().splitlines()
        self.assertEqual(len(answers), len(lines))
        self.assertEqual([answer for answer in answers if "unusable" in answer], [])
        return answers

    def deviating(self, answers):
        """What is not as PKITS expects, in words."""
        return ["%s: %s; expected: %s" % (case.name, answer, case.expected)
                for case, answer in zip(self.cases, answers) if verdict(answer) != case.expected]

    def assertNoneWronglyAccepted(self, answers):
        self.assertEqual([line for line in self.deviating(answers) if line.endswith("REJECT")], [])


class Application(Pkits):

    def lines(self, anchors, where, more):
        return [case.words + more + ["anchors=" + anchors] + ["%s=%s" % (where, crl) for crl in case.crls]
                for case in self.cases]

    def assertUnchanged(self, where):
        stock, ours = self.stock(), self.ostrust({
            "trust-source": self.anchor, "intermediates": "off", "revocation": "off"})
        for more in (CHECKS, CHECKS + ["forgive=1"], []):
            theirs = self.ask(stock, self.lines(self.anchor, where, more))
            self.assertEqual(self.ask(ours, self.lines("os://", where, more)), theirs)
            if more == CHECKS:
                self.assertNoneWronglyAccepted(theirs)
                deviating = self.deviating(theirs)
                print("%s: %d of %d as expected, the same through os://" % (
                    where, len(theirs) - len(deviating), len(theirs)))
                print("".join("  %s\n" % line for line in deviating), end="")
                if self.openssl("version", configuration=stock).out.startswith("OpenSSL 3.0."):
                    self.assertEqual(len(deviating), STOCK_MISSES[where])
            elif not more:
                # The twin: without the checks revoked certificates are accepted.
                accepted = [line for line in self.deviating(theirs) if line.endswith("REJECT")]
                self.assertGreater(len(accepted), 40)

    def test_crls_in_the_context(self):
        self.assertUnchanged("crl")

    def test_crls_in_the_store(self):
        self.assertUnchanged("store_crl")


class Hard(Pkits):
    """Each case in a process of its own, whose system has the anchor and the CRLs of the case."""

    # What is not as PKITS expects, and why. A CA's list that another key of the CA's name signed is not used where the
    # chain has one of that name: so 4.4.19, 4.5.4 and 4.5.6 are of unknown status, and 4.4.21, whose list a revoked key
    # signed, is refused as it must be, but for that reason.
    DEVIATING = {
        "PkitsTest01SignatureVerification.Section1ValidDSAParameterInheritanceTest5":
            "20",  # OpenSSL 3 does not decode the key
        "PkitsTest04BasicCertificateRevocationTests.Section4ValidSeparateCertificateandCRLKeysTest19": "3",
        "PkitsTest05VerifyingPathswithSelfIssuedCertificates.Section5ValidBasicSelfIssuedNewWithOldTest4": "3",
        "PkitsTest05VerifyingPathswithSelfIssuedCertificates.Section5ValidBasicSelfIssuedCRLSigningKeyTest6": "3",
    }

    def setUp(self):
        super().setUp()
        self.lists = {}  # {CRL: (PEM, <hash of its issuer>.r)}
        with ThreadPoolExecutor(2) as pool:
            names = sorted({crl for case in self.cases for crl in case.crls})
            self.lists = dict(zip(names, pool.map(self.list_of, names)))
        self.name = self.openssl("x509", "-in", self.anchor, "-noout", "-hash", configuration=self.stock()).out.strip()

    def list_of(self, path):
        done = self.openssl("crl", "-inform", "DER", "-in", path, "-hash", configuration=self.stock())
        self.assertEqual(done.status, 0, done)
        name, _, text = done.out.partition("\n")
        return text, name + ".r"

    def directory(self, case, with_lists):
        directory = os.path.join(self.work, case.name)
        os.mkdir(directory)
        shutil.copyfile(self.anchor, os.path.join(directory, self.name + ".0"))
        numbers = collections.Counter()
        for crl in case.crls if with_lists else []:
            text, name = self.lists[crl]
            with open(os.path.join(directory, "%s%d" % (name, numbers[name])), "w") as out:
                out.write(text)
            numbers[name] += 1
        return directory

    def answers(self, revocation, with_lists=True):
        """The host's answer to each case."""
        def one(case):
            directory = self.directory(case, with_lists)
            configuration = os.path.join(directory, "openssl.cnf")
            with open(configuration, "w") as out:
                out.write(support.configuration_text({
                    "trust-source": directory, "intermediates": "off", "revocation": revocation, "cache-dir": "off"}))
            answer, = self.ask(configuration, [case.words + NAME + ["anchors=os://"]])
            shutil.rmtree(directory)
            return answer

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, self.cases))

    def test_crls_beside_the_anchors(self):
        stock = self.ask(self.stock(), [
            case.words + CHECKS + ["anchors=" + self.anchor] + ["crl=" + crl for crl in case.crls]
            for case in self.cases])
        ours = self.answers("hard")
        deviating = self.deviating(ours)
        print("hard: %d of %d as expected" % (len(ours) - len(deviating), len(ours)))
        for case, answer, theirs in zip(self.cases, ours, stock):
            if verdict(answer) != case.expected or verdict(answer) != verdict(theirs):
                print("  %s: %s; expected: %s; stock OpenSSL: %s" % (case.name, answer, case.expected, theirs))
        self.assertNoneWronglyAccepted(ours)
        self.assertEqual({case.name: answer.split("\t")[1] for case, answer in zip(self.cases, ours)
                          if verdict(answer) != case.expected}, self.DEVIATING)

    def test_the_twins(self):
        # Without lists nothing is known: hard refuses everything, and local nothing but what OpenSSL refuses.
        self.assertEqual({verdict(answer) for answer in self.answers("hard", with_lists=False)}, {"REJECT"})
        without = self.ask(self.stock(), [case.words + ["anchors=" + self.anchor] for case in self.cases])
        self.assertEqual([verdict(answer) for answer in self.answers("local", with_lists=False)],
                         [verdict(answer) for answer in without])


if __name__ == "__main__":
    support.skip_all_if(test_chains.why_not())
    support.main()
