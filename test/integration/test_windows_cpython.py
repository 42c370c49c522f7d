#!/usr/bin/env python3
"""CPython's ssl with ostrust.dll on Windows itself, with a root that comes and goes.

It changes the roots of the machine, so it runs only where OSTRUST_MAY_CHANGE_ROOTS is set, as on the runner of
.github/workflows/windows.yml, which is thrown away. It needs an administrator. It was never run yet.
"""
import hashlib
import os
import ssl
import subprocess
import sys
import unittest

import support
from support import OstrustTest, configuration_text, pem, port_of

# create_default_context() would not do: on Windows CPython itself copies the roots into it.
CONNECTS = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
try:
    context.load_verify_locations("os://")
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost"):
            print("accepted")
except OSError as error:
    print("refused:", error)
"""


def certutil(*arguments):
    subprocess.run(["certutil", *arguments], check=True, stdin=subprocess.DEVNULL)


def add_root(name):
    certutil("-addstore", "-f", "ROOT", pem(name))


def remove_root(name):
    certutil("-delstore", "ROOT", hashlib.sha1(ssl.PEM_cert_to_DER_cert(support.text_of(name))).hexdigest())


@unittest.skipUnless(os.environ.get("OSTRUST_MAY_CHANGE_ROOTS"), "it changes the roots of the machine")
class Connects(OstrustTest):

    def connect(self, configuration, server):
        # Windows needs more of the environment than support.environment() leaves.
        env = dict(os.environ, OPENSSL_CONF=configuration)
        return support.run([sys.executable, "-c", CONNECTS, str(port_of(server))], env, cwd=self.work)

    def assertAnswers(self, words, configuration, server):
        done = self.connect(configuration, server)
        self.assertIn(words, done.out, done)

    def ostrust(self):
        return self.file("ostrust.cnf", configuration_text({"refresh": "0"}))

    def test_a_root_of_the_system_is_trusted_while_it_is_there_and_only_with_ostrust(self):
        refused = "unable to get local issuer certificate"
        self.assertAnswers(refused, self.ostrust(), "leaf-a")
        add_root("root-a")
        try:
            self.assertAnswers("accepted", self.ostrust(), "leaf-a")
            self.assertAnswers(refused, self.ostrust(), "leaf-b")
            self.assertAnswers("refused: ", self.stock(), "leaf-a")
        finally:
            remove_root("root-a")
        self.assertAnswers(refused, self.ostrust(), "leaf-a")


if __name__ == "__main__":
    support.main()
