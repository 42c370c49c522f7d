#!/usr/bin/env python3
"""curl.exe and libcurl with ostrust.dll and the OpenSSL of either version, in Wine: what curl trusts, by which of its
ways to name CAs, and what it says when Windows refuses.

The certificates, and the server behind their URLs, are those of test_windows_verdict.py.

Nothing of this was run on Windows itself. This curl is Debian's, built here (test/windows-hosts): MSYS2's names a
bundle of its own where this one asks OpenSSL's default paths.
"""
import os
import shutil
import unittest

import support
import windows_support
import wine
from support import MARKER, TlsServer, port_of
from test_windows_verdict import VerdictTest
from windows_support import OPENSSL_HOSTS, with_each

# What curl ends with.
REFUSED = 60  # CURLE_PEER_FAILED_VERIFICATION
BAD_CA_FILE = 77  # CURLE_SSL_CACERT_BADFILE

# What it says then.
NO_ISSUER = "SSL certificate problem: unable to get local issuer certificate"
UNKNOWN_ROOT = "SSL certificate problem: self-signed certificate in certificate chain"
REJECTED = "SSL certificate problem: certificate rejected"
REVOKED = "SSL certificate problem: certificate revoked"

BUNDLE = "curl-ca-bundle.crt"  # curl.exe looks for it beside itself, in the current folder and along PATH
PUBLIC_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # Wine's ROOT holds the same


class Removing(TlsServer):
    """Does something when it is connected to, before anything is said."""

    def __init__(self, name, act):
        self._act = act
        super().__init__(name)

    def _serve(self, connection):
        self._act()
        super()._serve(connection)


class CurlTest(VerdictTest):
    """A test whose Windows trusts Root A, the root of all servers but `unknown`."""

    def setUp(self):
        super().setUp()
        self.need(wine.why_no_host("curl"))
        self.program = wine.host("curl", "curl.exe")

    def name_of(self, server, sent="-sent"):
        """As TlsServer wants it: a server that sends its chain, or only itself (sent="")."""
        return self.pem(server + sent)[:-len(".pem")]

    def url(self, server, **sent):
        return "https://localhost:%d/" % port_of(self.name_of(server, **sent))

    def curl(self, host, *arguments, configuration, **env):
        """Runs curl.exe with the OpenSSL of this host."""
        return self.windows.run(self.program, "--silent", "--show-error", "--noproxy", "*", "--ipv4", *arguments,
                                env=dict(env, OPENSSL_CONF=configuration, WINEPATH=wine.path(wine.host(host))))

    def assertServed(self, done, pages=1):
        self.assertEqual((done.status, done.out), (0, "hello\n" * pages), done)

    def assertFails(self, done, words, status=REFUSED, pages=0):
        self.assertEqual((done.status, done.out), (status, "hello\n" * pages), done)
        self.assertSays("curl: (%d) %s" % (status, words), done)

    def assertTheSame(self, host, *arguments, **env):
        """With ostrust and without: what curl answers, and why."""
        ours, stock = (self.curl(host, *arguments, configuration=configuration, **env)
                       for configuration in (self.configuration(log="off"), self.stock()))
        self.assertEqual((ours.status, ours.out, ours.err), (stock.status, stock.out, stock.err), (ours, stock))
        return ours


# --- what curl trusts -------------------------------------------------------------------------------

