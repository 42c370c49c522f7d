#!/usr/bin/env python3
"""ostrust.dll in Windows programs that know nothing of it: openssl.exe, node.exe and host programs, in Wine. What the
module is as a file, every way of asking for the system's store with its twin without ostrust, roots that come and go, and
how a process may end. What Windows' verifier says is in test_windows_verdict.py.

Nothing of this was run on Windows itself.
"""
import concurrent.futures
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import time
import unittest

import support
import windows_support
import wine
from support import MARKER, port_of
from windows_support import MODULE, NODE_HOSTS, OPENSSL_HOSTS, UNKNOWN, WindowsTest, with_each

REJECTED = 28  # X509_V_ERR_CERT_REJECTED
PATIENCE = 60  # seconds

# How a program asks for the system's store: options of openssl.exe, and environment variables.
ENTRIES = (
    ((), {}),
    (("-CAfile", "os://"), {}),
    (("-CAfile", "os:"), {}),
    (("-CAstore", "os://"), {}),
    (("-CAstore", "os:"), {}),
    (("-CAfile", wine.path(MARKER)), {}),
    ((), {"SSL_CERT_FILE": "os://"}),
    ((), {"SSL_CERT_FILE": wine.path(MARKER)}),
    ((), {"SSL_CERT_DIR": "os://"}),
)


def fingerprint(der):
    """As Windows names a certificate."""
    return hashlib.sha1(der).hexdigest().upper()


# --- the file --------------------------------------------------------------------------------------

