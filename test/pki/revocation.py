"""Certificates that can be revoked, the HTTP server that says whether they are, and what it says wrongly.

What a certificate authority says are CRLs (RFC 5280 section 5) and OCSP responses (RFC 6960), written here element by
element, because no command makes one that is over, that is not due yet, or that somebody else has signed. CRLS and
RESPONSES have every kind by its name. A leaf names the kinds that its own URLs answer with:

    world = Revocable(pki, RevocationServer())
    world.leaf("some-leaf", crl="expired", ocsp="good", staple="revoked")

Python's standard library only, 3.8 or later. Needs the openssl command.
"""
import atexit
import base64
import binascii
import collections
import hashlib
import os
import re
import subprocess
import time
import urllib.parse

from ca_issuers import CaIssuers, answers, der_of, path_of
from pki import element, elements, is_full_length, subject

HOUR, DAY = 3600, 24 * 3600  # seconds; times are given relative to when this module was loaded
_NOW = int(time.time())

GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
CERTIFICATE_HOLD, REMOVE_FROM_CRL = 6, 8  # CRLReason
MALFORMED, TRY_LATER, UNAUTHORIZED = 1, 3, 6  # OCSPResponseStatus
OF_A_KIND = 20000  # how many others the CRL "others" has revoked


# --- DER -------------------------------------------------------------------------------------------

def sequence(*parts):
    return element(0x30, b"".join(parts))


def integer(number):
    return element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *others = map(int, dotted.split("."))
    octets = [40 * first + second]
    for number in others:
        groups = [number & 127]
        while number > 127:
            number >>= 7
            groups.insert(0, 128 | number & 127)
        octets += groups
    return element(6, bytes(octets))


def octets(content):
    return element(4, content)


def from_now(seconds):
    """So many seconds from now, as such a time."""
    return int(time.time()) - _NOW + seconds


def moment(seconds):
    """Such a time, as GeneralizedTime."""
    return element(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(_NOW + seconds)).encode())


def crl_moment(seconds):
    """Such a time as CRLs have it: UTCTime until 2049."""
    return element(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(_NOW + seconds)).encode())


def extension(dotted, content, critical=False):
    return sequence(oid(dotted), element(1, b"\xff") if critical else b"", octets(content))


TRUE = b"\xff"
_NULL = element(5, b"")
_ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
_DIGESTS = {"sha1": sequence(oid("1.3.14.3.2.26"), _NULL),
            "sha256": sequence(oid("2.16.840.1.101.3.4.2.1"), _NULL)}


class Certificate:
    """What others have to know of a certificate in the directory of a Pki."""

    def __init__(self, pki, name):
        self.pki = pki
        self.name = name
        self.der = der_of(pki.pem(name))
        # Certificate ::= SEQUENCE { TBSCertificate, ... }; TBSCertificate ::= SEQUENCE { [0] version, serialNumber,
        # signature, issuer, validity, subject, subjectPublicKeyInfo, ... }
        fields = elements(elements(elements(self.der)[0][1])[0][1])
        self.serial = int.from_bytes(fields[1][1], "big")
        self.subject = element(*fields[5])
        self.public_key = elements(fields[6][1])[1][1][1:]  # the bits of the BIT STRING

    def key_id(self, digest="sha1"):
        return hashlib.new(digest, self.public_key).digest()

    def signed(self, to_be_signed):
        """The rest of a SEQUENCE that this certificate's key has signed."""
        signature = None
        while signature is None or not is_full_length(signature):
            signature = subprocess.run([self.pki.openssl, "dgst", "-sha256", "-sign", self.pki.key(self.name)],
                                       env={"PATH": os.environ.get("PATH", os.defpath), "OPENSSL_CONF": os.devnull},
                                       input=to_be_signed, stdout=subprocess.PIPE, check=True).stdout
        return to_be_signed + _ECDSA_SHA256 + element(3, b"\0" + signature)


