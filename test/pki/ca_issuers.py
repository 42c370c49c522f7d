"""Certificates whose issuer is somewhere else, and the HTTP servers that have it, or do worse.

RFC 5280, 4.2.2.1: a certificate may say where its issuer's is, as one DER certificate or as a "certs-only" CMS
message. Make a CaIssuers, then make(pki, server): the URLs are in the certificates, so the port has to be
known before. What an URL answers can be changed at any time: server.answers[path] = BEHAVIOUR. A behaviour is
a function of the connection, which it need not close. What nothing is said about is a 404.

Python's standard library only, 3.8 or later. Needs the openssl command.
"""
import collections
import gzip
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

from pki import subject

Request = collections.namedtuple("Request", "method target version headers body")

DEAD = "dead"  # in a list of paths: an URL where nobody listens
MANY = 40  # more URLs than anybody should ask
PATIENCE = 60  # seconds after which a behaviour without end ends


# --- the server ------------------------------------------------------------------------------------

class CaIssuers:
    """An HTTP server, in threads of this process, that remembers what it was asked. A proxy, too: an absolute
    URI is answered as its path is. `answers`: {path without the slash, or (host, path): behaviour}."""

    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.answers = {}
        self.connections = 0  # whatever came through them
        self._requests = []
        self._lock = threading.Lock()
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(128)
        self._bound_only = socket.socket(family)  # so that nobody else gets the port
        self._bound_only.bind((address, 0))
        host = "[%s]" % address if ":" in address else address
        self.authority = self._authority(host, self._listener)
        self._dead = self._authority(host, self._bound_only)
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _authority(host, bound):
        port = bound.getsockname()[1]
        return host if port == 80 else "%s:%d" % (host, port)

    def url(self, path):
        return "http://%s/%s" % (self._dead if path == DEAD else self.authority, path)

    @property
    def requests(self):
        """All there were, in the order in which they came."""
        with self._lock:
            return list(self._requests)

    @property
    def targets(self):
        return [request.target for request in self.requests]

    def forget(self):
        with self._lock:
            self._requests.clear()
            self.connections = 0

    def close(self):
        """Connections are refused from now on."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        self._bound_only.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                connection.settimeout(PATIENCE)
                head = b""
                while b"\r\n\r\n" not in head:
                    more = connection.recv(4096)
                    if not more:
                        break
                    head += more
                head, _, body = head.partition(b"\r\n\r\n")
                first, *headers = head.decode("latin-1").split("\r\n")
                headers = dict((name.lower(), value.strip()) for name, _, value in
                               (line.partition(":") for line in headers))
                while len(body) < int(headers.get("content-length", 0)):
                    more = connection.recv(4096)
                    if not more:
                        break
                    body += more
                request = Request(*(first.split(" ") + ["", "", ""])[:3], headers, body)
                with self._lock:
                    self._requests.append(request)
                self.behaviour(request)(connection)
            except OSError:
                pass  # the client has seen enough: that is what is tested

    def behaviour(self, request):
        """What is done about a request. For others to override."""
        path = path_of(request)
        of_host = (request.headers.get("host"), "/" + path)
        return self.answers.get(of_host) or self.answers.get(path, NOT_FOUND)


def path_of(request):
    """The path that was asked for, without the slash at its beginning, also where a proxy is asked."""
    target = request.target
    return target.split("/", 3)[-1] if "://" in target else target.lstrip("/")


# --- what it answers -------------------------------------------------------------------------------

def response(body, status="200 OK", length=None, **headers):
    """The bytes of a whole answer."""
    lines = ["HTTP/1.1 " + status, "Connection: close",
             "Content-Length: %d" % (len(body) if length is None else length)]
    lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def sends(data):
    return lambda connection: connection.sendall(data)


def answers(body, *arguments, **headers):
    return sends(response(body, *arguments, **headers))


def redirects(location, status="302 Found"):
    return answers(b"", status, Location=location)


def sends_for_ever(head, piece, pause=0.0):
    def behave(connection):
        end = time.monotonic() + PATIENCE
        connection.sendall(head)
        while time.monotonic() < end:
            connection.sendall(piece)
            time.sleep(pause)
    return behave


def drips(data):
    """One byte a second."""
    def behave(connection):
        for octet in data:
            connection.sendall(bytes([octet]))
            time.sleep(1)
    return behave


def never_answers(connection):
    connection.recv(1)  # nothing more comes: until the client gives up


def resets(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


NOT_FOUND = answers(b"", "404 Not Found")


def good(issuer, certs_only):
    """{what it is: behaviour}: every way in which a server may rightly send the issuer's certificate."""
    return collections.OrderedDict((
        ("DER", answers(issuer, Content_Type="application/pkix-cert")),
        ("certs-only CMS", answers(certs_only, Content_Type="application/pkcs7-mime")),
        ("DER, called something else", answers(issuer, Content_Type="image/png")),
        ("DER, without a length", sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + issuer)),
        ("DER, HTTP/1.0", sends(b"HTTP/1.0 200 OK\r\n\r\n" + issuer)),
        # Of a body without length the first value counts; nobody waits for its end.
        ("DER, and more without end", sends_for_ever(b"HTTP/1.0 200 OK\r\n\r\n" + issuer, b"x" * 65536)),
    ))


