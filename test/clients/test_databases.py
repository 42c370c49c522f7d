#!/usr/bin/env python3
"""Clients of databases, against the real servers on loopback. See client.py."""
import glob
import os
import re
import signal

import client
import servers
import support
from client import Client, Row, missing, says
from support import MARKER, pem


class _Database(Client):
    """`start` starts a server for a certificate, in `servers`."""

    user = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = servers.Servers(cls, cls.user)
        try:
            cls.start_all()
        except BaseException:
            cls.doClassCleanups()
            raise

    def port(self, server):
        return self.servers.port(server)


def postgresql(program):
    """The newest one that is here, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/" + program)
    return max(found, key=lambda path: int(path.split("/")[4]), default=None)


class PostgreSql(_Database):
    """psql, and so libpq, with sslmode=verify-full."""

    row = Row("PostgreSQL's libpq (psql, psycopg, ...)",
              "`sslmode=verify-full sslrootcert=system` from libpq 16 on; before, `sslrootcert=/etc/ostrust/os.pem`",
              "the system's store, by default paths",
              "`sslrootcert=os://`: libpq looks for a file. `SSL_CERT_FILE=os://` or the marker in it beside `system` "
              "work. Without `sslrootcert` libpq reads `~/.postgresql/root.crt`, "
              "and by default (`sslmode=prefer`) it verifies nothing")
    packages = ("postgresql-client",)
    services = ("postgresql",)
    user = "postgres"

    @staticmethod
    def why_not():
        return missing("psql", "postgresql-client") or (
            not postgresql("initdb") and "no PostgreSQL server (package postgresql)")

    @classmethod
    def version(cls):
        return re.search(r"[\d.]+", says("psql", "--version")).group()

    @classmethod
    def start_all(cls):
        here = cls.servers
        first, second = (os.path.join(here.directory, name) for name in ("a", "b"))
        here.prepare(postgresql("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--locale=C", "-D", first)
        here.prepare("cp", "-a", first, second)
        for name, data in (("leaf-a", first), ("leaf-b", second)):
            options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "ssl": "on",
                       "ssl_cert_file": here.certificate(name), "ssl_key_file": here.key(name)}
            here.start(name, lambda port, data=data, options=options: [
                postgresql("postgres"), "-D", data, "-p", str(port),
                *(word for item in options.items() for word in ("-c", "%s=%s" % item))],
                "ready to accept connections", signal.SIGINT)

    def command(self, server, root=None):
        words = ["host=localhost", "hostaddr=127.0.0.1", "port=%d" % self.port(server), "user=postgres",
                 "dbname=postgres", "sslmode=verify-full", *(["sslrootcert=" + root] if root else [])]
        return ["psql", "--no-psqlrc", "-At", "-c", "select 'accepted'", " ".join(words)]

    def knows_system(self):
        return int(self.version().split(".")[0]) >= 16

    def test_system(self):
        if not self.knows_system():
            self.skipTest("this libpq is older than 16, and takes sslrootcert=system for the name of a file")
        self.assertServed(root="system")
        self.assertServed({"PGSSLROOTCERT": "system"})

    def test_system_with_ssl_cert_file(self):
        if not self.knows_system():
            self.skipTest("this libpq is older than 16")
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed({"SSL_CERT_FILE": name}, root="system")

    def test_the_marker(self):
        self.assertServed(root=MARKER)
        self.assertServed({"PGSSLROOTCERT": MARKER})

    def test_what_does_not_work(self):
        self.assertNotServed(root="os://")
        self.assertNotServed()  # ~/.postgresql/root.crt
        if not self.knows_system():
            self.assertNotServed(root="system")

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(root=pem("root-b"))


class MariaDb(_Database):
    """MariaDB's client, and so its connector for C."""

    row = Row("MariaDB's client and connector for C", "`ssl-verify-server-cert` in the client's section of `my.cnf`",
              "the system's store, by default paths; also with the marker or `os://` in `ssl-ca`",
              "before MariaDB 11.4 nothing is verified without that line")
    packages = ("mariadb-client",)
    services = ("mariadb-server",)
    user = "mysql"
    refusal = "certificate|SSL error"

    @staticmethod
    def why_not():
        return missing("mariadb", "mariadb-client") or missing("mariadbd", "mariadb-server")

    @classmethod
    def version(cls):
        return re.search(r"([\d.]+)-MariaDB", says("mariadb", "--version")).group(1)

    @classmethod
    def start_all(cls):
        here = cls.servers
        first, second = (os.path.join(here.directory, name) for name in ("a", "b"))
        here.prepare("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db",
                     "--datadir=" + first)
        here.prepare("cp", "-a", first, second)
        for name, data in (("leaf-a", first), ("leaf-b", second)):
            here.start(name, lambda port, name=name, data=data: [
                "mariadbd", "--no-defaults", "--datadir=" + data, "--socket=" + data + ".sock", "--pid-file=" + data + ".pid",
                "--bind-address=127.0.0.1", "--port=%d" % port, "--ssl-cert=" + here.certificate(name),
                "--ssl-key=" + here.key(name), "--innodb-flush-method=nosync", "--skip-name-resolve"],
                "ready for connections")

    def command(self, server, ca=None):
        return ["mariadb", "--no-defaults", "--protocol=tcp", "--host=localhost", "--port=%d" % self.port(server),
                "--user=root", "--ssl-verify-server-cert", "--batch", "--skip-column-names",
                *(["--ssl-ca=" + ca] if ca else []), "--execute=select 'accepted'"]

    def test_as_it_is(self):
        self.assertServed()

    def test_ssl_ca(self):
        for name in (MARKER, "os://"):
            with self.subTest(name):
                self.assertServed(ca=name)

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(ca=pem("root-b"))