class CertificateId(collections.namedtuple("CertificateId", "algorithm name_hash key_hash serial")):
    """Which certificate OCSP talks about. `algorithm` is DER, the hashes are bytes."""

    @classmethod
    def read(cls, content):
        algorithm, name_hash, key_hash, serial = elements(content)
        return cls(element(*algorithm), name_hash[1], key_hash[1], int.from_bytes(serial[1], "big"))

    def der(self):
        return sequence(self.algorithm, octets(self.name_hash), octets(self.key_hash), integer(self.serial))


# --- what an authority says ------------------------------------------------------------------------

class Authority(Certificate):
    """A CA. `signer`: the name of the certificate whose key signs instead of the CA's."""

    def certificate_id(self, serial, digest="sha1"):
        return CertificateId(_DIGESTS[digest], hashlib.new(digest, self.subject).digest(), self.key_id(digest),
                             serial)

    def _signed(self, to_be_signed, signer):
        return (Certificate(self.pki, signer) if signer else self).signed(to_be_signed)

    def crl(self, *entries, times=(-HOUR, DAY), number=1, extensions=(), signer=None):
        """A CertificateList of these entry()s. `times`: thisUpdate and nextUpdate, which may be None."""
        this_update, next_update = times
        every = [extension("2.5.29.35", sequence(element(0x80, self.key_id()))),
                 extension("2.5.29.20", integer(number)), *extensions]
        return sequence(self._signed(sequence(
            integer(1), _ECDSA_SHA256, self.subject, crl_moment(this_update),
            b"" if next_update is None else crl_moment(next_update),
            sequence(*entries) if entries else b"",
            element(0xA0, sequence(*every))), signer))

    def response(self, *singles, signer=None, sent=(), by_name=False, extensions=()):
        """An OCSPResponse with these single()s. `sent`: names of certificates that are sent along."""
        responder = Certificate(self.pki, signer or self.name)
        responder_id = element(0xA1, responder.subject) if by_name else element(0xA2, octets(responder.key_id()))
        data = sequence(responder_id, moment(-HOUR), sequence(*singles),
                        element(0xA1, sequence(*extensions)) if extensions else b"")
        certificates = sequence(*(Certificate(self.pki, name).der for name in sent))
        return ocsp_response(0, sequence(self._signed(data, signer), element(0xA0, certificates) if sent else b""))


def entry(serial, reason=None, issuer=None, extensions=()):
    """An element of revokedCertificates. `issuer`: a Name in DER, whose certificate it is."""
    every = list(extensions)
    if reason is not None:
        every.append(extension("2.5.29.21", element(10, bytes([reason]))))
    if issuer is not None:
        every.append(extension("2.5.29.29", sequence(element(0xA4, issuer)), critical=True))
    return sequence(integer(serial), crl_moment(-DAY), sequence(*every) if every else b"")


def distribution_point(url):
    """The DistributionPointName that is one URL."""
    return element(0xA0, element(0xA0, element(0x86, url.encode())))


def issuing_distribution_point(*fields):
    return extension("2.5.29.28", sequence(*fields), critical=True)


def single(about, status=GOOD, times=(-HOUR, DAY), extensions=()):
    """A SingleResponse about a CertificateId. `times`: thisUpdate and nextUpdate, which may be None."""
    this_update, next_update = times
    said = {GOOD: element(0x80, b""), REVOKED: element(0xA1, moment(-DAY)), UNKNOWN: element(0x82, b"")}[status]
    return sequence(about.der(), said, moment(this_update),
                    b"" if next_update is None else element(0xA0, moment(next_update)),
                    element(0xA1, sequence(*extensions)) if extensions else b"")


def ocsp_response(status, basic=None):
    """An OCSPResponse; without a BasicOCSPResponse it is an error."""
    return sequence(element(10, bytes([status])), b"" if basic is None else element(
        0xA0, sequence(oid("1.3.6.1.5.5.7.48.1.1"), octets(basic))))


_NONCE = extension("1.3.6.1.5.5.7.48.1.2", octets(b"0123456789abcdef"))
_UNKNOWN_EXTENSION = extension("1.3.6.1.4.1.55555.1", _NULL, critical=True)
DELTA = extension("2.5.29.27", integer(1), critical=True)  # to the CRL with number 1
_OVER, _NOT_YET = (-2 * DAY, -DAY), (DAY, 2 * DAY)


