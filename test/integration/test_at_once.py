#!/usr/bin/env python3
"""Runs the host program at_once: sixteen threads that do everything at the same time."""
import os
import shutil

import support
from test_hosts import HostTest

SECONDS = 10 if support.SANITIZER else 4


class AtOnce(HostTest):

    def test_everything_at_once(self):
        self.store("root-a")
        other = os.path.join(self.work, "other.cnf")
        shutil.copyfile(self.ostrust(), other)
        second = [path for path in (os.environ.get("OSTRUST_SECOND_LIBCRYPTO"),) if path]
        done = self.host("at_once", str(SECONDS), *second, configuration=self.ostrust(), OSTRUST_OTHER_CONF=other,
                         OSTRUST_TRUE=shutil.which("true"))
        self.assertGood(done)
        self.assertEqual(done.err, "", done)


if __name__ == "__main__":
    support.main()
