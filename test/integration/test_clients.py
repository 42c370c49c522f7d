#!/usr/bin/env python3
"""Programs people use, unchanged: the rows of docs/clients.md. One class for each program; CTest runs each by
its name, and one whose program is not on this machine is reported as skipped, with the reason. `test/deps
clients` installs them.

Each acceptance of a server of a root that the system trusts has its twin: the same command without ostrust is
refused. Programs in which it does not work have a test as well, so that the document stays true.
"""
import glob
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import unittest
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import support
import test_bundles
from support import MARKER, OstrustTest, hashed_directory, pem, port_of, text_of
from test_bundles import BUNDLE

# What `test/deps clients` got from npm.
NPM = os.path.join(support.SOURCE, "build", "clients")
OSTRUST, STOCK = "with ostrust", "without"


def missing(program, package=None):
    return not shutil.which(program) and "%s is not installed (package %s)" % (
        program, package or program)


def says(*command):
    """What a program prints, or None if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL,
                          env=support.environment(os.devnull, preload=False))
    return done.stdout.decode().strip() if done.returncode == 0 else None


class Client(OstrustTest):
    """`command` makes the command line that fetches a page of a server and prints it, or "accepted";
    anything else, whatever the exit status, is a refusal that must speak of certificates."""

    refusal = "certificate"

    @staticmethod
    def why_not():
        """Why this program cannot be tested here, or something false."""

    def command(self, server, **how):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.ours = self.ostrust(self.keys(), init=self.init)
        self.without = self.stock(init=self.init)

    init = ""

    @staticmethod
    def keys():
        return {}

    def attempt(self, server, configuration, env=(), **how):
        done = support.run(self.command(server, **how),
                           support.environment(configuration, **dict(env)), cwd=self.work)
        if re.search(r"^(hello|accepted)$", done.out, re.M):
            return True
        self.assertRegex(done.text, "(?i)" + self.refusal, done)
        return False

    def assertServed(self, env=(), **how):
        """The system's store is trusted: with ostrust, and not without."""
        self.assertTrue(self.attempt("leaf-a", self.ours, env, **how), "refused: %s" % how)
        self.assertFalse(self.attempt("leaf-b", self.ours, env, **how), "leaf-b: %s" % how)
        self.assertFalse(self.attempt("leaf-a", self.without, env, **how), "twin: %s" % how)

    def assertNotServed(self, env=(), **how):
        for configuration in (self.ours, self.without):
            self.assertFalse(self.attempt("leaf-a", configuration, env, **how), how)

    def assertOnlyItsOwn(self, env=(), **how):
        """It trusts root-b, and nobody else."""
        for configuration in (self.ours, self.without):
            self.assertTrue(self.attempt("leaf-b", configuration, env, **how), how)
            self.assertFalse(self.attempt("leaf-a", configuration, env, **how), how)

    @staticmethod
    def url(server):
        return "https://localhost:%d/" % port_of(server)


