#!/usr/bin/env python3
"""CPython's own modules, in every version that is here. See client.py."""
import glob
import os
import re

import client
import support
import test_bundles
from client import Client, Row, says
from support import MARKER, pem, port_of
from test_bundles import BUNDLE, DIRECTORY

# A page, fetched in one of these ways; or what it failed with.
CODE = """
import asyncio, http.client, ssl, sys, threading, urllib.request
port, way, where = sys.argv[1:]

def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if way == "nothing": pass
    elif way == "load_default_certs": made.load_default_certs()
    elif way == "set_default_verify_paths": made.set_default_verify_paths()
    elif way == "cafile": made.load_verify_locations(cafile=where)
    elif way == "capath": made.load_verify_locations(capath=where)
    else: made = ssl.create_default_context(cafile=where or None)
    return made

def by_http_client(**keywords):
    connection = http.client.HTTPSConnection("localhost", int(port), timeout=60, **keywords)
    connection.request("GET", "/")
    return connection.getresponse().read()

async def by_streams(tls):
    reader, writer = await asyncio.wait_for(asyncio.open_connection("localhost", int(port), ssl=tls), 60)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    page = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return page

def by_threads():
    pages = []
    def fetch():
        for _ in range(10): pages.append(by_http_client(context=context()))
    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return pages[0] if pages == [pages[0]] * 80 else b"not all: %d" % len(pages)

try:
    if way == "urllib": page = urllib.request.urlopen("https://localhost:" + port, timeout=60).read()
    elif way == "http.client": page = by_http_client()
    elif way == "asyncio": page = asyncio.run(by_streams(True))
    elif way == "asyncio with a context": page = asyncio.run(by_streams(context()))
    elif way == "threads": page = by_threads()
    else: page = by_http_client(context=context())
    print(page.decode())
except (OSError, IndexError) as error:
    print(type(error).__name__, error)
"""


VERSIONS = range(8, 16)  # of Python 3


def interpreter(name):
    """The path of a CPython of this name: the system's, /usr/local's or pyenv's newest."""
    pyenv = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/" + name)),
                   key=lambda path: [int(number) for number in re.findall(r"\d+", path)])
    found = [path for path in ("/usr/bin/" + name, "/usr/local/bin/" + name, *reversed(pyenv))
             if os.access(path, os.X_OK)]
    return found[0] if found else None


class _Interpreter(Client):
    """One interpreter."""

    refusal = "CERTIFICATE_VERIFY_FAILED|No such file"  # os:// without ostrust
    name = None

    @classmethod
    def path(cls):
        return interpreter(cls.name)

    @classmethod
    def why_not(cls):
        if not cls.path():
            return "%s is not installed" % cls.name
        version = says(cls.path(), "-c", "import ssl; print(ssl.OPENSSL_VERSION)")
        if not version:
            return cls.name + " has no ssl"
        return not re.match(r"OpenSSL [3-9]", version) and "%s uses %s" % (cls.name, version) or test_bundles.why_not()

    @classmethod
    def version(cls):
        return says(cls.path(), "-c", "import platform, ssl, sysconfig; print(platform.python_version() + "
                    "(' free-threaded' if sysconfig.get_config_var('Py_GIL_DISABLED') else '') + "
                    "' ' + ' '.join(ssl.OPENSSL_VERSION.split()[:2]))")

    def command(self, server, way="default", where=""):
        return [self.path(), "-c", CODE, str(port_of(server)), way, where]


