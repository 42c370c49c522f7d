#!/usr/bin/env python3
"""Node.js and what runs in it. See client.py."""
import json
import os
import shutil
import tempfile

import client
import servers
from client import NPM, Client, Row, says
from support import MARKER, pem


def of_npm(major):
    return os.path.join(NPM, "node%d" % major, "node_modules", "node", "bin", "node")


class _InNode(Client):
    """What runs in a Node.js, `program`."""

    program = of_npm(24)
    refusal = "UNABLE_TO_|SELF_SIGNED|ERR_|certificate"
    package = None  # of npm, in build/clients

    @classmethod
    def why_not(cls):
        if not shutil.which(cls.program):
            return "%s is not there (test/deps clients)" % cls.program
        if cls.package and not os.path.isdir(cls.folder()):
            return "%s is not there (test/deps clients)" % cls.package
        version = says(cls.program, "-p", "process.versions.openssl")
        return version is None and "does not run" or (
            int(version.split(".")[0]) < 3 and "uses OpenSSL " + version)

    @classmethod
    def folder(cls):
        return os.path.join(NPM, cls.package, "node_modules", cls.package)

    @classmethod
    def version(cls):
        with open(os.path.join(cls.folder(), "package.json")) as file:
            return json.load(file)["version"]

    def setUp(self):
        super().setUp()
        self.ours, self.without = (self.for_node(path) for path in (self.ours, self.without))

    def for_node(self, path):
        with open(path) as file:
            text = file.read()
        return self.file("node-" + os.path.basename(path), "nodejs_conf = openssl_init\n" + text)

    def command(self, server, options=(), code=None, arguments=()):
        return [self.program, *options, "-e", code or self.code, str(self.port(server)), *arguments]

    def test_use_openssl_ca(self):
        self.assertServed(options=["--use-openssl-ca"])
        self.assertServed({"NODE_OPTIONS": "--use-openssl-ca"})


class _AnyNode(_InNode):
    """What every Node.js does."""

    asks_openssl = False  # without an option

    @classmethod
    def why_not(cls):
        asks = says(cls.program, "-p", "process.config.target_defaults.defines.includes('NODE_OPENSSL_CERT_STORE')")
        return super().why_not() or asks != str(cls.asks_openssl).lower() and (
            "this Node.js asks for OpenSSL's default paths without an option" if asks == "true" else
            "this Node.js has roots of its own")

    code = """
const options = {host: "localhost", port: process.argv[1], family: 4};
if (process.argv[2]) options.ca = require("fs").readFileSync(process.argv[2]);
const request = require("https").get(options, () => { console.log("accepted"); process.exit(0); });
request.on("error", error => { console.log(error.code); process.exit(1); });
"""
    fetch = """
require("dns").setDefaultResultOrder("ipv4first");
fetch("https://localhost:" + process.argv[1]).then(() => console.log("accepted"),
    error => console.log(error.cause.code)).then(() => process.exit(0));
"""

    @classmethod
    def version(cls):
        return says(cls.program, "-p", "process.versions.node + ' OpenSSL ' + process.versions.openssl")

    def test_fetch(self):
        major = int(says(self.program, "-p", "process.versions.node").split(".")[0])
        if major < 18:
            self.skipTest("no fetch")
        self.assertServed(options=["--use-openssl-ca"], code=self.fetch)

    def test_ssl_cert_file_with_use_openssl_ca(self):
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed({"SSL_CERT_FILE": name}, options=["--use-openssl-ca"])

    def test_the_section_that_is_read(self):
        # nodejs_conf, or with --openssl-shared-config the section of everybody else.
        shared = self.ostrust()
        for options in (["--use-openssl-ca"], ["--openssl-shared-config", "--use-openssl-ca"]):
            self.assertTrue(self.attempt("leaf-a", self.ours, options=options))
            # Debian's own package is built to read the shared section.
        self.assertTrue(self.attempt("leaf-a", shared, options=[
            "--openssl-shared-config", "--use-openssl-ca"]))

    def test_openssl_config_option(self):
        self.assertTrue(self.attempt("leaf-a", os.devnull, options=[
            "--openssl-config=" + self.ours, "--use-openssl-ca"]))
        self.assertFalse(self.attempt("leaf-a", os.devnull, options=["--use-openssl-ca"]))


