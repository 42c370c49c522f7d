#!/usr/bin/env python3
"""Runs test files and says what came of each test, for a program: one line of JSON a test.

    results.py FILE.py|FILE.py:CLASS.TEST...

    {"asked": "test_rows.py:Curl", "file": "test_rows.py", "test": "Curl.test_marker", "outcome": "pass", "why": ""}

An outcome is pass, fail or skip; `why` is the reason of a skip or the text of a failure. Python's standard
library only.
"""
import importlib
import json
import os
import sys
import unittest

import support


class Results(unittest.TestResult):
    """Each test once: a test whose subtests failed has failed."""

    def __init__(self, asked):
        super().__init__()
        self._asked = asked
        self._file = asked.partition(":")[0]
        self._worst = None

    def startTest(self, test):
        super().startTest(test)
        self._worst = ("pass", "")

    def stopTest(self, test):
        super().stopTest(test)
        self._say(test.id(), *self._worst)

    def _say(self, name, outcome, why):
        print(json.dumps({"asked": self._asked, "file": self._file, "test": name.split(".", 1)[-1], "outcome": outcome,
                          "why": why}), flush=True)

    def _note(self, outcome, why):
        if self._worst is None:  # in setUpClass or setUpModule
            self._say(self._file, outcome, why)
        elif self._worst[0] != "fail":
            self._worst = (outcome, why)

    def addError(self, test, err):
        self._note("fail", self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        self._note("fail", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._note("fail", "%s\n%s" % (subtest, self._exc_info_to_string(err, test)))

    def addSkip(self, test, reason):
        self._note("skip", reason)

    def addUnexpectedSuccess(self, test):
        self._note("fail", "unexpected success")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.path[:0] = [os.path.join(support.SOURCE, "test", room) for room in ("pki", "conformance", "clients")]
    import pki
    pki.make_all(support.PKI, support.OPENSSL)
    for argument in sys.argv[1:]:
        file, _, test = argument.partition(":")
        module = importlib.import_module(file[:-len(".py")])
        result = Results(argument)
        reason = getattr(module, "why_not", lambda: None)()
        if reason:
            result._note("skip", reason)
        elif test:
            unittest.defaultTestLoader.loadTestsFromName(test, module).run(result)
        else:
            unittest.defaultTestLoader.loadTestsFromModule(module).run(result)


if __name__ == "__main__":
    main()
