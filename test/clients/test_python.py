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


class _Python(Client):
    """One interpreter."""

    row = Row("CPython's `ssl`, and what uses its default context: `urllib.request`, `http.client`, `asyncio`", "nothing",
              "the system's store, by default paths; also `load_verify_locations` and `create_default_context(cafile=)` with "
              "`os://`, the marker or the system's bundle",
              "`get_ca_certs()` lists none of the system's (they are looked up when they are needed); `preload` is for programs "
              "that need the list. An interpreter with OpenSSL linked in and hidden, see python-build-standalone below")
    refusal = "CERTIFICATE_VERIFY_FAILED|No such file"  # os:// without ostrust
    name = None

    @classmethod
    def why_not(cls):
        path = interpreter(cls.name)
        if not path:
            return "%s is not installed" % cls.name
        version = says(path, "-c", "import ssl; print(ssl.OPENSSL_VERSION)")
        return not version and cls.name + " has no ssl" or (
            not version.startswith("OpenSSL 1.") and test_bundles.why_not() or
            version.startswith("OpenSSL 1.") and cls.name + " uses " + version)

    @classmethod
    def version(cls):
        return says(interpreter(cls.name), "-c", "import platform, ssl, sysconfig; print(platform.python_version() + "
                    "(' free-threaded' if sysconfig.get_config_var('Py_GIL_DISABLED') else '') + "
                    "' ' + ' '.join(ssl.OPENSSL_VERSION.split()[:2]))")

    def command(self, server, way="default", where=""):
        return [interpreter(self.name), "-c", CODE, str(port_of(server)), way, where]

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
                done = support.run([interpreter(self.name), "-c", code], support.environment(self.ostrust(keys)))
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
        says_so = says(interpreter(self.name), "-c", "import ssl, sys; print(sys._is_gil_enabled())")
        self.assertEqual(says_so, "False")


if __name__ == "__main__":
    client.main(globals())
