#!/usr/bin/env python3
"""The Windows programs of test/windows-hosts in Wine, and wine.py, without ostrust: what the tests with it rest on.

Makes its certificates itself, so that it runs alone. Nothing of this was run on Windows itself.
"""
import glob
import hashlib
import os
import re
import ssl
import subprocess
import sys
import unittest

import support
import wine
from support import OstrustTest, pem, port_of

WINDOWS = None


def setUpModule():
    global WINDOWS
    sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
    import pki
    pki.make_all(support.PKI, support.OPENSSL)
    WINDOWS = wine.Wine()


def tearDownModule():
    WINDOWS.close()


def fingerprint(name):
    """As Windows names a certificate of test/pki."""
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(support.text_of(name))).hexdigest().upper()


def processes_about(text):
    """The processes of this machine with this text in their arguments or environment."""
    found = []
    for file in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(file, "rb") as contents:
                if text.encode() in contents.read():
                    found.append(file)
        except OSError:
            pass  # it has ended, or is somebody else's
    return found


class WineTest(OstrustTest):

    def need(self, reason):
        if reason:
            self.skipTest(reason)


# --- hosts ------------------------------------------------------------------------------------------

class OpenSslHost:
    """openssl.exe of one version."""

    def setUp(self):
        super().setUp()
        self.need(wine.why_no_host(self.host))

    def openssl(self, *arguments, **keywords):
        return WINDOWS.run(wine.host(self.host, "openssl.exe"), *arguments, **keywords)

    def providers(self, *arguments, **env):
        return self.openssl("list", "-providers", *arguments, env=env)

    def configuration(self, module):
        """The path of one that activates a module, in the program's own words."""
        section = "\n[legacy_sect]\nactivate = 1\nmodule = %s\n" % module
        text = support.configuration_text().replace("default = default_sect",
                                                    "default = default_sect\nlegacy = legacy_sect")
        return wine.path(self.file("openssl.cnf", text + section))

    def connect(self, *arguments, **env):
        """A TLS connection to a server of this machine whose root is Root A."""
        return self.openssl("s_client", "-connect", "127.0.0.1:%d" % port_of("leaf-a"), "-servername", "localhost",
                            "-verify_return_error", *arguments, env=env)

    def test_it_is_the_version_it_is_called_by_with_its_own_libraries(self):
        done = self.openssl("version")
        self.assertEqual(done.status, 0, done)
        version = self.host.split("-")[1]
        found = re.fullmatch(r"(OpenSSL (\d+\.\d+)\.\d+ .*?) \(Library: (.*)\)\n", done.out)
        self.assertTrue(found, done)
        self.assertEqual((found.group(2), found.group(3)), (version, found.group(1)), done)

    def test_a_module_that_is_there_is_loaded_and_one_that_is_not_is_an_error(self):
        directory = ("-provider-path", wine.path(wine.host(self.host)), "-provider")
        done = self.providers(*directory, "legacy")
        self.assertSays("name: OpenSSL Legacy Provider", done)
        self.assertEqual(done.status, 0, done)
        done = self.providers(*directory, "absent")
        self.assertSays("could not load the shared library", done)
        self.assertNotEqual(done.status, 0, done)

    def test_a_configuration_names_a_module_with_slashes(self):
        module = wine.host(self.host, "legacy.dll")
        self.assertNotIn("Legacy", self.providers().text)
        done = self.providers(OPENSSL_CONF=self.configuration(wine.path(module)))
        self.assertSays("name: OpenSSL Legacy Provider", done)
        doubled = wine.path(module).replace("/", r"\\")
        self.assertSays("name: OpenSSL Legacy Provider",
                        self.providers(OPENSSL_CONF=self.configuration(doubled)))
        # Backslashes escape what follows them, and the program goes on without the module.
        single = wine.path(module).replace("/", "\\")
        done = self.providers(OPENSSL_CONF=self.configuration(single))
        self.assertNotIn("Legacy", done.text, done)

    def test_a_server_of_this_machine_is_accepted_with_its_root_and_refused_with_another(self):
        done = self.connect("-CAfile", wine.path(pem("root-a")))
        self.assertSays("Verify return code: 0 (ok)", done)
        self.assertEqual(done.status, 0, done)
        for arguments in (("-CAfile", wine.path(pem("root-b"))), ()):
            done = self.connect(*arguments)
            self.assertSays("unable to get local issuer certificate", done)
            self.assertNotEqual(done.status, 0, done)

    def test_the_environment_is_what_the_test_asks_for(self):
        self.assertEqual(self.connect(SSL_CERT_FILE=wine.path(pem("root-a"))).status, 0)
        os.environ["SSL_CERT_FILE"] = wine.path(pem("root-a"))
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        self.assertSays("unable to get local issuer certificate", self.connect())


