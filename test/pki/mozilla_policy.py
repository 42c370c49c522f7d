#!/usr/bin/env python3
"""Mozilla's list of roots as policy of p11-kit, laid out as Fedora has it.

    mozilla_policy.py OUTDIR [--nssckbi PATH]

makes OUTDIR/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit and OUTDIR/etc/pki/ca-trust/source, both with
anchors/ and blocklist/, from libnssckbi.so: NSS's list as a PKCS#11 module, in which trust has an object of its own.
What it is converted to is what Fedora's ca-certificates makes of NSS's certdata.txt. Standard library only.
"""
import argparse
import collections
import os
import sys

import p11kit
import pkcs11

# The purposes that NSS's list has something to say about, in the order in which Fedora writes them.
_PURPOSES = ((pkcs11.CKA_NSS_TRUST_EMAIL_PROTECTION, p11kit.EMAIL_PROTECTION),
             (pkcs11.CKA_NSS_TRUST_SERVER_AUTH, p11kit.SERVER_AUTH),
             (pkcs11.CKA_NSS_TRUST_CODE_SIGNING, p11kit.CODE_SIGNING))
_DATES = {"nss-server-distrust-after": pkcs11.CKA_NSS_SERVER_DISTRUST_AFTER,
          "nss-email-distrust-after": pkcs11.CKA_NSS_EMAIL_DISTRUST_AFTER}

SYSTEM = "usr/share/pki/ca-trust-source"
LOCAL = "etc/pki/ca-trust/source"

# What NSS says of one certificate. `trusted`: for these purposes. `dates`: {attribute: bytes, or False}.
Root = collections.namedtuple("Root", "label value trusted distrusted dates")


def read(path):
    """The Roots of a libnssckbi.so."""
    identity = [pkcs11.CKA_ISSUER, pkcs11.CKA_SERIAL_NUMBER]
    with pkcs11.Module(path) as module:
        certificates = module.objects(pkcs11.CKO_CERTIFICATE,
                                      identity + [pkcs11.CKA_VALUE, *_DATES.values()])
        trusts = module.objects(pkcs11.CKO_NSS_TRUST, identity + [pkcs11.CKA_LABEL] +
                                [attribute for attribute, _ in _PURPOSES])
    of = {tuple(one[kind] for kind in identity): one for one in certificates}
    roots = []
    for trust in trusts:
        certificate = of[tuple(trust[kind] for kind in identity)]
        # Some of NSS's labels end in a NUL.
        label = trust[pkcs11.CKA_LABEL].rstrip(b"\0")
        dates = {name: certificate[kind] if len(certificate[kind]) > 1 else False
                 for name, kind in _DATES.items() if kind in certificate}
        roots.append(Root(label, certificate[pkcs11.CKA_VALUE],
                          _those(trust, pkcs11.CKT_NSS_TRUSTED_DELEGATOR),
                          bool(_those(trust, pkcs11.CKT_NSS_NOT_TRUSTED)), dates))
    return roots


def _those(trust, state):
    """The purposes for which this is NSS's trust."""
    return tuple(purpose for kind, purpose in _PURPOSES
                 if kind in trust and pkcs11.number(trust[kind]) == state)


def objects_of(root):
    """The objects that Fedora has for a Root."""
    key = p11kit.fields_of(root.value).public_key
    found = []

    def staple(kind, purposes, critical):
        found.append(p11kit.stapled_object(key, kind, p11kit.usages_der(*purposes), critical,
                                           label=root.label, modifiable=False))

    if root.distrusted:
        staple(p11kit.OPENSSL_REJECT, [purpose for _, purpose in _PURPOSES], critical=False)
    if root.distrusted or root.trusted:
        staple(p11kit.EXTENDED_KEY_USAGE, root.trusted or (p11kit.RESERVED_PURPOSE,), critical=True)
    flag = {"x-distrusted": True} if root.distrusted else {"trusted": bool(root.trusted)}
    return found + [p11kit.certificate_object(root.value, label=root.label, modifiable=False,
                                              nss_mozilla_ca_policy=True, **flag, **root.dates)]


def write(roots, directory):
    """Fills `directory`; the answer is the Policy with the list in it."""
    p11kit.Policy(os.path.join(directory, LOCAL))
    policy = p11kit.Policy(os.path.join(directory, SYSTEM))
    policy.write("ca-bundle.trust", *(text for root in roots for text in objects_of(root)))
    return policy


def summary(roots):
    anchors = [root for root in roots if root.trusted and not root.distrusted]
    return {"entries": len(roots), "anchors": len(anchors),
            "for servers": sum(p11kit.SERVER_AUTH in root.trusted for root in anchors),
            "for mail only": sum(root.trusted == (p11kit.EMAIL_PROTECTION,) for root in anchors),
            "with a date for servers": sum(bool(root.dates.get("nss-server-distrust-after"))
                                           for root in anchors),
            "with a date for mail": sum(bool(root.dates.get("nss-email-distrust-after"))
                                        for root in anchors),
            "distrusted": sum(root.distrusted for root in roots),
            "neither": sum(not root.trusted and not root.distrusted for root in roots)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("directory", metavar="OUTDIR")
    parser.add_argument("--nssckbi", metavar="PATH", default=pkcs11.find_module("libnssckbi.so"),
                        help="NSS's list; without this, the one of the package libnss3")
    arguments = parser.parse_args()
    if not arguments.nssckbi:
        sys.exit("there is no libnssckbi.so (Debian: libnss3)")
    roots = read(arguments.nssckbi)
    write(roots, arguments.directory)
    for what, count in summary(roots).items():
        print("%4d %s" % (count, what))


if __name__ == "__main__":
    main()
