"""What the tests of ostrust.dll in Wine share. Nothing of this was run on Windows itself.

    OSTRUST_MODULE   the module (build/windows/ostrust.dll)
"""
import atexit
import functools
import os
import re
import sys

import support
import wine
from support import OstrustTest, TlsServer, port_of

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import pki  # noqa: E402  (the path has to be set before)

MODULE = (os.environ.get("OSTRUST_MODULE") or
          os.path.join(support.SOURCE, "build", "windows", "ostrust.dll"))

OPENSSL_HOSTS = ("openssl-3.0", "openssl-3.5")
NODE_HOSTS = ("node-20", "node-22") + wine.NEWER_HOSTS

UNKNOWN = 20  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY

# A function for node.exe: what becomes of a connection.
NODE_OUTCOME = """
const outcome = (port) => new Promise((done) => {
  let said = "closed";
  const socket = require("tls").connect({host: "127.0.0.1", servername: "localhost", port}, () => {
    said = "accepted";
    socket.write("GET / HTTP/1.0\\r\\n\\r\\n");
  });
  // Not before the server has answered: a connection that is given up at once can end node.exe in Wine.
  socket.once("data", () => socket.destroy());
  socket.once("close", () => done(said));
  socket.on("error", (error) => { if (said != "accepted") said = error.code; });
});
"""

_windows = None


def why_not():
    """Why none of these tests can be run here, or None."""
    return (wine.why_not() or wine.why_no_program("windows_store") or
            (None if os.path.isfile(MODULE) else "no %s (the preset windows builds it)" % MODULE))


def windows():
    """The one Windows of this process; made when first asked for, thrown away with it."""
    global _windows
    if _windows is None:
        _windows = wine.Wine()
        atexit.register(_windows.close)
    return _windows


class _BriefServer(TlsServer):
    """Says goodbye right after its hello: openssl.exe looks at its standard input once a second only."""

    def _serve(self, connection):
        try:
            connection.settimeout(60)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                tls.unwrap()
        except OSError:
            pass  # the client refused us: that is what is tested
        finally:
            connection.close()


_brief_servers = {}


def brief_port_of(name):
    """As support.port_of()."""
    if name not in _brief_servers:
        _brief_servers[name] = _BriefServer(name)
    return _brief_servers[name].port


def with_each(hosts):
    """Of a test, in a WindowsTest: there is one for each of these hosts, which it is given."""
    def decorate(test):
        test.hosts = hosts
        return test
    return decorate


def _test_with(test, host):
    @functools.wraps(test)
    def run(self):
        self.need(self.windows.why_no_host(host))
        test(self, host)
    return run


class WindowsTest(OstrustTest):
    """A test with a Windows that others have used before it, and put back as it was."""

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        for name, test in list(vars(cls).items()):
            for host in getattr(test, "hosts", ()):
                setattr(cls, "%s_in_%s" % (name, host), _test_with(test, host))
            if hasattr(test, "hosts"):
                delattr(cls, name)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pki.make_all(support.PKI, support.OPENSSL)
        cls.windows = windows()

    def setUp(self):
        super().setUp()
        self.added = []  # and perhaps removed again
        self.addCleanup(self.take_out)

    # --- what Windows trusts

    def pem(self, name):
        """The path of a certificate, for programs of this machine."""
        return support.pem(name)

    def z(self, name):
        """The same for programs in Wine."""
        return wine.path(self.pem(name))

    def add(self, name, store="ROOT", location="CurrentUser"):
        """Puts a certificate into a store of Windows; until the test is over."""
        if (location, store) == ("LocalMachine", "ROOT"):
            self.need(self.windows.why_no_machine_root(self.pem(name)))
        self.windows.add_certificate(location, store, self.pem(name))
        self.added.append((name, store, location))

    def remove(self, name, store="ROOT", location="CurrentUser"):
        self.windows.remove_certificate(location, store, self.pem(name))

    def take_out(self):
        """Removes all that was added."""
        while self.added:
            try:
                self.remove(*self.added.pop())
            except RuntimeError as why:
                if "cannot remove it: error 0x2" not in str(why):  # the test has done it
                    raise

    # --- configurations, as Windows programs call them

    def ostrust(self, keys=None, **other):
        section = dict({"module": wine.path(MODULE), "trust-source": None}, **(keys or {}))
        return wine.path(super().ostrust(section, **other))

    def stock(self, **other):
        return wine.path(super().stock(**other))

    def for_node(self, configuration):
        """Node.js reads the section that `nodejs_conf` names."""
        with open(configuration[len("Z:"):]) as file:
            text = file.read()
        return wine.path(self.file("node-" + os.path.basename(configuration), "nodejs_conf = openssl_init\n" + text))

    # --- programs

    def need(self, reason):
        if reason:
            self.skipTest(reason)

    def openssl_in(self, host, *arguments, configuration=None, timeout=60, **env):
        """Runs openssl.exe."""
        if configuration:
            env["OPENSSL_CONF"] = configuration
        return self.windows.run(wine.host(host, "openssl.exe"), *arguments, env=env, timeout=timeout)

    def s_client(self, host, *options, configuration, server="leaf-a", **env):
        """openssl s_client, to a server of this machine that uses this certificate."""
        return self.openssl_in(host, "s_client", "-connect", "127.0.0.1:%d" % brief_port_of(server),
                               "-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error",
                               *options, configuration=configuration, **env)

    def node(self, host, *arguments, configuration=None, timeout=60, **env):
        if configuration:
            env["OPENSSL_CONF"] = configuration
        return self.windows.run(wine.host(host, "node.exe"), *arguments, env=env, timeout=timeout)

    def node_outcomes(self, host, servers, *options, configuration, **env):
        """What becomes of connections to these servers, one after the other in one process: "accepted", or Node.js'
        name of the error."""
        ports = [port_of(server) for server in servers]
        done = self.node(host, *options, "-e", NODE_OUTCOME + """
            (async () => { for (const port of %s) console.log(await outcome(port)); process.exit(); })();""" % ports,
            configuration=configuration, **env)
        self.assertEqual(done.status, 0, done)
        return done.out.split()

    # --- what they said

    def assertAccepts(self, done):
        """verify or s_client has accepted the chain."""
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.text, r": OK\n|Verify return code: 0 \(ok\)", done)

    def assertRefuses(self, done, error=UNKNOWN, depth=None):
        """... has refused it, for this reason, at this depth."""
        self.assertNotEqual(done.status, 0, done)
        # `verify` says it in one way, `s_client` in another one.
        found = re.findall(r"error (\d+) at (\d+) depth lookup|^depth=(\d+) .*\nverify error:num=(\d+):", done.text,
                           re.M)
        errors = [(int(a or d), int(b or c)) for a, b, c, d in found]
        self.assertEqual([one[0] for one in errors], [error], done)
        if depth is not None:
            self.assertEqual(errors[0][1], depth, done)
