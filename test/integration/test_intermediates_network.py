#!/usr/bin/env python3
"""Where fetching may go by default, and what name resolution can do to it: in a network of the test's own
(own_network.py), where addresses that look public are on the loopback interface and port 80 is free."""
import os
import socket
import subprocess
import time

import own_network
import support
from own_network import PRIVATE, PUBLIC, PUBLIC_TOO, PUBLIC_V6
from test_intermediates import ACCEPTED, MARGIN, UNKNOWN, MissingTest, World, ca_issuers
from pki import subject

NAME = "ca.example.org"

# Where nobody may go by default: {host of an URL: address of the server there}.
FORBIDDEN = {
    "127.0.0.1": "127.0.0.1", "[::1]": "::1", "[::ffff:127.0.0.1]": "127.0.0.1", "localhost": "127.0.0.1",
    "loopback.example.org": "127.0.0.1", "loopback6.example.org": "::1",
    "inside.example.org": PRIVATE[0], "[::ffff:10.0.0.1]": PRIVATE[0],
    **{address: address for address in PRIVATE},
}
# Spellings that some resolvers take for an address, and others for a name.
ODD = ("2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0.0.0.0", "0", "[::]", "[::7f00:1]", PUBLIC + "@127.0.0.1",
       "user:password@127.0.0.1", "[::1%25lo]", "[fe80::1%25lo]", "127.0.0.1:80", "127.0.0.1:", "LOCALHOST", "localhost.")
NAMES = {NAME: PUBLIC, "six.example.org": PUBLIC_V6, "loopback.example.org": "127.0.0.1",
         "loopback6.example.org": "::1", "inside.example.org": PRIVATE[0],
         "two.example.org": (PUBLIC_TOO, PUBLIC), "mixed.example.org": ("127.0.0.1", PUBLIC)}


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as one:
            one.bind((PUBLIC_V6, 0))
        return True
    except OSError:
        return False


class Network(World):
    """The certificates, their server at the public address, and servers where no request may arrive."""

    _only = None

    def __init__(self, server):
        server.authority = NAME
        super().__init__(server)
        self.elsewhere = {address: ca_issuers.CaIssuers(address, 80) for address in
                          ("127.0.0.1", *PRIVATE, *(["::1", PUBLIC_V6] if has_ipv6() else []))}
        self.other_port = ca_issuers.CaIssuers(PUBLIC, 8080)
        self.hosts = own_network.OwnFile("/etc/hosts", own_network.hosts_text(NAMES))
        self._leaves = {}

    @classmethod
    def get(cls):
        if cls._only is None:
            cls._only = cls(ca_issuers.CaIssuers(PUBLIC, 80))
        return cls._only

    def leaf_of(self, *urls):
        """The name of a leaf with these URLs."""
        if urls not in self._leaves:
            self._leaves[urls] = "leaf-%d" % (100 + len(self._leaves))
            self.pki.issue(self._leaves[urls], subject("leaf"), "int", extensions=ca_issuers.access(*urls))
        return self._leaves[urls]

    def serve(self):
        self.server.serve()
        for server in (*self.elsewhere.values(), self.other_port):
            server.forget()
            server.answers.update(self.server.answers)


class NetworkTest(MissingTest):

    @classmethod
    def world(cls):
        return Network.get()

    def setUp(self):
        super().setUp()
        self.net = Network.get()
        self.net.serve()

    def ask(self, *urls, env=(), **keys):
        """The verdict of a new process that knows nothing about a server whose issuer is at these URLs."""
        keys = dict({"network_allow_private": None, "cache_dir": "off"}, **keys)
        return self.connect(self.net.leaf_of(*urls), self.missing(**keys), **dict(env))

    def assertNoneElsewhere(self):
        for address, server in (*self.net.elsewhere.items(), ("another port", self.net.other_port)):
            self.assertEqual(server.connections, 0, (address, server.targets))