def _tampered(ca, about):
    """"Revoked" that became "good": a tag and a length are what differs, and the lengths around it."""
    revoked, good = ca.response(single(about, REVOKED)), ca.response(single(about))
    basic = [elements(elements(elements(elements(elements(der)[0][1])[1][1])[0][1])[1][1])[0]
             for der in (revoked, good)]
    _, algorithm, signature = elements(basic[0][1])
    return ocsp_response(0, sequence(element(*elements(basic[1][1])[0]), element(*algorithm), element(*signature)))


def _tampered_crl(ca, leaf):
    """One in which another serial number took the leaf's place."""
    return ca.crl(entry(leaf.serial)).replace(integer(leaf.serial), integer(leaf.serial ^ 1))


# P-256: the field's prime, the coefficients, the order.
_P256 = (0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff,
         0xffffffff00000001000000000000000000000000fffffffffffffffffffffffc,
         0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b,
         0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551)


def impostor_by_point(certificate):
    """A certificate with the name and the public point of another one, on P-256 with this point as the generator: the
    private key is 1. Nobody signed it, and its subjectKeyIdentifier is another."""
    prime, a, b, order = _P256
    point = certificate.public_key
    curve = sequence(integer(1), sequence(oid("1.2.840.10045.1.1"), integer(prime)),
                     sequence(octets(a.to_bytes(32, "big")), octets(b.to_bytes(32, "big"))), octets(point),
                     integer(order), integer(1))
    to_be_signed, *rest = elements(elements(certificate.der)[0][1])
    fields = elements(to_be_signed[1])
    fields[6] = (0x30, sequence(oid("1.2.840.10045.2.1"), curve) + element(3, b"\0" + point))
    made = b"".join(element(*field) for field in fields)
    return sequence(element(0x30, made.replace(octets(certificate.key_id()), octets(bytes(20)))),
                    *(element(*one) for one in rest))


def forged_by_point(crl, certificate):
    """A list with the signature that the key of impostor_by_point() makes; the random number is 1, too."""
    to_be_signed, algorithm, _ = elements(elements(crl)[0][1])
    r = int.from_bytes(certificate.public_key[1:33], "big") % _P256[3]
    digest = int.from_bytes(hashlib.sha256(element(*to_be_signed)).digest(), "big")
    return sequence(element(*to_be_signed), element(*algorithm), element(
        3, b"\0" + sequence(integer(r), integer((digest + r) % _P256[3]))))


