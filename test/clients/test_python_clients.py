#!/usr/bin/env python3
"""Python packages that bring a bundle of CAs, or that read the system's. See client.py.

Debian's certifi, pip and botocore have no bundle of their own, so that all of them read the system's. What people get from PyPI has
one: where no interpreter here has it, it is made of Debian's package and the cacert.pem of certifi that is in its pip.
"""
import functools
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

DEBIAN = "/usr/bin/python3"

# What certifi 2025 is but for old interpreters, without what Debian adds to it.
CERTIFI = """
import os

def where():
    return os.path.join(os.path.dirname(__file__), "cacert.pem")

def contents():
    with open(where(), encoding="ascii") as file:
        return file.read()
"""


@functools.lru_cache(None)
def interpreters():
    """Every CPython here with OpenSSL 3: Debian's, this one, then the newest."""
    pyenv = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")),
                   key=lambda path: [int(number) for number in re.findall(r"\d+", path)], reverse=True)
    return [python for python in dict.fromkeys([DEBIAN, sys.executable, "/usr/local/bin/python3", *pyenv]) if os.path.exists(
        python) and says(python, "-c", "import ssl; assert ssl.OPENSSL_VERSION_INFO >= (3,)") is not None]


@functools.lru_cache(None)
def folder_of(python, package):
    """Where an interpreter has a package, or None."""
    return says(python, "-c", "import os, %s as package; print(os.path.dirname(package.__file__))" % package)


def interpreter_with(*packages):
    return next((python for python in interpreters() if all(folder_of(python, package) for package in packages)), None)


def bundle_of_certifi():
    """The cacert.pem of some pip here, which is certifi's also where Debian's pip does not use it."""
    for python in interpreters():
        path = os.path.join(folder_of(python, "pip._vendor.certifi") or "", "cacert.pem")
        if os.path.exists(path):
            return path
    return None


def without(bundle):
    return not bundle and "no pip here has certifi's cacert.pem (package python3-pip)"


def linked(folder, target, *others):
    """Makes `target` a package with everything of the package `folder` but `others`."""
    os.makedirs(target)
    for name in os.listdir(folder):
        if name not in ("__pycache__", *others):
            os.symlink(os.path.join(folder, name), os.path.join(target, name))


def certifi_in(folder):
    """Puts a certifi as of PyPI into `folder`; the path of its bundle."""
    target = os.path.join(folder, "certifi")
    os.makedirs(target)
    with open(os.path.join(target, "__init__.py"), "w") as out:
        out.write(CERTIFI)
    return shutil.copy(bundle_of_certifi(), os.path.join(target, "cacert.pem"))


# --- what names the system's bundle ------------------------------------------------------------------