class Curl(Client):
    """curl as distributions build it: with a bundle and a directory named at build time."""

    @staticmethod
    def why_not():
        return missing("curl") or (
            "OpenSSL/" not in says("curl", "--version") and "this curl uses no OpenSSL") or (
            test_bundles.why_not())

    def command(self, server, options=()):
        return ["curl", "--silent", "--show-error", "--noproxy", "*", "--ipv4", *options,
                self.url(server)]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        for options, env in ((["--cacert", MARKER], {}), ([], {"CURL_CA_BUNDLE": MARKER}),
                             ([], {"SSL_CERT_FILE": MARKER})):
            with self.subTest(options=options, env=env):
                self.assertServed(env, options=options)

    def test_os_where_it_is_not_taken_for_a_missing_file(self):
        # Newer versions look whether the file is there (tool_getparam.c): the marker is for all.
        done = support.run(self.command("leaf-a", options=["--cacert", "os://"]),
                           support.environment(self.ours), cwd=self.work)
        if done.status == 2:
            self.assertSays("does not exist", done)
            self.skipTest("this curl wants a file after --cacert")
        self.assertServed(options=["--cacert", "os://"])

    def test_system_bundles_off(self):
        self.ours = self.ostrust({"system-bundles": "no"})
        self.assertNotServed()

    def test_its_own_ca_and_no_directory(self):
        self.assertOnlyItsOwn(options=["--cacert", pem("root-b"), "--capath", self.work])

    def test_its_own_ca_leaves_the_built_in_directory(self):
        # So does stock curl: with only --cacert it also trusts what is in the directory.
        namespace = test_bundles.namespace()
        if not namespace or not os.path.isdir(test_bundles.DIRECTORY):
            self.skipTest("needs a mount namespace and the hashed directory")
        directory = hashed_directory(os.path.join(self.work, "certs"), "root-a")
        shutil.copyfile(pem("root-a"), os.path.join(directory, os.path.basename(BUNDLE)))
        command = self.command("leaf-a", options=["--cacert", pem("root-b")])
        script = 'mount --bind "$0" %s && exec "$@"' % test_bundles.DIRECTORY
        answers = [support.run([*namespace, "sh", "-c", script, directory, *command],
                               support.environment(configuration), cwd=self.work).out
                   for configuration in (self.ours, self.without)]
        self.assertEqual(answers[0], answers[1])


class Node(Client):
    """Node.js: it has roots of its own, and OpenSSL's default paths only if told so."""

    program = "node"
    refusal = "UNABLE_TO_|SELF_SIGNED|ERR_"
    code = """
const options = {host: "localhost", port: process.argv[1], family: 4};
if (process.argv[2]) options.ca = require("fs").readFileSync(process.argv[2]);
const request = require("https").get(options, () => { console.log("accepted"); process.exit(0); });
request.on("error", error => { console.log(error.code); process.exit(1); });
"""
    fetch = """
fetch("https://localhost:" + process.argv[1]).then(() => console.log("accepted"),
    error => console.log(error.cause.code)).then(() => process.exit(0));
"""

    @classmethod
    def why_not(cls):
        if not shutil.which(cls.program):
            return "%s is not there (test/deps clients)" % cls.program
        version = says(cls.program, "-p", "process.versions.openssl")
        return version is None and "does not run" or (
            int(version.split(".")[0]) < 3 and "uses OpenSSL " + version)

    def setUp(self):
        super().setUp()
        self.ours, self.without = (self.for_node(path) for path in (self.ours, self.without))

    def for_node(self, path):
        with open(path) as file:
            text = file.read()
        return self.file("node-" + os.path.basename(path), "nodejs_conf = openssl_init\n" + text)

    def command(self, server, options=(), code=None, arguments=()):
        return [self.program, *options, "-e", code or self.code, str(port_of(server)), *arguments]

    def test_use_openssl_ca(self):
        self.assertServed(options=["--use-openssl-ca"])
        self.assertServed({"NODE_OPTIONS": "--use-openssl-ca"})

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


class Node22(Node):
    program = os.path.join(NPM, "node22", "node_modules", "node", "bin", "node")


class Node24(Node):
    program = os.path.join(NPM, "node24", "node_modules", "node", "bin", "node")


