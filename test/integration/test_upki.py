#!/usr/bin/env python3
"""What CRLite says, through a double of libupki (test/doubles/upki.cpp) that the program's dynamic linker finds."""
import os

import support
from support import HOSTS, OstrustTest, pem

HOST = os.path.join(HOSTS, "verify_chain")
DOUBLES = os.path.join(os.path.dirname(HOSTS), "doubles")
REVOKED, UNABLE_TO_GET_CRL = "refused\t23\t0", "refused\t3\t0"


def why_not():
    for path in (HOST, os.path.join(DOUBLES, "upki", "libupki.so.1")):
        if not os.path.exists(path):
            return "there is no %s" % path
    return os.path.exists("/etc/upki/config.toml") and "this machine has upki, which others ask, too"


class Upki(OstrustTest):

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.asked = os.path.join(self.work, "asked")
        self.log = os.path.join(self.work, "log")
        os.makedirs(os.path.join(self.work, ".config", "upki"))

    def verdict(self, script, configuration=None, anchors="os://", library="upki", words=(), **keys):
        """The verdict on leaf-a, which the double holds for what `script` says."""
        self.file(".config/upki/config.toml", "%s\nasked %s\n" % (script, self.asked))
        for path in (self.asked, self.log):
            if os.path.exists(path):
                os.remove(path)
        keys = {"log": "debug:" + self.log, "cache-dir": "off", **keys}
        case = ["leaf=" + pem("leaf-a"), "host=localhost", "anchors=" + anchors, *words]
        answer = support.verify_chain(case, configuration or self.ostrust(keys), self.work, HOME=self.work,
                                      LD_LIBRARY_PATH=os.path.join(DOUBLES, library))
        return "\t".join(answer[:3])

    def content(self, path):
        if not os.path.exists(path):
            return ""
        with open(path) as file:
            return file.read()

    def assertAsked(self):
        self.assertRegex(self.content(self.asked), r"\Aconfig\ncheck \d+ \d+\nfree\n\Z")

    def assertNotAsked(self):
        self.assertEqual(self.content(self.asked), "")

    def test_what_is_revoked_is_refused(self):
        for revocation in ("local", "soft", "hard"):
            self.assertEqual(self.verdict("check 2 leaf a", revocation=revocation), REVOKED, revocation)
            self.assertAsked()
        self.assertIn("CRLite", self.content(self.log))

    def test_what_another_certificate_is_matters_not(self):
        self.assertEqual(self.verdict("check 2 leaf b", revocation="local"), "accepted\t0\t0")
        self.assertAsked()

    def test_what_is_not_revoked_is_no_proof_where_one_is_wanted(self):
        # The age of the data cannot be asked.
        self.assertEqual(self.verdict("check 3", revocation="local"), "accepted\t0\t0")
        self.assertAsked()
        self.assertEqual(self.verdict("check 3", revocation="hard"), UNABLE_TO_GET_CRL)
        self.assertAsked()

    def test_errors_and_nonsense_say_nothing(self):
        for script, words in (
                ("check 1", "does not cover"), ("check 67", "never fetched"), ("check 79", "outdated"),
                ("check 19", "panicked"), ("check 4711", "answered 4711"), ("config 32", "not understood"),
                ("null", "answered 0")):
            self.assertEqual(self.verdict(script, revocation="local"), "accepted\t0\t0", script)
            self.assertIn(words, self.content(self.log))
            self.assertEqual(self.verdict(script, revocation="hard"), UNABLE_TO_GET_CRL, script)

    def test_another_library_of_the_name_is_not_used(self):
        self.assertEqual(self.verdict("check 2", library="upki_lacking", revocation="local"), "accepted\t0\t0")
        self.assertNotAsked()

    def test_off_asks_nothing(self):
        self.assertEqual(self.verdict("check 2", revocation="off"), "accepted\t0\t0")
        self.assertNotAsked()

    def test_other_stores_ask_nothing(self):
        self.assertEqual(self.verdict("check 2", anchors=pem("root-a"), revocation="hard"), "accepted\t0\t0")
        self.assertNotAsked()

    def test_stock_asks_nothing(self):
        self.assertEqual(self.verdict("check 2", self.stock(), anchors=pem("root-a")), "accepted\t0\t0")
        self.assertNotAsked()


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
