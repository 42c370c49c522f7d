#!/usr/bin/env python3
"""The module as it is on macOS, with the double of Apple's frameworks, in this machine's CPython and openssl command.

What is shown: what trust settings and SecTrust's answers come to in a program. What SecTrust answers is the script's
(scripted_mac.py), written after Apple's source; and the images of the process are ELF's, not Mach-O's."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pki"))
import revocation
import support
from pki import Pki, subject
from scripted_mac import Mac
from support import OstrustTest, pem

MODULE = os.path.join(os.path.dirname(support.MODULE), "test", "ostrust-macos.so")
ACCEPTED = "accepted"
UNKNOWN = [20, "unable to get local issuer certificate"]
REJECTED = [28, "certificate rejected"]
UNSPECIFIED = [1, "unspecified certificate verification error"]

# What the programs have beside client.py.
PRELUDE = """
from scripted_mac import Mac
mac = Mac(os.environ.get("OSTRUST_TEST_MAC"))
def ask(context, name, host="localhost"):
    with socket.create_connection(("127.0.0.1", T["ports"][name]), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host): return ACCEPTED
        except ssl.SSLCertVerificationError as error: return [error.verify_code, error.verify_message]
def own_and_system(name):
    return trusting(pem(name), "os://")
"""


class MacTest(OstrustTest):
    """A test with a Mac of its own. No program may end with an object of CoreFoundation alive, or be ended by the
    double."""

    servers = ("leaf-a", "leaf-b", "leaf-int", "leaf-int-chain")

    def setUp(self):
        super().setUp()
        self.mac = Mac(os.path.join(self.work, "mac"))
        self.mac.make(support.PKI)
        self.log = os.path.join(self.work, "log")

    def tearDown(self):
        self.assertEqual(set(self.mac.lines("exited")) - {"0 alive"}, set())

    def macos(self, keys=None, log=None):
        """An openssl.cnf with this Mac."""
        keys = dict({"module": MODULE, "trust-source": None, "log": "info:" + (log or self.log)}, **(keys or {}))
        return self.ostrust(keys)

    def python(self, code, configuration=None, status=0, **env):
        ended = len(self.mac.lines("exited"))
        seen = super().python(PRELUDE + code, configuration or self.macos(), status,
                              OSTRUST_TEST_MAC=self.mac.folder, **env)
        if configuration is None:
            self.assertGreater(len(self.mac.lines("exited")), ended, "it says at its end what is alive")
        return seen

    def command(self, *arguments, configuration=None):
        return self.openssl(*arguments, configuration=configuration or self.macos(),
                            OSTRUST_TEST_MAC=self.mac.folder)

    def s_client(self, name, *arguments, configuration=None):
        return self.s_client_at(support.port_of(name), *arguments, configuration=configuration)

    def s_client_at(self, port, *arguments, configuration=None):
        return self.command("s_client", "-connect", "127.0.0.1:%d" % port, "-verify_return_error",
                            "-no-CApath", "-no-CAstore", *arguments, configuration=configuration)

    def logged(self):
        try:
            with open(self.log) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def with_settings(self, *scripts, make="trusting('os://')", servers=("leaf-a",), keys=None):
        """What a context sees of the servers, under one Mac after the other."""
        return self.python("""
context, seen = None, []
for script in %r:
    mac.change(*script)
    if context is None: context = %s
    seen.append([ask(context, name) for name in %r])