class ModuleFile(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        objdump = shutil.which("x86_64-w64-mingw32-objdump") or shutil.which("objdump")
        if objdump is None:
            raise unittest.SkipTest("no objdump")
        cls.headers = subprocess.run([objdump, "-p", MODULE], stdout=subprocess.PIPE, check=True).stdout.decode()

    def test_imports_from_windows_only(self):
        imported = {name.lower() for name in re.findall(r"DLL Name: (\S+)", self.headers)}
        # Nothing of OpenSSL, and no runtime of a compiler's.
        allowed = {"advapi32.dll", "crypt32.dll", "kernel32.dll", "msvcrt.dll", "shlwapi.dll", "ucrtbase.dll"}
        self.assertIn("crypt32.dll", imported)
        self.assertEqual({name for name in imported if not name.startswith("api-ms-win-crt-")} - allowed, set())

    def test_exports_one_function(self):
        names = self.headers[self.headers.index("[Ordinal/Name Pointer] Table"):]
        # Newer binutils name the address, too.
        self.assertEqual(re.findall(r"^\s+\[\s*\d+\] (?:\+base\[\s*\d+\]\s+[0-9a-f]+ )?(\w+)$", names, re.M),
                         ["OSSL_provider_init"])

    def test_can_be_anywhere_in_memory_and_has_no_executable_data(self):
        for name in ("DYNAMIC_BASE", "NX_COMPAT", "HIGH_ENTROPY_VA"):
            self.assertRegex(self.headers, r"(?m)^\s+%s$" % name)


# --- the provider's own store loader ----------------------------------------------------------------

class StoreLoader(WindowsTest):
    """openssl storeutl."""

    def storeutl(self, host, *arguments, configuration):
        return self.openssl_in(host, "storeutl", *arguments, configuration=configuration)

    def found(self, done):
        """The fingerprints of what was printed."""
        self.assertEqual(done.status, 0, done)
        blocks = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", done.out, re.S)
        return sorted(fingerprint(ssl.PEM_cert_to_DER_cert(block)) for block in blocks)

    @with_each(OPENSSL_HOSTS)
    def test_lists_what_is_in_the_stores_of_the_user_and_of_the_machine(self, host):
        self.add("root-a", location="CurrentUser")
        self.add("twin-1", store="CA")
        roots = {location: self.windows.certificates(location, "ROOT")
                 for location in ("CurrentUser", "LocalMachine")}
        ours = {name: fingerprint(ssl.PEM_cert_to_DER_cert(support.text_of(name))) for name in ("root-a", "twin-1")}
        self.assertIn(ours["root-a"], roots["CurrentUser"] - roots["LocalMachine"])
        self.assertTrue(roots["LocalMachine"])
        expected = sorted(roots["CurrentUser"] | roots["LocalMachine"])
        self.assertNotIn(ours["twin-1"], expected)
        for uri in ("os://", "os:"):
            done = self.storeutl(host, "-certs", uri, configuration=self.ostrust())
            self.assertEqual(self.found(done), expected)

    @with_each(OPENSSL_HOSTS)
    def test_lists_a_root_that_was_given_to_the_machine(self, host):
        ours = fingerprint(ssl.PEM_cert_to_DER_cert(support.text_of("root-b")))
        listed = ("-certs", "os://")
        self.assertNotIn(ours, self.found(self.storeutl(host, *listed, configuration=self.ostrust())))
        self.add("root-b", location="LocalMachine")
        self.assertIn(ours, self.found(self.storeutl(host, *listed, configuration=self.ostrust())))

    @with_each(OPENSSL_HOSTS)
    def test_finds_by_subject(self, host):
        self.add("twin-1")
        self.add("twin-2")
        expected = sorted(fingerprint(ssl.PEM_cert_to_DER_cert(support.text_of(name))) for name in ("twin-1", "twin-2"))
        for name, there in (("Twin", expected), ("Root B", [])):
            done = self.storeutl(host, "-certs", "-subject", "/O=ostrust tests/CN=" + name, "os://",
                                 configuration=self.ostrust())
            self.assertEqual(self.found(done), there)

    @with_each(OPENSSL_HOSTS)
    def test_without_ostrust_there_is_no_such_store(self, host):
        for uri in ("os:", "os://"):
            done = self.storeutl(host, "-certs", "-noout", uri, configuration=self.stock())
            self.assertNotEqual(done.status, 0, done)

    @with_each(OPENSSL_HOSTS)
    def test_anything_after_the_colon_is_an_error(self, host):
        for uri in ("os:ROOT", "os://CurrentUser"):
            done = self.storeutl(host, "-certs", "-noout", uri, configuration=self.ostrust())
            self.assertNotEqual(done.status, 0, done)


# --- every way of asking ---------------------------------------------------------------------------

class Entries(WindowsTest):

    def setUp(self):
        super().setUp()
        self.add("root-a")

    def verify(self, host, *arguments, configuration, **env):
        return self.openssl_in(host, "verify", *arguments, configuration=configuration, **env)

    @with_each(OPENSSL_HOSTS)
    def test_verify_accepts_what_windows_trusts(self, host):
        for options, env in ENTRIES:
            with self.subTest(options=options, env=env):
                done = self.verify(host, *options, self.z("leaf-a"), self.z("leaf-b"),
                                   configuration=self.ostrust(), **env)
                self.assertEqual(done.out, self.z("leaf-a") + ": OK\n", done)
                self.assertRefuses(done, UNKNOWN, 0)  # the second
                done = self.verify(host, *options, self.z("leaf-a"), configuration=self.stock(), **env)
                self.assertNotEqual(done.status, 0, done)
                self.assertNotIn(": OK", done.out, done)

    @with_each(OPENSSL_HOSTS)
    def test_s_client_accepts_what_windows_trusts(self, host):
        for options, env in ENTRIES:
            with self.subTest(options=options, env=env):
                self.assertAccepts(self.s_client(host, *options, configuration=self.ostrust(), **env))
        self.assertRefuses(self.s_client(host, configuration=self.ostrust(), server="leaf-b"), UNKNOWN, 0)
        self.assertRefuses(self.s_client(host, configuration=self.stock()), UNKNOWN, 0)
        done = self.s_client(host, "-CAfile", "os://", configuration=self.stock())
        self.assertNotEqual(done.status, 0, done)

    @with_each(OPENSSL_HOSTS)
    def test_the_root_that_was_taken_out_is_refused(self, host):
        self.add("root-a")
        self.assertAccepts(self.verify(host, self.z("leaf-a"), configuration=self.ostrust()))
        self.remove("root-a")
        self.assertRefuses(self.verify(host, self.z("leaf-a"), configuration=self.ostrust()), UNKNOWN, 0)
        self.assertRefuses(self.s_client(host, "-CAfile", "os://", configuration=self.ostrust()), UNKNOWN, 0)

    @with_each(OPENSSL_HOSTS)
    def test_a_root_of_the_machine_counts_as_one_of_the_users(self, host):
        self.add("root-b", location="LocalMachine")
        self.assertAccepts(self.s_client(host, configuration=self.ostrust(), server="leaf-b"))

    @with_each(OPENSSL_HOSTS)
    def test_ssl_cert_file_that_names_a_file_wins(self, host):
        done = self.verify(host, self.z("leaf-b"), self.z("leaf-a"), configuration=self.ostrust(),
                           SSL_CERT_FILE=self.z("root-b"))
        self.assertEqual(done.out, self.z("leaf-b") + ": OK\n", done)
        self.assertRefuses(done, UNKNOWN, 0)

    @with_each(OPENSSL_HOSTS)
    def test_an_own_ca_alone_trusts_only_itself_and_asks_nobody(self, host):
        self.add("root-b", store="Disallowed")
        self.add("root-b")
        # What Windows forbids is refused where Windows was asked ...
        done = self.verify(host, "-CAfile", "os://", self.z("leaf-b"),
                           configuration=self.ostrust({"log": "debug"}))
        self.assertRefuses(done, REJECTED)
        self.assertSays(" anchors from Windows certificate stores", done)
        # ... and nowhere else.
        own = ("-CAfile", self.z("root-b"))
        done = self.verify(host, *own, self.z("leaf-b"), self.z("leaf-a"),
                           configuration=self.ostrust({"log": "debug"}))
        self.assertEqual(done.out, self.z("leaf-b") + ": OK\n", done)
        self.assertRefuses(done, UNKNOWN, 0)
        self.assertNotIn("anchors from", done.text, done)
        done = self.s_client(host, *own, configuration=self.ostrust({"log": "debug"}), server="leaf-b")
        self.assertAccepts(done)
        self.assertNotIn("anchors from", done.text, done)

    @with_each(OPENSSL_HOSTS)
    def test_limits_of_purpose(self, host):
        # A root says of itself what it is for.
        self.add("root-own-mail")
        options = ("verify", "-CAfile", "os://", "-purpose", "sslserver", self.z("leaf-own-mail-server"))
        self.assertNotEqual(self.openssl_in(host, *options, configuration=self.ostrust()).status, 0)
        self.assertAccepts(self.openssl_in(host, "verify", "-CAfile", "os://", self.z("leaf-own-mail-server"),
                                           configuration=self.ostrust()))


class Node(WindowsTest):
    """node.exe: roots of its own, OpenSSL's default paths with --use-openssl-ca."""

    REFUSED = "UNABLE_TO_VERIFY_LEAF_SIGNATURE"  # Node.js verifies as far as it can: error 21 is its last

    def setUp(self):
        super().setUp()
        self.add("root-a")

    def outcomes(self, host, *options, configuration, **env):
        return self.node_outcomes(host, ("leaf-a", "leaf-b"), *options, configuration=configuration, **env)

    @with_each(NODE_HOSTS)
    def test_use_openssl_ca(self, host):
        self.add("root-a")
        ours = self.for_node(self.ostrust())
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=ours), ["accepted", self.REFUSED])
        self.assertEqual(self.outcomes(host, configuration=ours, NODE_OPTIONS="--use-openssl-ca"),
                         ["accepted", self.REFUSED])
        for name in ("os://", wine.path(MARKER)):
            self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=ours, SSL_CERT_FILE=name),
                             ["accepted", self.REFUSED], name)
        without = self.for_node(self.stock())
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=without), [self.REFUSED] * 2)
        # Its own roots are not ours to serve.
        self.assertEqual(self.outcomes(host, configuration=ours), [self.REFUSED] * 2)
        self.remove("root-a")
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=ours), [self.REFUSED] * 2)

    @with_each(NODE_HOSTS)
    def test_the_section_that_is_read(self, host):
        # That of nodejs_conf, or with --openssl-shared-config that of everybody else.
        shared = self.ostrust()
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=shared), [self.REFUSED] * 2)
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", "--openssl-shared-config",
                                       configuration=shared), ["accepted", self.REFUSED])

    @with_each(NODE_HOSTS)
    def test_what_windows_forbids_is_refused_as_that(self, host):
        self.add("root-a", store="Disallowed")
        self.assertEqual(self.outcomes(host, "--use-openssl-ca", configuration=self.for_node(self.ostrust())),
                         ["CERT_REJECTED", self.REFUSED])