REQUESTS = """
import sys
%s
try:
    print(requests.get("https://localhost:" + sys.argv[1], timeout=60,
                       **({"verify": sys.argv[2]} if any(sys.argv[2:]) else {})).text.strip())
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


# --- what brings a bundle ----------------------------------------------------------------------------

class _Package(Client):
    """Something that is imported."""

    package = None
    code = None  # prints a page of https://localhost:PORT; what follows PORT is what it is told of CAs, or ""
    refusal = "CERTIFICATE_VERIFY_FAILED|No such file"  # os:// without ostrust

    @classmethod
    def python(cls):
        return interpreter_with(cls.package)

    @classmethod
    def why_not(cls):
        return not cls.python() and "no CPython here has OpenSSL 3 and " + cls.package or test_bundles.why_not()

    @classmethod
    def version(cls):
        return says(cls.python(), "-c", "import platform, %s as package; "
                    "print(package.__version__ + ', Python ' + platform.python_version())" % cls.package)

    def command(self, server, verify=""):
        return [self.python(), "-c", self.code, str(port_of(server)), verify]


class _WithBundle(_Package):
    """A program that names a CA bundle of its own by path, unless it is told another."""

    variables = ()  # of the environment that name other CAs

    @classmethod
    def why_not(cls):
        return super().why_not() or without(bundle_of_certifi())

    @staticmethod
    def keys():
        return {"replace-bundles": "certifi"}

    def setUp(self):
        super().setUp()
        self.site = os.path.join(self.work, "site")
        self.named = self.make_site()
        # What the system trusts: those public CAs, and root-a.
        with open(self.bundle, "w") as out:
            out.write("".join(test_bundles.certificates(self.named)) + text_of("root-a"))
        self.plain = self.file("plain.cnf", support.configuration_text({"trust-source": self.bundle, "refresh": "0"}))

    def make_site(self):
        """Fills the folder of packages that comes first; the path of the bundle that the program is to name."""
        where = says(self.python(), "-c", "import certifi; print(certifi.where())")
        return where if where and where.endswith("/certifi/cacert.pem") else certifi_in(self.site)

    def attempt(self, server, configuration, env=(), **how):
        return super().attempt(server, configuration, dict({"PYTHONPATH": self.site}, **dict(env)), **how)

    def test_replace_bundles(self):
        self.assertServed()

    def test_the_file_that_is_named(self):
        # Not the system's bundle, which Debian's certifi names and which would be served all the same.
        log = os.path.join(self.work, "log")
        self.assertFalse(self.attempt("leaf-a", self.plain, {"OSTRUST_LOG": "info:" + log}))
        with open(log) as file:
            text = file.read()
        self.assertIn(self.named, text)
        self.assertNotIn(BUNDLE, text)

    def test_without_replace_bundles(self):
        self.ours = self.plain
        self.assertNotServed()

    def test_the_marker_in_the_environment(self):
        self.ours = self.plain
        for name in self.variables:
            with self.subTest(name):
                self.assertServed({name: MARKER})

    def test_its_own_ca_in_the_environment(self):
        for name in self.variables:
            with self.subTest(name):
                self.assertOnlyItsOwn({name: pem("root-b")})


class Requests(_WithBundle):
    row = Row("requests from PyPI", "`replace-bundles = certifi`, or the marker in `REQUESTS_CA_BUNDLE` or `verify=`",
              "the system's store",
              "CAs added to certifi's file by hand: they are logged, and belong into the system's store. A file narrowed to fewer "
              "than 50 CAs is a pin and is loaded as it is. `os://` as `verify=`: requests wants a file")
    package = "requests"
    packages = ("python3-requests", "python3-pip")
    code = REQUESTS % "import requests"
    refusal = "CERTIFICATE_VERIFY_FAILED|invalid path"
    variables = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

    def test_verify(self):
        self.assertServed(verify=MARKER)
        self.assertOnlyItsOwn(verify=pem("root-b"))
        self.assertNotServed(verify="os://")

    def test_what_the_documents_say(self):
        with open(os.path.join(self.work, "app.py"), "w") as out:
            out.write("import requests\nprint(requests.get('https://localhost:%d/').status_code)\n" % port_of("leaf-a"))
        env = {"PYTHONPATH": self.site, "XDG_RUNTIME_DIR": self.work}
        os.chmod(self.work, 0o700)
        for configuration in (self.without, self.plain):
            done = self.documented("README.md", "python3 app.py", {"python3": self.python()}, support.environment(configuration, **env))
            self.assertRegex(done.err, r"(?m)^requests\.exceptions\.SSLError: .*\[SSL: CERTIFICATE_VERIFY_FAILED\] certificate verify failed: "
                             "unable to get local issuer certificate", done)
        done = self.documented("README.md", "ostrust run --set replace-bundles=certifi ", {"python3": self.python()},
                               support.environment(self.plain, **env))
        self.assertEqual(done.out, "200\n", done)
        for configuration, out in ((self.plain, "200\n"), (self.without, "")):
            done = self.documented("docs/python.md", "REQUESTS_CA_BUNDLE=", {"/etc/ostrust/os.pem": MARKER, "python ": self.python() + " "},
                                   support.environment(configuration, **env))
            self.assertEqual(done.out, out, done)

    def test_debians_certifi_is_another(self):
        # The same program with the certifi that Debian has, where there is one, is served by another rule.
        if not os.path.exists(os.path.join(self.site, "certifi")):
            self.skipTest("this is not Debian's requests")
        self.ours = self.ostrust({"replace-bundles": "certifi", "system-bundles": "no"})
        self.assertServed()
        self.assertNotServed({"PYTHONPATH": ""})


class Urllib3(_WithBundle):
    row = Row("urllib3", "nothing; where it is given certifi's file, `replace-bundles = certifi`",
              "the system's store, by default paths; also `ca_certs=` with `os://`, the marker or the system's bundle", "")
    package = "urllib3"
    packages = ("python3-urllib3", "python3-pip")
    code = """
