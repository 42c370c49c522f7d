"""What the integration tests share: hermetic child processes, configurations, TLS servers.

Standard library only, CPython 3.8 or later. CTest says where things are, through the environment:

    OSTRUST_MODULE     the module, ostrust.so
    OSTRUST_MARKER     the marker file, os.pem
    OSTRUST_PKI        the directory that test/pki/pki.py filled
    OSTRUST_SOURCE     the source tree
    OSTRUST_OPENSSL    the openssl command
    OSTRUST_HOSTS      the directory of the host programs (test/hosts)
    OSTRUST_SANITIZER  empty, or what the build was sanitized with
    OSTRUST_PRELOAD    what a program that is not ours needs preloaded then (the sanitizer's runtime)
    OSTRUST_FIPS       empty, or the file that `openssl fipsinstall` wrote: then every configuration has OpenSSL's FIPS
                       provider and base in the place of default, and default_properties = fips=yes

Without CTest, everything is found in build/release.
"""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.environ.get("OSTRUST_SOURCE") or os.path.dirname(os.path.dirname(HERE))
_BUILD = os.path.join(SOURCE, "build", "release")
MODULE = os.environ.get("OSTRUST_MODULE") or os.path.join(_BUILD, "ostrust.so")
TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(os.path.dirname(MODULE), "ostrust")
MARKER = os.environ.get("OSTRUST_MARKER") or os.path.join(SOURCE, "provider", "package", "os.pem")
HOSTS = os.environ.get("OSTRUST_HOSTS") or os.path.join(_BUILD, "test", "hosts")
OPENSSL = os.environ.get("OSTRUST_OPENSSL") or "openssl"
SANITIZER = os.environ.get("OSTRUST_SANITIZER", "")
PRELOAD = os.environ.get("OSTRUST_PRELOAD", "")
FIPS = os.environ.get("OSTRUST_FIPS", "")
PKI = os.environ.get("OSTRUST_PKI") or os.path.join(_BUILD, "test", "pki")

SKIPPED = 77  # CTest's SKIP_RETURN_CODE: "Skipped", which is not "Passed"
SLOWER = 10 if SANITIZER else 1  # how much longer everything may take

# What this process itself was started with must not decide anything: it runs TLS servers.
for _name in ("OPENSSL_CONF", "OPENSSL_MODULES", "SSL_CERT_FILE", "SSL_CERT_DIR", "OSTRUST_LOG"):
    os.environ.pop(_name, None)


def without_name(library, name):
    """What is in this library, with one of the names that it exports turned into another; as it is without a name."""
    with open(library, "rb") as file:
        content = file.read()
    if not name:
        return content
    symbol = b"\0%s\0" % name.encode()
    assert symbol in content, name
    return content.replace(symbol, symbol[:-2] + b"_\0")


def environment(configuration, preload=True, **extra):
    """The whole environment of a child process. Nothing is inherited but PATH and the library path,
    so none of SSL_CERT_FILE, SSL_CERT_DIR, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE and the like, which
    build machines export, makes a module that does nothing look as if it worked."""
    result = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "OPENSSL_CONF": configuration,
        "PYTHONPATH": HERE,
        "PYTHONDONTWRITEBYTECODE": "1",
        "ASAN_OPTIONS": "detect_leaks=0",
        "TSAN_OPTIONS": "halt_on_error=1",
    }
    if "LD_LIBRARY_PATH" in os.environ:
        result["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    if PRELOAD and preload:
        result["LD_PRELOAD"] = PRELOAD
    result.update(extra)
    return result


# --- certificates and stores -----------------------------------------------------------------------

def pem(name):
    """The path of a certificate of test/pki."""
    return os.path.join(PKI, name + ".pem")


def text_of(name):
    with open(pem(name)) as file:
        return file.read()


def write_store(path, *names):
    """Makes `path` a bundle of these certificates, as update-ca-certificates does: by renaming."""
    with open(path + ".new", "w") as out:
        out.write("".join(text_of(name) for name in names))
    os.replace(path + ".new", path)


def subject_hash(name):
    """What c_rehash would call a certificate."""
    done = subprocess.run([OPENSSL, "x509", "-noout", "-hash", "-in", pem(name)],
                          env=environment(os.devnull, preload=False), stdout=subprocess.PIPE,
                          check=True)
    return done.stdout.decode().strip() + ".0"


def hashed_directory(path, *names):
    """Makes `path` a directory as OpenSSL's CApath wants it."""
    os.makedirs(path, exist_ok=True)
    for name in names:
        shutil.copyfile(pem(name), os.path.join(path, subject_hash(name)))
    return path


# --- servers ---------------------------------------------------------------------------------------

class TlsServer:
    """A TLS server on a free port of 127.0.0.1, in threads of this process."""

    def __init__(self, name):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem(name), os.path.join(PKI, name + ".key"))
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(60)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096).startswith(b"GET "):
                    tls.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
        except OSError:
            pass  # the client refused us: that is what is tested
        finally:
            connection.close()


