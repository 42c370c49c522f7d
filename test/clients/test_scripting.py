#!/usr/bin/env python3
"""Ruby, Perl and PHP. See client.py."""
import base64
import gzip
import os
import re
import tempfile

import client
import servers
import test_bundles
from client import Client, Row, missing, says
from support import MARKER, pem, port_of
from test_bundles import BUNDLE


class Ruby(Client):
    """Ruby's openssl: net/http and OpenSSL::X509::Store."""

    row = Row("Ruby's openssl, Net::HTTP", "nothing",
              "the system's store, by default paths; also `ca_file`, `Store#add_file` with `os://`, the marker or the system's "
              "bundle", "gems that bring a bundle of their own: name it in `replace-bundles`")
    packages = ("ruby",)

    @classmethod
    def version(cls):
        return says("ruby", "-ropenssl", "-e", "puts RUBY_VERSION + ' ' + OpenSSL::OPENSSL_LIBRARY_VERSION[/OpenSSL \\S+/]")

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


class _Gems(Client):
    """What fetches from an index of gems, which has one: hello 1.2.3."""

    why_not = Ruby.why_not

    def setUp(self):
        super().setUp()
        names = says("ruby", "-rzlib", "-e", "print [Zlib.gzip(Marshal.dump([['hello', Gem::Version.new('1.2.3'), 'ruby']]))"
                     "].pack('m0')")
        index = base64.b64decode(names)
        self.pages = {"/specs.4.8.gz": index, "/latest_specs.4.8.gz": index,
                      "/prerelease_specs.4.8.gz": gzip.compress(b"\4\b[\0"),
                      "/versions": b"created_at: 2020-01-01T00:00:00Z\n---\nhello 1.2.3 0123456789abcdef0123456789abcdef\n",
                      "/info/hello": b"---\n1.2.3 |checksum:" + 64 * b"0" + b"\n"}
        self.indexes = {}

    def port(self, server):
        if server not in self.indexes:
            self.indexes[server] = servers.PageServer(server, self.pages)
        return self.indexes[server].port

    def test_as_it_is(self):
        self.assertServed()

    def test_ssl_cert_file(self):
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertServed({"SSL_CERT_FILE": name})


class Gem(_Gems):
    """RubyGems."""

    row = Row("Ruby's gem and Bundler", "nothing", "the system's store, by default paths; also the marker in `ssl_ca_cert` of "
              "`.gemrc`, or in `BUNDLE_SSL_CA_CERT`", "")
    packages = ("ruby",)
    accepted = r"^hello \(1\.2\.3\)$"

    @classmethod
    def version(cls):
        return "gem " + says("gem", "--version")

    def command(self, server, ca=None):
        home = tempfile.mkdtemp(dir=self.work)  # it keeps what it fetched
        with open(os.path.join(home, ".gemrc"), "w") as out:
            out.write(":verbose: true\n" + (":ssl_ca_cert: %s\n" % ca if ca else ""))
        return ["env", "HOME=" + home, "gem", "list", "--remote", "--clear-sources", "--source",
                self.url(server), "hello"]

    def test_its_own_file(self):
        self.assertServed(ca=MARKER)


class Bundler(_Gems):
    """Bundler, which resolves a Gemfile."""

    row = Gem.row
    packages = ("ruby-bundler",)
    accepted = r"^    hello \(1\.2\.3\)$"

    @staticmethod
    def why_not():
        return Ruby.why_not() or missing("bundle", "ruby-bundler")

    @classmethod
    def version(cls):
        return "bundle " + re.search(r"[\d.]+", says("bundle", "--version", HOME="/tmp")).group()

    def command(self, server):
        home = tempfile.mkdtemp(dir=self.work)
        with open(os.path.join(home, "Gemfile"), "w") as out:
            out.write("source '%s'\ngem 'hello'\n" % self.url(server))
        return ["env", "HOME=" + home, "BUNDLE_GEMFILE=" + home + "/Gemfile", "BUNDLE_RETRY=0", "BUNDLE_SILENCE_ROOT_WARNING=1",
                "sh", "-c", "bundle lock; cat %s/Gemfile.lock" % home]

    def test_its_own_file(self):
        self.assertServed({"BUNDLE_SSL_CA_CERT": MARKER})