import sys, urllib3
if sys.argv[2] == "certifi":
    import certifi
    sys.argv[2] = certifi.where()
try:
    pool = urllib3.PoolManager(retries=False, timeout=60, **({"ca_certs": sys.argv[2]} if sys.argv[2] else {}))
    print(pool.request("GET", "https://localhost:" + sys.argv[1]).data.decode())
except (urllib3.exceptions.HTTPError, OSError) as error:
    print(type(error).__name__, error)
"""

    # It reads no variables.
    test_the_marker_in_the_environment = test_its_own_ca_in_the_environment = None

    def command(self, server, verify="certifi"):
        return super().command(server, verify)

    def test_default_paths(self):
        self.ours = self.plain
        self.assertServed(verify="")

    def test_ca_certs(self):
        self.ours = self.plain
        for verify in ("os://", MARKER, BUNDLE):
            with self.subTest(verify):
                self.assertServed(verify=verify)
        self.assertOnlyItsOwn(verify=pem("root-b"))


class Httpx(_WithBundle):
    row = Row("httpx", "`replace-bundles = certifi`; or the marker in `SSL_CERT_FILE`; or `verify=ssl.create_default_context()`",
              "the system's store",
              "`os://` in `SSL_CERT_FILE` before 0.28: httpx looks for a file of that name and goes on with certifi's")
    package = "httpx"
    packages = ("python3-httpx", "python3-pip")
    code = """
import httpx, ssl, sys
verify = not sys.argv[2] or ssl.create_default_context(cafile={"default": None}.get(sys.argv[2], sys.argv[2]))
try:
    print(httpx.get("https://localhost:" + sys.argv[1], timeout=60, verify=verify).text)
except (httpx.HTTPError, OSError) as error:
    print(type(error).__name__, error)
"""
    variables = ("SSL_CERT_FILE",)

    def test_a_context(self):
        self.ours = self.plain
        self.assertServed(verify="default")
        self.assertOnlyItsOwn(verify=pem("root-b"))

    def test_os_in_the_environment(self):
        self.ours = self.plain
        version = self.version().split(",")[0]
        if tuple(int(number) for number in version.split(".")[:2]) < (0, 28):
            self.assertNotServed({"SSL_CERT_FILE": "os://"})
        else:
            self.assertServed({"SSL_CERT_FILE": "os://"})


class Aiohttp(_Package):
    row = Row("aiohttp", "nothing",
              "the system's store, by default paths; also `ssl=` with a context that has `os://` or the marker", "")
    package = "aiohttp"
    packages = ("python3-aiohttp",)
    code = """
