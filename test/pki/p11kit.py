"""Policy of p11-kit's trust module, as the tests write it.

    policy = p11kit.Policy(directory)          # what `trust-source = p11-kit:DIRECTORY` names
    policy.anchor(pki.pem("root-a"))           # a PEM file in anchors/
    policy.block(pki.pem("int-a"))             # and in blocklist/
    policy.write("limits", p11kit.stapled_usages(pki.pem("root-a"), p11kit.SERVER_AUTH))

The functions make one object each, in the format of p11-kit's trust/persist.c, of a certificate in a PEM
file. Standard library only.
"""
import base64
import collections
import os
import shutil
import ssl
import textwrap
import urllib.parse

from pki import element, elements

SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
# An extended key usage cannot be empty: p11-kit writes this one for "nothing at all".
RESERVED_PURPOSE = "1.3.6.1.4.1.3319.6.10.16"

BASIC_CONSTRAINTS = "2.5.29.19"
NAME_CONSTRAINTS = "2.5.29.30"
EXTENDED_KEY_USAGE = "2.5.29.37"
OPENSSL_REJECT = "1.3.6.1.4.1.3319.6.10.1"

_HEADER = "[p11-kit-object-v1]\n"
_BOOLEAN, _INTEGER, _OCTET_STRING, _OBJECT_IDENTIFIER, _SEQUENCE = 1, 2, 4, 6, 0x30

# What PKCS#11 knows of a certificate, in DER.
Fields = collections.namedtuple("Fields", "value serial issuer public_key")


def fields(path):
    """The fields of the first certificate of a PEM file."""
    with open(path) as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    return fields_of(ssl.PEM_cert_to_DER_cert(text[:text.index(end)] + end))


def fields_of(der):
    # TBSCertificate ::= SEQUENCE { [0] version DEFAULT v1, serialNumber, signature, issuer, validity, subject,
    #                              subjectPublicKeyInfo, ... }
    parts = elements(elements(elements(der)[0][1])[0][1])
    if parts[0][0] == 0xa0:
        parts = parts[1:]
    return Fields(der, element(*parts[0]), element(*parts[2]), element(*parts[5]))


def oid(dotted):
    """The DER of an object identifier."""
    first, second, *others = map(int, dotted.split("."))
    content = b""
    for number in [40 * first + second] + others:
        octets = [number & 127]
        while number > 127:
            number >>= 7
            octets.insert(0, number & 127 | 128)
        content += bytes(octets)
    return element(_OBJECT_IDENTIFIER, content)


def extension_der(kind, value, critical=True):
    """Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }"""
    flag = element(_BOOLEAN, b"\xff") if critical else b""
    return element(_SEQUENCE, oid(kind) + flag + element(_OCTET_STRING, value))


def usages_der(*purposes):
    """ExtKeyUsageSyntax, which is also the form of OpenSSL's reject extension."""
    return element(_SEQUENCE, b"".join(map(oid, purposes)))


# --- objects ---------------------------------------------------------------------------------------

def _pem(kind, der):
    text = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (kind, text, kind)


def _object(attributes, pem=""):
    lines = []
    for name, value in attributes.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, bytes):
            value = '"%s"' % urllib.parse.quote(value, safe=" ")
        lines.append("%s: %s\n" % (name.replace("_", "-"), value))
    return _HEADER + "".join(lines) + pem + "\n"


def certificate(path, **attributes):
    """A certificate with attributes of p11-kit's, as in trusted=True, x_distrusted=True,
    nss_server_distrust_after=b"240101000000Z" (or False)."""
    return certificate_object(fields(path).value, **attributes)


def certificate_object(der, **attributes):
    return _object(attributes, _pem("CERTIFICATE", der))


def distrusted_serial(path):
    """The issuer and the serial number of a certificate are distrusted; the certificate is not there."""
    of = fields(path)
    return _object({"class": "certificate", "certificate-type": "x-509", "issuer": of.issuer,
                    "serial-number": of.serial, "x-distrusted": True})


def distrusted_key(path):
    """Whatever has the public key of a certificate is distrusted; no certificate is there."""
    return _object({"class": "certificate", "certificate-type": "x-509", "x-distrusted": True},
                   _pem("PUBLIC KEY", fields(path).public_key))


def stapled(path, kind, value, critical=True):
    """An extension that is attached to the public key of a certificate. `value`: as in the certificate,
    without the OCTET STRING."""
    return stapled_object(fields(path).public_key, kind, value, critical)


def stapled_object(public_key, kind, value, critical=True, **attributes):
    return _object(dict({"class": "x-certificate-extension", "object-id": kind,
                         "value": extension_der(kind, value, critical)}, **attributes),
                   _pem("PUBLIC KEY", public_key))


def stapled_usages(path, *purposes):
    return stapled(path, EXTENDED_KEY_USAGE, usages_der(*purposes))


def stapled_rejection(path, *purposes):
    return stapled(path, OPENSSL_REJECT, usages_der(*purposes), critical=False)


def stapled_name_constraints(path, permitted=(), excluded=()):
    """`permitted`, `excluded`: DNS names."""
    def subtrees(tag, names):
        # GeneralSubtree ::= SEQUENCE { base GeneralName: dNSName [2] }
        trees = (element(_SEQUENCE, element(0x82, name.encode())) for name in names)
        return element(tag, b"".join(trees)) if names else b""
    return stapled(path, NAME_CONSTRAINTS,
                   element(_SEQUENCE, subtrees(0xa0, permitted) + subtrees(0xa1, excluded)))


def stapled_basic_constraints(path, authority, path_length=None):
    content = element(_BOOLEAN, b"\xff") if authority else b""
    if path_length is not None:
        content += element(_INTEGER, bytes([path_length]))
    return stapled(path, BASIC_CONSTRAINTS, element(_SEQUENCE, content))


# --- directories -----------------------------------------------------------------------------------

class Policy:
    """A directory as p11-kit's module reads it: files, anchors/ and blocklist/. A certificate in anchors/ is
    trusted and one in blocklist/ distrusted whatever its object says; elsewhere the object decides."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        for place in ("anchors", "blocklist"):
            os.makedirs(os.path.join(self.directory, place), exist_ok=True)

    def write(self, name, *objects, place=""):
        """Makes NAME.p11-kit of these objects."""
        with open(os.path.join(self.directory, place, name + ".p11-kit"), "w") as out:
            out.write("".join(objects))

    def anchor(self, *paths):
        self._copy("anchors", paths)

    def block(self, *paths):
        self._copy("blocklist", paths)

    def _copy(self, place, paths):
        for path in paths:
            shutil.copy(path, os.path.join(self.directory, place))

    @property
    def parameters(self):
        """What makes p11-kit's module read this directory and nothing else."""
        return "paths='%s'" % self.directory