class Addresses(NetworkTest):
    """network-allow-private."""

    def test_public_addresses_are_asked(self):
        for host in (NAME, NAME.upper(), NAME + ":80", PUBLIC):
            with self.subTest(host):
                self.assertEqual(self.ask("http://%s/int" % host), ACCEPTED)
                self.assertAsked("int")
        self.assertEqual(self.ask("http://%s/int" % NAME, network_allow_private="no"), ACCEPTED)
        self.assertAsked("int")
        self.assertEqual(self.stock_verdict(self.net.leaf_of("http://%s/int" % NAME)), UNKNOWN)
        self.assertNobodyAsked()

    def test_public_ipv6_addresses_are_asked(self):
        if not has_ipv6():
            self.skipTest("there is no IPv6")
        for host in ("six.example.org", "[%s]" % PUBLIC_V6):
            with self.subTest(host):
                self.net.serve()
                self.assertEqual(self.ask("http://%s/int" % host), ACCEPTED)
                self.assertEqual(self.net.elsewhere[PUBLIC_V6].targets, ["/int"])

    def test_others_only_if_that_is_wanted(self):
        for host, address in FORBIDDEN.items():
            if ":" in address and not has_ipv6():
                continue
            with self.subTest(host):
                self.net.serve()
                for value in (None, "no"):
                    self.assertEqual(self.ask("http://%s/int" % host, network_allow_private=value), UNKNOWN)
                    self.assertNoneElsewhere()
                self.assertEqual(self.ask("http://%s/int" % host, network_allow_private="yes"), ACCEPTED)
                # "localhost" is at both of its addresses.
                where = [server.targets for server in self.net.elsewhere.values() if server.connections]
                self.assertEqual(where, [["/int"]])
                if "localhost" not in host.lower():
                    self.assertEqual(self.net.elsewhere[address].targets, ["/int"])

    def test_no_spelling_gets_around_it(self):
        for host in ODD:
            with self.subTest(host):
                self.assertEqual(self.ask("http://%s/int" % host), UNKNOWN)
                self.assertNoneElsewhere()

    def test_ports(self):
        url = "http://%s:8080/int" % NAME
        self.assertEqual(self.ask(url), UNKNOWN)
        self.assertNoneElsewhere()
        self.assertEqual(self.ask(url, network_allow_private="yes"), ACCEPTED)
        self.assertEqual(self.net.other_port.targets, ["/int"])

    def test_redirects_are_held_to_it(self):
        url = "http://%s/away" % NAME
        for target in ("http://127.0.0.1/int", "http://loopback.example.org/int", "http://[::1]/int",
                       "http://10.0.0.1/int", "http://169.254.169.254/int", "//127.0.0.1/int",
                       "http://%s:8080/int" % NAME):
            if "::" in target and not has_ipv6():
                continue
            with self.subTest(target):
                self.net.serve()
                self.server.answers["away"] = ca_issuers.redirects(target)
                self.assertEqual(self.ask(url), UNKNOWN)
                self.assertAsked("away")
                self.assertNoneElsewhere()
                self.assertEqual(self.ask(url, network_allow_private="yes"), ACCEPTED)
        # The twin: to a public address.
        self.net.serve()
        self.server.answers["away"] = ca_issuers.redirects("http://%s/int" % PUBLIC)
        self.assertEqual(self.ask(url), ACCEPTED)

    def test_a_name_with_addresses_of_both_kinds(self):
        self.assertEqual(self.ask("http://mixed.example.org/int"), ACCEPTED)
        self.assertAsked("int")
        self.assertNoneElsewhere()

    def test_the_next_url_after_one_that_is_forbidden(self):
        self.assertEqual(self.ask("http://127.0.0.1/int", "http://%s/int" % NAME), ACCEPTED)
        self.assertAsked("int")
        self.assertNoneElsewhere()

    def test_a_proxy_may_be_inside(self):
        # Somebody set it; where a certificate's URL points, its author did.
        proxy = self.net.elsewhere[PRIVATE[0]]
        self.assertEqual(self.ask("http://%s/int" % NAME, env={"http_proxy": "http://%s:80" % PRIVATE[0]}), ACCEPTED)
        self.assertEqual(proxy.targets, ["http://%s/int" % NAME])
        self.assertNobodyAsked()

    def test_no_proxy_is_asked_for_a_literal_that_is_inside(self):
        proxy = self.net.elsewhere[PRIVATE[0]]
        env = {"http_proxy": "http://%s:80" % PRIVATE[0]}
        for host in ("127.0.0.1", "0x7f.1", "[::1]", "10.20.30.40"):
            self.assertEqual(self.ask("http://%s/int" % host, env=env), UNKNOWN, host)
        self.assertEqual(proxy.targets, [])
        self.assertEqual(self.ask("http://127.0.0.1/int", network_allow_private="yes", env=env), ACCEPTED)
        self.assertEqual(proxy.targets, ["http://127.0.0.1/int"])