report(seen)""" % (scripts, make, servers), self.macos(keys) if keys else None)


class Anchors(MacTest):
    """What trust settings make of a root, whichever way a program asks for the system's store."""

    WAYS = {
        "os:": "trusting('os:')",
        "os://": "trusting('os://')",
        "the marker": "trusting(MARKER)",
        "a default context": "ssl.create_default_context()",
        "the default paths": "bare(); context.set_default_verify_paths()",
    }
    CODE = """
seen = {}
for way, make in %r.items():
    namespace = dict(globals())
    exec("context = " + make, namespace)
    seen[way] = [ask(namespace["context"], name) for name in ("leaf-a", "leaf-b")]
report(seen)"""

    def test_a_root_of_each_domain_is_trusted_in_every_way_to_ask(self):
        for domain in ("admin", "user", "system"):
            self.mac.script(domain + " root-a")
            self.assertEqual(self.python(self.CODE % self.WAYS), dict.fromkeys(self.WAYS, [ACCEPTED, UNKNOWN]), domain)

    def test_without_trust_settings_for_it_a_root_is_refused_as_without_ostrust(self):
        stock = self.python("report(attempt(trusting, 'os://'))", self.stock())
        self.assertTrue(stock.startswith("FileNotFoundError: "), stock)
        ways = {way: make for way, make in self.WAYS.items() if "default" in way}
        refused = self.python(self.CODE % ways, self.stock())
        self.assertEqual(refused, dict.fromkeys(ways, [UNKNOWN, UNKNOWN]))
        self.mac.script("system root-b")
        self.assertEqual(self.python(self.CODE % self.WAYS), dict.fromkeys(self.WAYS, [UNKNOWN, ACCEPTED]))

    def test_ssl_cert_file_wins(self):
        self.mac.script("admin root-a")
        for path, wanted in ((pem("root-b"), [UNKNOWN, ACCEPTED]), ("os://", [ACCEPTED, UNKNOWN]),
                             (support.MARKER, [ACCEPTED, UNKNOWN])):
            seen = self.python("context = ssl.create_default_context()\n"
                               "report([ask(context, name) for name in ('leaf-a', 'leaf-b')])", SSL_CERT_FILE=path)
            self.assertEqual(seen, wanted, path)

    def test_the_openssl_command(self):
        def commands(configuration):
            return [self.s_client("leaf-a", "-CAfile", "os://", configuration=configuration).status,
                    self.command("verify", "-CAfile", "os://", "-no-CApath", "-no-CAstore", pem("leaf-a"),
                                 configuration=configuration).status,
                    self.command("verify", "-CAstore", "os://", "-no-CAfile", "-no-CApath", pem("leaf-a"),
                                 configuration=configuration).status,
                    self.command("verify", pem("leaf-a"), configuration=configuration).status]
        for domain in ("admin", "user", "system"):
            self.mac.script(domain + " root-a TrustRoot")
            self.assertEqual(commands(self.macos()), [0] * 4, domain)
        self.mac.script("admin root-b")
        for configuration in (self.macos(), self.stock()):
            self.assertNotIn(0, commands(configuration))
        self.assertNotEqual(self.s_client("leaf-a", "-CAfile", "os://").status, 0)
        self.assertSays("verify error:num=20:", self.s_client("leaf-a", "-CAfile", "os://"))

    def test_what_settings_make_of_a_self_signed_root(self):
        rows = {
            "": ACCEPTED, " none": ACCEPTED, " TrustRoot": ACCEPTED, " TrustRoot,policy=ssl": ACCEPTED,
            " Unspecified TrustRoot": UNKNOWN, " TrustRoot,policy=smime": REJECTED, " TrustAsRoot": UNKNOWN,
            " Unspecified": UNKNOWN, " Deny": REJECTED, " Deny,policy=ssl": REJECTED,
            # Trusted for nothing, and denied for something: distrusted.
            " Deny,policy=smime": REJECTED,
            " TrustRoot,policy=smime TrustRoot": ACCEPTED, " Deny,policy=ssl TrustRoot": REJECTED,
            # Neither is for everybody, and SecTrust does not accept it for localhost either.
            " TrustRoot,host=other.example": UNKNOWN, " TrustRoot,application=Other": UNKNOWN,
            # A number that Apple has not given a meaning: refused, and reported.
            " 9": REJECTED,
        }
        for domain in ("admin", "user"):
            scripts = [["%s root-a%s" % (domain, settings), "system root-b"] for settings in rows]
            seen = [codes[0] for codes in self.with_settings(*scripts)]
            self.assertEqual(dict(zip(rows, seen)), rows, domain)
        self.assertIn("cannot be understood", self.logged())

    def test_what_settings_make_of_an_intermediate(self):
        servers = ("leaf-int", "leaf-int-chain", "leaf-a")
        rows = (
            (["user int-a TrustAsRoot"], [ACCEPTED, ACCEPTED, UNKNOWN]),
            (["user int-a TrustRoot"], [UNKNOWN, UNKNOWN, UNKNOWN]),
            (["user int-a"], [UNKNOWN, UNKNOWN, UNKNOWN]),
            (["system root-a"], [UNKNOWN, ACCEPTED, ACCEPTED]),
            (["user int-a Deny", "system root-a"], [REJECTED, REJECTED, ACCEPTED]),
        )
        seen = self.with_settings(*([*script, "system root-b"] for script, _ in rows), servers=servers)
        self.assertEqual(seen, [wanted for _, wanted in rows])

    def test_settings_for_one_host_hold_for_that_host_and_make_no_anchor(self):
        self.mac.script("user root-a TrustRoot,host=localhost", "system root-b")
        code = """
context = trusting("os://")
first = ask(context, "leaf-a")
context.check_hostname = False
report([first, ask(context, "leaf-a", None)])"""
        # SecTrust accepts the chain for this name, and without one it does not.
        self.assertEqual(self.python(code), [ACCEPTED, UNKNOWN])
        # Where SecTrust is not asked, it is no anchor.
        self.assertEqual(self.python(code, self.macos({"verify": "roots"})), [UNKNOWN, UNKNOWN])
        self.assertIn("serving 1 anchors", self.logged())

    def test_what_is_denied_is_refused_below_a_root_of_the_applications(self):
        rows = (
            (["admin root-a Deny"], REJECTED), (["user root-a Deny"], REJECTED),
            (["admin root-a TrustRoot", "user root-a Deny"], REJECTED),
            (["admin root-a Deny", "user root-a TrustRoot"], REJECTED),
            (["admin root-a Deny", "system root-a"], REJECTED), (["user root-a Deny", "system root-a"], REJECTED),
            (["admin root-a Deny,policy=smime", "system root-a"], ACCEPTED), (["admin root-a Unspecified"], ACCEPTED), ([], ACCEPTED),
        )
        scripts = [[*script, "system root-b"] for script, _ in rows]
        seen = self.with_settings(*scripts, make="own_and_system('root-a')")
        self.assertEqual(seen, [[wanted] for _, wanted in rows])
        self.assertRegex(self.logged(), "refused: certificate /O=ostrust tests/CN=Root A at depth 1 is distrusted by macOS")
        # A program that asked for its own CA and nothing else.
        self.assertEqual(self.with_settings(*scripts, make="trusting(pem('root-a'))"), [[ACCEPTED]] * len(rows))

    def test_the_administrators_settings_hold_before_the_users(self):
        rows = (
            (["admin root-a Unspecified", "user root-a TrustRoot"], UNKNOWN),
            (["admin root-a TrustRoot", "user root-a Unspecified"], ACCEPTED),
            (["user root-a TrustRoot"], ACCEPTED),
            (["admin root-a Unspecified", "system root-a"], ACCEPTED),
        )
        seen = self.with_settings(*([*script, "system root-b"] for script, _ in rows))
        self.assertEqual(seen, [[wanted] for _, wanted in rows])

    def test_files_of_certificates_are_no_system_bundle(self):
        # Where these are the system's bundle or directory, the denied root below the application's own is refused.
        self.mac.script("admin root-a Deny", "system root-b")
        paths = [path for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem") if os.path.exists(path)]
        self.assertTrue(paths, "this machine has a bundle")
        code = """
seen = {}
for path in %r:
    context = trusting(pem("root-a"), path)
    seen[path] = [ask(context, "leaf-a"), ask(context, "leaf-b")]
context = trusting(pem("root-a"))
context.load_verify_locations(capath="/etc/ssl/certs")
seen["directory"] = [ask(context, "leaf-a"), ask(context, "leaf-b")]
report(seen)""" % paths
        for value in self.python(code).values():
            self.assertEqual(value, [ACCEPTED, UNKNOWN])
        for path in paths:
            self.assertIn("not served: CA file " + path, self.logged())
        self.assertEqual(self.python("report(ask(own_and_system('root-a'), 'leaf-a'))"), REJECTED)
        # On Linux the first is served.
        linux = os.path.join(self.work, "log.linux")
        self.python(code, self.ostrust({"trust-source": None, "log": "info:" + linux}))
        with open(linux) as file:
            self.assertNotIn("not served: CA file /etc/ssl/certs/ca-certificates.crt", file.read())


# What SecTrust refuses with, what the log calls it, and the code and words of OpenSSL's.
EXTENSION = [41, "invalid or inconsistent certificate extension"]
POLICY = [42, "invalid or inconsistent certificate policy extension"]
STATUSES = (
    (-67843, "errSecNotTrusted", 19, "self-signed certificate in certificate chain"),
    (-25318, "errSecCreateChainFailed", *UNKNOWN),
    (-67818, "errSecCertificateExpired", 10, "certificate has expired"),
    (-67819, "errSecCertificateNotValidYet", 9, "certificate is not yet valid"),
    (-67820, "errSecCertificateRevoked", 23, "certificate revoked"),
    (-67635, "errSecIncompleteCertRevocationCheck", 3, "unable to get certificate CRL"),
    (-67654, "errSecTrustSettingDeny", *REJECTED),
    (-67612, "errSecInvalidRoot", 27, "certificate not trusted"),
    (-9886, "errSSLATSCertificateTrustViolation", 27, "certificate not trusted"),
    (-67602, "errSecHostNameMismatch", 62, "hostname mismatch"),
    (-67609, "errSecInvalidExtendedKeyUsage", 26, "unsuitable certificate purpose"),
    (-67608, "errSecInvalidKeyUsageForPolicy", 26, "unsuitable certificate purpose"),
    (-67604, "errSecNoBasicConstraints", 79, "invalid CA certificate"),
    (-67605, "errSecNoBasicConstraintsCA", 79, "invalid CA certificate"),
    (-67611, "errSecPathLengthConstraintExceeded", 25, "path length constraint exceeded"),
    (-67603, "errSecUnknownCriticalExtensionFlag", 34, "unhandled critical extension"),
    (-67610, "errSecInvalidIDLinkage", *EXTENSION),
    (-67618, "errSecUnknownCertExtension", *EXTENSION),
    (-67903, "errSecCertificateDuplicateExtension", *EXTENSION),
    (-67735, "errSecUnsupportedKeySize", 66, "EE certificate key too weak"),
    (-67815, "errSecInvalidDigestAlgorithm", 68, "CA signature digest algorithm too weak"),
    (-67689, "errSecInvalidName", 47, "permitted subtree violation"),
    (-67900, "errSecCertificateNameNotAllowed", 47, "permitted subtree violation"),
    (-67899, "errSecCertificatePolicyNotAllowed", *POLICY),
    (-67835, "errSecInvalidPolicyIdentifiers", *POLICY),
    (-67825, "errSecVerifyActionFailed", 71, "Certificate Transparency required, but no valid SCTs found"),
    (-67901, "errSecCertificateValidityPeriodTooLong", *REJECTED),
    (-26276, "errSecInternal", *UNSPECIFIED),
    (-25291, "errSecNotAvailable", *UNSPECIFIED),
    (-2070, "errSecInternalComponent", *UNSPECIFIED),
    (-67671, "errSecInternalError", *UNSPECIFIED),
    (-36, "errSecIO", *UNSPECIFIED),
    (-50, "errSecParam", *UNSPECIFIED),
    (-108, "errSecAllocate", *UNSPECIFIED),
    (-67655, "errSecInvalidSubjectName", *UNSPECIFIED),
    (-67690, "errSecInvalidCertificateRef", *UNSPECIFIED),
    (-12345, None, *UNSPECIFIED),
)


class Refusals(MacTest):
    """Each of SecTrust's answers, as a program sees it."""

    servers = ("leaf-a", "leaf-int-chain", "leaf-self", "leaf-a-expired", "leaf-a-future")

    def words(self, status, name):
        return "Apple's words. (%s)" % ("%s, %d" % (name, status) if name else "OSStatus %d" % status)

    def test_every_status_in_cpython(self):
        scripts = [["admin root-a", "verdict leaf-a %d 0:%d Apple's words." % (row[0], row[0])] for row in STATUSES]
        seen = self.with_settings(*scripts)
        for row, (codes,) in zip(STATUSES, seen):
            wanted = list(row[2:])
            if row[2] == 62:  # CPython has words of its own
                wanted[1] = "Hostname mismatch, certificate is not valid for 'localhost'."
            self.assertEqual(codes, wanted, row)
        refused = [line for line in self.logged().splitlines() if " refused: " in line]
        self.assertEqual(len(refused), len(STATUSES))
        for row, line in zip(STATUSES, refused):
            self.assertTrue(line.endswith("refused: certificate /O=ostrust tests/CN=leaf a at depth 0 is refused by the "
                                          "operating system: " + self.words(*row[:2])), line)
        # What was refused is that server, by what SecTrust said.
        self.assertEqual(self.with_settings(["admin root-a"], ["admin root-a", "verdict leaf-b -67820 -"]), [[ACCEPTED]] * 2)

    def test_every_status_in_the_openssl_command(self):
        for status, name, code, words in STATUSES:
            self.mac.script("admin root-a", "verdict * %d 0:%d Apple's words." % (status, status))
            done = self.s_client("leaf-a", "-CAfile", "os://", "-verify_hostname", "localhost")
            self.assertEqual(done.status, 1, done)
            self.assertSays("verify error:num=%d:%s\n" % (code, words), done)
            self.assertSays(self.words(status, name), done)
        self.mac.script("admin root-a")
        self.assertEqual(self.s_client("leaf-a", "-CAfile", "os://", "-verify_hostname", "localhost").status, 0)

    def test_who_forgives_a_status_forgives_no_other(self):
        def verified(details, forgive, keys=None):
            self.mac.script("admin root-a", "verdict leaf-a -67820 %s is revoked" % details)
            words = ["leaf=" + pem("leaf-a"), "host=localhost", "anchors=os://", "forgive=" + forgive]
            answer = support.verify_chain(words, self.macos(keys), self.work, OSTRUST_TEST_MAC=self.mac.folder)
            return answer[0], answer[3]

        revoked, unspecified = "23", "1"  # the second is also what forgives everything
        self.assertEqual(verified("0:-67820", revoked), ("accepted", "23@0"))
        for details in ("0:-67820,0:-67818", "0:-67820,1:-67820", "-"):
            self.assertEqual(verified(details, revoked), ("refused", "23@0,1@0"), details)
            self.assertEqual(verified(details, unspecified), ("accepted", "23@0,1@0"), details)
        self.assertEqual(verified("0:-67820", "10"), ("refused", "23@0"))
        # CSSM's code of names that are not permitted is that of a key that is too small, too.
        self.assertEqual(verified("0:-2147409643,0:-2147409643", revoked), ("refused", "23@0,1@0"))
        # The one question that was asked was not about revocation.
        self.assertEqual(verified("0:-67820", revoked, {"revocation": "soft"}), ("refused", "23@0,1@0"))
        self.assertEqual(verified("0:-67820", revoked, {"revocation": "soft", "intermediates": "fetch"}), ("accepted", "23@0"))

    def test_which_certificate_it_was(self):
        weak = [67, "CA certificate key too weak"]
        rows = (
            ("0:-67735", 0, [66, "EE certificate key too weak"]), ("1:-67735", 1, weak), ("2:-67735", 2, weak),
            ("2:-67735,2:-67818", 2, weak),
            # Several, or none: the peer's.
            ("1:-67735,2:-67818", 0, [66, "EE certificate key too weak"]), ("-", 0, [66, "EE certificate key too weak"]),
        )
        scripts = [["admin root-a", "verdict leaf-int-chain -67735 %s Weak." % row[0]] for row in rows]
        seen = self.with_settings(*scripts, servers=("leaf-int-chain",))
        self.assertEqual(seen, [[row[2]] for row in rows])
        depths = re.findall(r"refused: certificate [^\n]* at depth (\d)", self.logged())
        self.assertEqual([int(depth) for depth in depths], [row[1] for row in rows])

    def test_a_certificate_that_is_its_own_root(self):
        seen = self.with_settings(["admin leaf-self"], ["admin leaf-self", "verdict * -67843 0:-67843 No."],
                                  servers=("leaf-self",))
        self.assertEqual(seen, [[ACCEPTED], [[18, "self-signed certificate"]]])

    def test_not_yet_valid_and_expired_have_one_status(self):
        code = """
context = trusting("os://")
seen = {}
for unchecked in (0, 0x200000):  # X509_V_FLAG_NO_CHECK_TIME: SecTrust's word is the only one
    context.verify_flags |= unchecked
    seen[unchecked] = [ask(context, name) for name in ("leaf-a-expired", "leaf-a-future")]
report(seen)"""
        expired, future = [10, "certificate has expired"], [9, "certificate is not yet valid"]
        refused = ["verdict %s -67818 0:-67818 No." % name for name in ("leaf-a-expired", "leaf-a-future")]
        self.mac.script("admin root-a", *refused)
        self.assertEqual(self.python(code), {"0": [expired, future], "2097152": [expired, future]})
        self.assertEqual(len(self.mac.asked()), 2)
        self.mac.script("admin root-a")
        self.assertEqual(self.python(code), {"0": [expired, future], "2097152": [ACCEPTED, ACCEPTED]})

    def test_a_name_that_is_an_address(self):
        code = "context = trusting('os://'); report([ask(context, 'leaf-a', host) for host in ('localhost', '127.0.0.1')])"
        self.mac.script("admin root-a", "verdict * -67602 0:-67602 No.")
        self.assertEqual(self.python(code), [
            [62, "Hostname mismatch, certificate is not valid for 'localhost'."],
            [64, "IP address mismatch, certificate is not valid for '127.0.0.1'."]])
        self.assertEqual([asked["name"] for asked in self.mac.asked()], ["localhost", "127.0.0.1"])
        self.mac.script("admin root-a")
        self.assertEqual(self.python(code), [ACCEPTED, ACCEPTED])

    def test_trustd_that_cannot_be_reached_is_asked_again(self):
        self.mac.script("admin root-a")
        seen = self.python("""
context = trusting("os://")
seen = []
for verdict in (["verdict * -26276 - The service cannot be reached."], []):
    mac.script("admin root-a", *verdict)
    seen += [ask(context, "leaf-a"), ask(context, "leaf-a")]
report(seen)""")
        self.assertEqual(seen, [UNSPECIFIED, UNSPECIFIED, ACCEPTED, ACCEPTED])
        self.assertEqual(self.logged().count("The service cannot be reached. (errSecInternal, -26276)"), 2)

    def test_without_an_ssl_policy_basic_x509_is_asked_for_and_said(self):
        open(self.mac.path("bare"), "w").close()
        seen = self.with_settings(["admin root-a"], ["admin root-a", "verdict * -67820 0:-67820 No."])
        self.assertEqual(seen, [[ACCEPTED], [[23, "certificate revoked"]]])
        self.assertEqual({asked["policy"] for asked in self.mac.asked()}, {"1.2.840.113635.100.1.2"})
        self.assertIn("SecPolicyCreateSSL returned nothing, so basic X.509 was asked for", self.logged())
        os.remove(self.mac.path("bare"))
        self.with_settings(["admin root-a"])
        self.assertEqual(self.mac.asked()[-1]["policy"], "1.2.840.113635.100.1.3")


class Unreadable(MacTest):
    """A domain that cannot be read: Apple's own limit of time is errSecIO."""

    def test_at_first_nothing_is_trusted_and_the_reason_is_said(self):
        for domain in ("admin", "user", "system"):
            self.mac.script("system root-a", domain + " fails -36")
            seen = self.python("""
first = attempt(trusting, "os://")
context = ssl.create_default_context()
second = ask(context, "leaf-a")
mac.change("system root-a")
report([first, second, ask(trusting("os://"), "leaf-a")])""")
            self.assertTrue(seen[0].startswith("SSLError: "), seen)
            self.assertEqual(seen[1:], [UNKNOWN, ACCEPTED])
            self.assertIn("the trust settings of the domain %s cannot be read: " % domain, self.logged())
            self.assertIn("-36", self.logged())
            self.mac.script("system root-a", domain + " fails -36")
            done = self.s_client("leaf-a", "-CAfile", "os://")
            self.assertNotEqual(done.status, 0, done)
            self.assertSays("the trust settings of the domain %s cannot be read: " % domain, done)

    def test_nothing_at_all_is_an_error_too(self):
        done = self.s_client("leaf-a", "-CAfile", "os://")
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("no root certificate was found in the trust settings of macOS", done)

    def test_later_what_was_read_last_is_kept(self):
        seen = self.with_settings(["admin root-a"], ["admin root-a", "user fails -36"], ["user root-b", "admin fails -36"],
                                  ["admin root-b"], servers=("leaf-a", "leaf-b"), keys={"verify": "roots"})
        self.assertEqual(seen, [[ACCEPTED, UNKNOWN]] * 3 + [[UNKNOWN, ACCEPTED]])
        self.assertRegex(self.logged(), "the trust settings of the domain user cannot be read: .*-36.*"
                                        "the last good state is kept")


class Completion(MacTest):
    """A server that forgot its intermediate, and a root that SecTrust alone knows."""

    servers = ("leaf-int", "leaf-a")

    def test_an_intermediate_of_the_keychains(self):
        scripts = (["admin root-a", "keychain int-a"], ["admin root-a"])
        for way in ("trusting('os://')", "ssl.create_default_context()"):
            self.assertEqual(self.with_settings(*scripts, make=way, servers=("leaf-int",)), [[ACCEPTED], [UNKNOWN]])
        for keys in ({"intermediates": "off"}, {"verify": "roots"}):
            self.assertEqual(self.with_settings(*scripts, servers=("leaf-int", "leaf-a"), keys=keys),
                             [[UNKNOWN, ACCEPTED]] * 2)
        self.assertEqual(self.with_settings(scripts[0], make="trusting(pem('root-a'))", servers=("leaf-int",)), [[UNKNOWN]])

    def test_an_intermediate_that_is_denied(self):
        seen = self.with_settings(["admin root-a", "keychain int-a", "user int-a Deny"], servers=("leaf-int",))
        self.assertEqual(seen, [[REJECTED]])

    def test_a_root_that_only_sectrust_knows(self):
        scripts = (["system root-b", "anchor root-a", "keychain int-a"], ["system root-b", "keychain int-a"])
        self.assertEqual(self.with_settings(*scripts, servers=("leaf-a", "leaf-int")), [[ACCEPTED, ACCEPTED], [UNKNOWN, UNKNOWN]])
        self.assertEqual(self.with_settings(scripts[0], servers=("leaf-a",), keys={"verify": "roots"}), [[UNKNOWN]])
        seen = self.with_settings([*scripts[0], "user root-a Deny"], servers=("leaf-a",))
        self.assertEqual(seen, [[REJECTED]])

    def test_where_chains_may_be_partial_what_sectrust_supplies_is_no_anchor(self):
        # SecTrust ends the chain at the intermediate, which is no root.
        partial = "trusting('os://'); context.verify_flags |= PARTIAL_CHAIN"
        seen = self.with_settings(["system root-b", "anchor int-a"], ["system root-b", "anchor root-a", "keychain int-a"],
                                  make=partial, servers=("leaf-int",))
        self.assertEqual(seen, [[UNKNOWN], [ACCEPTED]])


class Changes(MacTest):
    def test_trust_settings_that_change_hold_for_the_next_handshake_of_a_context_that_is_used(self):
        seen = self.python("""
mac.change("system root-a", "system root-b")
context = trusting("os://")
seen = [[ask(context, name) for name in ("leaf-a", "leaf-b")]]
for statements in (["user root-a Deny", "system root-a", "system root-b"], ["system root-b"], ["admin root-a"]):
    mac.change(*statements)
    seen.append([ask(context, name) for name in ("leaf-a", "leaf-b")])
report(seen)""")
        self.assertEqual(seen, [[ACCEPTED, ACCEPTED], [REJECTED, ACCEPTED], [UNKNOWN, ACCEPTED], [ACCEPTED, UNKNOWN]])

    def test_they_are_read_again_when_they_are_announced(self):
        # Without SecTrust, which sees them at once.
        seen = self.python("""
mac.change("system root-a")
context = trusting("os://")
seen = [ask(context, "leaf-b")]
mac.script("system root-b")
seen.append(ask(context, "leaf-b"))
mac.announce()
report([*seen, ask(context, "leaf-b")])""", self.macos({"verify": "roots"}))
        self.assertEqual(seen, [UNKNOWN, UNKNOWN, ACCEPTED])

    def test_they_are_looked_for_every_second(self):
        seen = self.python("""
mac.change("system root-a")
context = trusting("os://")
first = ask(context, "leaf-a")
mac.change("user root-a Deny", "system root-a")
begin = time.monotonic()
while ask(context, "leaf-a") == ACCEPTED and time.monotonic() - begin < 20: time.sleep(0.02)
report([first, ask(context, "leaf-a"), time.monotonic() - begin])""", self.macos({"refresh": None}))
        self.assertEqual(seen[:2], [ACCEPTED, REJECTED])
        self.assertLess(seen[2], 2 * support.SLOWER)


class Questions(MacTest):
    """What SecTrust is asked, and in which order."""

    servers = ("leaf-a", "leaf-int")

    def asked(self, keys, server="leaf-a"):
        """(network, revocation flags, certificates, status) of each question of one handshake."""
        before = len(self.mac.asked())
        self.mac.announce()
        self.python("report(ask(trusting('os://'), %r))" % server, self.macos(keys))
        return [(int(asked["network"]), int(asked["revocation"] or 0), int(asked["certificates"]), int(asked["status"]))
                for asked in self.mac.asked()[before:]]

    def test_one_question_says_whom_for_what_and_when(self):
        self.mac.script("admin root-a")
        before = int(time.time())
        self.python("report(ask(ssl.create_default_context(), 'leaf-a'))")
        asked, = self.mac.asked()
        self.assertTrue(before <= int(asked.pop("date")) <= time.time())
        self.assertEqual(asked, {"certificates": "2", "policy": "1.2.840.113635.100.1.3", "client": "0", "name": "localhost",
                                 "revocation": "19", "network": "0", "response": "0", "status": "0"})

    def test_nobody_is_asked_about_a_store_or_an_anchor_of_the_applications(self):
        self.mac.script("admin root-a", "verdict * -67820 -")
        self.assertEqual(self.python("report(ask(trusting(pem('root-a')), 'leaf-a'))"), ACCEPTED)
        self.mac.script("admin root-b", "verdict * -67820 -")
        self.assertEqual(self.python("report(ask(own_and_system('root-a'), 'leaf-a'))"), ACCEPTED)
        self.assertEqual(self.mac.asked(), [])
        self.mac.script("admin root-a", "verdict * -67820 -")
        self.assertEqual(self.python("report(ask(own_and_system('root-a'), 'leaf-a'))")[0], 23)

    def test_the_network_is_used_as_the_configuration_says(self):
        local, anywhere, positive = 16 + 3, 3, 8 + 3
        self.mac.script("admin root-a")
        rows = (
            ({}, [(0, local, 2, 0)]),
            ({"revocation": "local"}, [(0, local, 2, 0)]),
            ({"revocation": "off"}, [(0, 0, 2, 0)]),
            # The chain is built without the network, and then judged with it.
            ({"revocation": "soft"}, [(0, 0, 2, 0), (1, anywhere, 2, 0)]),
            ({"revocation": "hard"}, [(0, 0, 2, 0), (1, positive, 2, 0)]),
            ({"intermediates": "off", "revocation": "hard"}, [(0, 0, 2, 0), (1, positive, 2, 0)]),
            ({"intermediates": "fetch", "revocation": "soft"}, [(1, anywhere, 2, 0)]),
            ({"intermediates": "fetch", "revocation": "hard"}, [(1, positive, 2, 0)]),
            # What is there suffices: nothing is fetched.
            ({"intermediates": "fetch"}, [(0, local, 2, 0)]),
        )
        for keys, wanted in rows:
            self.assertEqual(self.asked(keys), wanted, keys)

    def test_an_issuer_is_fetched_where_it_is_missing(self):
        self.mac.script("admin root-a")
        # Without the network, then with it, for the chain only.
        self.assertEqual(self.asked({"intermediates": "fetch"}, "leaf-int")[:2], [(0, 19, 1, -25318), (1, 0, 1, -25318)])
        for keys in ({}, {"intermediates": "off"}):
            self.assertEqual({question[0] for question in self.asked(keys, "leaf-int")}, {0}, keys)

    def test_a_stapled_response_reaches_it(self):
        version = self.openssl("version", configuration=self.stock()).out.split()[1]
        if tuple(map(int, version.split(".")[:2])) >= (3, 6):
            self.skipTest("s_server -status_file sends nothing from OpenSSL 3.6 on")
        pki = Pki(os.path.join(self.work, "pki"), support.OPENSSL)
        pki.root("root", subject("Root"))
        pki.issue("leaf", subject("stapled"), "root")
        pki.chain("leaf-sent", "leaf")
        response = revocation.ocsp_response(3)  # tryLater: what is in it is macOS' affair
        with open(pki.path("leaf.ocsp"), "wb") as out:
            out.write(response)
        server = revocation.StaplingServer(pki, "leaf")
        self.addCleanup(server.close)
        self.mac.script("admin %s" % pki.pem("root"))
        for keys, size in (({}, len(response)), ({"revocation": "hard"}, len(response)), ({"revocation": "off"}, 0)):
            done = self.s_client_at(server.port, "-CAfile", "os://", configuration=self.macos(keys))
            self.assertEqual(done.status, 0, done)
            self.assertEqual(int(self.mac.asked()[-1]["response"]), size, keys)

    def test_nothing_is_fetched_for_a_clients_certificate(self):
        self.mac.script("admin root-a")
        code = """
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(pem("leaf-a"), pem("leaf-a")[:-3] + "key")
server.verify_mode = ssl.CERT_REQUIRED
server.load_verify_locations("os://")
client = trusting(pem("root-a"))
client.load_cert_chain(pem("client-a"), pem("client-a")[:-3] + "key")
a, b = socket.socketpair()
def serve():
    try:
        with server.wrap_socket(b, server_side=True) as tls: result.append(ACCEPTED)
    except ssl.SSLError as error: result.append([error.verify_code, error.verify_message])
result = []
thread = threading.Thread(target=serve)
thread.start()
try:
    with client.wrap_socket(a, server_hostname="localhost") as tls: tls.recv(1)
except OSError: pass
thread.join()
report(result[0])"""
        self.assertEqual(self.python(code, self.macos({"intermediates": "fetch", "revocation": "hard"})), ACCEPTED)
        self.assertEqual({(asked["client"], asked["name"], asked["network"]) for asked in self.mac.asked()}, {("1", "", "0")})
        self.mac.script("admin root-a", "verdict client-a -67820 0:-67820 No.")
        self.assertEqual(self.python(code), [23, "certificate revoked"])


class Configuration(MacTest):
    def standing(self, keys=None):
        done = self.command("list", "-providers", "-verbose", configuration=self.macos(keys))
        return re.search("build info: (layers.*)", done.out).group(1)

    def test_what_holds_without_a_word(self):
        self.mac.script("admin root-a", "system root-b")
        self.assertEqual(self.standing(), "layers: store loader, binding; intermediates: local; revocation: local; "
                                          "verify: platform; source: macOS trust settings (admin, user, system); anchors: 2")

    def test_what_macos_cannot_do_is_refused_and_turns_nothing_off_silently(self):
        self.mac.script("admin root-a")
        for keys, words in (({"trust-source": self.bundle}, "on macOS there are only the system's trust settings"),
                            ({"trust-source": "p11-kit"}, "on macOS there are only the system's trust settings"),
                            ({"cache-dir": "/var/cache/ostrust"}, "cache-dir = /var/cache/ostrust is not a value"),
                            ({"cache-dir": "/x"}, "off: the operating system keeps what it fetches itself")):
            done = self.s_client("leaf-a", "-CAfile", "os://", configuration=self.macos(keys))
            self.assertNotEqual(done.status, 0, done)
            self.assertSays(words, done)
        for keys in ({"trust-source": "auto"}, {"cache-dir": "off"}, {"refresh": "0.5"}, {}):
            self.assertEqual(self.s_client("leaf-a", "-CAfile", "os://", configuration=self.macos(keys)).status, 0, keys)


class Processes(MacTest):
    def test_a_forked_child_has_what_was_read_and_asks_nobody(self):
        self.mac.script("admin root-a", "user root-b")
        seen = self.python("""
import signal, warnings
warnings.simplefilter("ignore")
context = trusting("os://")
seen = [ask(context, "leaf-a")]
mac.change("admin root-a")
reader, writer = os.pipe()
pid = os.fork()
if pid == 0:
    signal.alarm(40)
    answers = [ask(context, "leaf-a"), ask(context, "leaf-b"), ask(trusting("os://"), "leaf-int-chain"),
               ask(trusting(pem("root-b")), "leaf-b")]
    os.write(writer, json.dumps(answers).encode())
    os._exit(0)
os.close(writer)
status = os.waitpid(pid, 0)[1]
with open(reader) as file: seen += [status, json.loads(file.read() or "null")]
seen += [ask(context, "leaf-a"), ask(context, "leaf-b")]
report(seen)""")
        # In the child: remembered; an anchor still, but nobody to ask; the same; not the system's at all.
        self.assertEqual(seen, [ACCEPTED, 0, [ACCEPTED, UNSPECIFIED, UNSPECIFIED, ACCEPTED], ACCEPTED, UNKNOWN])
        self.assertIn("macOS cannot be asked in a process that was forked and has not exec'd", self.logged())

    def test_multiprocessing_spawn(self):
        self.mac.script("admin root-a")
        path = self.file("spawning.py", PRELUDE_FILE)
        env = support.environment(self.macos(), OSTRUST_TEST_MAC=self.mac.folder, OSTRUST_TEST=support.json.dumps({
            "work": self.work, "bundle": self.bundle, "marker": support.MARKER, "pki": support.PKI,
            "ports": {name: support.port_of(name) for name in self.servers}}))
        done = support.run([support.sys.executable, path], env, cwd=self.work)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(support.json.loads(done.out), [[ACCEPTED, UNKNOWN]] * 3)
        self.assertGreaterEqual(len(self.mac.lines("exited")), 1)

    def test_threads_while_trust_settings_change(self):
        seen = self.python("""
mac.change("admin root-a", "keychain int-a")
shared = ssl.create_default_context()
problems, stop, rounds = set(), threading.Event(), [0] * 8
def work(number):
    try:
        while not stop.is_set():
            for context in (shared, trusting("os://")):
                # 19: the list was read when Root B was in it, and SecTrust is asked when it is not.
                for name, codes in (("leaf-a", (0, 28)), ("leaf-b", (0, 19, 20)), ("leaf-int", (0, 20, 28))):
                    got = ask(context, name)
                    if (0 if got == ACCEPTED else got[0]) not in codes: problems.add(repr((name, got)))
                rounds[number] += 1
    except Exception as error: problems.add(repr(error))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
turn = 0
begin = time.monotonic()
while (min(rounds) < 4 or turn <= 20) and time.monotonic() - begin < 60 * %d:
    mac.change("admin root-a" + (" Deny" if turn %% 2 else ""), "keychain int-a", "system root-a", *(["user root-b"] * (turn %% 3)))
    turn += 1
    time.sleep(0.01)
stop.set()
for thread in threads: thread.join()
mac.change("admin root-a", "keychain int-a")
report([sorted(problems), min(rounds) >= 4, turn > 20, [ask(shared, name) for name in ("leaf-a", "leaf-b", "leaf-int")]])""" % support.SLOWER)
        self.assertEqual(seen, [[], True, True, [ACCEPTED, UNKNOWN, ACCEPTED]])


# A program that multiprocessing can start again.
PRELUDE_FILE = """
from client import *
""" + PRELUDE + """
import multiprocessing

def child(_):
    context = ssl.create_default_context()
    return [ask(context, "leaf-a"), ask(context, "leaf-b")]

if __name__ == "__main__":
    first = child(0)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        seen = pool.map(child, range(2), 1)
        pool.close()
        pool.join()
    print(json.dumps([first, *seen]))
"""


if __name__ == "__main__":
    support.main()
