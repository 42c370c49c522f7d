#!/usr/bin/env python3
"""CPython and its packages. See client.py."""
import glob
import os
import re
import shutil
import ssl
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import client
import support
import test_bundles
from client import Client, Row, says
from support import MARKER, pem, port_of, text_of
from test_bundles import BUNDLE


REQUESTS = """
import sys
%s
try:
    print(requests.get("https://localhost:" + sys.argv[1], timeout=60,
                       **({"verify": sys.argv[2]} if sys.argv[2:] else {})).text.strip())
except (requests.exceptions.SSLError, OSError) as error:
    print(type(error).__name__, error)
"""


class DebianRequests(Client):
    """The distribution's python3-requests, whose certifi names the system's bundle."""

    row = Row("requests of Debian and others that point certifi at the system's bundle", "nothing",
              "the system's store, by `system-bundles`; also with the marker in `REQUESTS_CA_BUNDLE` or `verify=`",
              "`os://` there: requests wants a file")
    packages = ("python3-requests",)

    @classmethod
    def version(cls):
        return says("/usr/bin/python3", "-c", "import requests; print(requests.__version__)")

    refusal = "CERTIFICATE_VERIFY_FAILED|invalid path"

    @staticmethod
    def why_not():
        where = says("/usr/bin/python3", "-c", "import requests; print(requests.certs.where())")
        if where is None:
            return "the distribution's Python has no requests (package python3-requests)"
        return test_bundles.why_not() or (
            not os.path.samefile(where, BUNDLE) and "this requests names " + where)

    def command(self, server, verify=None):
        return ["/usr/bin/python3", "-c", REQUESTS % "import requests", str(port_of(server)),
                *([verify] if verify else [])]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(verify=MARKER)
        self.assertServed({"REQUESTS_CA_BUNDLE": MARKER})
        self.assertServed({"CURL_CA_BUNDLE": MARKER})

    def test_it_wants_a_file(self):
        self.assertNotServed(verify="os://")
        self.assertNotServed({"REQUESTS_CA_BUNDLE": "os://"})

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(verify=pem("root-b"))

    def test_system_bundles_off(self):
        self.ours = self.ostrust({"system-bundles": "no"})
        self.assertNotServed()


# --- pip, and what else brings certifi's file --------------------------------------------------------

def pythons_with_certifi():
    """(python, the path of its pip's certifi) of every CPython here that uses OpenSSL 3 and whose pip has
    a certifi of its own. The newest first."""
    code = ("import ssl, pip, pip._vendor.certifi as c; assert ssl.OPENSSL_VERSION_INFO >= (3,);"
            "assert c.where().endswith('certifi/cacert.pem'); print(c.where())")
    candidates = [sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"]
    candidates += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")),
                         key=lambda path: [int(number) for number in re.findall(r"\d+", path)],
                         reverse=True)
    for python in candidates:
        if os.path.exists(python):
            where = says(python, "-c", code)
            if where:
                yield python, where