class Node(_AnyNode):
    """Node.js as it comes from nodejs.org: it has roots of its own, and OpenSSL's default paths only if told so."""

    row = Row("Node.js 20, 22, 24, 26", "`NODE_OPTIONS=--use-openssl-ca`",
              "the system's store, by default paths; also with `SSL_CERT_FILE=os://` or the marker beside that option",
              "see below")

    program = "node"

    def test_what_does_not_work(self):
        # Its own roots, and certificates that Node parses itself.
        self.assertNotServed()
        for env in ({"SSL_CERT_FILE": "os://"}, {"NODE_EXTRA_CA_CERTS": MARKER},
                    {"NODE_EXTRA_CA_CERTS": "os://"}):
            with self.subTest(env):
                self.assertNotServed(env)
        self.assertNotServed(arguments=[MARKER])  # the option `ca` of https.get()

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(options=["--use-openssl-ca"], arguments=[pem("root-b")])
        self.assertOnlyItsOwn({"NODE_EXTRA_CA_CERTS": pem("root-b")})


class DebianNode(_AnyNode):
    """Debian's, which is built to ask for OpenSSL's default paths."""

    row = Row("Node.js of Debian", "nothing", "the system's store, by default paths; also with `SSL_CERT_FILE=os://` or the marker",
              "with `--use-bundled-ca` it trusts the roots that it brings, as others do without `--use-openssl-ca`")
    packages = ("nodejs",)
    program = "/usr/bin/node"
    asks_openssl = True

    def test_as_it_is(self):
        self.assertServed()

    def test_what_does_not_work(self):
        self.assertNotServed(options=["--use-bundled-ca"])
        self.assertNotServed(arguments=[MARKER])  # the option `ca` of https.get()

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(arguments=[pem("root-b")])


class Node20(Node):
    program = of_npm(20)


class Node22(Node):
    program = of_npm(22)


class Node24(Node):
    program = of_npm(24)


class Node26(Node):
    program = of_npm(26)


class Undici(_InNode):
    """undici, the client below fetch(), as a package."""

    row = Row("undici", Node.row.set, Node.row.trusts, "as in Node.js; the option `ca` stays what it is")
    package = "undici"
    code = """
const {request, Agent} = require(process.argv[1]);
const connect = process.argv[3] ? {ca: require("fs").readFileSync(process.argv[3])} : {};
request("https://localhost:" + process.argv[2], {dispatcher: new Agent({connect})}).then(
    answer => answer.body.text()).then(text => console.log(text), error => console.log(error.code)).then(() => process.exit());
"""

    def command(self, server, options=(), arguments=()):
        return [self.program, *options, "-e", self.code, self.folder(), str(self.port(server)), *arguments]

    def test_what_does_not_work(self):
        self.assertNotServed()

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(options=["--use-openssl-ca"], arguments=[pem("root-b")])


class Npm(_InNode):
    """npm, and a registry."""

    row = Row("npm", Node.row.set, "the system's store, by default paths",
              "the marker in `cafile`: npm reads certificates from that file itself, and trusts them alone")
    package = "npm"
    accepted = "^1.2.3$"
    document = json.dumps({
        "name": "hello", "dist-tags": {"latest": "1.2.3"},
        "versions": {"1.2.3": {"name": "hello", "version": "1.2.3", "dist": {"tarball": "https://localhost/hello.tgz"}}}})

    def setUp(self):
        super().setUp()
        self.registries = {}

    def port(self, server):
        if server not in self.registries:
            self.registries[server] = servers.PageServer(server, {"/hello": (self.document.encode(), "application/json")})
        return self.registries[server].port

    def command(self, server, options=(), arguments=()):
        return [self.program, *options, os.path.join(self.folder(), "bin", "npm-cli.js"), "view", "hello", "version",
                "--registry=" + self.url(server), "--cache=" + tempfile.mkdtemp(dir=self.work),
                "--userconfig=" + os.devnull, "--fetch-retries=0", "--no-update-notifier", *arguments]

    def test_what_does_not_work(self):
        self.assertNotServed()
        self.assertNotServed({"NODE_OPTIONS": "--use-openssl-ca"}, arguments=["--cafile=" + MARKER])

    def test_its_own_ca(self):
        self.assertOnlyItsOwn({"NODE_OPTIONS": "--use-openssl-ca"}, arguments=["--cafile=" + pem("root-b")])


if __name__ == "__main__":
    client.main(globals())