# {kind: function of the authority and of what was asked about (CertificateId), to an OCSPResponse}
RESPONSES = collections.OrderedDict((
    ("good", lambda ca, about: ca.response(single(about))),
    ("revoked", lambda ca, about: ca.response(single(about, REVOKED))),
    ("unknown", lambda ca, about: ca.response(single(about, UNKNOWN))),
    ("expired", lambda ca, about: ca.response(single(about, times=_OVER))),
    ("expired revoked", lambda ca, about: ca.response(single(about, REVOKED, _OVER))),
    ("future", lambda ca, about: ca.response(single(about, times=_NOT_YET))),
    ("future revoked", lambda ca, about: ca.response(single(about, REVOKED, _NOT_YET))),
    ("without nextUpdate", lambda ca, about: ca.response(single(about, times=(-HOUR, None)))),
    ("revoked without nextUpdate", lambda ca, about: ca.response(single(about, REVOKED, (-HOUR, None)))),
    ("by name", lambda ca, about: ca.response(single(about), by_name=True)),
    ("delegated", lambda ca, about: ca.response(single(about), signer="delegate", sent=["delegate"])),
    ("delegated revoked", lambda ca, about: ca.response(single(about, REVOKED), signer="delegate", sent=["delegate"])),
    ("delegated, not sent", lambda ca, about: ca.response(single(about), signer="delegate")),
    ("delegated without usage", lambda ca, about: ca.response(single(about), signer="delegate-server",
                                                              sent=["delegate-server"])),
    ("delegated without usage, revoked", lambda ca, about: ca.response(
        single(about, REVOKED), signer="delegate-server", sent=["delegate-server"])),
    ("delegated by another", lambda ca, about: ca.response(single(about), signer="delegate-other",
                                                           sent=["delegate-other", "int-other"])),
    ("delegated by the root", lambda ca, about: ca.response(single(about), signer="delegate-root",
                                                            sent=["delegate-root"])),
    ("delegated and over", lambda ca, about: ca.response(single(about), signer="delegate-over",
                                                         sent=["delegate-over"])),
    ("impostor", lambda ca, about: ca.response(single(about), signer="impostor", sent=["impostor"], by_name=True)),
    ("impostor revoked", lambda ca, about: ca.response(single(about, REVOKED), signer="impostor", sent=["impostor"],
                                                       by_name=True)),
    ("tampered", _tampered),
    ("another serial", lambda ca, about: ca.response(single(about._replace(serial=about.serial ^ 1)))),
    ("another serial revoked", lambda ca, about: ca.response(single(about._replace(serial=about.serial ^ 1),
                                                                    REVOKED))),
    ("another issuer", lambda ca, about: ca.response(single(
        Authority(ca.pki, "int-other").certificate_id(about.serial)))),
    ("another key", lambda ca, about: ca.response(single(about._replace(key_hash=bytes(20))))),
    ("nonce", lambda ca, about: ca.response(single(about), extensions=[_NONCE])),
    ("sha256", lambda ca, about: ca.response(single(ca.certificate_id(about.serial, "sha256")))),
    ("sha256 revoked", lambda ca, about: ca.response(single(ca.certificate_id(about.serial, "sha256"), REVOKED))),
    ("several", lambda ca, about: ca.response(single(about._replace(serial=1), REVOKED), single(about),
                                              single(about._replace(serial=2), REVOKED))),
    ("several revoked", lambda ca, about: ca.response(single(about._replace(serial=1)), single(about, REVOKED),
                                                      single(about._replace(serial=2)))),
    ("good and revoked", lambda ca, about: ca.response(single(about), single(about, REVOKED))),
    ("none", lambda ca, about: ca.response()),
    ("critical extension", lambda ca, about: ca.response(single(about), extensions=[_UNKNOWN_EXTENSION])),
    ("critical single extension", lambda ca, about: ca.response(single(about, extensions=[_UNKNOWN_EXTENSION]))),
    ("huge", lambda ca, about: ca.response(single(about), extensions=[
        extension("1.3.6.1.4.1.55555.2", octets(bytes(4 << 20)))])),
    ("tryLater", lambda ca, about: ocsp_response(TRY_LATER)),
    ("unauthorized", lambda ca, about: ocsp_response(UNAUTHORIZED)),
    ("successful, and nothing", lambda ca, about: ocsp_response(0)),
    ("garbage inside", lambda ca, about: ocsp_response(0, b"\x30\x82\xff\xffgarbage")),
    ("garbage", lambda ca, about: b"\x30\x82\xff\xffgarbage"),
    ("empty", lambda ca, about: b""),
    ("more behind", lambda ca, about: ca.response(single(about)) + b"garbage"),
    ("cut off", lambda ca, about: ca.response(single(about))[:-1]),
))