# --- roots that come and go while a program runs ---------------------------------------------------

class Live(WindowsTest):

    def follow(self, host, run, refused):
        """Puts root-a into the user's store and takes it out again while a program runs, twice. run(log, stop) runs it
        to its end: it writes each new verdict to the file `log`, and ends when the file `stop` is there."""
        log, stop = (os.path.join(self.work, host + suffix) for suffix in (".log", ".stop"))
        open(log, "w").close()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(run, wine.path(log), wine.path(stop))
            try:
                expected = [refused]
                self.until(log, expected, running)
                for change in (self.add, self.remove) * 2:
                    change("root-a")
                    expected.append("accepted" if change == self.add else refused)
                    took = self.until(log, expected, running)
                    self.assertLess(took, 10, "`refresh`, and what a busy machine adds")
            finally:
                open(stop, "w").close()
            done = running.result()
        self.assertEqual(done.status, 0, done)
        return done

    def until(self, log, expected, running):
        """Waits until the program has written as many verdicts; how long that took."""
        begin = time.monotonic()
        while True:
            with open(log) as file:
                said = file.read().splitlines()
            if len(said) >= len(expected):
                self.assertEqual(said, expected)
                return time.monotonic() - begin
            if running.done():
                self.fail(running.result())
            self.assertLess(time.monotonic() - begin, PATIENCE, said)
            time.sleep(0.05)

    @with_each(NODE_HOSTS)
    def test_node_notices_after_a_second(self, host):
        configuration = self.for_node(self.ostrust())  # `refresh` is 1

        def run(log, stop):
            return self.node(host, "--use-openssl-ca", "-e", windows_support.NODE_OUTCOME + """
                const fs = require("fs");
                (async () => {
                  let last = "";
                  while (!fs.existsSync(%r)) {
                    const now = await outcome(%d);
                    if (now !== last) fs.appendFileSync(%r, now + "\\n");
                    last = now;
                    await new Promise((done) => setTimeout(done, 50));
                  }
                })();""" % (stop, port_of("leaf-a"), log), configuration=configuration, timeout=2 * PATIENCE)
        self.follow(host, run, Node.REFUSED)

    @with_each(OPENSSL_HOSTS)
    def test_nine_threads_verify_while_roots_change(self, host):
        self.need(wine.why_no_program("changing_roots"))
        configuration = self.ostrust({"refresh": "0"})  # at once, and as much to do as there can be

        def run(log, stop):
            return run_host(self, host, "changing_roots", log, stop, OPENSSL_CONF=configuration)
        done = self.follow(host, run, "unable to get local issuer certificate")
        self.assertSays("all as expected", done)

    @with_each(OPENSSL_HOSTS)
    def test_without_ostrust_there_is_nothing_to_follow(self, host):
        self.need(wine.why_no_program("changing_roots"))
        stop = self.file(host + ".stop", "")
        done = run_host(self, host, "changing_roots", wine.path(os.path.join(self.work, "log")), wine.path(stop),
                        OPENSSL_CONF=self.stock())
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("not so: os:// loads", done)