class OpenSsl30(OpenSslHost, WineTest):
    host = "openssl-3.0"


class OpenSsl35(OpenSslHost, WineTest):
    host = "openssl-3.5"


class NodeHost:
    """node.exe of one version."""

    def setUp(self):
        super().setUp()
        self.need(WINDOWS.why_no_host(self.host))

    def node(self, *arguments, **env):
        return WINDOWS.run(wine.host(self.host, "node.exe"), *arguments, env=env, cwd=self.work)

    def connect(self, **env):
        return self.node("-e", """
            const peer = {host: "127.0.0.1", servername: "localhost", port: %d};
            const socket = require("tls").connect(peer, () => socket.write("GET / HTTP/1.0\\r\\n\\r\\n"));
            socket.once("data", () => { console.log("accepted"); process.exit(); });
            socket.once("error", (error) => { console.log("refused: " + error.code); process.exit(); });
            """ % port_of("leaf-a"), **env)

    def test_it_has_the_openssl_that_it_stands_for(self):
        done = self.node("-p", "process.version + ' ' + process.versions.openssl")
        self.assertRegex(done.out, r"^v%s\.\S+ %s\." % (self.host.split("-")[1], re.escape(self.openssl)), done)
        self.assertEqual(done.status, 0, done)

    def test_a_server_of_this_machine_is_accepted_with_its_root_and_refused_without(self):
        done = self.connect(NODE_EXTRA_CA_CERTS=wine.path(pem("root-a")))
        self.assertEqual(done.out, "accepted\n", done)
        for env in ({"NODE_EXTRA_CA_CERTS": wine.path(pem("root-b"))}, {}):
            done = self.connect(**env)
            self.assertEqual(done.out, "refused: UNABLE_TO_VERIFY_LEAF_SIGNATURE\n", done)


class Node20(NodeHost, WineTest):
    host = "node-20"
    openssl = "3.0"


class Node22(NodeHost, WineTest):
    host = "node-22"
    openssl = "3.5"


class Node24(NodeHost, WineTest):
    host = "node-24"
    openssl = "3.5"


class Node26(NodeHost, WineTest):
    host = "node-26"
    openssl = "3.5"


class Curl(WineTest):
    """curl.exe, with the OpenSSL that PATH leads to."""

    def setUp(self):
        super().setUp()
        self.need(wine.why_no_host("curl"))

    def curl(self, *arguments, openssl):
        self.need(wine.why_no_host(openssl))
        return WINDOWS.run(wine.host("curl", "curl.exe"), "--silent", "--show-error", "--noproxy", "*",
                           *arguments, env={"WINEPATH": wine.path(wine.host(openssl))})

    def connect(self, *arguments, **keywords):
        return self.curl(*arguments, "https://localhost:%d/" % port_of("leaf-a"), **keywords)

    def test_it_has_the_openssl_that_it_is_given(self):
        for openssl in ("openssl-3.0", "openssl-3.5"):
            with self.subTest(openssl):
                done = self.curl("--version", openssl=openssl)
                self.assertRegex(done.out, r"^curl 8\.\S+ .* OpenSSL/%s\." % re.escape(openssl.split("-")[1]), done)
                self.assertEqual(done.status, 0, done)

    def test_libssl_is_loaded_by_libcurl_and_not_by_the_program(self):
        def imports(file):
            with open(wine.host("curl", file), "rb") as contents:
                return set(re.findall(rb"lib(?:ssl|crypto)-3-x64\.dll", contents.read()))
        self.assertEqual(imports("libcurl-4.dll"), {b"libssl-3-x64.dll", b"libcrypto-3-x64.dll"})
        self.assertEqual(imports("curl.exe"), set())

    def test_a_server_of_this_machine_is_accepted_with_its_root_and_refused_with_another(self):
        for openssl in ("openssl-3.0", "openssl-3.5"):
            with self.subTest(openssl):
                done = self.connect("--cacert", wine.path(pem("root-a")), openssl=openssl)
                self.assertEqual((done.status, done.out), (0, "hello\n"), done)
                for arguments in (("--cacert", wine.path(pem("root-b"))), ()):
                    done = self.connect(*arguments, openssl=openssl)
                    self.assertSays("unable to get local issuer certificate", done)
                    self.assertEqual(done.status, 60, done)


