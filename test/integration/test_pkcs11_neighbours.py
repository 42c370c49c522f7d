#!/usr/bin/env python3
"""ostrust and another user of p11-kit's trust module in one process (test/hosts/pkcs11_neighbours.cpp)."""
import os
import sys
import unittest

import support
from test_hosts import LEAKS, HostTest

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import pkcs11  # noqa: E402

MODULE = pkcs11.find_module("p11-kit-trust.so")


@unittest.skipUnless(MODULE, "p11-kit-trust.so is missing (Debian: p11-kit-modules)")
class Neighbours(HostTest):

    def neighbours(self, mode, configuration=None):
        policy = os.path.join(self.work, "policy")
        if configuration is None:
            configuration = self.ostrust({"trust-source": "p11-kit:" + policy,
                                          "cache-dir": os.path.join(self.work, "cache")})
        # The trust module (0.24.1) itself compares a name that it has freed when a file is gone and several use it.
        suppressions = os.path.join(self.work, "suppressions")
        with open(suppressions, "w") as file:
            file.write("interceptor_via_lib:p11-kit-trust.so\n")
        return self.host("pkcs11_neighbours", mode, configuration=configuration,
                         ASAN_OPTIONS="%s:suppressions='%s'" % (LEAKS, suppressions),
                         OSTRUST_P11_KIT_MODULE=MODULE, OSTRUST_POLICY=policy,
                         OSTRUST_POLICY_ARGUMENTS="paths='%s'" % policy)

    def test_they_come_and_go(self):
        self.assertGood(self.neighbours("one-thread"))

    def test_in_many_threads(self):
        self.assertGood(self.neighbours("crowd"))

    @unittest.skipIf(support.SANITIZER, "the allocators of AddressSanitizer and ThreadSanitizer (GCC 12) leave "
                     "locks of theirs held in a child of busy threads")
    def test_a_child_verifies(self):
        self.assertGood(self.neighbours("fork"))

    def test_a_child_verifies_while_the_policy_changes(self):
        self.assertGood(self.neighbours("fork-and-change"))

    def test_without_ostrust_nothing_is_read(self):
        done = self.neighbours("one-thread", self.stock())
        self.assertEqual(done.status, 1, done)
        self.assertSays("not so: os:// loads", done)


if __name__ == "__main__":
    support.main()