# --- how a process may go on and end ---------------------------------------------------------------

def run_host(test, host, program, *arguments, **env):
    """Runs a program of test/hosts with the libraries of this host."""
    env = dict({"WINEPATH": wine.path(wine.host(host)), "OSTRUST_PKI": wine.path(support.PKI)}, **env)
    return test.windows.run(wine.program(program), *arguments, env=env, timeout=2 * PATIENCE)


class Hosts(WindowsTest):
    """Those of test_hosts.py that are about loading, on Windows."""

    def setUp(self):
        super().setUp()
        self.add("root-a")

    def assertGood(self, done):
        self.assertEqual(done.status, 0, done)
        self.assertSays("all as expected", done)

    @with_each(OPENSSL_HOSTS)
    def test_unload(self, host):
        self.need(wine.why_no_program("unload"))
        configuration = self.ostrust({"activate": None})
        self.assertGood(run_host(self, host, "unload", OPENSSL_CONF=configuration))
        done = run_host(self, host, "unload", OPENSSL_CONF=self.stock())
        self.assertEqual(done.status, 1, done)

    @with_each(OPENSSL_HOSTS)
    def test_library_contexts(self, host):
        self.need(wine.why_no_program("library_contexts"))
        self.assertGood(run_host(self, host, "library_contexts", OPENSSL_CONF=self.stock(),
                                 OSTRUST_OTHER_CONF=self.ostrust()))
        done = run_host(self, host, "library_contexts", OPENSSL_CONF=self.stock(),
                        OSTRUST_OTHER_CONF=self.stock())
        self.assertEqual(done.status, 1, done)

    @with_each(OPENSSL_HOSTS)
    def test_exit_paths(self, host):
        self.need(wine.why_no_program("exit_paths"))
        for mode in ("return", "return-without-freeing", "never-used", "verify-in-atexit",
                     "free-in-atexit-after-cleanup", "verify-in-static-destructor", "cleanup", "cleanup-first",
                     "cleanup-with-a-store-left", "_exit"):
            with self.subTest(mode):
                ours = run_host(self, host, "exit_paths", mode, OPENSSL_CONF=self.ostrust())
                stock = run_host(self, host, "exit_paths", mode, OPENSSL_CONF=self.stock())
                self.assertEqual((ours.status, ours.err), (stock.status, stock.err), ours)
                self.assertEqual(ours.out.replace("accepted", "unable to get local issuer certificate"),
                                 stock.out, ours)
                if stock.out:
                    self.assertIn("accepted", ours.out, ours)