class _Python(_Interpreter):
    """One that serves, as all with an OpenSSL of their own file do."""

    row = Row("CPython's `ssl`, and what uses its default context: `urllib.request`, `http.client`, `asyncio`", "nothing",
              "the system's store, by default paths; also `load_verify_locations` and `create_default_context(cafile=)` with "
              "`os://`, the marker or the system's bundle",
              "`get_ca_certs()` lists none of the system's (they are looked up when they are needed); `preload = yes` is for programs "
              "that need the list. The free-threaded build (`python3.14t`) could not be had here: not tried")

    def test_default_paths(self):
        for way in ("default", "load_default_certs", "set_default_verify_paths"):
            with self.subTest(way):
                self.assertServed(way=way)

    def test_load_verify_locations(self):
        for way, where in (("cafile", "os://"), ("cafile", MARKER), ("cafile", BUNDLE), ("capath", DIRECTORY),
                           ("default", "os://"), ("default", MARKER)):
            with self.subTest(way=way, where=where):
                self.assertServed(way=way, where=where)

    def test_what_uses_the_default_context(self):
        for way in ("urllib", "http.client", "asyncio", "asyncio with a context"):
            with self.subTest(way):
                self.assertServed(way=way)

    def test_threads(self):
        self.assertServed(way="threads")

    def test_its_own_ca(self):
        for way in ("default", "cafile", "asyncio with a context"):
            with self.subTest(way):
                self.assertOnlyItsOwn(way=way, where=pem("root-b"))

    def test_a_context_that_asked_for_nothing(self):
        self.assertNotServed(way="nothing")

    def test_the_list_is_empty_unless_preload(self):
        code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
        for keys, count in (({}, "0"), ({"preload": "yes"}, "1")):
            with self.subTest(keys):
                done = support.run([self.path(), "-c", code], support.environment(self.ostrust(keys)))
                self.assertEqual(done.out.strip(), count, done)


class Python38(_Python):
    name = "python3.8"


class Python39(_Python):
    name = "python3.9"


class Python310(_Python):
    name = "python3.10"


class Python311(_Python):
    name = "python3.11"
    packages = ("python3.11",)


class Python312(_Python):
    name = "python3.12"
    packages = ("python3.12",)


class Python313(_Python):
    name = "python3.13"
    packages = ("python3.13",)


class Python314(_Python):
    name = "python3.14"
    packages = ("python3.14",)


class Python315(_Python):
    name = "python3.15"
    packages = ("python3.15",)


class Python314t(_Python):
    """Without the global interpreter lock."""

    name = "python3.14t"

    def test_the_lock_is_off(self):
        says_so = says(self.path(), "-c", "import ssl, sys; print(sys._is_gil_enabled())")
        self.assertEqual(says_so, "False")


class CondaPython(_Python):
    row = Row("Python of conda, mamba, pixi", "nothing; if activation sets `SSL_CERT_FILE`, `unset SSL_CERT_FILE` or `SSL_CERT_FILE=os://`",
              "should be the same as CPython: its OpenSSL is a `libcrypto.so.3` of its own",
              "**not tried**: conda could not be had here. The test runs where `$CONDA_PREFIX` or `~/miniconda3` is")
    name = "Python of conda"

    @classmethod
    def path(cls):
        found = [os.path.join(folder, "bin", "python") for folder in (
            os.environ.get("CONDA_PREFIX"), os.path.expanduser("~/miniconda3"), os.path.expanduser("~/miniforge3")) if folder]
        return next((path for path in found if os.access(path, os.X_OK)), None)


class UvPython(_Interpreter):
    """python-build-standalone."""

    row = Row("Python that uv installs (python-build-standalone)",
              "the distribution's Python: `uv venv --python /usr/bin/python3`, or "
              "`UV_PYTHON_PREFERENCE=only-system`; then nothing",
              "what it trusts without ostrust, which does not find its OpenSSL: that is linked in and hidden",
              "**not tried**: it could not be had here. The test runs where `~/.local/share/uv/python` is. uv itself is no OpenSSL "
              "program: `UV_SYSTEM_CERTS=1` (`--native-tls` in older ones) has it read the system's store")
    name = "Python of uv"

    @classmethod
    def path(cls):
        found = glob.glob(os.path.expanduser("~/.local/share/uv/python/cpython-3*/bin/python3"))
        return max(found, key=lambda path: [int(number) for number in re.findall(r"\d+", path)], default=None)

    def test_nothing_is_served(self):
        for way, where in (("default", ""), ("cafile", "os://"), ("cafile", MARKER)):
            with self.subTest(way=way, where=where):
                self.assertNotServed(way=way, where=where)


if __name__ == "__main__":
    client.main(globals())
