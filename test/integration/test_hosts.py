#!/usr/bin/env python3
"""Runs the host programs of test/hosts: C++ programs that use OpenSSL in ways that CPython and the
openssl command do not. Under a sanitizer they are built with it, leak detection included."""
import os
import unittest

import support
from support import HOSTS, MARKER, OstrustTest, write_store

# Without the second option LeakSanitizer of GCC 12 crashes: it takes the word before a thread-local
# block that __tls_get_addr() made for that block's start.
LEAKS = "detect_leaks=1:intercept_tls_get_addr=0"


class Hosts(OstrustTest):

    def host(self, name, *arguments, configuration, **env):
        env = support.environment(configuration, preload=False, OSTRUST_PKI=support.PKI,
                                  OSTRUST_BUNDLE=self.bundle, OSTRUST_MARKER=MARKER,
                                  **dict({"ASAN_OPTIONS": LEAKS}, **env))
        return support.run([os.path.join(HOSTS, name), *arguments], env, cwd=self.work, timeout=120)

    def assertGood(self, done):
        self.assertEqual(done.status, 0, done)
        self.assertSays("all as expected", done)

    def other(self, text_configuration):
        """The path of a second configuration file."""
        path = os.path.join(self.work, "other.cnf")
        os.replace(text_configuration, path)
        return path

    def test_library_contexts(self):
        self.store("root-a")
        other = self.other(self.ostrust())
        self.assertGood(self.host("library_contexts", configuration=self.stock(),
                                  OSTRUST_OTHER_CONF=other))

    def test_unload(self):
        self.store("root-a")
        # Described, and not activated: in 3.0 the key alone activates, whatever its value.
        configuration = self.ostrust({"activate": None})
        self.assertGood(self.host("unload", configuration=configuration))

    def test_direct_callers(self):
        self.store("root-a")
        self.assertGood(self.host("direct_callers", configuration=self.ostrust()))

    def test_verdict(self):
        for mode in ("platform", "report", "roots"):
            with self.subTest(mode):
                self.store("root-a")
                configuration = self.ostrust({"verify": mode, "log": "error"})
                done = self.host("verdict", configuration=configuration, OSTRUST_VERIFY=mode)
                self.assertGood(done)
                sentence = "CN=Intermediate of A at depth 1 is distrusted by " + self.bundle
                words = {"platform": "refused: ", "report": "would be refused: ", "roots": None}[mode]
                said = [line for line in done.err.splitlines() if sentence in line]
                self.assertEqual(bool(said), words is not None, done)
                if words:
                    self.assertIn(words, said[0])
        self.assertNotIn("would be", self.host("verdict", configuration=self.ostrust(
            {"log": "error"}), OSTRUST_VERIFY="platform").err)

    def test_second_libcrypto(self):
        self.store("root-a")
        self.assertGood(self.host("second_libcrypto", os.environ["OSTRUST_SECOND_LIBCRYPTO"],
                                  configuration=self.ostrust()))

    def test_dlopen_local(self):
        self.store("root-a")
        self.assertGood(self.host("dlopen_local", os.environ["OSTRUST_LIBCRYPTO"],
                                  configuration=self.ostrust()))

    def test_static_host(self):
        self.store("root-a")
        done = self.host("static_host", configuration=self.ostrust())
        self.assertGood(done)
        self.assertRegex(done.out, r"build info: .*no binding \(.+\)")

    def test_exit_paths(self):
        for mode in ("return", "return-without-freeing", "never-used", "verify-in-atexit",
                     "free-in-atexit-after-cleanup", "verify-in-static-destructor", "cleanup",
                     "cleanup-first", "cleanup-with-a-store-left", "_exit", "quick_exit", "fork"):
            with self.subTest(mode):
                # A store left behind on purpose is not ours to count.
                leaks = {"ASAN_OPTIONS": "detect_leaks=0"}
                write_store(self.bundle, "root-a")
                ours = self.host("exit_paths", mode, configuration=self.ostrust(), **leaks)
                stock = self.host("exit_paths", mode, configuration=self.stock(), **leaks)
                self.assertEqual(ours.status, stock.status, ours)
                self.assertEqual(ours.err, stock.err, ours)
                self.assertEqual(
                    ours.out.replace("accepted", "unable to get local issuer certificate"),
                    stock.out, ours)
                if stock.out:
                    self.assertIn("accepted", ours.out, ours)

    def test_the_twins_are_refused_without_ostrust(self):
        self.store("root-a")
        for name, arguments in (("direct_callers", ()),
                                ("dlopen_local", (os.environ["OSTRUST_LIBCRYPTO"],)),
                                ("second_libcrypto", (os.environ["OSTRUST_SECOND_LIBCRYPTO"],)),
                                ("static_host", ()), ("verdict", ())):
            with self.subTest(name):
                done = self.host(name, *arguments, configuration=self.stock(),
                                 ASAN_OPTIONS="detect_leaks=0")
                self.assertNotEqual(done.status, 0, done)
                self.assertNotIn("all as expected", done.out, done)


if __name__ == "__main__":
    unittest.main()
