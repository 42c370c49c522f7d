"""Runs one module of CPython's own tests and says what came of each test case, for test/conformance/cpython:
one line of JSON a case.

    cpython_cases.py MODULE        e.g. test.test_ssl

    {"case": "test.test_ssl.ContextTests.test_options", "outcome": "ok"}

A subtest that does not pass is a case of its own. The last line says whether ostrust served the process:
{"served": true}. It is missing if the process ended early. What the tests themselves write goes to the
standard error.
"""
import json
import os
import signal
import ssl
import sys
import unittest

import test.support


class Cases(unittest.TestResult):
    """Says each outcome when it is known. Of a failure it says the kind of exception only: the text has
    addresses, times and ports in it."""

    def __init__(self, out):
        super().__init__()
        self._out = out
        self._said = False

    def say(self, **what):
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()

    def _outcome(self, test, outcome):
        self._said = True
        self.say(case=test.id(), outcome=outcome)

    def startTest(self, test):
        super().startTest(test)
        self._said = False

    def stopTest(self, test):
        if not self._said:  # some versions call nothing for a test whose subtests were all skipped
            self._outcome(test, "nothing")
        super().stopTest(test)

    def addSuccess(self, test):
        self._outcome(test, "ok")

    def addFailure(self, test, err):
        self._outcome(test, "failure: " + err[0].__name__)
        super().addFailure(test, err)

    def addError(self, test, err):
        self._outcome(test, "error: " + err[0].__name__)
        super().addError(test, err)

    def addSkip(self, test, reason):
        self._outcome(test, "skipped: " + reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            kind = "failure" if issubclass(err[0], test.failureException) else "error"
            self._outcome(subtest, "%s: %s" % (kind, err[0].__name__))

    def addExpectedFailure(self, test, err):
        self._outcome(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        self._outcome(test, "unexpected success")


def main():
    # Nothing that a test prints may look like a result.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # In what a script put into the background SIGINT is ignored; asyncio's tests then wait for it for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    test.support.use_resources = []  # no test that wants the network or much time
    result = Cases(out)
    try:
        unittest.defaultTestLoader.loadTestsFromName(sys.argv[1]).run(result)
    except unittest.SkipTest as skip:
        result.say(case=sys.argv[1], outcome="skipped: %s" % skip)
    for _, text in result.errors + result.failures:
        print(text, file=sys.stderr)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations("os://")
        result.say(served=True)
    except OSError:
        result.say(served=False)
    out.flush()
    sys.stderr.flush()
    os._exit(0)  # a thread that a test left behind must not keep the process


if __name__ == "__main__":
    main()