class Redis(_Database):
    """redis-cli, and so hiredis; and a Redis server that follows another."""

    row = Row("Redis: redis-cli, and a server that follows another",
              "redis-cli: nothing but `--tls`; a server: `tls-ca-cert-file /etc/ostrust/os.pem`",
              "the system's store, by default paths; redis-cli also with the marker or `os://` after `--cacert`",
              "`tls-ca-cert-file` is also what a server verifies its clients by: give it the system's store with "
              "`tls-auth-clients no` only")
    packages = ("redis-tools",)
    services = ("redis-server",)
    accepted = "^PONG$"

    @staticmethod
    def why_not():
        return missing("redis-cli", "redis-tools") or missing("redis-server") or (
            "--tls" not in (says("redis-cli", "--help") or "") and "this Redis was built without TLS")

    @classmethod
    def version(cls):
        return re.search(r"v=([\d.]+)", says("redis-server", "--version")).group(1)

    @staticmethod
    def server(port, certificate, key, *more):
        return ["redis-server", "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(port), "--tls-cert-file", certificate,
                "--tls-key-file", key, "--tls-auth-clients", "no", "--save", "", *more]

    @classmethod
    def start_all(cls):
        here = cls.servers
        for name in ("leaf-a", "leaf-b"):
            here.start(name, lambda port, name=name: cls.server(port, here.certificate(name), here.key(name)),
                       "Ready to accept connections")

    def command(self, server, options=()):
        return ["redis-cli", "--tls", "-h", "localhost", "-p", str(self.port(server)), *options, "ping"]

    def test_as_it_is(self):
        self.assertServed()

    def test_cacert(self):
        for name in (MARKER, "os://"):
            with self.subTest(name):
                self.assertServed(options=["--cacert", name])

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(options=["--cacert", pem("root-b")])

    def follows(self, server, configuration, ca):
        """Whether a server connects to another one that it is to follow."""
        here = self.servers
        command = self.server(servers.free_port(), here.certificate("leaf-a"), here.key("leaf-a"), "--tls-replication", "yes",
                              "--tls-ca-cert-file", ca, "--dir", self.work, "--replicaof", "127.0.0.1", str(self.port(server)))
        with servers.Daemon(command, lambda text: re.search("Master replied to PING|Error condition|[Ff]ailed", text),
                            support.environment(configuration), self.work) as daemon:
            text = daemon.text
        if "Master replied to PING" in text:
            return True
        self.assertRegex(text, "certificate verify failed|Failed to (load|configure)")
        return False

    def test_a_server_that_follows_another(self):
        self.assertTrue(self.follows("leaf-a", self.ours, MARKER))
        self.assertFalse(self.follows("leaf-b", self.ours, MARKER))
        self.assertFalse(self.follows("leaf-a", self.without, MARKER))


if __name__ == "__main__":
    client.main(globals())