class Anchors(CurlTest):
    """The ways to Windows' roots, and those past them."""

    @with_each(OPENSSL_HOSTS)
    def test_openssls_default_paths_and_the_marker(self, host):
        marker = wine.path(MARKER)
        ours, stock = self.configuration(), self.stock()
        self.add("root-a")
        url = self.url("no-url")
        for options, env in (((), {}), (("--cacert", marker), {}), ((), {"CURL_CA_BUNDLE": marker}),
                             ((), {"SSL_CERT_FILE": marker})):
            with self.subTest(options=options, env=env):
                self.assertServed(self.curl(host, *options, url, configuration=ours, **env))
                self.assertFails(self.curl(host, *options, url, configuration=stock, **env), NO_ISSUER)
                done = self.curl(host, *options, self.url("unknown"), configuration=ours, **env)
                self.assertFails(done, UNKNOWN_ROOT)
                self.remove("root-a")
                done = self.curl(host, *options, url, configuration=ours, **env)
                self.add("root-a")
                self.assertFails(done, NO_ISSUER)

    @with_each(OPENSSL_HOSTS)
    def test_os_is_a_name_that_this_curl_hands_on(self, host):
        # Newer ones look for a file of that name first (tool_getparam.c).
        arguments = ("--cacert", "os://", self.url("no-url"))
        self.assertServed(self.curl(host, *arguments, configuration=self.configuration()))
        self.assertFails(self.curl(host, *arguments, configuration=self.stock()),
                         "error setting certificate file: os://", BAD_CA_FILE)

    @with_each(OPENSSL_HOSTS)
    def test_an_own_ca_trusts_only_itself_and_asks_nobody(self, host):
        own = ("--cacert", self.z("root-u"))
        self.add("root-u")
        self.add("root-u", store="Disallowed")
        self.assertServed(self.assertTheSame(host, *own, self.url("unknown")))
        self.assertFails(self.assertTheSame(host, *own, self.url("no-url")), NO_ISSUER)
        self.assertServed(self.assertTheSame(host, self.url("unknown"), SSL_CERT_FILE=self.z("root-u")))
        # The twin: who does ask is told.
        self.assertFails(self.curl(host, self.url("unknown"), configuration=self.configuration()), REJECTED)

    @with_each(OPENSSL_HOSTS)
    def test_insecure_and_a_missing_file_are_as_without_ostrust(self, host):
        self.assertServed(self.assertTheSame(host, "--insecure", self.url("unknown")))
        self.assertFails(self.assertTheSame(host, "--cacert", "Z:/nonexistent/ca.pem", self.url("no-url")),
                         "error setting certificate file: Z:/nonexistent/ca.pem", BAD_CA_FILE)

    @with_each(OPENSSL_HOSTS)
    def test_a_module_that_is_not_found_is_not_missed(self, host):
        # curl does not look whether OpenSSL could read its configuration.
        module = wine.path(windows_support.MODULE)
        ours = self.configuration(module=module.replace("/", r"\\"))
        self.assertServed(self.curl(host, self.url("no-url"), configuration=ours))
        self.assertFails(self.curl(host, self.url("no-url"), configuration=self.configuration(
            module=module.replace("/", "\\"))), NO_ISSUER)


@unittest.skipUnless(os.path.exists(PUBLIC_BUNDLE), "this machine has no certificates")
class Bundle(CurlTest):
    """The list of Mozilla's roots that comes with curl for Windows."""

    PATTERN = "*/" + BUNDLE  # in curl's own search there are backslashes

    def install(self, *roots):
        """Puts curl.exe, its library and a bundle of these files into a folder; that is what is run then."""
        directory = os.path.join(self.work, "curl")
        os.makedirs(directory, exist_ok=True)
        for name in ("curl.exe", "libcurl-4.dll"):
            shutil.copy(wine.host("curl", name), directory)
        self.program = os.path.join(directory, "curl.exe")
        self.beside = os.path.join(directory, BUNDLE)
        with open(self.beside, "w") as out:
            for path in roots:
                with open(path) as file:
                    out.write(file.read())

    def attempt(self, host, server, *options, **keys):
        return self.curl(host, *options, self.url(server), configuration=self.configuration(**keys))

    @with_each(OPENSSL_HOSTS)
    def test_it_is_a_file_of_its_own_unless_it_is_replaced(self, host):
        replaced = {"replace-bundles": self.PATTERN}
        self.install(PUBLIC_BUNDLE, self.pem("root-u"))
        for options in ((), ("--cacert", wine.path(self.beside))):
            with self.subTest(options):
                # Root A is only in Windows, Root U only in the bundle.
                self.assertServed(self.attempt(host, "no-url", *options, **replaced))
                self.assertFails(self.attempt(host, "no-url", *options), NO_ISSUER)
                self.assertServed(self.attempt(host, "unknown", *options))
                self.assertFails(self.attempt(host, "unknown", *options, **replaced), UNKNOWN_ROOT)

    @with_each(OPENSSL_HOSTS)
    def test_a_private_one_is_not_replaced(self, host):
        self.install(self.pem("root-u"))
        replaced = {"replace-bundles": self.PATTERN}
        self.assertServed(self.attempt(host, "unknown", **replaced))
        self.assertFails(self.attempt(host, "no-url", **replaced), NO_ISSUER)


