#!/usr/bin/env python3
"""Programs that fit nowhere else: Qt, OpenVPN, and another architecture. See client.py."""
import glob
import os
import re

import client
import servers
import support
import test_bundles
from client import Client, Row, missing, says
from support import MARKER, hashed_directory, pem, port_of
from test_bundles import BUNDLE


class Qt(Client):
    """Qt's network module, from C++ or through PyQt."""

    row = Row("Qt 5's network module (C++, PyQt5)", "nothing",
              "the system's store, by `system-bundles`: Qt names `/etc/ssl/certs`", "")
    packages = ("python3-pyqt5",)
    refusal = "certificate|SSL handshake failed"
    module = "PyQt5"
    code = """
import sys
from %(module)s.QtCore import QCoreApplication, QUrl
from %(module)s.QtNetwork import QNetworkAccessManager, QNetworkRequest, QSslCertificate, QSslConfiguration
url, name = sys.argv[1:]
application = QCoreApplication([])
request = QNetworkRequest(QUrl(url))
if name:
    settings = QSslConfiguration.defaultConfiguration()
    settings.setCaCertificates(QSslCertificate.fromPath(name))
    request.setSslConfiguration(settings)
manager = QNetworkAccessManager()
reply = manager.get(request)
reply.sslErrors.connect(lambda errors: print([error.errorString() for error in errors]))
reply.finished.connect(application.quit)
(application.exec if hasattr(application, "exec") else application.exec_)()
print(bytes(reply.readAll()).decode() or reply.errorString())
"""

    @classmethod
    def why_not(cls):
        found = cls.openssl()
        return not found and "%s is not installed (package python3-%s)" % (cls.module, cls.module.lower()) or (
            not found.startswith(("OpenSSL 3", "OpenSSL 4")) and "this Qt uses " + found) or test_bundles.why_not()

    @classmethod
    def openssl(cls):
        return says("/usr/bin/python3", "-c", "from %s.QtNetwork import QSslSocket as s; print(s.sslLibraryVersionString())"
                    % cls.module)

    @classmethod
    def version(cls):
        return says("/usr/bin/python3", "-c", "from %s.QtCore import qVersion; print(qVersion())" % cls.module)

    def command(self, server, name=""):
        return ["/usr/bin/python3", "-c", self.code % {"module": self.module}, self.url(server), name]

    def test_as_it_is(self):
        self.assertServed()

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(name=pem("root-b"))

    def test_what_does_not_work(self):
        self.assertNotServed(name=MARKER)


class Qt6(Qt):
    """Qt 6's network module: newer ones copy the certificates that they find."""

    row = Row("Qt 6's network module (C++, PyQt6)", "nothing", "Qt 6.4: the system's store, by `system-bundles`",
              "Qt 6.8 and later reads the system's certificates itself, once, into a store of its own: a root in the "
              "system's store is enough for it, but nothing of ostrust is asked")
    packages = ("python3-pyqt6",)
    module = "PyQt6"

    def minor(self):
        return int(self.version().split(".")[1])

    def test_as_it_is(self):
        if 4 < self.minor() < 8:
            self.skipTest("not known of this version")
        (self.assertServed if self.minor() <= 4 else self.assertNotServed)()

    def test_it_reads_the_systems_bundle_itself(self):
        namespace = test_bundles.namespace()
        if not namespace:
            self.skipTest("needs a mount namespace")
        script = 'mount --bind "$0" %s && exec "$@"' % test_bundles.DIRECTORY
        directory = hashed_directory(os.path.join(self.work, "certs"), "root-a")
        for server, expected in (("leaf-a", True), ("leaf-b", False)):
            done = support.run([*namespace, "sh", "-c", script, directory, *self.command(server)],
                               support.environment(self.without), cwd=self.work)
            self.assertEqual(self.judge(done.out, done.text), expected, done)


