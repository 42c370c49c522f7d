"""What the child processes of the tests use: `from client import *`. Runs under the configuration
that is tested, so it does nothing with OpenSSL before it is asked to."""
import atexit
import encodings.idna  # noqa: F401  imported late otherwise, where a test has no file system left
import json
import os
import socket
import ssl
import sys
import threading
import time

T = json.loads(os.environ["OSTRUST_TEST"])
BUNDLE = T["bundle"]
MARKER = T["marker"]
PARTIAL_CHAIN = 0x80000  # ssl.VERIFY_X509_PARTIAL_CHAIN has a name from Python 3.10 on
ACCEPTED = "accepted"


def report(value):
    """Hands a value to the test."""
    print("REPORT " + json.dumps(value), flush=True)


def pem(name):
    return os.path.join(T["pki"], name + ".pem")


def write_store(*names):
    """Replaces the system's store, as update-ca-certificates does."""
    text = ""
    for name in names:
        with open(pem(name)) as file:
            text += file.read()
    with open(BUNDLE + ".new", "w") as out:
        out.write(text)
    os.replace(BUNDLE + ".new", BUNDLE)


def connect(context, name, then=lambda tls: ACCEPTED):
    """What `then` says of the connection, or why the server that uses this certificate was refused."""
    with socket.create_connection(("127.0.0.1", T["ports"][name]), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                return then(tls)
        except ssl.SSLCertVerificationError as error:
            return error.verify_message


def connect_all(context):
    return {name: connect(context, name) for name in T["ports"]}


def bare():
    """A context that verifies and trusts nobody yet."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def trusting(*cafiles):
    """A context with these CA files loaded, in order."""
    context = bare()
    for cafile in cafiles:
        context.load_verify_locations(cafile=cafile)
    return context


def attempt(function, *arguments, **keywords):
    """What it returned, or the exception, as text: type first."""
    try:
        function(*arguments, **keywords)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    return "no error"