# {kind: function of the authority and of the certificate that has the URL (a Leaf), to a CertificateList}
CRLS = collections.OrderedDict((
    ("good", lambda ca, leaf: ca.crl()),
    ("revoked", lambda ca, leaf: ca.crl(entry(leaf.serial))),
    ("others", lambda ca, leaf: ca.crl(*(entry(number) for number in range(1, OF_A_KIND)))),
    ("revoked among others", lambda ca, leaf: ca.crl(*(entry(number) for number in range(1, OF_A_KIND)),
                                                     entry(leaf.serial))),
    ("expired", lambda ca, leaf: ca.crl(times=_OVER)),
    ("expired revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), times=_OVER)),
    ("future", lambda ca, leaf: ca.crl(times=_NOT_YET)),
    ("future revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), times=_NOT_YET)),
    ("without nextUpdate", lambda ca, leaf: ca.crl(times=(-HOUR, None))),
    ("revoked without nextUpdate", lambda ca, leaf: ca.crl(entry(leaf.serial), times=(-HOUR, None))),
    ("impostor", lambda ca, leaf: ca.crl(signer="impostor")),
    ("impostor revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), signer="impostor")),
    ("tampered", _tampered_crl),
    ("another issuer", lambda ca, leaf: Authority(ca.pki, "int-other").crl()),
    ("another issuer revoked", lambda ca, leaf: Authority(ca.pki, "int-other").crl(entry(leaf.serial))),
    ("empty", lambda ca, leaf: b""),
    ("PEM", lambda ca, leaf: (b"-----BEGIN X509 CRL-----\n" + base64.encodebytes(ca.crl()) +
                              b"-----END X509 CRL-----\n")),
    ("garbage", lambda ca, leaf: b"\x30\x82\xff\xffgarbage"),
    ("cut off", lambda ca, leaf: ca.crl()[:-1]),
    ("partition", lambda ca, leaf: ca.crl(extensions=[issuing_distribution_point(distribution_point(leaf.crl_url))])),
    ("revoked in the partition", lambda ca, leaf: ca.crl(entry(leaf.serial), extensions=[
        issuing_distribution_point(distribution_point(leaf.crl_url))])),
    ("another partition", lambda ca, leaf: ca.crl(extensions=[
        issuing_distribution_point(distribution_point(leaf.crl_url + "-2"))])),
    ("users only", lambda ca, leaf: ca.crl(extensions=[issuing_distribution_point(element(0x81, TRUE))])),
    ("revoked, users only", lambda ca, leaf: ca.crl(entry(leaf.serial), extensions=[
        issuing_distribution_point(element(0x81, TRUE))])),
    ("CAs only", lambda ca, leaf: ca.crl(extensions=[issuing_distribution_point(element(0x82, TRUE))])),
    ("some reasons", lambda ca, leaf: ca.crl(extensions=[issuing_distribution_point(element(0x83, b"\x06\x40"))])),
    ("base with a delta", lambda ca, leaf: ca.crl(extensions=[extension(
        "2.5.29.46", sequence(sequence(distribution_point(leaf.crl_url + "-delta"))))])),
    ("delta", lambda ca, leaf: ca.crl(number=2, extensions=[DELTA])),
    ("delta revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), number=2, extensions=[DELTA])),
    ("delta critical", lambda ca, leaf: ca.crl(number=2, extensions=[DELTA, _UNKNOWN_EXTENSION])),
    ("delta as old", lambda ca, leaf: ca.crl(number=1, extensions=[DELTA])),
    ("delta removed", lambda ca, leaf: ca.crl(entry(leaf.serial, REMOVE_FROM_CRL), number=2, extensions=[DELTA])),
    ("delta expired revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), number=2, times=_OVER, extensions=[DELTA])),
    ("delta impostor revoked", lambda ca, leaf: ca.crl(entry(leaf.serial), number=2, extensions=[DELTA],
                                                       signer="impostor")),
    ("removed", lambda ca, leaf: ca.crl(entry(leaf.serial, REMOVE_FROM_CRL))),
    ("hold", lambda ca, leaf: ca.crl(entry(leaf.serial, CERTIFICATE_HOLD))),
    ("indirect, of another", lambda ca, leaf: ca.crl(
        entry(leaf.serial, issuer=Authority(ca.pki, "int-other").subject),
        extensions=[issuing_distribution_point(element(0x84, TRUE))])),
    ("indirect revoked", lambda ca, leaf: ca.crl(
        entry(1, issuer=Authority(ca.pki, "int-other").subject), entry(leaf.serial, issuer=ca.subject),
        extensions=[issuing_distribution_point(element(0x84, TRUE))])),
    ("critical extension", lambda ca, leaf: ca.crl(extensions=[_UNKNOWN_EXTENSION])),
    ("revoked by a critical entry", lambda ca, leaf: ca.crl(entry(leaf.serial, extensions=[_UNKNOWN_EXTENSION]))),
))


# --- the servers -----------------------------------------------------------------------------------

OCSP = "ocsp/"  # what the path of a responder begins with; a certificate's name follows


class RevocationServer(CaIssuers):
    """A CaIssuers that is a responder, too. `responders`: {path: function of a CertificateId, to a behaviour}; a
    request follows the path, or is the body (RFC 6960 appendix A.1)."""

    def __init__(self, *arguments, **keywords):
        self.responders = {}
        super().__init__(*arguments, **keywords)

    def behaviour(self, request):
        path, encoded = split(path_of(request))
        if path not in self.responders:
            return super().behaviour(request)
        try:
            about = asked_about(request.body if request.method == "POST" else unwrap(encoded))
        except (ValueError, IndexError, binascii.Error):
            return answers(ocsp_response(MALFORMED), Content_Type="application/ocsp-response")
        return self.responders[path](about)

    @property
    def asked(self):
        """What was asked for, a request for each, without what an OCSP request says."""
        return [split(path_of(request))[0] for request in self.requests]


def split(path):
    """The path of an URL of ours, and what follows."""
    ours = re.match("(?:%s)?[^/]*" % OCSP, path).group()
    return ours, path[len(ours) + 1:]


def unwrap(encoded):
    """The OCSPRequest of a GET."""
    return base64.b64decode(urllib.parse.unquote(encoded), validate=True)


def asked_about(der):
    """The one CertificateId of an OCSPRequest."""
    # OCSPRequest ::= SEQUENCE { tbsRequest SEQUENCE { [0] version, [1] requestorName, requestList, ... }, ... }
    fields = elements(elements(elements(der)[0][1])[0][1])
    requests, = (elements(content) for tag, content in fields if tag == 0x30)
    (_, request), = requests
    return CertificateId.read(elements(request)[0][1])


class StaplingServer:
    """openssl s_server with this certificate, its chain, and its OCSP response for who asks for one. It says hello to
    HTTP. Ends with this process."""

    def __init__(self, pki, name):
        self._process = subprocess.Popen(
            [pki.openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", pki.pem(name), "-key", pki.key(name),
             "-cert_chain", pki.pem(name + "-sent"), "-status_file", pki.path(name + ".ocsp"), "-www"],
            env={"PATH": os.environ.get("PATH", os.defpath), "OPENSSL_CONF": os.devnull}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        atexit.register(self.close)
        said = b""
        while not said.startswith(b"ACCEPT "):
            said = self._process.stdout.readline()
            if not said:
                raise OSError("openssl s_server did not start")
        self.port = int(said.split(b":")[-1])

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


# --- the certificates ------------------------------------------------------------------------------

class Leaf(Certificate):
    """A certificate that Revocable made."""

    def __init__(self, pki, name, issuer, crl_url):
        super().__init__(pki, name)
        self.issuer = issuer
        self.crl_url = crl_url


class Revocable:
    """Root A, which is to be trusted, intermediates below it, and leaves that are added. What their URLs answer is set
    again by serve(), and can be changed: say_crl(), say_ocsp(). The chain a server sends is NAME-sent."""

    def __init__(self, pki, server):
        self.pki = pki
        self.server = server
        self._stapling = {}
        self.leaves = {}
        pki.root("root-a", subject("Root A"))
        self.authority("int", crl="good")
        server.answers["ca-int"] = answers(der_of(pki.pem("int")))
        self.authority("int-revoked", crl="revoked")
        self.authority("int-silent")
        self.authority("int-other")
        pki.root("impostor", subject("CA int"))
        for name, issuer in (("delegate", "int"), ("delegate-other", "int-other"), ("delegate-root", "root-a")):
            pki.issue(name, subject(name), issuer, extensions="extendedKeyUsage = OCSPSigning\nnoCheck = ignored")
        pki.issue("delegate-over", subject("delegate-over"), "int", dates=("20200101000000Z", "20210101000000Z"),
                  extensions="extendedKeyUsage = OCSPSigning\nnoCheck = ignored")
        pki.issue("delegate-server", subject("delegate-server"), "int")

    def authority(self, name, crl=None):
        self._issue(name, "CA " + name, "root-a", "authority", None, crl, "")

    def leaf(self, name, ocsp=None, crl=None, delta=None, staple=None, issuer="int", kind="server", extensions=""):
        """`ocsp`, `crl` and `delta` (its freshestCRL) are kinds: what the certificate's URLs answer. None: it has no
        such URL; "": it has one, where nothing is. `staple`: what its server staples."""
        if delta is not None:
            extensions = "freshestCRL = URI:" + self.server.url("crl-" + name + "-delta")
        self._issue(name, name, issuer, kind, ocsp, crl, extensions)
        if delta:
            self.say_crl(name, delta, "-delta")
            self._remember()
        self.pki.chain(name + "-sent", name, issuer)
        if staple is not None:
            ca = Authority(self.pki, issuer)
            with open(self.pki.path(name + ".ocsp"), "wb") as out:
                out.write(RESPONSES[staple](ca, ca.certificate_id(self.leaves[name].serial)))

    def _issue(self, name, common_name, issuer, kind, ocsp, crl, extensions):
        crl_url = self.server.url("crl-" + name)
        lines = [extensions]
        if ocsp is not None:
            lines.append("authorityInfoAccess = OCSP;URI:%s,caIssuers;URI:%s" % (
                self.server.url(OCSP + name), self.server.url("ca-" + issuer)))
        if crl is not None:
            lines.append("crlDistributionPoints = URI:" + crl_url)
        self.pki.issue(name, subject(common_name), issuer, kind=kind, extensions="\n".join(lines))
        self.leaves[name] = Leaf(self.pki, name, Authority(self.pki, issuer), crl_url)
        if ocsp:
            self.say_ocsp(name, ocsp)
        if crl:
            self.say_crl(name, crl)
        self._remember()

    def _remember(self):
        self._said = dict(self.server.answers), dict(self.server.responders)

    def serve(self):
        """Everything is answered as when the certificates were made."""
        self.silence()
        self.server.answers.update(self._said[0])
        self.server.responders.update(self._said[1])
        self.server.forget()

    def silence(self):
        """Nothing is answered any more: 404."""
        self.server.answers.clear()
        self.server.responders.clear()

    def crl(self, name, kind):
        """What `kind` is for a certificate: DER."""
        leaf = self.leaves[name]
        return CRLS[kind](leaf.issuer, leaf)

    def response(self, name, kind):
        """As crl()."""
        leaf = self.leaves[name]
        return RESPONSES[kind](leaf.issuer, leaf.issuer.certificate_id(leaf.serial))

    def say_crl(self, name, kind, which=""):
        """From now on."""
        self.server.answers["crl-" + name + which] = answers(self.crl(name, kind), Content_Type="application/pkix-crl")

    def say_ocsp(self, name, kind):
        """From now on; who asks about another certificate is not answered."""
        leaf = self.leaves[name]

        def respond(about):
            ids = [leaf.issuer.certificate_id(leaf.serial, digest) for digest in _DIGESTS]
            der = RESPONSES[kind](leaf.issuer, about) if about in ids else ocsp_response(UNAUTHORIZED)
            return answers(der, Content_Type="application/ocsp-response")
        self.server.responders[OCSP + name] = respond

    def stapling(self, name):
        """The server of a leaf that has a response to staple; started when first asked for."""
        if name not in self._stapling:
            self._stapling[name] = StaplingServer(self.pki, name)
        return self._stapling[name]


MUST_STAPLE = "tlsfeature = status_request"
INDIRECT = """crlDistributionPoints = point
[point]
fullname = URI:%s,URI:%s
CRLissuer = dirName:issuer_of_the_list
[issuer_of_the_list]
O = ostrust tests
CN = CA int-other"""
NO_REVOCATION_AVAILABLE = "2.5.29.56 = DER:0500"  # RFC 9608
