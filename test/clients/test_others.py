#!/usr/bin/env python3
"""Programs that fit nowhere else: Qt, OpenVPN, and another architecture. See client.py."""
import os
import re

import client
import support
import test_bundles
from client import Client, Row, missing, says
from support import MARKER, pem, port_of
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
    """Qt 6's network module."""

    row = Row("Qt 6's network module (C++, PyQt6)", Qt.row.set, Qt.row.trusts, Qt.row.limits)
    packages = ("python3-pyqt6",)
    module = "PyQt6"


if __name__ == "__main__":
    client.main(globals())
