#!/usr/bin/env python3
"""Throw-away certificates for the tests.

    pki.py DIRECTORY     makes everything below, unless DIRECTORY already holds it and it is fresh

Every NAME has NAME.pem (the certificate) and NAME.key. Leaves are for localhost and 127.0.0.1.
Keys are EC P-256: they are made in no time. Needs the openssl command, 3.0 or later.
"""
import itertools
import os
import shutil
import ssl
import subprocess
import sys
import time

LIFETIME_DAYS = 30
FRESH_SECONDS = 7 * 24 * 3600  # a directory older than this is made again

_CONFIG = """
[req]
distinguished_name = subject
prompt = no
string_mask = {string_mask}
[subject]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[proxy_root]
basicConstraints = CA:TRUE
subjectKeyIdentifier = none
authorityKeyIdentifier = none
[mail_root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[self_signed_server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[mail]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = emailProtection
subjectAltName = email:someone@example.org
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
"""

# `openssl ca` is the one command that takes both dates in every version from 3.0 on. It puts names into
# the order of its policy: that of subject().
_CA_CONFIG = """
[ca]
default_ca = this
[this]
new_certs_dir = {work}
database = {work}/index.txt
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
[anything]
organizationName = optional
commonName = supplied
"""


_P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551


def element(tag, content):
    """A DER element."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + content


def elements(der):
    """The (tag, content) pairs of the DER elements that follow each other."""
    found = []
    while der:
        size, header = der[1], 2
        if size >= 128:
            header += size - 128
            size = int.from_bytes(der[2:header], "big")
        found.append((der[0], der[header:header + size]))
        der = der[header + size:]
    return found


# A date from which on new certificates of a root are distrusted, and lifetimes that begin before it, at it and
# after it. Every lifetime lasts until long after the tests.
POLICY_DATE = "20240101000000Z"
BEFORE = ("20230601000000Z", "20490101000000Z")
AT = (POLICY_DATE, "20490101000000Z")
AFTER = ("20250601000000Z", "20490101000000Z")


def is_full_length(signature):
    """Whether both numbers of this ECDSA signature of a P-256 key are 32 bytes long. One in 128 signatures is another
    one, and Wine 8 takes it for wrong."""
    return all(len(number.lstrip(b"\0")) == 32 for _, number in elements(elements(signature)[0][1]))


def is_signed_at_full_length(path):
    """Whether the signature on a certificate, made with such a key, is_full_length()."""
    with open(path) as file:
        der = ssl.PEM_cert_to_DER_cert(file.read())
    return is_full_length(elements(elements(der)[0][1])[2][1][1:])


class PkiError(Exception):
    """The openssl command failed; the text is what it said."""


class Pki:
    """Makes certificates in one directory."""

    def __init__(self, directory, openssl="openssl"):
        self.directory = os.path.abspath(directory)
        self.openssl = openssl
        os.makedirs(self.directory, exist_ok=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def pem(self, name):
        """The path of a certificate."""
        return self.path(name + ".pem")

    def key(self, name):
        """The path of a private key."""
        return self.path(name + ".key")

    def root(self, name, subject, kind="root", like=None, string_mask="utf8only", dates=None,
             extensions=""):
        """A self-signed CA. `like`: take the key of that root instead of a new one. `extensions`: as of issue()."""
        self._make(name, subject, kind, like=like, string_mask=string_mask, dates=dates, extensions=extensions)

    def issue(self, name, subject, issuer, kind="server", like=None, dates=None, extensions=""):
        """A certificate of `kind` (a section of _CONFIG), signed by `issuer`. `like`: take the key of
        that certificate instead of a new one. `extensions`: lines added to the section; one of a name that
        is there already replaces it."""
        self._make(name, subject, kind, issuer=issuer, like=like, dates=dates, extensions=extensions)

    def self_signed_server(self, name, subject):
        """A server certificate that is nobody's but its own, and no CA."""
        self._make(name, subject, "self_signed_server")

    def chain(self, name, *parts):
        """NAME.pem with several certificates, the leaf first; NAME.key is the leaf's."""
        with open(self.pem(name), "w") as out:
            for part in parts:
                with open(self.pem(part)) as pem:
                    out.write(pem.read())
        shutil.copyfile(self.key(parts[0]), self.key(name))

    def trusted(self, name, certificate, *settings):
        """A TRUSTED CERTIFICATE: `settings` as of `openssl x509`, -addtrust and -addreject."""
        self.run("x509", "-in", self.pem(certificate), "-trustout", *settings,
                 "-out", self.pem(name))

    def other_signature(self, name, certificate):
        """The same certificate with the other ECDSA signature that its issuer's key verifies:
        (r, n - s) instead of (r, s)."""
        with open(self.pem(certificate)) as file:
            der = ssl.PEM_cert_to_DER_cert(file.read())
        # Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }
        tbs, algorithm, signature = elements(elements(der)[0][1])
        numbers = elements(elements(signature[1][1:])[0][1])
        r, s = (int.from_bytes(content, "big") for _, content in numbers)
        pair = b"".join(element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
                        for number in (r, _P256_ORDER - s))
        signature = element(3, b"\0" + element(0x30, pair))
        der = element(0x30, element(*tbs) + element(*algorithm) + signature)
        with open(self.pem(name), "w") as out:
            out.write(ssl.DER_cert_to_PEM_cert(der))

    def _make(self, name, subject, kind, issuer=None, like=None, string_mask="utf8only",
              dates=None, extensions=""):
        if like:
            shutil.copyfile(self.key(like), self.key(name))
        else:
            self.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-out", self.key(name))
        config = self.path("req-%s.cnf" % string_mask)
        with open(config, "w") as out:
            out.write(_CONFIG.format(string_mask=string_mask) + "[%s]\n%s\n" % (kind, extensions))
        while True:
            if dates:
                self._make_dated(name, subject, kind, issuer, config, dates)
            else:
                signer = ["-CA", self.pem(issuer), "-CAkey", self.key(issuer)] if issuer else []
                self.run("req", "-x509", "-new", "-sha256", "-config", config, "-extensions", kind,
                         "-key", self.key(name), "-subj", subject, "-days", str(LIFETIME_DAYS),
                         "-out", self.pem(name), *signer)
            if is_signed_at_full_length(self.pem(name)):
                return

    def _make_dated(self, name, subject, kind, issuer, config, dates):
        work = self.path("ca-" + name)
        os.makedirs(work, exist_ok=True)
        open(os.path.join(work, "index.txt"), "w").close()
        ca_config = os.path.join(work, "ca.cnf")
        with open(ca_config, "w") as out:
            out.write(_CA_CONFIG.format(work=work))
        request = os.path.join(work, "request.pem")
        self.run("req", "-new", "-config", config, "-key", self.key(name), "-subj", subject,
                 "-out", request)
        signer = (["-cert", self.pem(issuer), "-keyfile", self.key(issuer)] if issuer
                  else ["-selfsign", "-keyfile", self.key(name)])
        self.run("ca", "-batch", "-notext", "-config", ca_config, "-extfile", config,
                 "-extensions", kind, "-startdate", dates[0], "-enddate", dates[1],
                 "-in", request, "-out", self.pem(name), *signer)
        shutil.rmtree(work)

    def run(self, *arguments):
        """Runs the openssl command; what it printed."""
        # A clean environment: nothing of the machine's configuration gets into the certificates.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "OPENSSL_CONF": os.devnull}
        for name in ("LD_LIBRARY_PATH", "SYSTEMROOT"):  # Windows' own libraries look for the second
            if name in os.environ:
                environment[name] = os.environ[name]
        done = subprocess.run([self.openssl, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        if done.returncode != 0:
            raise PkiError("openssl %s\n%s" % (" ".join(arguments),
                                               done.stdout.decode(errors="replace")))
        return done.stdout.decode()


def subject(common_name):
    return "/O=ostrust tests/CN=" + common_name


def make_all(directory, openssl="openssl"):
    """Everything the tests use."""
    stamp = os.path.join(directory, "made")
    if os.path.exists(stamp):
        made = os.path.getmtime(stamp)
        if time.time() - made < FRESH_SECONDS and made > os.path.getmtime(os.path.abspath(__file__)):
            return Pki(directory, openssl)
    shutil.rmtree(directory, ignore_errors=True)
    pki = Pki(directory, openssl)
    past = ("20200101000000Z", "20210101000000Z")
    future = ("20480101000000Z", "20490101000000Z")

    # Two unrelated roots and a server of each.
    pki.root("root-a", subject("Root A"))
    pki.issue("leaf-a", subject("leaf a"), "root-a")
    pki.root("root-b", subject("Root B"))
    pki.issue("leaf-b", subject("leaf b"), "root-b")
    pki.issue("leaf-a-expired", subject("leaf a, expired"), "root-a", dates=past)
    pki.issue("leaf-a-future", subject("leaf a, not yet valid"), "root-a", dates=future)

    # Root A once more: same subject, same key, another certificate.
    pki.root("root-a-reissued", subject("Root A"), like="root-a")

    # Two roots of one subject with different keys.
    for number in "12":
        pki.root("twin-" + number, subject("Twin"))
        pki.issue("leaf-twin-" + number, subject("leaf of twin " + number), "twin-" + number)

    # One name spelt in two ways that OpenSSL considers equal, with one key. The leaf names the
    # second spelling as its issuer.
    pki.root("name-utf8", "/O=Ostrust Tests/CN=Some Root Name")
    pki.root("name-printable", "/O=OSTRUST tests/CN=some   root NAME ", like="name-utf8",
             string_mask="default")
    pki.issue("leaf-name", subject("leaf of the other spelling"), "name-printable")

    # An intermediate; a server that sends it and a server that does not.
    pki.issue("int-a", subject("Intermediate of A"), "root-a", kind="intermediate")
    pki.issue("leaf-int", subject("leaf of the intermediate"), "int-a")
    pki.chain("leaf-int-chain", "leaf-int", "int-a")
    pki.chain("leaf-int-root", "leaf-int", "int-a", "root-a")
    pki.trusted("int-a-trusted", "int-a", "-addtrust", "serverAuth")

    # A server certificate that signs itself.
    pki.self_signed_server("leaf-self", subject("self-signed leaf"))

    # A root that is over, and a leaf of it that is not.
    pki.root("root-old", subject("Old Root"), dates=past)
    pki.issue("leaf-old", subject("leaf of the old root"), "root-old")

    # A root with limits, spelt in both ways, and what is below it.
    pki.root("root-mail", subject("Mail Root"))
    pki.issue("leaf-mail", subject("a mail address"), "root-mail", kind="mail")
    pki.issue("leaf-mail-server", subject("a server below the mail root"), "root-mail")
    pki.trusted("root-mail-trust", "root-mail", "-addtrust", "emailProtection")
    pki.trusted("root-mail-reject", "root-mail", "-addreject", "serverAuth")

    # A root that says itself that it is for mail, and that the system trusts for servers, too.
    pki.root("root-own-mail", subject("Root of its own purpose"), kind="mail_root")
    pki.issue("leaf-own-mail-server", subject("a server below it"), "root-own-mail")
    pki.trusted("root-own-mail-trust", "root-own-mail", "-addtrust", "serverAuth", "-addtrust",
                "emailProtection")

    # Clients of the two unrelated roots.
    for letter in "ab":
        pki.issue("client-" + letter, subject("client " + letter), "root-" + letter, kind="client")

    # A server L whose chain is L, A, C, and what else it may send: B, which C signed, too; C signed by
    # U, which nobody has to trust. C as the system may have it besides: expired, and with settings.
    pki.root("chain-c", subject("Chain Root C"))
    pki.issue("chain-a", subject("Chain Intermediate A"), "chain-c", kind="intermediate")
    pki.issue("chain-b", subject("Chain Intermediate B"), "chain-c", kind="intermediate")
    pki.issue("chain-l", subject("chain leaf"), "chain-a")
    pki.root("chain-u", subject("Chain Root U"))
    pki.issue("chain-c-crossed", subject("Chain Root C"), "chain-u", kind="authority",
              like="chain-c")
    pki.root("chain-c-expired", subject("Chain Root C"), like="chain-c", dates=past)
    pki.trusted("chain-c-trusted", "chain-c", "-addtrust", "serverAuth")
    for sent in itertools.permutations("abc"):
        pki.chain("chain-l" + "".join(sent), "chain-l", *("chain-" + name for name in sent))
    pki.chain("chain-lab", "chain-l", "chain-a", "chain-b")
    pki.chain("chain-la-expired", "chain-l", "chain-a", "chain-c-expired")
    pki.chain("chain-la-crossed", "chain-l", "chain-a", "chain-c-crossed")
    pki.chain("chain-la-crossed-c", "chain-l", "chain-a", "chain-c-crossed", "chain-c")
    pki.chain("chain-lac-crossed", "chain-l", "chain-a", "chain-c", "chain-c-crossed")

    # What the system distrusts: refused for every purpose. And limits of Root A's.
    for name in ("root-a", "root-mail", "int-a"):
        pki.trusted(name + "-distrusted", name, "-addreject", "anyExtendedKeyUsage")
    pki.trusted("root-a-client-only", "root-a", "-addtrust", "clientAuth")
    pki.trusted("root-a-server-only", "root-a", "-addtrust", "serverAuth")
    pki.trusted("root-a-not-for-servers", "root-a", "-addreject", "serverAuth")
    pki.trusted("root-a-mail-only", "root-a", "-addtrust", "emailProtection")
    pki.trusted("int-a-not-for-servers", "int-a", "-addreject", "serverAuth")
    # For the double of a system's verifier (test/doubles): revoked, at depths 0 and 1.
    for depth in "01":
        pki.issue("leaf-os-verdict-" + depth, subject("os verdict 5 %s." % depth), "root-a")
    pki.issue("leaf-os-verdict-several", subject("os verdict 5 0 7 1 24 9."), "root-a")
    pki.issue("client-os-verdict", subject("os verdict 5 0."), "root-a", kind="client")
    pki.issue("int-a-renewed", subject("Intermediate of A"), "root-a", kind="intermediate", like="int-a")
    pki.issue("root-a-by-b", subject("Root A"), "root-b", kind="root", like="root-a")
    pki.other_signature("int-a-other-signature", "int-a")

    _make_for_proxies(pki)
    _make_for_policy(pki)

    open(stamp, "w").close()
    return pki


# What a proxy's root that RFC 5280 (4.2.1) does not allow has instead of what it must have, by its name.
PROXY_ROOTS = {
    "plain": "",
    "not-critical": "keyUsage = critical,keyCertSign\nsubjectKeyIdentifier = hash",
    "no-key-usage": "basicConstraints = critical,CA:TRUE\nsubjectKeyIdentifier = hash",
    "no-key-identifier": "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign",
}


def _make_for_proxies(pki):
    """Roots and servers as proxies that intercept TLS make them: one without anything but CA:TRUE, whose server's
    certificate does not say by which key it was signed; and such that lack one thing."""
    for name, extensions in PROXY_ROOTS.items():
        pki.root("root-proxy-" + name, subject("Proxy Root, " + name), kind="proxy_root", extensions=extensions)
        identifier = "keyid:always" if "hash" in extensions else "DER:30:03:80:01:01" if extensions else "none"
        pki.issue("leaf-proxy-" + name, subject("leaf of the proxy"), "root-proxy-" + name,
                  extensions="authorityKeyIdentifier = " + identifier)


def _make_for_policy(pki):
    """Chains of two, three and four below one root, for the policy of p11-kit (p11kit_scenarios.py): leaves from before
    and after POLICY_DATE, and an intermediate that was renewed, with its key, after it."""
    pki.root("policy-root", subject("Policy Root"), dates=BEFORE)
    pki.root("policy-root-reissued", subject("Policy Root"), like="policy-root", dates=BEFORE)
    pki.issue("policy-upper", subject("Policy Upper"), "policy-root", kind="authority", dates=BEFORE)
    pki.issue("policy-upper-renewed", subject("Policy Upper"), "policy-root", kind="authority",
              like="policy-upper", dates=AFTER)
    pki.issue("policy-lower", subject("Policy Lower"), "policy-upper", kind="intermediate",
              dates=BEFORE)
    above = {2: ("policy-root", ()), 3: ("policy-upper", ("policy-upper",)),
             4: ("policy-lower", ("policy-lower", "policy-upper"))}
    for length, (issuer, others) in above.items():
        for when, dates in (("before", BEFORE), ("after", AFTER)):
            leaf = "policy-leaf-%d-%s" % (length, when)
            pki.issue(leaf, subject("policy leaf"), issuer, dates=dates)
            pki.chain("policy-%d-%s" % (length, when), leaf, *others)
            if others:
                pki.chain("policy-%d-%s-renewed" % (length, when), leaf, *others[:-1],
                          "policy-upper-renewed")
    pki.issue("policy-leaf-2-at", subject("policy leaf"), "policy-root", dates=AT)
    pki.chain("policy-2-at", "policy-leaf-2-at")
    pki.issue("policy-leaf-client", subject("policy client"), "policy-upper", kind="client",
              dates=AFTER)
    pki.chain("policy-3-client", "policy-leaf-client", "policy-upper")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_all(sys.argv[1])


if __name__ == "__main__":
    main()