class Index:
    """A package index with one package, on a free port of 127.0.0.1, over TLS."""

    def __init__(self, leaf, directory):
        self.wheel = "ostrust_probe-1.0-py3-none-any.whl"
        path = os.path.join(directory, "index-" + self.wheel)
        info = "ostrust_probe-1.0.dist-info/"
        with zipfile.ZipFile(path, "w") as out:
            out.writestr("ostrust_probe.py", "")
            out.writestr(info + "METADATA",
                         "Metadata-Version: 2.1\nName: ostrust-probe\nVersion: 1.0\n")
            out.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\n"
                         "Root-Is-Purelib: true\nTag: py3-none-any\n")
            out.writestr(info + "RECORD", "")
        with open(path, "rb") as file:
            content = file.read()
        page = ('<!DOCTYPE html><html><body><a href="/%s">%s</a></body></html>' %
                (self.wheel, self.wheel)).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wheel = self.path.endswith(".whl")
                self.send_response(200)
                self.send_header("Content-Type",
                                 "application/octet-stream" if wheel else "text/html")
                self.send_header("Content-Length", str(len(content if wheel else page)))
                self.end_headers()
                self.wfile.write(content if wheel else page)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem(leaf), os.path.join(support.PKI, leaf + ".key"))

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, client_address):
                try:
                    request.settimeout(60)
                    with context.wrap_socket(request, server_side=True) as tls:
                        super().finish_request(tls, client_address)
                except OSError:
                    pass  # the client refused us

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Pip(Client):
    """pip and the requests in it, which load certifi's file by its path."""

    row = Row("pip", "`replace-bundles = certifi`, or the marker in `PIP_CERT` or `--cert`; from 24.2 on, where it asks for "
              "OpenSSL's default paths, nothing", "the system's store", "the same as requests with its own certifi")
    packages = ("python3-pip",)

    @classmethod
    def version(cls):
        return says(next(pythons_with_certifi())[0], "-c", "import pip, platform; "
                    "print(pip.__version__ + ' CPython ' + platform.python_version())")

    refusal = "CERTIFICATE_VERIFY_FAILED"

    @staticmethod
    def why_not():
        return not next(pythons_with_certifi(), None) and (
            "no CPython here has OpenSSL 3 and a pip with a certifi of its own")

    @staticmethod
    def keys():
        return {"replace-bundles": "certifi"}

    def setUp(self):
        super().setUp()
        self.interpreter, self.certifi = next(pythons_with_certifi())
        # What the system trusts: those public CAs, and root-a.
        with open(self.bundle, "w") as out:
            out.write("".join(test_bundles.certificates(self.certifi)) + text_of("root-a"))
        self.index = {}
        for leaf in ("leaf-a", "leaf-b"):
            self.index[leaf] = Index(leaf, self.work)
            self.addCleanup(self.index[leaf].close)

    def command(self, server, options=None, verify=None):
        if options is None:
            return [self.interpreter, "-c", REQUESTS % "from pip._vendor import requests",
                    str(port_of(server)), *([verify] if verify else [])]
        return [self.interpreter, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir",
                "--retries", "0", *options]

    def download(self, server, configuration, *options, **env):
        """Whether pip downloads a package from that server."""
        target = os.path.join(self.work, "downloads")
        shutil.rmtree(target, ignore_errors=True)
        env = dict({"PIP_CONFIG_FILE": os.devnull, "TMPDIR": self.work}, **env)
        done = support.run(
            self.command(server, options=[
                *options, "download", "--no-deps", "--dest", target, "--index-url",
                "https://localhost:%d/simple/" % self.index[server].port, "ostrust-probe"]),
            support.environment(configuration, **env), cwd=self.work, timeout=120)
        if done.status == 0:
            self.assertEqual(os.listdir(target), [self.index[server].wheel], done)
        else:
            self.assertSays("CERTIFICATE_VERIFY_FAILED", done)
        return done.status == 0

    def old_style(self):
        """pip from 24.2 on asks for OpenSSL's default paths; this makes it use certifi's file."""
        version = says(self.interpreter, "-c", "import pip; print(pip.__version__)")
        numbers = [int(number) for number in version.split(".")[:2]]
        return ["--use-deprecated=legacy-certs"] if numbers >= [24, 2] else []

    def test_pip_with_a_local_index(self):
        options = self.old_style()
        self.assertTrue(self.download("leaf-a", self.ours, *options))
        self.assertFalse(self.download("leaf-b", self.ours, *options))
        self.assertFalse(self.download("leaf-a", self.without, *options))
        self.assertFalse(self.download("leaf-a", self.ostrust({"replace-bundles": "none"}),
                                       *options))

    def test_pip_that_asks_for_the_defaults(self):
        if not self.old_style():
            self.skipTest("this pip is older than 24.2")
        plain = self.ostrust({"replace-bundles": "none"})
        self.assertTrue(self.download("leaf-a", plain))
        self.assertFalse(self.download("leaf-b", plain))
        self.assertFalse(self.download("leaf-a", self.without))

    def test_pip_with_the_marker(self):
        plain = self.ostrust({"replace-bundles": "none"})
        for options, env in ((["--cert", MARKER], {}), ([], {"PIP_CERT": MARKER})):
            with self.subTest(options=options, env=env):
                self.assertTrue(self.download("leaf-a", plain, *options, **env))
                self.assertFalse(self.download("leaf-b", plain, *options, **env))
                self.assertFalse(self.download("leaf-a", self.without, *options, **env))

    def test_requests(self):
        self.assertServed()
        self.assertServed(verify=MARKER)
        self.assertOnlyItsOwn(verify=pem("root-b"))

    def test_requests_without_replace_bundles(self):
        self.ours = self.ostrust({"replace-bundles": "none"})
        self.assertNotServed()


if __name__ == "__main__":
    client.main(globals())