class Deadline(NetworkTest):
    """network-timeout, whatever hangs."""

    def timed(self, *arguments, **keywords):
        begin = time.monotonic()
        verdict = self.ask(*arguments, **keywords)
        return verdict, time.monotonic() - begin

    def silent_name_server(self):
        """Names are asked of a server that says nothing. What it was sent can be read from the socket."""
        for path in ("/etc/resolv.conf", "/etc/nsswitch.conf"):
            if not os.path.exists(path):
                self.skipTest("there is no " + path)
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 53))
        silent.settimeout(MARGIN)
        for path, text in (("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n"),
                           ("/etc/nsswitch.conf", "hosts: files dns\n")):
            self.addCleanup(own_network.OwnFile(path, text).restore)
        return silent

    def test_a_name_server_that_never_answers(self):
        silent = self.silent_name_server()
        verdict, took = self.timed("http://unheard.example.org/int", network_timeout="1")
        self.assertEqual(verdict, UNKNOWN)
        self.assertIn(b"\x07unheard", silent.recv(4096))  # it was asked
        self.assertGreater(took, 0.9)
        self.assertLess(took, 1 + MARGIN)
        # The next URL does not inherit what is over, and names in the hosts file need no server.
        self.assertEqual(self.ask("http://%s/int" % NAME), ACCEPTED)

    def test_many_names_that_are_never_answered(self):
        # Who waits for the name server is left behind, but not without end.
        self.silent_name_server()
        names = [self.net.leaf_of("http://unheard%d.example.org/int" % number) for number in range(24)]
        good = self.net.leaf_of("http://%s/int" % PUBLIC)
        code = """
names = %r
seen = []
def work(name): seen.append(connect(ssl.create_default_context(), name))
def at_once(names):
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
for begin in range(0, len(names), 8): at_once(names[begin:begin + 8])
time.sleep(0.5)
left = len(os.listdir("/proc/self/task"))
report([seen, left, connect(ssl.create_default_context(), %r)])""" % (names, good)
        self.leaves = (*names, good)
        begin = time.monotonic()
        verdicts, left, healthy = self.run_python(code, self.missing(
            network_allow_private=None, cache_dir="off", network_timeout="1"))
        self.assertLess(time.monotonic() - begin, 3 + MARGIN)  # it does not wait for them at its end, either
        self.assertEqual((verdicts, healthy), ([UNKNOWN] * 24, ACCEPTED))
        self.assertGreater(left, 1)
        self.assertLessEqual(left, 1 + 8, "threads that wait for the name server")

    def test_a_url_that_was_not_asked_for_want_of_resolvers_is_not_blamed(self):
        self.silent_name_server()
        names = [self.net.leaf_of("http://silent%d.example.org/int" % number) for number in range(8)]
        good = self.net.leaf_of("http://%s/int" % NAME)
        self.leaves = (*names, good)
        seen = self.run_python("""
seen = []
def work(name): seen.append(connect(ssl.create_default_context(), name))
threads = [threading.Thread(target=work, args=(name,)) for name in %r]
for thread in threads: thread.start()
for thread in threads: thread.join()
report(seen + [connect(ssl.create_default_context(), %r)])""" % (names, good), self.missing(
            network_allow_private=None, network_timeout="1"))
        self.assertEqual(seen, [UNKNOWN] * 9)
        self.assertEqual(self.connect(good, self.missing(network_allow_private=None)), ACCEPTED)

    def fill(self, address):
        """A server to which no connection can be made: nobody accepts, and no more can wait."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind((address, 80))
        listener.listen(0)
        for _ in range(4):
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex((address, 80))
        time.sleep(0.1)

    def test_an_address_where_nobody_answers(self):
        self.fill(PUBLIC_TOO)
        verdict, took = self.timed("http://%s/int" % PUBLIC_TOO, network_timeout="1")
        self.assertEqual(verdict, UNKNOWN)
        self.assertGreater(took, 0.9)
        self.assertLess(took, 1 + MARGIN)

    def test_an_address_where_nobody_answers_leaves_time_for_the_next(self):
        self.fill(PUBLIC_TOO)
        verdict, took = self.timed("http://two.example.org/int", network_timeout="4")
        self.assertEqual(verdict, ACCEPTED)
        self.assertLess(took, 4 + MARGIN)
        self.assertAsked("int")

    def test_all_urls_share_it(self):
        self.fill(PUBLIC_TOO)
        urls = ["http://%s/int%d" % (PUBLIC_TOO, number) for number in range(5)]
        # With one each they would take 3 + 3 + 3 + 6 seconds.
        verdict, took = self.timed(*urls, network_timeout="6")
        self.assertEqual(verdict, UNKNOWN)
        self.assertLess(took, 6 + 6)


class MachineCache(NetworkTest):
    """/var/cache/ostrust, which root writes for all."""

    def setUp(self):
        super().setUp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/var/cache"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/var/cache"], check=True)
        self.machine = "/var/cache/ostrust"

    def test_it_is_used_if_it_is_there_and_never_made(self):
        leaf = self.net.leaf_of("http://%s/int" % NAME)
        self.assertEqual(self.connect(leaf, self.missing()), ACCEPTED)
        self.assertFalse(os.path.exists(self.machine))
        self.assertNotEqual(self.cached(), [])

        self.cache = os.path.join(self.work, "second")
        os.mkdir(self.machine, 0o755)
        self.assertEqual(self.connect(leaf, self.missing()), ACCEPTED)
        self.assertNotEqual(os.listdir(self.machine), [])
        self.assertEqual(self.cached(), [])
        self.assertEqual(self.connect(leaf, self.missing("local")), ACCEPTED)
        self.assertEqual(self.connect(leaf, self.missing("local", cache_dir="off")), UNKNOWN)
        os.chmod(self.machine, 0o777)
        self.assertEqual(self.connect(leaf, self.missing("local")), UNKNOWN)


if __name__ == "__main__":
    own_network.enter()
    support.main()