class Ruby(Client):
    """Ruby's openssl: net/http and OpenSSL::X509::Store."""

    code = """
require "net/http"
port, how, name = ARGV
http = Net::HTTP.new("localhost", port.to_i)
http.ipaddr = "127.0.0.1"
http.use_ssl = true
begin
  case how
  when "ca_file" then http.ca_file = name
  when "ca_path" then http.ca_path = name
  when "store"
    http.cert_store = OpenSSL::X509::Store.new
    if name then http.cert_store.add_file(name) else http.cert_store.set_default_paths end
  end
  puts http.get("/").body
rescue OpenSSL::SSL::SSLError, OpenSSL::X509::StoreError => error
  puts error.class, error.message
end
"""
    refusal = "certificate|load_(verify_)?file"

    @staticmethod
    def why_not():
        return missing("ruby") or (
            not (says("ruby", "-ropenssl", "-e", "puts OpenSSL::OPENSSL_LIBRARY_VERSION") or "")
            .startswith(("OpenSSL 3", "OpenSSL 4")) and "this Ruby uses no OpenSSL 3")

    def command(self, server, how=()):
        return ["ruby", "-e", self.code, str(port_of(server)), *how]

    def test_net_http_as_it_is(self):
        self.assertServed()

    def test_ca_file(self):
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed(how=["ca_file", name])

    def test_store(self):
        self.assertServed(how=["store"])
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed(how=["store", name])

    def test_system_bundle(self):
        if test_bundles.why_not():
            self.skipTest(test_bundles.why_not())
        self.assertServed(how=["ca_file", BUNDLE])
        self.assertServed(how=["ca_path", test_bundles.DIRECTORY])

    def test_ssl_cert_file(self):
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed({"SSL_CERT_FILE": name})

    def test_its_own_ca(self):
        for how in ("ca_file", "store"):
            self.assertOnlyItsOwn(how=[how, pem("root-b")])


class Perl(Client):
    """Perl's IO::Socket::SSL, which LWP and HTTP::Tiny rest on, and Net::SSLeay below it."""

    code = """
use strict; use warnings; use IO::Socket::SSL;
my ($port, $name) = @ARGV;
my $socket = IO::Socket::SSL->new(
    PeerAddr => "127.0.0.1:$port", SSL_hostname => "localhost", SSL_verifycn_name => "localhost",
    SSL_verifycn_scheme => "http", SSL_verify_mode => SSL_VERIFY_PEER,
    defined $name ? (SSL_ca_file => $name) : ());
print $socket ? "accepted\\n" : "$SSL_ERROR\\n";
"""
    net_ssleay = """
use strict; use warnings; use Net::SSLeay; use IO::Socket::INET;
my ($port, $name) = @ARGV;
Net::SSLeay::initialize();
my $context = Net::SSLeay::CTX_new() or die;
Net::SSLeay::CTX_set_verify($context, Net::SSLeay::VERIFY_PEER(), sub { $_[0] });
my $loaded = defined $name ? Net::SSLeay::CTX_load_verify_locations($context, $name, "")
                           : Net::SSLeay::CTX_set_default_verify_paths($context);
if (!$loaded) { print "no certificate store\\n"; exit }
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
my $ssl = Net::SSLeay::new($context);
Net::SSLeay::set_fd($ssl, fileno($socket));
my $done = Net::SSLeay::connect($ssl);
print $done == 1 ? "accepted\\n"
    : Net::SSLeay::X509_verify_cert_error_string(Net::SSLeay::get_verify_result($ssl)) . "\\n";
"""
    refusal = "certificate|issuer|SSL_ca_file|does not exist"

    @staticmethod
    def why_not():
        return missing("perl") or (
            not says("perl", "-MIO::Socket::SSL", "-e", "print 1")
            and "Perl's IO::Socket::SSL is not installed (package libio-socket-ssl-perl)") or (
            not (says("perl", "-MNet::SSLeay", "-e", "print Net::SSLeay::SSLeay_version(0)") or "")
            .startswith(("OpenSSL 3", "OpenSSL 4")) and "Net::SSLeay uses no OpenSSL 3")

    def command(self, server, code=None, name=None):
        return ["perl", "-e", code or self.code, str(port_of(server)), *([name] if name else [])]

    def test_io_socket_ssl_as_it_is(self):
        if says("perl", "-MMozilla::CA", "-e", "print 1"):
            self.skipTest("Mozilla::CA is installed: IO::Socket::SSL prefers it")
        self.assertServed()

    def test_io_socket_ssl_ca_file(self):
        self.assertServed(name=MARKER)
        self.assertOnlyItsOwn(name=pem("root-b"))

    def test_io_socket_ssl_wants_a_file(self):
        self.assertNotServed(name="os://")

    def test_net_ssleay(self):
        self.assertServed(code=self.net_ssleay)
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed(code=self.net_ssleay, name=name)
        self.assertOnlyItsOwn(code=self.net_ssleay, name=pem("root-b"))