def hostile(server, issuer, wrong, impostor, loop):
    """{what it is: behaviour}: what is no certificate of the issuer, whatever is done with it. The issuer's is
    `issuer`; `wrong` and `impostor` are others', the second with the issuer's name and key identifier; `loop` are two
    CAs that issued each other. All are DER."""
    html = b"<html><body>Please log in.</body></html>"
    text = ssl.DER_cert_to_PEM_cert(issuer).encode()
    of_file = os.path.join(server.directory, "issuer.der")
    with open(of_file, "wb") as out:
        out.write(issuer)
    server.answers["issuer"] = answers(issuer)
    for number in range(100):
        server.answers["hop/%d" % number] = redirects(server.url("hop/%d" % (number + 1)))
    server.answers["hop/100"] = answers(issuer)
    return collections.OrderedDict((
        ("PEM", answers(text)),
        ("gzip", answers(gzip.compress(issuer), Content_Encoding="gzip")),
        ("HTML 200", answers(html, Content_Type="text/html")),
        ("404 with the certificate", answers(issuer, "404 Not Found")),
        ("500 with the certificate", answers(issuer, "500 Internal Server Error")),
        ("206 with the certificate", answers(issuer, "206 Partial Content")),
        ("empty", answers(b"")),
        ("no HTTP", sends(issuer)),
        ("a wrong issuer", answers(wrong)),
        ("the issuer's name and key identifier, another key", answers(impostor)),
        ("trailing garbage", answers(issuer + b"garbage")),
        ("cut off", answers(issuer[:len(issuer) // 2])),
        ("less than the length", answers(issuer[:len(issuer) // 2], length=len(issuer))),
        ("more than the length", answers(issuer, length=len(issuer) // 2)),
        ("a length of gigabytes", answers(issuer, length=8 << 30)),
        ("a negative length", answers(issuer, length=-1)),
        ("a length of 2^64", answers(issuer, length=1 << 64)),
        ("two lengths", answers(issuer, content_length=len(issuer) + 1)),
        ("a chunk without end", sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      b"ffffffffffffffff\r\n" + issuer)),
        ("a body without end", sends_for_ever(response(issuer, length=8 << 30), b"x" * 65536)),
        ("headers without end", sends_for_ever(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n")),
        ("a header without end", sends_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536)),
        ("100 without end", sends_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)),
        ("one byte a second", drips(response(issuer))),
        ("closed at once", lambda connection: None),
        ("reset", resets),
        ("never an answer", never_answers),
        ("redirected to itself", redirects(server.url("int"))),
        ("redirected a hundred times", redirects(server.url("hop/0"))),
        ("redirected to file:", redirects("file://" + of_file)),
        ("redirected to https:", redirects(server.url("issuer").replace("http:", "https:"))),
        ("redirected to ftp:", redirects(server.url("issuer").replace("http:", "ftp:"))),
        ("redirected to nowhere", answers(b"", "302 Found")),
        ("CMS of 1000 certificates", answers(cms([impostor] * 1000))),
        ("CMS of 200 certificates", answers(cms([impostor] * 200))),
        ("CMS with a loop", answers(cms(loop))),
        ("CMS without certificates", answers(cms([]))),
    ))


# --- the certificates ------------------------------------------------------------------------------

def access(*urls):
    """Extensions of a certificate whose issuer's is at these URLs."""
    return "authorityInfoAccess = " + ",".join("caIssuers;URI:" + url for url in urls)


def der_of(path):
    with open(path) as file:
        return ssl.PEM_cert_to_DER_cert(file.read())


def cms(certificates, openssl="openssl"):
    """A certs-only message (RFC 8551, 3.8)."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("".join(map(ssl.DER_cert_to_PEM_cert, certificates)))
        file.flush()
        files = ["-certfile", file.name] if certificates else []
        return subprocess.run([openssl, "crl2pkcs7", "-nocrl", "-outform", "DER", *files],
                              env={"PATH": os.environ.get("PATH", os.defpath), "OPENSSL_CONF": os.devnull},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout


def make(pki, server):
    """Fills the directory of `pki`. A leaf is named by what is missing for it, and every missing certificate by the
    path where `server` has it. Root A is to be trusted; Root U is not. `server.serve()` makes it answer."""
    server.directory = pki.directory
    pki.root("root-a", subject("Root A"))
    pki.root("root-u", subject("Root U"))

    def authority(name, issuer, *paths, **more):
        pki.issue(name, subject("CA " + name), issuer, kind="authority",
                  extensions=access(*map(server.url, paths)) if paths else "", **more)

    def leaf(name, issuer, *urls, **more):
        pki.issue(name, subject(name), issuer, extensions=access(*urls) if urls else "", **more)

    leaf("leaf-direct", "root-a")
    authority("int", "root-a")
    leaf("leaf", "int", server.url("int"))
    pki.chain("leaf-full", "leaf", "int")
    leaf("leaf-silent", "int")
    leaf("leaf-other-url", "int", server.url("other-url"))
    leaf("leaf-dead-first", "int", server.url(DEAD), server.url("int"))
    leaf("leaf-schemes", "int", "ldap://%s/cn=int" % server.authority,
         server.url("int").replace("http:", "https:"), server.url("int").replace("http:", "ftp:"),
         server.url("int"))
    leaf("leaf-odd-schemes", "int", "ldap://%s/cn=int" % server.authority,
         server.url("int").replace("http:", "https:"), "file://" + pki.path("int.der"))
    leaf("leaf-many", "int", *(server.url("many/%d" % number) for number in range(MANY)))
    leaf("leaf-slow-first", "int", *map(server.url, ("slow-1", "slow-2", "slow-3", "int")))
    leaf("leaf-expired", "int", server.url("int"), dates=("20200101000000Z", "20210101000000Z"))
    leaf("client", "int", server.url("int"), kind="client")

    # Two and three that are missing, each with the URL of the next.
    authority("upper", "root-a")
    authority("middle", "upper", "upper")
    authority("lower", "middle", "middle")
    leaf("leaf-2", "middle", server.url("middle"))
    leaf("leaf-3", "lower", server.url("lower"))

    # A CA of the name and the key identifier of `int`, with another key.
    said = pki.run("x509", "-noout", "-ext", "subjectKeyIdentifier", "-in", pki.pem("int"))
    pki.issue("impostor", subject("CA int"), "root-a", kind="authority",
              extensions="subjectKeyIdentifier = " + said.split()[-1])

    # Below a root that nobody has to trust.
    authority("int-u", "root-u")
    leaf("leaf-u", "int-u", server.url("int-u"))

    # Servers that send one of several, or one that has nothing to do with it.
    for sent in ("lower", "middle", "upper", "int-u"):
        pki.chain("leaf-3-" + sent, "leaf-3", sent)

    # Two CAs that issued each other.
    pki.root("loop-first", subject("CA loop-a"))
    authority("loop-b", "loop-first", "loop-a")
    authority("loop-a", "loop-b", "loop-b", like="loop-first")
    leaf("leaf-loop", "loop-a", server.url("loop-a"))

    def serve():
        server.answers.clear()
        for name in ("int", "upper", "middle", "lower", "int-u", "loop-a", "loop-b"):
            server.answers[name] = answers(der_of(pki.pem(name)))
        server.answers["other-url"] = server.answers["int"]
        server.forget()
    server.serve = serve
    with open(pki.path("int.der"), "wb") as out:
        out.write(der_of(pki.pem("int")))
    serve()