_servers = {}


def port_of(name):
    """The port of the one server that uses this certificate; started when first asked for."""
    if name not in _servers:
        _servers[name] = TlsServer(name)
    return _servers[name].port


# --- configurations --------------------------------------------------------------------------------

_STOCK = """openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
{init}
[provider_sect]
default = default_sect
{providers}
[default_sect]
activate = 1
"""


def with_fips(text, installed):
    """A configuration_text() with the FIPS provider and base for default. `installed`: the file that `openssl fipsinstall`
    wrote."""
    text = text.replace("default = default_sect\n", "fips = fips_sect\nbase = default_sect\n", 1)
    text = text.replace("[openssl_init]\n", "[openssl_init]\nalg_section = fips_algorithms\n", 1)
    return text + "[fips_algorithms]\ndefault_properties = fips=yes\n.include %s\n" % installed


def configuration_text(keys=None, init="", sections=""):
    """An openssl.cnf. `keys`: ostrust's section, or None for one without ostrust."""
    section = "" if keys is None else "[ostrust_sect]\n" + "".join(
        "%s = %s\n" % item for item in dict({"module": MODULE, "activate": "1"}, **keys).items() if item[1] is not None)
    text = _STOCK.format(init=init, providers="" if keys is None else "ostrust = ostrust_sect") + sections + section
    return with_fips(text, FIPS) if FIPS else text


def example_text(distribution, keys):
    """openssl.cnf.example as it is shipped, but for the distribution's file, the module's path, and what
    `keys` adds to its section."""
    with open(os.path.join(SOURCE, "openssl.cnf.example")) as file:
        text = file.read()
    text, count = re.subn(
        r"^(\s*\.include\s*=?\s*)(/etc/ssl/openssl\.cnf|/etc/pki/tls/openssl\.cnf)\s*$",
        r"\g<1>" + distribution, text, flags=re.M)
    assert count == 1, "it includes the distribution's file, once"
    section = re.search(r"^\s*ostrust\s*=\s*(\w+)", text, re.M).group(1)
    text = re.sub(r"^\s*module\s*=.*$", "", text, flags=re.M)
    lines = ["%s = %s\n" % item for item in dict({"module": MODULE}, **keys).items()]
    return text + "\n[%s]\n" % section + "".join(lines)


class Done:
    """How a child process ended."""

    def __init__(self, arguments, completed):
        self.arguments = arguments
        self.status = completed.returncode
        self.out = completed.stdout.decode(errors="replace")
        self.err = completed.stderr.decode(errors="replace")

    @property
    def text(self):
        return self.out + self.err

    def __str__(self):
        return "\n%s\nstatus %d\n--- stdout\n%s--- stderr\n%s---" % (
            " ".join(self.arguments), self.status, self.out, self.err)


def run(arguments, env, cwd=None, timeout=60):
    completed = subprocess.run(arguments, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               timeout=timeout * SLOWER)
    return Done(list(arguments), completed)


def verify_chain(words, configuration, cwd, **env):
    """What the host program of this name answers for one case, field by field."""
    done = subprocess.run([os.path.join(HOSTS, "verify_chain")], input="\t".join(words).encode(), cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * SLOWER,
                          env=environment(configuration, preload=False, **env))
    assert (done.returncode, done.stderr) == (0, b""), (done.returncode, done.stderr)
    return done.stdout.decode().rstrip("\n").split("\t")