class Postgres(WineTest):
    """An OpenSSL that cannot load modules, beside those that can."""

    def load(self, host, module):
        self.need(wine.why_no_program("windows_module"))
        self.need(wine.why_no_host(host))
        self.need(wine.why_no_host("openssl-3.0"))
        return WINDOWS.run(wine.program("windows_module"), wine.path(wine.host(host, "libcrypto-3-x64.dll")),
                           wine.path(module))

    def test_it_loads_no_module_because_it_opens_none(self):
        answers = []
        for name in ("legacy.dll", "absent.dll"):
            done = self.load("postgres", wine.host("openssl-3.0", name))
            self.assertEqual(done.status, 1, done)
            self.assertRegex(done.out, r"^OpenSSL 3\.", done)
            self.assertNotIn("DSO support routines", done.out, done)
            answers.append(done.out.replace(name, ""))
        self.assertEqual(*answers)

    def test_the_others_load_it(self):
        for host in ("openssl-3.0", "openssl-3.5"):
            with self.subTest(host):
                done = self.load(host, wine.host(host, "legacy.dll"))
                self.assertEqual((done.status, done.out.splitlines()[-1]), (0, "loaded"), done)
                done = self.load(host, wine.host(host, "absent.dll"))
                self.assertSays("DSO support routines", done)
                self.assertEqual(done.status, 1, done)


# --- wine.py ----------------------------------------------------------------------------------------

class Run(WineTest):

    def test_status_output_and_input(self):
        done = WINDOWS.run("cmd", "/c", "echo out& echo err>&2& exit 7")
        self.assertEqual((done.status, done.out, done.err), (7, "out\n", "err\n"), done)
        done = WINDOWS.run("cmd", "/c", "set /p line=& call echo %line%", stdin=b"given\r\n")
        self.assertIn("given", done.out, done)

    def test_a_program_that_takes_too_long_is_ended(self):
        with self.assertRaises(subprocess.TimeoutExpired):
            WINDOWS.run("cmd", "/c", "for /l %i in (0,0,1) do rem " + self.work, timeout=3)
        self.assertEqual(processes_about(self.work), [])

    def test_files_of_this_machine_are_below_z(self):
        done = WINDOWS.run("cmd", "/c", "type " + wine.path(self.file("file.txt", "its text\n")).replace("/", "\\"))
        self.assertEqual(done.out, "its text\n", done)