class Native(CurlTest):
    """--ca-native: curl itself copies what is in ROOT and CA into its context, where it is curl's own then."""

    def attempt(self, host, server, *options, **keys):
        return self.curl(host, "--ca-native", *options, self.url(server), configuration=self.configuration(**keys))

    @with_each(OPENSSL_HOSTS)
    def test_alone_it_is_as_without_ostrust_and_asks_nobody(self, host):
        self.add("root-a")
        arguments = ("--ca-native", self.url("crl-revoked"))
        self.assertServed(self.assertTheSame(host, *arguments))
        for certificate in ("crl-revoked", "int", "root-a"):
            self.add(certificate, store="Disallowed")
            self.assertServed(self.assertTheSame(host, *arguments))
            self.assertFails(self.curl(host, self.url("crl-revoked"), configuration=self.configuration()), REJECTED)
            self.remove(certificate, store="Disallowed")
        self.assertServed(self.attempt(host, "crl-revoked", revocation="hard"))
        self.assertEqual(self.server.connections, 0, self.server.asked)
        self.remove("root-a")
        self.assertFails(self.assertTheSame(host, *arguments), NO_ISSUER)

    @with_each(OPENSSL_HOSTS)
    def test_beside_the_marker_windows_is_asked(self, host):
        self.begin()
        marker = ("--cacert", wine.path(MARKER))
        self.assertServed(self.attempt(host, "crl-good", *marker, revocation="soft"))
        self.assertFails(self.attempt(host, "crl-revoked", *marker, revocation="soft"), REVOKED)
        self.add("int", store="Disallowed")
        self.assertFails(self.attempt(host, "crl-good", *marker), REJECTED)

    @with_each(OPENSSL_HOSTS)
    def test_but_not_where_a_copied_intermediate_ends_the_chain(self, host):
        # X509_V_FLAG_PARTIAL_CHAIN, which curl sets: then what is in CA is an anchor of curl's own.
        self.begin()
        marker = ("--cacert", wine.path(MARKER))
        self.add("root-a")
        self.add("int", store="CA")
        self.assertServed(self.attempt(host, "crl-revoked", *marker, revocation="hard"))
        self.assertEqual(self.server.connections, 0, self.server.asked)
        # Without the copy it is.
        self.assertFails(self.curl(host, *marker, self.url("crl-revoked"),
                                   configuration=self.configuration(revocation="hard")), REVOKED)
        self.add("int", store="Disallowed")
        self.assertFails(self.attempt(host, "crl-revoked", *marker), REJECTED)
        self.remove("int", store="Disallowed")
        self.remove("root-a")
        self.assertServed(self.assertTheSame(host, "--ca-native", self.url("crl-revoked")))
        self.assertFails(self.curl(host, self.url("crl-revoked"), configuration=self.configuration()), NO_ISSUER)


# --- what Windows says ------------------------------------------------------------------------------

