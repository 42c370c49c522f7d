#!/usr/bin/env python3
"""Servers that ask servers: nginx, HAProxy and stunnel before one that speaks TLS. See client.py."""
import os
import re
import time

import client
import servers
import support
import test_bundles
from client import Client, Row, missing, says
from support import MARKER, pem, port_of
from test_bundles import BUNDLE


class _Proxy(Client):
    """`command` makes a command that listens at the Unix socket `self.socket` until it is ended."""

    def setUp(self):
        super().setUp()
        os.chmod(self.work, 0o755)  # for the users that they become
        self.socket = os.path.join(self.work, "socket")

    def running(self, server, configuration, env=(), **how):
        if os.path.exists(self.socket):
            os.remove(self.socket)
        return servers.Daemon(self.command(server, **how), lambda _: os.path.exists(self.socket),
                              support.environment(configuration, **dict(env)), self.work)

    def ask(self, proxy):
        """The page, and it with what was logged."""
        before = len(proxy.text)
        page = servers.get(self.socket)
        limit = time.monotonic() + 5
        while len(proxy.text) == before and "hello" not in page and time.monotonic() < limit:
            time.sleep(0.02)
        return page, page + proxy.text[before:]

    def attempt(self, server, configuration, env=(), **how):
        with self.running(server, configuration, env, **how) as proxy:
            if proxy.ended:
                return self.judge("", proxy.text)
            return self.judge(*self.ask(proxy))

    def assertLive(self, **how):
        """What is removed from the system's store, or added, counts for one that is running."""
        with self.running("leaf-a", self.ours, **how) as proxy:
            for name, expected in (("root-a", True), ("root-b", False), ("root-a", True)):
                self.store(name)
                self.assertEqual(self.judge(*self.ask(proxy)), expected)