class OpenVpn(Client):
    """OpenVPN, through a tunnel that leads nowhere: its CA directory, and its CA file, which it parses itself."""

    row = Row("OpenVPN", "`capath /etc/ssl/certs`, with `verify-x509-name`: without that the holder of any public certificate is "
              "your server", "the system's store, by `system-bundles`",
              "the marker, `os://` or the bundle in `ca`: OpenVPN parses that file itself. A VPN is better off "
              "with a CA of its own")
    services = ("openvpn",)
    accepted = "Peer Connection Initiated"
    refusal = "certificate|CA file|os://|X509NAME ERROR"

    @staticmethod
    def why_not():
        return missing("openvpn") or test_bundles.why_not()

    @classmethod
    def version(cls):
        # Its exit status is 1.
        return support.run(["openvpn", "--version"], support.environment(os.devnull)).out.split()[1]

    def side(self, name, ca, *options):
        return ["openvpn", "--dev", "null", "--proto", "udp4", "--verb", "3", "--cert", pem(name),
                "--key", os.path.join(support.PKI, name + ".key"), *ca, *options]

    def attempt(self, server, configuration, env=(), ca=()):
        port = servers.free_port()
        client_ca = ["--ca", pem("root-a")]
        with servers.Daemon(self.side(server, client_ca, "--tls-server", "--dh", "none", "--local", "127.0.0.1", "--lport",
                                      str(port)), lambda text: "link remote" in text, cwd=self.work) as peer:
            self.assertFalse(peer.ended, peer.text)
            with servers.Daemon(self.side("client-a", ca, "--tls-client", "--remote", "127.0.0.1", str(port), "--nobind",
                                          "--remote-cert-tls", "server"),
                                lambda text: re.search("Initiated with|VERIFY ERROR|X509NAME ERROR|TLS Error", text),
                                support.environment(configuration, **dict(env)), self.work) as tunnel:
                pass
        text = tunnel.text
        return self.judge(text, text)

    def test_capath(self):
        directory = ["--capath", test_bundles.DIRECTORY]
        self.assertServed(ca=directory)
        for name, expected in (("leaf a", True), ("another", False)):
            self.assertEqual(self.attempt("leaf-a", self.ours, ca=[*directory, "--verify-x509-name", name, "name"]), expected)

    def test_what_does_not_work(self):
        self.assertNotServed(ca=["--ca", MARKER])
        self.assertNotServed(ca=["--ca", BUNDLE])
        self.assertNotServed(ca=["--ca", "os://"])

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(ca=["--ca", pem("root-b")])


ARM64 = os.path.join(client.NPM, "arm64")  # what the script arm64 made


class Arm64(Client):
    """CPython and openssl of Debian 12 for arm64, with the module built for it, in QEMU."""

    row = Row("arm64: CPython and openssl, in QEMU", "nothing", "as on x86-64", "never tried on a machine: these are QEMU's "
              "processes")
    root = os.path.join(ARM64, "root")
    accepted = "^accepted$|^Verification: OK$"
    refusal = "certificate|scheme=os"
    code = """
import socket, ssl, sys
port, name = sys.argv[1:]
context = ssl.create_default_context(cafile=name or None)
try:
    context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="localhost")
    print("accepted")
except (OSError, ssl.SSLError) as error:
    print(error)
"""

    @staticmethod
    def why_not():
        module = os.path.join(ARM64, "ostrust.so")
        if not os.path.exists(module):
            return "%s is not there (test/clients/arm64)" % ARM64
        sources = [path for room in ("platform", "provider") for kind in ("cpp", "hpp")
                   for path in glob.glob(os.path.join(support.SOURCE, room, "**", "*." + kind), recursive=True)]
        return os.path.getmtime(module) < max(map(os.path.getmtime, sources), default=0) and (
            "%s is older than its source (test/clients/arm64 builds it)" % module)

    @classmethod
    def emulated(cls, program, *arguments):
        return [os.path.join(ARM64, "qemu-aarch64-static"), "-L", cls.root, cls.root + "/usr/bin/" + program, *arguments]

    @classmethod
    def version(cls):
        return "Debian 12's " + " ".join(says(*cls.emulated("openssl", "version")).split()[:2])

    @staticmethod
    def keys():
        return {"module": os.path.join(ARM64, "ostrust.so")}

    def command(self, server, name="", arguments=None):
        if arguments is not None:
            return self.emulated("openssl", "s_client", "-connect", "127.0.0.1:%d" % port_of(server), "-verify_return_error",
                                 "-verify_hostname", "localhost", *arguments)
        return self.emulated("python3", "-c", self.code, str(port_of(server)), name)

    def test_it_is_that_architecture(self):
        done = support.run(self.emulated("openssl", "version", "-p"), support.environment(self.without))
        self.assertSays("arm64", done)
        done = support.run(self.emulated("openssl", "list", "-providers", "-verbose"), support.environment(self.ours))
        self.assertSays("layers: store loader, binding", done)

    def test_python(self):
        self.assertServed()
        self.assertServed(name=MARKER)
        self.assertOnlyItsOwn(name=pem("root-b"))

    def test_openssl(self):
        self.assertServed(arguments=["-CAstore", "os://"])


if __name__ == "__main__":
    client.main(globals())