class Verdict(CurlTest):

    def attempt(self, host, server, *options, sent="-sent", **keys):
        return self.curl(host, *options, self.url(server, sent=sent), configuration=self.configuration(**keys))

    @with_each(OPENSSL_HOSTS)
    def test_what_is_distrusted_is_refused_and_it_is_said_why(self, host):
        for certificate, common_name, depth in (("crl-good", "crl-good", 0), ("int", "CA int", 1),
                                                ("root-a", "Root A", 2)):
            with self.subTest(certificate):
                self.assertServed(self.attempt(host, "crl-good"))
                self.add(certificate, store="Disallowed")
                done = self.attempt(host, "crl-good", "--verbose")
                self.remove(certificate, store="Disallowed")
                self.assertFails(done, REJECTED)
                # Only our log names the certificate.
                self.assertSays("refused: certificate /O=ostrust tests/CN=%s at depth %d is distrusted by Windows "
                                "certificate stores" % (common_name, depth), done)

    @with_each(OPENSSL_HOSTS)
    def test_what_is_revoked_is_fetched_and_refused(self, host):
        # Under SSL_VERIFY_NONE nothing would be fetched: this curl verifies under SSL_VERIFY_PEER.
        self.begin()
        self.assertServed(self.attempt(host, "crl-good", revocation="soft"))
        done = self.attempt(host, "crl-revoked", revocation="soft")
        self.assertFails(done, REVOKED)
        self.assertIn("crl-crl-revoked", self.server.asked)
        self.assertSays("refused: certificate /O=ostrust tests/CN=crl-revoked at depth 0 is refused by the operating "
                        "system: ", done)
        self.begin()
        self.assertServed(self.attempt(host, "crl-revoked"))
        self.assertServed(self.attempt(host, "crl-revoked", "--insecure", revocation="soft"))
        self.assertEqual(self.server.connections, 0, self.server.asked)

    @with_each(OPENSSL_HOSTS)
    def test_what_openssl_or_curl_refuse_is_refused_as_without_ostrust(self, host):
        for server, words in (("expired", "SSL certificate problem: certificate has expired"),
                              ("future", "SSL certificate problem: certificate is not yet valid"),
                              ("client", "SSL certificate problem: unsuitable certificate purpose"),
                              ("other-key", NO_ISSUER),
                              # The name is compared by curl, after the handshake.
                              ("elsewhere", "SSL: no alternative certificate subject name matches target hostname "
                                            "'localhost'")):
            with self.subTest(server):
                done = self.attempt(host, server, revocation="soft", intermediates="fetch")
                self.assertFails(done, words)
                self.assertNotIn("is refused by", done.err, done)
                done = self.curl(host, "--cacert", self.z("root-a"), self.url(server), configuration=self.stock())
                self.assertFails(done, words)

    @with_each(OPENSSL_HOSTS)
    def test_a_missing_intermediate_is_completed(self, host):
        self.begin()
        self.assertFails(self.attempt(host, "no-url", sent="", intermediates="local"), NO_ISSUER)
        self.add("int", store="CA")
        self.assertServed(self.attempt(host, "no-url", sent="", intermediates="local"))
        self.assertFails(self.attempt(host, "no-url", sent="", intermediates="off"), NO_ISSUER)
        self.remove("int", store="CA")
        self.begin()
        self.assertServed(self.attempt(host, "aia", sent="", intermediates="fetch"))
        self.assertEqual(self.server.asked, ["ca-int"])


class OneProcess(CurlTest):
    """Several connections of one process: libcurl makes an X509_STORE for the first and keeps it for the others, for a
    day."""

    @with_each(OPENSSL_HOSTS)
    def test_each_server_is_judged_for_itself(self, host):
        urls = [self.url(server) for server in ("no-url", "unknown", "crl-good")]
        self.add("root-u")
        self.assertServed(self.curl(host, *urls, configuration=self.configuration()), pages=3)
        self.remove("root-u")
        done = self.curl(host, *urls, configuration=self.configuration())
        self.assertIn("curl: (60) " + UNKNOWN_ROOT, done.err, done)
        self.assertServed(done, pages=2)  # the status is that of the last
        self.assertFails(self.curl(host, *urls[:2], configuration=self.configuration()), UNKNOWN_ROOT, pages=1)

    @with_each(OPENSSL_HOSTS)
    def test_a_root_that_is_taken_out_meanwhile_is_trusted_no_more(self, host):
        removing = Removing(self.name_of("crl-good"), lambda: self.remove("root-a"))
        self.add("root-a")
        urls = (self.url("no-url"), "https://localhost:%d/" % removing.port)
        self.assertFails(self.curl(host, *urls, configuration=self.configuration()), NO_ISSUER, pages=1)
        # The twin: a root of curl's own is as good for the second server as for the first.
        self.add("root-a")
        done = self.curl(host, "--cacert", self.z("root-a"), *urls, configuration=self.configuration())
        self.assertServed(done, pages=2)


if __name__ == "__main__":
    support.skip_all_if(windows_support.why_not())
    support.main()