class Nginx(_Proxy):
    """nginx as a reverse proxy, with a worker of another user."""

    row = Row("nginx as a proxy (`proxy_ssl_verify on`)",
              "`proxy_ssl_conf_command VerifyCAFile /etc/ostrust/os.pem;` beside any file in `proxy_ssl_trusted_certificate`; "
              "up to 1.26 the marker or the system's bundle in the latter is enough",
              "the system's store; a root that is removed is refused by a running nginx",
              "`os://`: nginx makes it a path. Newer ones (seen: 1.30) parse `proxy_ssl_trusted_certificate` themselves. "
              "A session that is resumed is not verified again: `proxy_ssl_session_reuse off`")
    services = ("nginx",)

    @staticmethod
    def why_not():
        return missing("nginx") or not BUNDLE and "this machine has no bundle of CA certificates (package ca-certificates)"

    @classmethod
    def version(cls):
        return support.run(["nginx", "-v"], support.environment(os.devnull)).err.partition("/")[2].split()[0]

    def command(self, server, ca=BUNDLE, more=""):
        user = "user nobody %s;" % ("nogroup" if os.path.exists("/etc/debian_version") else "nobody") if not os.geteuid() else ""
        places = "".join("%s_temp_path %s/%s;\n" % (name, self.work, name)
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        configuration = self.file("nginx.conf", """
daemon off; %s worker_processes 1; pid %s/pid; error_log stderr info;
events {}
http {
    access_log off;
    %s
    server {
        listen unix:%s;
        location / {
            proxy_pass https://127.0.0.1:%d;
            proxy_ssl_verify on; proxy_ssl_verify_depth 5;
            proxy_ssl_name localhost;
            proxy_ssl_session_reuse off;
            proxy_ssl_trusted_certificate %s;
            %s
        }
    }
}
""" % (user, self.work, places, self.socket, port_of(server), ca, more))
        return ["nginx", "-e", "stderr", "-p", self.work, "-c", configuration]

    verify = "proxy_ssl_conf_command VerifyCAFile %s;"

    def test_the_marker(self):
        self.assertServed(more=self.verify % MARKER)

    def test_trusted_certificate(self):
        version = tuple(int(number) for number in self.version().split(".")[:2])
        if version == (1, 27):
            self.skipTest("in 1.27 it began to parse the file itself")
        for name in (MARKER, BUNDLE):
            with self.subTest(name):
                (self.assertServed if version <= (1, 26) else self.assertNotServed)(ca=name)

    def test_a_root_that_is_removed(self):
        self.assertLive(more=self.verify % MARKER)

    def test_what_does_not_work(self):
        self.assertNotServed(ca="os://")
        self.assertNotServed(more=self.verify % "os://")

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(ca=pem("root-b"))
        self.assertOnlyItsOwn(more=self.verify % pem("root-b"))


class HaProxy(_Proxy):
    """HAProxy, which copies the certificates of a CA file into the contexts of its servers."""

    row = Row("HAProxy (`server ... ssl verify required`)",
              "`ca-file /etc/ostrust/os.pem`, or the system's bundle by path; from 3.2 on `@system-ca`",
              "the roots of the system's store as they were when HAProxy started: it copies them (`preload = haproxy`, the "
              "default)",
              "what is added or removed later, until it is reloaded; what the system has against a chain is not asked; `os://`: "
              "HAProxy looks for a file")
    services = ("haproxy",)
    refusal = "certificate|CA file|ca-file"

    @staticmethod
    def why_not():
        return missing("haproxy")

    @classmethod
    def version(cls):
        return re.search(r"version ([\d.]+)", says("haproxy", "-v")).group(1)

    def command(self, server, ca=MARKER):
        return ["haproxy", "-db", "-f", self.file("haproxy.cfg", """
global
    log stderr format raw daemon
    maxconn 20
defaults
    mode http
    log global
    timeout connect 20s
    timeout client 20s
    timeout server 20s
    retries 0
    log-format "%%ST %%[bc_err_str] %%[ssl_bc_err_str]"
frontend f
    bind unix@%s
    default_backend b
backend b
    server s 127.0.0.1:%d ssl verify required verifyhost localhost sni str(localhost) ca-file %s
""" % (self.socket, port_of(server), ca))]

    def test_the_marker(self):
        self.assertServed()

    def test_system_ca(self):
        version = tuple(int(number) for number in self.version().split(".")[:2])
        if version == (3, 1):
            self.skipTest("not known of 3.1")
        (self.assertServed if version >= (3, 2) else self.assertNotServed)(ca="@system-ca")

    def test_what_is_copied_stays(self):
        with self.running("leaf-a", self.ours) as proxy:
            self.assertTrue(self.judge(*self.ask(proxy)))
            self.store("root-b")
            self.assertTrue(self.judge(*self.ask(proxy)))

    def test_the_systems_bundle(self):
        self.assertServed(ca=BUNDLE)

    def test_what_does_not_work(self):
        self.assertNotServed(ca="os://")
        self.ours = self.ostrust({"preload": "no"})
        self.assertNotServed()

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(ca=pem("root-b"))


class Stunnel(_Proxy):
    """stunnel as a client."""

    row = Row("stunnel (`verifyChain = yes`)", "`CAfile = /etc/ssl/certs/ca-certificates.crt`, or `CApath` with its directory",
              "the system's store, by `system-bundles`; a root that is removed is refused by a running stunnel",
              "the marker and `os://`: stunnel wants to find a certificate in the file")
    services = ("stunnel4",)
    refusal = "certificate|os://"

    @staticmethod
    def why_not():
        return missing("stunnel", "stunnel4") or test_bundles.why_not()

    @classmethod
    def version(cls):
        return re.search(r"stunnel ([\d.]+)",
                         support.run(["stunnel", "-version"], support.environment(os.devnull)).text).group(1)

    def command(self, server, ca="CAfile = " + str(BUNDLE)):
        return ["stunnel", self.file("stunnel.conf", """
foreground = yes
pid =
debug = info
[s]
client = yes
accept = %s
connect = 127.0.0.1:%d
sni = localhost
verifyChain = yes
checkHost = localhost
sessionResume = no
%s
""" % (self.socket, port_of(server), ca))]

    def test_the_systems_bundle(self):
        self.assertServed()
        self.assertServed(ca="CApath = " + test_bundles.DIRECTORY)

    def test_a_root_that_is_removed(self):
        self.assertLive()

    def test_what_does_not_work(self):
        for name in (MARKER, "os://"):
            with self.subTest(name):
                self.assertNotServed(ca="CAfile = " + name)

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(ca="CAfile = " + pem("root-b"))


if __name__ == "__main__":
    client.main(globals())