class Perl(Client):
    """Perl's IO::Socket::SSL, which LWP and HTTP::Tiny rest on, and Net::SSLeay below it."""

    row = Row("Perl's IO::Socket::SSL and Net::SSLeay", "nothing, or `SSL_ca_file` with the marker",
              "the system's store, by default paths; Net::SSLeay also `os://` and the marker",
              "`SSL_ca_file => \"os://\"`: it wants a file. Where Mozilla::CA is installed it is preferred: use the marker, or "
              "`replace-bundles = */Mozilla/CA/cacert.pem`")
    packages = ("perl", "libio-socket-ssl-perl")

    @classmethod
    def version(cls):
        return says("perl", "-MIO::Socket::SSL", "-e", "print IO::Socket::SSL->VERSION")

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


class Lwp(Client):
    """libwww-perl."""

    row = Row("Perl's LWP and HTTP::Tiny", "nothing; HTTP::Tiny needs `verify_SSL => 1` before Perl 5.38",
              "the system's store, by `system-bundles`: both name the system's bundle; also the marker in `SSL_ca_file`, "
              "`PERL_LWP_SSL_CA_FILE` or `SSL_CERT_FILE`", "as IO::Socket::SSL")
    packages = ("libwww-perl", "liblwp-protocol-https-perl")
    code = """
use strict; use warnings; use LWP::UserAgent;
my ($url, $name) = @ARGV;
my $agent = LWP::UserAgent->new(ssl_opts => {verify_hostname => 1, defined $name ? (SSL_ca_file => $name) : ()});
my $answer = $agent->get($url);
print $answer->is_success ? $answer->content : $answer->status_line . "\\n" . $answer->content;
"""

    @staticmethod
    def why_not():
        return Perl.why_not() or test_bundles.why_not() or (
            not says("perl", "-MLWP::Protocol::https", "-e", "print 1")
            and "LWP is not installed (package liblwp-protocol-https-perl)") or (
            says("perl", "-MMozilla::CA", "-e", "print 1") and "Mozilla::CA is installed, and preferred")

    @classmethod
    def version(cls):
        return "LWP " + says("perl", "-MLWP", "-e", "print LWP->VERSION")

    def command(self, server, name=None):
        return ["perl", "-e", self.code, self.url(server), *([name] if name else [])]

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(name=MARKER)
        self.assertServed({"PERL_LWP_SSL_CA_FILE": MARKER})

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(name=pem("root-b"))


class HttpTiny(Client):
    """HTTP::Tiny of Perl itself."""

    row = Lwp.row
    packages = ("perl", "libio-socket-ssl-perl")
    code = """
use strict; use warnings; use HTTP::Tiny;
my ($url, $name) = @ARGV;
my $answer = HTTP::Tiny->new(verify_SSL => 1, SSL_options => {defined $name ? (SSL_ca_file => $name) : ()})->get($url);
print $answer->{success} ? $answer->{content} : $answer->{content} . "\\n";
"""
    command = Lwp.command

    @staticmethod
    def why_not():
        return Perl.why_not() or test_bundles.why_not() or (
            says("perl", "-MMozilla::CA", "-e", "print 1") and "Mozilla::CA is installed, and preferred")

    @classmethod
    def version(cls):
        return "HTTP::Tiny " + says("perl", "-MHTTP::Tiny", "-e", "print HTTP::Tiny->VERSION")

    def test_as_it_is(self):
        self.assertServed()

    def test_the_marker(self):
        self.assertServed(name=MARKER)
        self.assertServed({"SSL_CERT_FILE": MARKER})

    def test_its_own_ca(self):
        self.assertOnlyItsOwn(name=pem("root-b"))


class Php(Client):
    """PHP's https:// streams, and its curl extension."""

    row = Row("PHP's streams and curl extension", "nothing",
              "the system's store, by default paths and as curl; also `cafile` or `openssl.cafile` with `os://` or the marker",
              "")
    packages = ("php-cli", "php-curl")

    @classmethod
    def version(cls):
        return says("php", "-r", "echo PHP_VERSION;")

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
    refusal = "certificate|cafile|trust anchors"

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


if __name__ == "__main__":
    client.main(globals())
