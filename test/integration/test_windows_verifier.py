#!/usr/bin/env python3
"""What the verifier of Windows fetches and learns from it, under Wine: windows_verify_chain.exe asks it (test/unit).
Certificates name a port that the system chose, so they are made here. Nothing of this was run on Windows itself."""
import base64
import http.server
import os
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import support
import wine

SERVER, CLIENT = 0, 1  # platform/certificate_trust.hpp
OFF, LOCAL, FETCH = 0, 1, 2  # Intermediates; OFF and LOCAL are Revocation's as well
SOFT, HARD = 2, 3
NONE, NO_ISSUER, REVOKED, UNKNOWN = 0, 3, 5, 6  # ChainError

CONFIG = """
[ca]
default_ca = any
[any]
database = {directory}/index
new_certs_dir = {directory}
serial = {directory}/serial
default_md = sha256
default_days = 7
default_crl_days = 7
policy = policy
unique_subject = no
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
commonName = unused
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
crlDistributionPoints = URI:{url}/root.crl
[crl]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
crlDistributionPoints = URI:{url}/intermediate.crl
[ocsp]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
authorityInfoAccess = OCSP;URI:{url}/
[issuer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
authorityInfoAccess = caIssuers;URI:{url}/intermediate.der
"""


class Pki:
    """root -> intermediate -> leaves that name a URL, and what is served there."""

    def __init__(self, directory, url, first_serial=None):
        self.directory = directory
        self.sends_certificates = False
        # Wine 8 knows revocation by serial number alone, so no two have the same ones unless they are to.
        self.first_serial = first_serial or "%030X00" % int.from_bytes(b"\1" + os.urandom(14), "big")
        with open(self.path("cnf"), "w") as file:
            file.write(CONFIG.format(directory=directory, url=url))
        for name in ("index", "index.attr"):
            open(self.path(name), "w").close()
        with open(self.path("serial"), "w") as file:
            file.write(self.first_serial + "\n")
        self.issue("root", None, "root")
        self.issue("intermediate", "root", "authority")
        for kind in ("crl", "ocsp", "issuer"):
            self.issue(kind + "-good", "intermediate", kind)
        for kind in ("crl", "ocsp"):
            self.issue(kind + "-revoked", "intermediate", kind)
            self.revoke(kind + "-revoked")
        for issuer in ("root", "intermediate"):
            self.openssl("ca", "-config", self.path("cnf"), "-gencrl", "-cert", self.path(issuer + ".pem"),
                         "-keyfile", self.path(issuer + ".key"), "-out", self.path("crl.pem"))
            self.openssl("crl", "-in", self.path("crl.pem"), "-outform", "DER",
                         "-out", self.path(issuer + ".crl"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
        subprocess.run((support.OPENSSL,) + arguments, check=True, stdin=subprocess.DEVNULL, env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)

    def issue(self, name, issuer, extensions):
        key, pem = self.path(name + ".key"), self.path(name + ".pem")
        # Not EC for those that sign: Wine 8 takes one in 128 ECDSA signatures for wrong (pki.is_full_length()).
        kind = ("EC", "-pkeyopt", "ec_paramgen_curve:P-256") if extensions in ("crl", "ocsp", "issuer") else ("RSA",)
        self.openssl("genpkey", "-algorithm", *kind, "-out", key)
        self.openssl("req", "-new", "-config", self.path("cnf"), "-key", key, "-subj", "/CN=" + name,
                     "-out", self.path("req"))
        signer = ("-selfsign", "-keyfile", key)
        if issuer:
            signer = ("-cert", self.path(issuer + ".pem"), "-keyfile", self.path(issuer + ".key"))
        self.openssl("ca", "-batch", "-notext", "-config", self.path("cnf"), "-in", self.path("req"),
                     "-out", pem, "-extensions", extensions, *signer)
        self.openssl("x509", "-in", pem, "-outform", "DER", "-out", self.path(name + ".der"))

    def revoke(self, name):
        self.openssl("ca", "-config", self.path("cnf"), "-cert", self.path("intermediate.pem"),
                     "-keyfile", self.path("intermediate.key"), "-revoke", self.path(name + ".pem"))

    def respond(self, request):
        """The OCSP response to `request`, in DER. Wine 8 reads none that holds certificates."""
        asked, response = self.path("asked"), self.path("response")
        with open(asked, "wb") as file:
            file.write(request)
        self.openssl("ocsp", "-index", self.path("index"), "-CA", self.path("intermediate.pem"),
                     "-rsigner", self.path("intermediate.pem"), "-rkey", self.path("intermediate.key"),
                     *([] if self.sends_certificates else ["-resp_no_certs"]),
                     "-ndays", "7", "-reqin", asked, "-respout", response)
        with open(response, "rb") as file:
            return file.read()


class Server:
    """Serves the PKI's files and OCSP responses, and remembers what was asked for."""

    def __init__(self):
        outer = self
        self.requests = []
        self.pki = None
        self.is_down = False

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, content):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                name = outer.pki.path(os.path.basename(self.path))
                is_file = os.path.isfile(name)
                # RFC 6960, A.1: an OCSP request is the path, in base64. Wine 10 adds a slash behind it.
                outer.requests.append(self.path if is_file else "OCSP")
                if outer.is_down:
                    self.send_error(503)
                elif is_file:
                    with open(name, "rb") as file:
                        self.answer(file.read())
                else:
                    self.answer(outer.pki.respond(base64.b64decode(urllib.parse.unquote(self.path.strip("/")))))

            def log_message(self, *arguments):
                pass

        self.httpd = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.httpd.server_address[1]

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


class NetworkTest(unittest.TestCase):
    # Wine keeps lists by URL, in which a port may come again, and Wine 8 what was revoked by serial number, for all
    # processes.
    @classmethod
    def setUpClass(cls):
        why = wine.why_no_program("windows_verify_chain")
        if why:
            raise unittest.SkipTest(why)
        cls.windows = wine.Wine()
        cls.addClassCleanup(cls.windows.close)

    def setUp(self):
        self.windows.forget_fetched()
        self.server = Server()
        self.addCleanup(self.server.close)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.pki = self.server.pki = Pki(directory.name, self.server.url)

    def verify(self, *names, purpose=SERVER, intermediates=FETCH, revocation=OFF):
        """(error, depth, length of the chain); what was said is kept for messages."""
        files = [wine.path(self.pki.path(name + ".der")) for name in names]
        done = self.windows.run(wine.program("windows_verify_chain"), wine.path(self.pki.path("root.der")),
                                str(purpose), str(intermediates), str(revocation), *files, timeout=120)
        self.assertEqual(done.status, 0, done)
        self.said = "%s; requests: %s" % (done.out.rstrip(), self.server.requests)
        error, depth, length, _ = done.out.rstrip("\n").split(" ", 3)
        return int(error), int(depth), int(length)

    def assert_error(self, error, verdict):
        self.assertEqual(error, verdict[0], self.said)

    def assert_requests(self, *expected):
        self.assertEqual(list(expected), self.server.requests, self.said)
        self.server.requests.clear()

    def test_crl_soft(self):
        self.assertEqual((NONE, 0, 3), self.verify("crl-good", "intermediate", revocation=SOFT), self.said)
        self.assert_requests("/intermediate.crl", "/root.crl")
        self.assertEqual((REVOKED, 0, 0), self.verify("crl-revoked", "intermediate", revocation=SOFT), self.said)
        self.assertIn("CRYPT_E_REVOKED, 0x80092010", self.said)

    def test_crl_hard(self):
        self.assertEqual((NONE, 0, 3), self.verify("crl-good", "intermediate", revocation=HARD), self.said)
        self.assert_requests("/intermediate.crl", "/root.crl")
        self.assertEqual((REVOKED, 0, 0), self.verify("crl-revoked", "intermediate", revocation=HARD), self.said)

    def test_ocsp(self):
        self.assertEqual((NONE, 0, 3), self.verify("ocsp-good", "intermediate", revocation=HARD), self.said)
        self.assert_requests("OCSP", "/root.crl")
        self.assertEqual((REVOKED, 0, 0), self.verify("ocsp-revoked", "intermediate", revocation=SOFT), self.said)
        self.assertIn("OCSP", self.server.requests)

    def test_an_ocsp_response_with_certificates(self):
        self.pki.sends_certificates = True
        verdict = self.verify("ocsp-good", "intermediate", revocation=HARD)
        if verdict[0] == UNKNOWN:
            self.pki.sends_certificates = False
            self.windows.forget_fetched()
            self.assert_error(NONE, self.verify("ocsp-good", "intermediate", revocation=HARD))
            self.skipTest("this Wine reads no OCSP response that holds certificates")
        self.assertEqual((NONE, 0, 3), verdict, self.said)
        self.assert_requests("OCSP", "/root.crl")
        self.assert_error(REVOKED, self.verify("ocsp-revoked", "intermediate", revocation=HARD))

    def test_what_a_list_revoked_stays_revoked(self):
        for ask in ("/intermediate.crl", "/root.crl"), ():
            verdict = self.verify("crl-revoked", "intermediate", revocation=SOFT)
            if verdict[0] == NONE and not ask and not self.server.requests:
                self.skipTest("this Wine keeps what a list revoked as good")
            self.assert_error(REVOKED, verdict)
            self.assert_requests(*ask)

    def test_a_serial_number_is_one_of_its_issuer(self):
        self.assert_error(NONE, self.verify("ocsp-good", "intermediate", revocation=SOFT))
        self.assert_requests("OCSP", "/root.crl")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        other = Pki(directory.name, self.server.url, self.pki.first_serial)
        other.revoke("ocsp-good")
        self.pki = self.server.pki = other
        verdict = self.verify("ocsp-good", "intermediate", revocation=SOFT)
        if verdict[0] == NONE and not self.server.requests:
            self.skipTest("this Wine looks revocation up by serial number alone")
        self.assert_error(REVOKED, verdict)
        self.assertIn("OCSP", self.server.requests)

    def test_unreachable_is_refused_only_when_hard(self):
        self.server.is_down = True
        self.assert_error(NONE, self.verify("crl-good", "intermediate", revocation=SOFT))
        self.assertIn("/intermediate.crl", self.server.requests)
        self.assert_error(UNKNOWN, self.verify("crl-good", "intermediate", revocation=HARD))

    def test_off_asks_nobody(self):
        self.assert_error(NONE, self.verify("crl-revoked", "intermediate", revocation=OFF))
        self.assert_requests()

    def test_local_fetches_nothing_and_knows_what_was_fetched_before(self):
        self.assert_error(NONE, self.verify("crl-revoked", "intermediate", revocation=LOCAL))
        self.assert_requests()
        self.assert_error(NONE, self.verify("crl-good", "intermediate", revocation=SOFT))
        self.assert_requests("/intermediate.crl", "/root.crl")
        self.assert_error(REVOKED, self.verify("crl-revoked", "intermediate", revocation=LOCAL))
        self.assert_requests()

    # Not with an OCSP URL: Wine asks there even if it must not.
    def test_nothing_is_fetched_for_a_client(self):
        for revocation, error in ((OFF, NONE), (LOCAL, NONE), (SOFT, NONE), (HARD, UNKNOWN)):
            self.assert_error(error, self.verify("crl-good", "intermediate", purpose=CLIENT, revocation=revocation))
        self.assert_error(NO_ISSUER, self.verify("issuer-good", purpose=CLIENT))
        self.assert_requests()
        # The twin: for servers it is.
        self.assert_error(NONE, self.verify("crl-good", "intermediate", revocation=HARD))
        self.assert_requests("/intermediate.crl", "/root.crl")

    # That `local` and `off` fetch none cannot be seen here: Wine 8 and 10 do not know
    # CERT_CHAIN_DISABLE_AIA.
    def test_a_missing_intermediate_is_fetched(self):
        self.assertEqual((NONE, 0, 3), self.verify("issuer-good"), self.said)
        self.assert_requests("/intermediate.der")
        # From the cache, now that it is there.
        self.assertEqual((NONE, 0, 3), self.verify("issuer-good", purpose=CLIENT), self.said)
        self.assertEqual((NONE, 0, 3), self.verify("issuer-good", intermediates=LOCAL), self.said)
        self.assert_requests()


if __name__ == "__main__":
    support.skip_all_if(wine.why_not())
    support.main()