class Php(Client):
    """PHP's https:// streams, and its curl extension."""

    streams = """
[, $port, $name] = $argv + [2 => null];
$ssl = ["peer_name" => "localhost"] + ($name ? ["cafile" => $name] : []);
set_error_handler(function ($number, $text) { echo $text, "\n"; return true; });
$socket = stream_socket_client("ssl://127.0.0.1:$port", $code, $text, 30, STREAM_CLIENT_CONNECT,
    stream_context_create(["ssl" => $ssl]));
if ($socket) echo "accepted\\n";
"""
    curl = """
[, $port, $name] = $argv + [2 => null];
$curl = curl_init("https://localhost:$port/");
curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_PROXY => ""]
    + ($name ? [CURLOPT_CAINFO => $name, CURLOPT_CAPATH => "/nonexistent"] : []));
$page = curl_exec($curl);
echo $page === false ? curl_error($curl) : $page, "\\n";
"""
    refusal = "certificate|cafile"

    @staticmethod
    def why_not():
        return missing("php", "php-cli") or (
            not (says("php", "-r", "echo OPENSSL_VERSION_TEXT;") or "")
            .startswith(("OpenSSL 3", "OpenSSL 4")) and "this PHP uses no OpenSSL 3")

    def command(self, server, code=None, name=None, options=()):
        return ["php", "-n", *self.extensions, *options, "-r", code or self.streams, "--",
                str(port_of(server)), *([name] if name else [])]

    @property
    def extensions(self):
        # -n: no php.ini, so what is built as a module is loaded here.
        return [word for name in ("openssl", "curl") for word in ("-d", "extension=" + name)
                if os.path.exists(os.path.join(says("php", "-r", "echo PHP_EXTENSION_DIR;"),
                                               name + ".so"))]

    def test_streams_as_they_are(self):
        self.assertServed()

    def test_streams_cafile(self):
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed(name=name)
        self.assertServed(options=["-d", "openssl.cafile=" + MARKER])
        self.assertOnlyItsOwn(name=pem("root-b"))

    def test_curl(self):
        if not any("curl" in word for word in self.extensions):
            self.skipTest("no curl extension (package php-curl)")
        if test_bundles.why_not():
            self.skipTest(test_bundles.why_not())
        self.assertServed(code=self.curl)
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed(code=self.curl, name=name)
        self.assertOnlyItsOwn(code=self.curl, name=pem("root-b"))


class Wget(Client):
    """wget, where it uses OpenSSL. Debian's uses GnuTLS: ostrust cannot do anything for it."""

    @staticmethod
    def why_not():
        return missing("wget") or (
            "+ssl/openssl" not in (says("wget", "--version") or "")
            and "this wget does not use OpenSSL but another library")

    def command(self, server, options=()):
        return ["wget", "--no-config", "--no-proxy", "-4", "-O", "-", *options, self.url(server)]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(options=["--ca-certificate=" + MARKER])


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


CLASSES = {kind.__name__: kind for kind in (Curl, Node, Node22, Node24, Ruby, Perl, Php, Wget,
                                            DebianRequests, Pip)}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CLASSES:
        sys.exit("which one? " + ", ".join(CLASSES))
    reason = CLASSES[sys.argv[1]].why_not()
    if reason:
        print("skipped: " + reason)
        sys.exit(support.SKIPPED)
    # The whole class: what its base class tests as well.
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(CLASSES[sys.argv[1]])
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful())


if __name__ == "__main__":
    main()