def skip_all_if(reason):
    """Ends the process as skipped if there is a reason."""
    if reason:
        print("skipped: " + reason)
        sys.exit(SKIPPED)


def main():
    """As unittest.main(), and ends as finish() does."""
    finish(unittest.main(module="__main__", exit=False).result)


def finish(result):
    """Ends the process; says through the exit status when something was skipped. No test at all is a failure."""
    if not result.testsRun and not result.skipped and result.wasSuccessful():
        sys.exit("no test was run")
    if result.wasSuccessful() and result.skipped:
        sys.exit(SKIPPED)
    sys.exit(not result.wasSuccessful())


class OstrustTest(unittest.TestCase):
    """A test with a directory of its own, a trust store in it, and configurations that use it."""

    maxDiff = None

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="ostrust-test-")
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.bundle = os.path.join(self.work, "store.pem")

    def file(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def store(self, *names):
        """What the operating system trusts in this test."""
        write_store(self.bundle, *names)

    def stock(self, **other):
        """The path of an openssl.cnf without ostrust."""
        return self.file("stock.cnf", configuration_text(None, **other))

    def ostrust(self, keys=None, **other):
        """The path of an openssl.cnf with ostrust, which serves this test's store and looks at it
        every time. `keys` adds to its section; a value None takes a key out."""
        section = {"trust-source": self.bundle, "refresh": "0"}
        section.update(keys or {})
        return self.file("ostrust.cnf", configuration_text(section, **other))

    def python(self, code, configuration, status=0, **env):
        """Runs `code` under this very interpreter, with everything of client.py at hand; the answer
        is what it gave to report(). `within`: a command that runs another one in its own way."""
        done = self.python_process(code, configuration, **env)
        self.assertEqual(done.status, status, done)
        reports = [line for line in done.out.splitlines() if line.startswith("REPORT ")]
        self.assertTrue(reports, "no report%s" % done)
        return json.loads(reports[-1][len("REPORT "):])

    def python_process(self, code, configuration, within=(), **env):
        facts = {
            "work": self.work,
            "bundle": self.bundle,
            "marker": MARKER,
            "pki": PKI,
            "ports": {name: port_of(name) for name in self.servers},
        }
        env = environment(configuration, OSTRUST_TEST=json.dumps(facts), **env)
        return run([*within, sys.executable, "-c", "from client import *\n" + code], env,
                   cwd=self.work)

    # The servers that client.connect() can reach.
    servers = ("leaf-a", "leaf-b")

    def openssl(self, *arguments, configuration, cwd=None, **env):
        """Runs the openssl command."""
        return run([OPENSSL, *arguments], environment(configuration, **env), cwd=cwd or self.work)

    def documented(self, document, beginning, replace, env, whole_block=False, cwd=None):
        """Runs the command of a document that begins so, or all of its block, by sh. `replace`: what a reader would put his own for,
        and what the test puts there; each must be in it. Both strings as they are: test_documented_commands.py looks for them."""
        import documents
        if whole_block:
            script = "\n".join(documents.block(document, beginning).commands())
        else:
            script = documents.command(document, beginning)
        for old, new in replace.items():
            self.assertIn(old, script)
            script = script.replace(old, new)
        # The programs of the document are those that are tested; a test has all rights that it needs, or none.
        script = re.sub(r"(?m)^sudo ", "", script)
        bin_ = os.path.join(self.work, "bin")
        os.makedirs(bin_, exist_ok=True)
        for name, program in (("ostrust", TOOL), ("openssl", shutil.which(OPENSSL)), ("python3", sys.executable),
                              ("python", sys.executable)):
            if not os.path.lexists(os.path.join(bin_, name)):
                os.symlink(program, os.path.join(bin_, name))
        env = dict(env, PATH=bin_ + os.pathsep + env["PATH"])
        return run(["sh", "-ec", script], env, cwd=cwd or self.work, timeout=120)

    def assertSays(self, words, done):
        """The process printed these words."""
        self.assertIn(words, done.text, done)