class Stores(WineTest):

    def setUp(self):
        super().setUp()
        self.need(wine.why_no_program("windows_store"))

    def need_place(self, location, store):
        if (location, store) == ("LocalMachine", "ROOT"):
            self.need(WINDOWS.why_no_machine_root(pem("root-a")))

    def test_what_is_added_is_there_until_it_is_removed(self):
        for location in ("CurrentUser", "LocalMachine"):
            for store in ("ROOT", "CA", "Disallowed"):
                with self.subTest(location=location, store=store):
                    self.need_place(location, store)
                    WINDOWS.add_certificate(location, store, pem("root-a"))
                    seen = WINDOWS.certificates(location, store)
                    self.assertIn(fingerprint("root-a"), seen)
                    self.assertNotIn(fingerprint("root-b"), seen)
                    WINDOWS.remove_certificate(location, store, pem("root-a"))
                    self.assertNotIn(fingerprint("root-a"), WINDOWS.certificates(location, store))
                    with self.assertRaisesRegex(RuntimeError, "cannot remove it: error 0x2"):
                        WINDOWS.remove_certificate(location, store, pem("root-a"))

    def test_a_store_of_the_machine_is_seen_in_the_users_and_not_the_other_way_round(self):
        for store in ("ROOT", "CA"):
            for added, other, seen in (("LocalMachine", "CurrentUser", True), ("CurrentUser", "LocalMachine", False)):
                with self.subTest(added=added, store=store):
                    self.need_place(added, store)
                    WINDOWS.add_certificate(added, store, pem("root-b"))
                    self.assertEqual(fingerprint("root-b") in WINDOWS.certificates(other, store), seen)
                    WINDOWS.remove_certificate(added, store, pem("root-b"))

    def test_a_store_is_cleared(self):
        for name in ("root-a", "root-b"):
            WINDOWS.add_certificate("LocalMachine", "CA", pem(name))
        self.assertEqual(WINDOWS.certificates("LocalMachine", "CA"), {fingerprint("root-a"), fingerprint("root-b")})
        WINDOWS.clear_store("LocalMachine", "CA")
        self.assertEqual(WINDOWS.certificates("LocalMachine", "CA"), set())
        WINDOWS.clear_store("LocalMachine", "CA")  # nothing to do

    def test_der_is_a_certificate_and_text_is_none(self):
        der = os.path.join(self.work, "root.der")
        with open(der, "wb") as out:
            out.write(ssl.PEM_cert_to_DER_cert(support.text_of("root-a")))
        WINDOWS.add_certificate("CurrentUser", "CA", der)
        self.assertEqual(WINDOWS.certificates("CurrentUser", "CA"), {fingerprint("root-a")})
        WINDOWS.remove_certificate("CurrentUser", "CA", pem("root-a"))
        with self.assertRaisesRegex(RuntimeError, "no certificate"):
            WINDOWS.add_certificate("CurrentUser", "CA", self.file("text", "no certificate at all\n"))

    def test_a_restart_keeps_the_stores_and_another_windows_has_none_of_it(self):
        with wine.Wine() as other:
            other.add_certificate("LocalMachine", "CA", pem("root-a"))
            other.restart()
            self.assertIn(fingerprint("root-a"), other.certificates("LocalMachine", "CA"))
            self.assertNotIn(fingerprint("root-a"), WINDOWS.certificates("LocalMachine", "CA"))
        with wine.Wine() as other:
            self.assertNotIn(fingerprint("root-a"), other.certificates("LocalMachine", "CA"))

    @unittest.skipUnless(os.path.exists("/etc/ssl/certs/ca-certificates.crt"), "this machine has no certificates")
    def test_wine_shows_this_machines_certificates_as_root_even_if_it_was_cleared(self):
        with open("/etc/ssl/certs/ca-certificates.crt") as file:
            first = file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        expected = hashlib.sha1(ssl.PEM_cert_to_DER_cert(first[first.index("-----BEGIN"):])).hexdigest().upper()
        for clear in (False, True):
            if clear:
                WINDOWS.clear_store("LocalMachine", "ROOT")
            self.assertIn(expected, WINDOWS.certificates("LocalMachine", "ROOT"))


class Close(WineTest):

    def test_nothing_is_left(self):
        other = wine.Wine()
        self.addCleanup(other.close)
        done = other.run("cmd", "/c", "start notepad")
        self.assertEqual(done.status, 0, done)
        self.assertTrue(os.path.isdir(other.directory))
        self.assertTrue(processes_about(other.directory))
        other.close()
        self.assertFalse(os.path.exists(other.directory))
        self.assertEqual(processes_about(other.directory), [])


if __name__ == "__main__":
    support.skip_all_if(wine.why_not())
    support.main()