# --- configurations, right and wrong ---------------------------------------------------------------

class Configuration(WindowsTest):

    def setUp(self):
        super().setUp()
        self.add("root-a")

    def verify(self, host, *options, configuration, **env):
        return self.openssl_in(host, "verify", *options, self.z("leaf-a"), configuration=configuration, **env)

    def build_info(self, host, configuration):
        done = self.openssl_in(host, "list", "-providers", "-verbose", configuration=configuration)
        self.assertEqual(done.status, 0, done)
        found = re.search(r"name: ostrust\n.*?build info: (.*)", done.out, re.S)
        self.assertTrue(found, done)
        return found.group(1).splitlines()[0]

    @with_each(OPENSSL_HOSTS)
    def test_what_the_provider_says_of_itself(self, host):
        said = self.build_info(host, self.ostrust())
        self.assertRegex(said, r"^layers: store loader, binding; .*; source: Windows certificate stores "
                               r"\(CurrentUser, .*LocalMachine.*\); anchors: \d+")

    @with_each(OPENSSL_HOSTS)
    def test_a_bad_value_is_said_and_leaves_the_defaults_as_they_are(self, host):
        for keys, sentence in (
                ({"trust-source": wine.path(support.pem("root-a"))},
                 "on Windows there are only the system's certificate stores, and auto is the only value"),
                ({"trust-source": "p11-kit"}, "auto is the only value"),
                ({"revocation": "nonsense"},
                 "revocation = nonsense is not a value ostrust knows: it can be off, local, soft or hard"),
                ({"cache-dir": wine.path(self.work)}, "cache-dir = Z:"),
                ({"log": "info:file"}, "log = info:file")):
            with self.subTest(keys):
                bad = self.ostrust(keys)
                done = self.verify(host, "-CAfile", "os://", configuration=bad)
                self.assertNotEqual(done.status, 0, done)
                self.assertSays(sentence, done)
                self.assertNotIn(": OK", done.out, done)
                self.assertIn(sentence, self.build_info(host, bad))
        ours, stock = (self.verify(host, configuration=configuration)
                       for configuration in (self.ostrust({"revocation": "nonsense"}), self.stock()))
        self.assertEqual((ours.status, ours.out, ours.err), (stock.status, stock.out, stock.err))
        self.assertRefuses(ours, UNKNOWN, 0)

    @with_each(OPENSSL_HOSTS)
    def test_trust_source_auto_is_a_value(self, host):
        self.assertAccepts(self.verify(host, configuration=self.ostrust({"trust-source": "auto"})))

    @with_each(OPENSSL_HOSTS)
    def test_the_log_goes_to_a_file_or_to_standard_error(self, host):
        loaded, serving = "info: loaded; layers: ", " anchors from Windows certificate stores ("
        log = os.path.join(self.work, host + ".log")
        done = self.verify(host, configuration=self.ostrust({"log": "info:" + wine.path(log)}))
        self.assertAccepts(done)
        self.assertEqual(done.err, "", done)
        with open(log) as file:
            text = file.read()
        for words in (loaded, serving):
            self.assertIn(words, text)
        for done in (self.verify(host, configuration=self.ostrust({"log": "info"})),
                     self.verify(host, configuration=self.ostrust(), OSTRUST_LOG="info")):
            self.assertSays(loaded, done)
            self.assertSays(serving, done)
        # The variable is stronger, and without either nothing is said.
        done = self.verify(host, configuration=self.ostrust({"log": "info"}), OSTRUST_LOG="off")
        self.assertEqual(done.err, "", done)
        self.assertEqual(self.verify(host, configuration=self.ostrust()).err, "")

    @with_each(OPENSSL_HOSTS)
    def test_the_modules_path_is_written_with_slashes_or_with_doubled_backslashes(self, host):
        for module, there in ((wine.path(MODULE), True), (wine.path(MODULE).replace("/", r"\\"), True),
                              (wine.path(MODULE).replace("/", "\\"), False)):
            done = self.verify(host, configuration=self.ostrust({"module": module}))
            (self.assertAccepts if there else self.assertRefuses)(done)


if __name__ == "__main__":
    support.skip_all_if(windows_support.why_not())
    support.main()
