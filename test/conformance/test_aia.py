#!/usr/bin/env python3
"""Real servers' certificates without the intermediates that were sent with them: what verifies with its full chain
verifies from the leaf alone once the caIssuers URLs are answered, and nothing else does.

The data is that of test_chains.py (OSTRUST_TEST_DATA):

    realchains/aia_cases.tsv    the cases, a row as in cases.tsv; the name is that of its full chain after "aia::"
    realchains/aia_map.tsv      which certificate answers which URL

The URLs are answered by a server on port 80 in a network of the test's own, where their names are those of an
address that looks public.
"""
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), room) for room in ("integration", "pki")]
import ca_issuers  # noqa: E402
import own_network  # noqa: E402
import support  # noqa: E402
import test_chains  # noqa: E402
from test_chains import DATA, HOST, LEAKS, listed, rows  # noqa: E402

CERTIFICATES = os.path.join(DATA, "realchains", "certs")
BUNDLE = os.path.join(DATA, "realchains", "certifi-cacert.pem")
UNKNOWN = "20"


def why_not():
    for name in ("aia_cases.tsv", "aia_map.tsv", "certifi-cacert.pem"):
        if DATA and not os.path.exists(os.path.join(DATA, "realchains", name)):
            return "there is no realchains/%s in %s" % (name, DATA)
    return test_chains.why_not()


def name_in(path):
    """A DNS name that the certificate is for: without a name nobody says that it is a server's."""
    done = subprocess.run([support.OPENSSL, "x509", "-in", path, "-noout", "-subject", "-nameopt", "multiline", "-ext",
                           "subjectAltName"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                          env=support.environment(os.devnull, preload=False))
    text = done.stdout.decode()
    found = re.search(r"DNS:([^\s,]+)", text) or re.search(r"commonName\s*= (\S+)", text)
    return found.group(1).replace("*", "www")


class Case:
    """A leaf, whom it must be for, and what was sent with it."""

    def __init__(self, row, intermediates):
        self.name, _expected, kind, peer, time, leaf, _none, _ocsp, self.anchors, _note = row
        path = os.path.join(CERTIFICATES, leaf)
        self.leaf = ["leaf=" + path, "time=" + time, "purpose=sslserver", "callback=store",
                     "ip=" + peer if kind == "IP" else "host=" + (peer if kind == "DNS" else name_in(path))]
        self.full = self.leaf + ["untrusted=" + os.path.join(CERTIFICATES, file) for file in intermediates]


def cases():
    """Those of a hostname or not, in the file's order."""
    sent = {row[0]: listed(row[6]) for row in rows("realchains/cases.tsv")}
    issuers = {row[0]: row[2] for row in rows("realchains/aia_map.tsv")}
    found = []
    for row in rows("realchains/aia_cases.tsv"):
        intermediates, above = sent[row[0].split("::", 1)[1]], issuers.get(row[5], "-")
        if not intermediates:
            # A server that itself forgot them: its full chain is what its issuers answer.
            while above != "-" and above not in intermediates:
                intermediates.append(above)
                above = issuers.get(above, "-")
        found.append(Case(row, intermediates))
    return found


class MissingIntermediates(support.OstrustTest):

    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.work, "cache")
        self.server = ca_issuers.CaIssuers(own_network.PUBLIC, 80)
        self.addCleanup(self.server.close)
        self.hosts = set()
        for _certificate, url, file, _ocsp in rows("realchains/aia_map.tsv"):
            parts = urllib.parse.urlsplit(url)
            if parts.scheme != "http":
                continue
            self.hosts.add(parts.hostname)
            if file != "-":
                # All the names are one server's: the host is a part of what is looked up.
                self.server.answers[parts.hostname, parts.path or "/"] = ca_issuers.answers(
                    ca_issuers.der_of(os.path.join(CERTIFICATES, file)))
        self.assertGreater(len(self.server.answers), 30)
        names = own_network.OwnFile("/etc/hosts", own_network.hosts_text(dict.fromkeys(self.hosts, own_network.PUBLIC)))
        self.addCleanup(names.restore)
        self.cases = cases()
        self.assertGreater(len(self.cases), 40)

    def anchors(self, case):
        """The path of a file with the case's anchors."""
        if case.anchors == "SYSTEM":
            return BUNDLE
        path = os.path.join(self.work, case.anchors.replace(",", "+"))
        with open(path, "w") as out:
            for file in listed(case.anchors):
                with open(os.path.join(CERTIFICATES, file)) as one:
                    out.write(one.read())
        return path

    def answers(self, kind, configuration=None):
        """{case: verify_chain's answer}. `kind`: leaf or full. `configuration`: makes one for a file of anchors; None:
        stock OpenSSL."""
        found = {}
        for anchors in sorted(set(map(self.anchors, self.cases))):
            some = [case for case in self.cases if self.anchors(case) == anchors]
            trusted = "anchors=" + ("os://" if configuration else anchors)
            done = subprocess.run(
                [HOST], input="\n".join("\t".join(getattr(case, kind) + [trusted]) for case in some).encode(),
                env=support.environment(configuration(anchors) if configuration else self.stock(), preload=False,
                                        ASAN_OPTIONS=LEAKS),
                cwd=self.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300 * support.SLOWER)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            lines = done.stdout.decode().splitlines()
            self.assertEqual(len(lines), len(some))
            found.update(zip((case.name for case in some), lines))
        return found

    def ours(self, intermediates, cache):
        return lambda anchors: self.ostrust({"trust-source": anchors, "intermediates": intermediates,
                                             "cache-dir": cache})

    def assertCompleted(self, seen, full, alone):
        """What verifies with its full chain does, with a chain as long; what does not is as stock OpenSSL has it."""
        wrong = []
        for case in self.cases:
            verdict, *more = seen[case.name].split("\t")
            if full[case.name].startswith("accepted"):
                good = verdict == "accepted" and len(more[-1].split(",")) > 1
            else:
                good = verdict == "refused"
            if not good:
                wrong.append("%s:\n  %s\n  full chain, stock: %s\n  leaf alone, stock: %s" % (
                    case.name, seen[case.name], full[case.name], alone[case.name]))
        self.assertEqual(wrong, [], "%d of %d\n%s" % (len(wrong), len(self.cases), "\n".join(wrong)))

    def test_leaves_alone(self):
        full = self.answers("full")
        alone = self.answers("leaf")
        accepted = [name for name, answer in full.items() if answer.startswith("accepted")]
        self.assertGreater(len(accepted), 15)
        # The twin: from the leaf alone stock OpenSSL accepts none, and for want of an issuer.
        for name, answer in alone.items():
            self.assertEqual(answer.split("\t")[:2], ["refused", UNKNOWN], name)
        # Nor does ostrust without the network.
        self.assertEqual(self.answers("leaf", self.ours("local", "off")), alone)
        self.assertEqual(self.server.connections, 0)

        self.assertCompleted(self.answers("leaf", self.ours("fetch", self.cache)), full, alone)
        self.assertGreater(len(self.server.requests), 10)
        print("%d leaves alone; %d accepted, as with their full chains; %d requests, %d of them answered" % (
            len(self.cases), len(accepted), len(self.server.requests),
            sum((one.headers.get("host"), one.target) in self.server.answers for one in self.server.requests)))
        # Then without the network.
        self.server.close()
        self.server.forget()
        self.assertCompleted(self.answers("leaf", self.ours("local", self.cache)), full, alone)
        self.assertEqual(self.server.connections, 0)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    own_network.enter()
    support.main()