import aiohttp, asyncio, ssl, sys
async def page():
    more = {"ssl": ssl.create_default_context(cafile=sys.argv[2])} if sys.argv[2] else {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session:
        async with session.get("https://localhost:" + sys.argv[1], **more) as response:
            return await response.text()
try:
    print(asyncio.run(page()))
except (aiohttp.ClientError, OSError) as error:
    print(type(error).__name__, error)
"""

    def test_default_paths(self):
        self.assertServed()

    def test_a_context(self):
        for verify in ("os://", MARKER, BUNDLE):
            with self.subTest(verify):
                self.assertServed(verify=verify)
        self.assertOnlyItsOwn(verify=pem("root-b"))


class Botocore(_WithBundle):
    row = Row("botocore, boto3, awscli from PyPI", "`replace-bundles = certifi`, or the marker in `AWS_CA_BUNDLE`, `ca_bundle` of its "
              "configuration, or `verify=`", "the system's store, with certifi's file and with botocore's own",
              "AWS's own installer of awscli 2 brings an interpreter of its own that could not be had here: not tried")
    package = "botocore"
    packages = ("python3-botocore", "python3-pip")
    code = """
import sys, botocore.config, botocore.exceptions, botocore.session
try:
    client = botocore.session.get_session().create_client(
        "s3", region_name="eu-central-1", endpoint_url="https://localhost:" + sys.argv[1], verify=sys.argv[2] or None,
        config=botocore.config.Config(signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"},
                                      proxies={}, retries={"total_max_attempts": 1}))
    print(client.get_object(Bucket="bucket", Key="key")["Body"].read().decode())
except (botocore.exceptions.BotoCoreError, OSError) as error:
    print(type(error).__name__, error)
"""
    variables = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")

    def test_verify(self):
        self.ours = self.plain
        self.assertServed(verify=MARKER)
        self.assertOnlyItsOwn(verify=pem("root-b"))


class BotocoreItself(Botocore):
    """With botocore's cacert.pem, which it uses where there is no certifi."""

    # Debian's botocore needs requests, and that certifi.
    code = "import sys\ntry: import requests\nexcept ImportError: pass\nsys.modules['certifi'] = None" + Botocore.code

    def make_site(self):
        folder = folder_of(self.python(), "botocore")
        own = os.path.join(folder, "cacert.pem")
        if os.path.exists(own) and not os.path.samefile(own, BUNDLE):
            return own
        linked(folder, os.path.join(self.site, "botocore"), "cacert.pem")  # Debian's is a link to the system's
        return shutil.copy(bundle_of_certifi(), os.path.join(self.site, "botocore", "cacert.pem"))


# --- pip -----------------------------------------------------------------------------------------------

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


class _Pip(Client):
    """pip, and an index of its own for it."""

    refusal = "CERTIFICATE_VERIFY_FAILED"

    @classmethod
    def python(cls):
        return interpreter_with("pip")

    @classmethod
    def why_not(cls):
        return not cls.python() and "no CPython here has OpenSSL 3 and pip"

    @classmethod
    def version(cls):
        return says(cls.python(), "-c", "import pip, platform; "
                    "print(pip.__version__ + ', Python ' + platform.python_version())")

    def setUp(self):
        super().setUp()
        self.interpreter = self.python()
        self.site = os.path.join(self.work, "site")
        self.index = {}
        for leaf in ("leaf-a", "leaf-b"):
            self.index[leaf] = Index(leaf, self.work)
            self.addCleanup(self.index[leaf].close)

    def command(self, server, options=()):
        return [self.interpreter, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "--retries", "0", *options]

    def download(self, server, configuration, *options, **env):
        """Whether pip downloads a package from that server."""
        target = os.path.join(self.work, "downloads")
        shutil.rmtree(target, ignore_errors=True)
        env = dict({"PIP_CONFIG_FILE": os.devnull, "TMPDIR": self.work, "PYTHONPATH": self.site}, **env)
        done = support.run(
            _Pip.command(self, server, options=[
                *options, "download", "--no-deps", "--dest", target, "--index-url",
                "https://localhost:%d/simple/" % self.index[server].port, "ostrust-probe"]),
            support.environment(configuration, **env), cwd=self.work, timeout=120)
        if done.status == 0:
            self.assertEqual(os.listdir(target), [self.index[server].wheel], done)
        else:
            self.assertSays("CERTIFICATE_VERIFY_FAILED", done)
        return done.status == 0

    def downloads(self, *options, **env):
        """As assertServed()."""
        self.assertTrue(self.download("leaf-a", self.ours, *options, **env))
        self.assertFalse(self.download("leaf-b", self.ours, *options, **env))
        self.assertFalse(self.download("leaf-a", self.without, *options, **env))

    def old_style(self):
        """pip from 24.2 on asks for OpenSSL's default paths, if Python is 3.10 or newer; this makes it use certifi's file."""
        code = "import pip, sys; print(*(pip.__version__.split('.')[:2] + list(sys.version_info[:2])))"
        major, minor, *python = map(int, says(self.interpreter, "-c", code).split())
        return ["--use-deprecated=legacy-certs"] if (major, minor) >= (24, 2) and python >= [3, 10] else []


class DebianPip(_Pip):
    """Debian's own, whose certifi names the system's bundle."""

    row = Row("pip of Debian", "nothing", "the system's store, by `system-bundles`, from 24.2 on by default paths; also with the marker in "
              "`PIP_CERT` or `--cert`", "From 24.2 on a CA in `PIP_CERT` or `--cert` is one more, no pin, with ostrust as without")
    packages = ("python3-pip",)

    @classmethod
    def python(cls):
        return DEBIAN

    @classmethod
    def why_not(cls):
        return says(DEBIAN, "-c", "import pip._vendor.certifi as c; print(c.where())") != BUNDLE and (
            "the distribution's Python has no pip that names the system's bundle (package python3-pip)") or (
            test_bundles.why_not())

    def test_as_it_is(self):
        self.downloads()
        if self.old_style():
            self.downloads(*self.old_style())

    def test_system_bundles_off(self):
        self.ours = self.ostrust({"system-bundles": "no"})
        self.assertFalse(self.download("leaf-a", self.ours, *self.old_style()))

    def test_the_marker(self):
        self.ours = self.ostrust({"system-bundles": "no"})
        self.downloads(*self.old_style(), "--cert", MARKER)
        self.downloads(*self.old_style(), PIP_CERT=MARKER)

    def test_its_own_ca(self):
        # With the default paths, a CA that is named is one more.
        for options in {(), tuple(self.old_style())}:
            for configuration in (self.ours, self.without):
                self.assertTrue(self.download("leaf-b", configuration, *options, PIP_CERT=pem("root-b")))
            self.assertFalse(self.download("leaf-a", self.without, *options, PIP_CERT=pem("root-b")))
            self.assertEqual(self.download("leaf-a", self.ours, *options, PIP_CERT=pem("root-b")),
                             bool(self.old_style()) and not options)


class Pip(_Pip):
    """pip from PyPI and the requests in it, which load certifi's file by its path."""

    row = Row("pip from PyPI, in virtual environments too",
              "`replace-bundles = certifi`, or the marker in `PIP_CERT` or `--cert`; from 24.2 on, where it asks for "
              "OpenSSL's default paths, nothing", "the system's store",
              "the same as requests; from 24.2 on a CA that is named is one more, no pin")
    packages = ("python3-pip",)

    @classmethod
    def python(cls):
        """Best one whose certifi was not touched, and then the newest."""
        found = [python for python in interpreters() if folder_of(python, "pip._vendor.certifi")]
        return next((python for python in found if cls.names_its_own(python)), found[0] if found else None)

    @staticmethod
    def names_its_own(python):
        where = says(python, "-c", "import pip._vendor.certifi as c; print(c.where())")
        return (where or "").endswith("/certifi/cacert.pem") and where

    @classmethod
    def why_not(cls):
        return not cls.python() and "no CPython here has OpenSSL 3 and pip" or without(bundle_of_certifi())

    @staticmethod
    def keys():
        return {"replace-bundles": "certifi"}

    def setUp(self):
        super().setUp()
        certifi = self.names_its_own(self.interpreter) or self.make_site()
        # What the system trusts: those public CAs, and root-a.
        with open(self.bundle, "w") as out:
            out.write("".join(test_bundles.certificates(certifi)) + text_of("root-a"))
        self.certifi = certifi

    def make_site(self):
        """Debian's pip with certifi as of PyPI; the path of its bundle."""
        folder = folder_of(self.interpreter, "pip")
        linked(folder, os.path.join(self.site, "pip"), "_vendor")
        vendored = os.path.join(self.site, "pip", "_vendor")
        linked(os.path.join(folder, "_vendor"), vendored, "certifi")
        return certifi_in(vendored)

    def command(self, server, verify=""):
        return [self.interpreter, "-c", REQUESTS % "from pip._vendor import requests", str(port_of(server)), verify]

    def attempt(self, server, configuration, env=(), **how):
        return super().attempt(server, configuration, dict({"PYTHONPATH": self.site}, **dict(env)), **how)

    def test_pip_with_a_local_index(self):
        options = self.old_style()
        self.downloads(*options)
        self.ours = self.ostrust({"replace-bundles": "none"})
        self.assertFalse(self.download("leaf-a", self.ours, *options))

    def test_what_the_documents_say(self):
        os.chmod(self.work, 0o700)
        env = {"PIP_CONFIG_FILE": os.devnull, "TMPDIR": self.work, "PYTHONPATH": self.site, "XDG_RUNTIME_DIR": self.work}
        pip = " ".join(_Pip.command(self, None, options=self.old_style()) + ["download", "--no-deps", "--dest", self.work, "--index-url"])
        own = self.ostrust({"replace-bundles": "none"})
        for leaf, status in (("leaf-a", 0), ("leaf-b", 1)):
            download = "%s https://localhost:%d/simple/" % (pip, self.index[leaf].port)
            done = self.documented("docs/man/ostrust.1", "ostrust run --set replace-bundles=certifi ",
                                   {"pip download": download, " six": " ostrust-probe"}, support.environment(own, **env))
            self.assertEqual(done.status, status, done)
            done = self.documented("docs/python.md", "pip download --cert ", {
                "pip download": download, " requests": " ostrust-probe", "/etc/ostrust/os.pem": MARKER}, support.environment(own, **env))
            self.assertEqual(done.status, status, done)

    def test_pip_that_asks_for_the_defaults(self):
        if not self.old_style():
            self.skipTest("this pip is older than 24.2")
        self.ours = self.ostrust({"replace-bundles": "none"})
        self.downloads()

    def test_pip_with_the_marker(self):
        self.ours = self.ostrust({"replace-bundles": "none"})
        self.downloads(*self.old_style(), "--cert", MARKER)
        self.downloads(*self.old_style(), PIP_CERT=MARKER)

    def test_the_file_that_is_named(self):
        log = os.path.join(self.work, "log")
        plain = self.ostrust({"replace-bundles": "none"})
        self.assertFalse(self.attempt("leaf-a", plain, {"OSTRUST_LOG": "info:" + log}))
        with open(log) as file:
            self.assertIn(self.certifi, file.read())

    def test_requests(self):
        self.assertServed()
        self.assertServed(verify=MARKER)
        self.assertOnlyItsOwn(verify=pem("root-b"))

    def test_requests_without_replace_bundles(self):
        self.ours = self.ostrust({"replace-bundles": "none"})
        self.assertNotServed()


# --- truststore ----------------------------------------------------------------------------------------

class Truststore(_Package):
    """It has every context ask for OpenSSL's default paths. Here with requests."""

    row = Row("truststore, of PyPI or in pip", "nothing: `truststore.inject_into_ssl()` or `truststore.SSLContext`",
              "the system's store, by default paths; without a file or directory there (an OpenSSL of one's own), by `system-bundles`",
              "It adds the system to every context, also to one that names its own CA: no pin, with ostrust as without. "
              "requests goes on loading certifi's file beside it")
    package = "truststore"
    packages = ("python3-truststore", "python3-requests")
    code = """
import sys
%simport truststore
truststore.inject_into_ssl()  # before requests makes its first context
%simport requests
try:
    print(requests.get("https://localhost:" + sys.argv[1], verify=sys.argv[2] or True, timeout=60).text)
except (requests.exceptions.RequestException, OSError) as error:
    print(type(error).__name__, error)
"""

    @classmethod
    def python(cls):
        return interpreter_with(cls.package, "requests")

    def command(self, server, verify=""):
        origin = self.package.rpartition(".")[0]
        prefix = "from %s " % origin if origin else ""
        return [self.python(), "-c", self.code % (prefix, prefix), str(port_of(server)), verify]

    def setUp(self):
        super().setUp()
        # requests names the system's bundle where Debian has changed its certifi: that is not what is tested here.
        self.ours = self.ostrust({"system-bundles": "no"})

    def test_inject_into_ssl(self):
        self.assertServed()

    def test_default_paths_off(self):
        self.ours = self.ostrust({"system-bundles": "no", "default-paths": "no"})
        self.assertNotServed()

    def test_its_own_ca_is_one_more(self):
        self.assertTrue(self.attempt("leaf-b", self.without, verify=pem("root-b")))
        self.assertTrue(self.attempt("leaf-b", self.ours, verify=pem("root-b")))
        self.assertTrue(self.attempt("leaf-a", self.ours, verify=pem("root-b")))
        self.assertFalse(self.attempt("leaf-a", self.without, verify=pem("root-b")))


class PipsTruststore(Truststore):
    """The copies of truststore and requests in pip."""

    package = "pip._vendor.truststore"
    packages = ("python3-pip",)

    @classmethod
    def python(cls):
        return interpreter_with(cls.package)


if __name__ == "__main__":
    client.main(globals())
