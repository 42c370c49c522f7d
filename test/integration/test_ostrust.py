#!/usr/bin/env python3
"""CPython with ostrust: what an application gets that only says "the defaults", "os://" or the
marker file. One file for every CPython from 3.8 on; CTest runs it under each one it finds.

Every child process has an environment and an openssl.cnf of its own. A test that expects something to be accepted has its
negative twin: the same code under a configuration without ostrust.
"""
import os
import sys

import support
from support import MARKER, SANITIZER, OstrustTest, hashed_directory, pem, text_of

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"
SELF_SIGNED = "self-signed certificate in certificate chain"

# The ways in which a program asks for the system's store: what it does, and its environment.
ENTRIES = {
    "create_default_context": ("context = ssl.create_default_context()", {}),
    "set_default_verify_paths": ("context = bare(); context.set_default_verify_paths()", {}),
    "os: as CA file": ("context = bare(); context.load_verify_locations('os:')", {}),
    "os:// as CA file": ("context = bare(); context.load_verify_locations('os://')", {}),
    "os: as CA directory": ("context = bare(); context.load_verify_locations(capath='os:')", {}),
    "the marker as CA file": ("context = bare(); context.load_verify_locations(MARKER)", {}),
    "cafile of create_default_context": (
        "context = ssl.create_default_context(cafile=MARKER)", {}),
    "SSL_CERT_FILE=marker": ("context = ssl.create_default_context()", {"SSL_CERT_FILE": MARKER}),
    "SSL_CERT_FILE=os://": ("context = ssl.create_default_context()", {"SSL_CERT_FILE": "os://"}),
    "SSL_CERT_DIR=os://": ("context = ssl.create_default_context()", {"SSL_CERT_DIR": "os://"}),
}


class Entries(OstrustTest):
    """Each way to ask for the system's store gives the system's store, and nothing else."""

    def test_every_entry_trusts_what_the_system_trusts_and_no_more(self):
        self.store("root-a")
        for entry, (code, env) in ENTRIES.items():
            with self.subTest(entry):
                seen = self.python(code + "\nreport(connect_all(context))", self.ostrust(), **env)
                self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN})

    def test_without_ostrust_no_entry_accepts_anybody(self):
        self.store("root-a")
        for entry, (code, env) in ENTRIES.items():
            with self.subTest(entry):
                seen = self.python(
                    "try:\n  " + code.replace("\n", "\n  ") +
                    "\nexcept OSError as error: report(str(error))"
                    "\nelse: report(list(connect_all(context).values()))", self.stock(), **env)
                if isinstance(seen, list):
                    self.assertNotIn(ACCEPTED, seen)

    def test_a_directory_is_a_trust_source_too(self):
        for kind, names in (("hashed", None), ("not hashed", "plain.pem")):
            with self.subTest(kind):
                directory = os.path.join(self.work, kind.replace(" ", "-"))
                hashed_directory(directory, "root-a")
                if names:
                    os.rename(os.path.join(directory, support.subject_hash("root-a")),
                              os.path.join(directory, names))
                seen = self.python("report(connect_all(trusting('os://')))",
                                   self.ostrust({"trust-source": directory}))
                self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN})

    def test_nothing_of_the_system_enters_the_store_of_a_context(self):
        self.store("root-a", "root-b")
        seen = self.python("""
contexts = {"default": ssl.create_default_context(), "os://": trusting("os://")}
for context in contexts.values(): connect_all(context)
report({name: [context.cert_store_stats()["x509"], context.get_ca_certs()]
        for name, context in contexts.items()})""", self.ostrust())
        self.assertEqual(seen, {"default": [0, []], "os://": [0, []]})

    def test_preload_fills_a_context_at_once(self):
        self.store("root-a", "root-b")
        code = """
context = trusting("os://")
report([[dict(pair[0] for pair in ca["subject"])["commonName"] for ca in context.get_ca_certs()],
        connect_all(context)])"""
        names, seen = self.python(code, self.ostrust({"preload": "yes"}))
        self.assertEqual(sorted(names), ["Root A", "Root B"])
        self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED})
        names, seen = self.python(code, self.ostrust({"preload": "no"}))
        self.assertEqual(names, [])
        self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED})

    def test_default_paths_can_be_left_alone(self):
        self.store("root-a")
        seen = self.python("report([connect(ssl.create_default_context(), 'leaf-a'),"
                           " connect(trusting('os://'), 'leaf-a')])",
                           self.ostrust({"default-paths": "no"}))
        self.assertEqual(seen, [UNKNOWN, ACCEPTED])

    def test_a_wrong_host_name_is_refused(self):
        self.store("root-a")
        seen = self.python("""
context = trusting("os://")
with socket.create_connection(("127.0.0.1", T["ports"]["leaf-a"])) as plain:
    report(attempt(context.wrap_socket, plain, server_hostname="other.example"))""",
                           self.ostrust())
        self.assertIn("Hostname mismatch", seen)


class SslCertFile(OstrustTest):
    """Rule 8: SSL_CERT_FILE and SSL_CERT_DIR, set by a person, win over default-paths."""

    code = """
report({"default": connect_all(ssl.create_default_context()),
        "os://": connect_all(trusting("os://"))})"""
    expected = {"default": {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED},
                "os://": {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN}}

    def test_a_file(self):
        self.store("root-a")
        seen = self.python(self.code, self.ostrust(), SSL_CERT_FILE=pem("root-b"))
        self.assertEqual(seen, self.expected)

    def test_a_directory(self):
        self.store("root-a")
        directory = hashed_directory(os.path.join(self.work, "dir"), "root-b")
        seen = self.python(self.code, self.ostrust(), SSL_CERT_DIR=directory)
        self.assertEqual(seen, self.expected)

    def test_beside_what_asked_for_the_system(self):
        # A store that has the system's already, and then asks for the defaults.
        self.store("root-a")
        directory = hashed_directory(os.path.join(self.work, "dir"), "root-b")
        code = """
context = trusting("os://")
context.set_default_verify_paths()
report(connect_all(context))"""
        none = os.path.join(self.work, "none")
        for name, value, other in (("SSL_CERT_DIR", directory, ACCEPTED), ("SSL_CERT_DIR", none, UNKNOWN),
                                   ("SSL_CERT_FILE", pem("root-b"), ACCEPTED), ("SSL_CERT_FILE", none, UNKNOWN)):
            with self.subTest(name, value=value):
                seen = self.python(code, self.ostrust(), **{name: value})
                self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": other})

    def test_a_file_that_is_not_there(self):
        self.store("root-a")
        seen = self.python("report(connect_all(ssl.create_default_context()))", self.ostrust(),
                           SSL_CERT_FILE=os.path.join(self.work, "absent.pem"))
        self.assertEqual(seen, {"leaf-a": UNKNOWN, "leaf-b": UNKNOWN})


class Liveness(OstrustTest):
    """Contexts that were made before the system's store changed see the change."""

    make = """
contexts = {"default": ssl.create_default_context(), "os://": trusting("os://"),
            "marker": trusting(MARKER)}
def look():
    answers = [connect_all(context) for context in contexts.values()]
    assert all(answer == answers[0] for answer in answers), answers
    return answers[0]
"""

    def test_additions_and_removals(self):
        self.store("root-a")
        seen = self.python(self.make + """
steps = [look()]
write_store("root-a", "root-b"); steps.append(look())
write_store("root-b"); steps.append(look())
write_store("root-a"); steps.append(look())
report(steps)""", self.ostrust())
        self.assertEqual(seen, [{"leaf-a": ACCEPTED, "leaf-b": UNKNOWN},
                                {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED},
                                {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED},
                                {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN}])

    def test_a_change_is_seen_after_the_refresh_interval(self):
        self.store("root-a")
        seen = self.python("""
context = ssl.create_default_context()
before = connect_all(context)
write_store("root-b")
deadline = time.monotonic() + 30
while connect(context, "leaf-b") != ACCEPTED and time.monotonic() < deadline: time.sleep(0.05)
report([before, connect_all(context)])""", self.ostrust({"refresh": "0.2"}))
        self.assertEqual(seen, [{"leaf-a": ACCEPTED, "leaf-b": UNKNOWN},
                                {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED}])

    def test_the_refresh_interval_is_kept(self):
        self.store("root-a")
        seen = self.python("""
context = ssl.create_default_context()
connect_all(context)
write_store("root-b")
report(connect_all(context))""", self.ostrust({"refresh": "3600"}))
        self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN})

    def test_stock_contexts_see_nothing(self):
        # The twin: what a program without ostrust gets that loads the very same file.
        self.store("root-a")
        seen = self.python("""
context = trusting(BUNDLE)
before = connect_all(context)
write_store("root-b")
report([before, connect_all(context)])""", self.stock())
        self.assertEqual(seen[0], seen[1])

    def test_a_source_that_becomes_unreadable_or_empty_keeps_the_last_good_one(self):
        self.store("root-a")
        seen = self.python(self.make + """
steps = {"at first": look()}
os.remove(BUNDLE); steps["removed"] = look()
open(BUNDLE, "w").close(); steps["empty"] = look()
with open(BUNDLE, "w") as out: out.write("no certificate here\\n" * 100)
steps["garbage"] = look()
os.remove(BUNDLE); os.mkdir(BUNDLE); steps["an empty directory"] = look()
contexts["new"] = trusting("os://"); steps["a new context"] = look()
os.rmdir(BUNDLE); write_store("root-b"); steps["good again"] = look()
report(steps)""", self.ostrust())
        good_again = seen.pop("good again")
        self.assertEqual(good_again, {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED})
        for step, answer in seen.items():
            self.assertEqual(answer, {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN}, step)

    def test_a_directory_is_looked_at_again(self):
        directory = hashed_directory(os.path.join(self.work, "dir"), "root-a")
        seen = self.python("""
import glob, shutil
directory = os.path.join(T["work"], "dir")
context = ssl.create_default_context()
steps = [connect_all(context)]
old = glob.glob(directory + "/*.0")
shutil.copyfile(pem("root-b"), directory + "/new.pem"); steps.append(connect_all(context))
os.remove(old[0]); steps.append(connect_all(context))
os.remove(directory + "/new.pem"); steps.append(connect_all(context))
report(steps)""", self.ostrust({"trust-source": directory}))
        self.assertEqual(seen, [{"leaf-a": ACCEPTED, "leaf-b": UNKNOWN},
                                {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED},
                                {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED},
                                {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED}])


class Sessions(OstrustTest):
    """OpenSSL does not verify a resumed session again: a removed root takes effect with the next full
    handshake, in contexts that were made and used before."""

    servers = ("leaf-a",)
    code = """
def handshake(context, session=None):
    with socket.create_connection(("127.0.0.1", T["ports"]["leaf-a"]), timeout=60) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                tls.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
                tls.recv(1)  # tickets of TLS 1.3 come before it; reading the end would end the session
                return ["resumed" if tls.session_reused else ACCEPTED, tls.session]
        except ssl.SSLCertVerificationError as error:
            return [error.verify_message, None]

contexts = []
for make in MAKERS:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = make()
        context.minimum_version = context.maximum_version = version
        contexts.append((context, *handshake(context)))

steps = [[answer for context, answer, session in contexts]]
for names in (["root-b"], ["root-b", "root-a"]):
    write_store(*names)
    time.sleep(2)
    steps.append([handshake(context)[0] for context, answer, session in contexts])
    steps.append([handshake(context, session)[0] for context, answer, session in contexts])
report(steps)
"""

    def seen(self, configuration, *makers):
        self.store("root-a")
        return self.python(self.code.replace("MAKERS", "[%s]" % ", ".join(makers)), configuration)

    def test_a_resumed_session_outlives_its_root_and_a_full_handshake_does_not(self):
        # With the interval that is the default: within two seconds.
        seen = self.seen(self.ostrust({"refresh": None}), "ssl.create_default_context",
                         "lambda: trusting('os://')", "lambda: trusting(MARKER)")
        self.assertEqual(seen, [[answer] * 6 for answer in (ACCEPTED, UNKNOWN, "resumed", ACCEPTED,
                                                            "resumed")])

    def test_a_stock_context_with_the_bundle_refuses_neither(self):
        seen = self.seen(self.stock(), "lambda: trusting(BUNDLE)")
        self.assertEqual(seen, [[answer] * 2 for answer in (ACCEPTED, ACCEPTED, "resumed", ACCEPTED,
                                                            "resumed")])

    def test_without_ostrust_there_is_no_session_to_resume(self):
        seen = self.seen(self.stock(), "ssl.create_default_context", "lambda: trusting(MARKER)")
        self.assertEqual(seen, [[UNKNOWN] * 4] * 5)


class Anchors(OstrustTest):
    """Anchors that are hard to find, or that are not quite anchors. Where stock OpenSSL has an answer
    for the same bundle loaded as a file, ostrust gives that answer."""

    servers = ("leaf-a", "leaf-a-expired", "leaf-twin-1", "leaf-twin-2", "leaf-name", "leaf-int",
               "leaf-int-chain", "leaf-self", "leaf-old", "leaf-mail-server")

    def same_as_stock(self, *names, prepare=""):
        """What every server answers when these are trusted: the same with ostrust as from stock OpenSSL that
        loads the bundle, or this fails."""
        self.store(*names)
        code = "context = trusting(CA)\n" + prepare + "\nreport(connect_all(context))"
        stock = self.python("CA = BUNDLE\n" + code, self.stock())
        seen = self.python("CA = 'os://'\n" + code, self.ostrust())
        self.assertEqual(seen, stock)
        return seen

    def accepted(self, seen):
        return sorted(name for name, answer in seen.items() if answer == ACCEPTED)

    def test_one_root(self):
        self.assertEqual(self.accepted(self.same_as_stock("root-a")), ["leaf-a", "leaf-int-chain"])

    def test_two_anchors_of_one_subject(self):
        for order in (("twin-1", "twin-2"), ("twin-2", "twin-1")):
            with self.subTest(order):
                self.assertEqual(self.accepted(self.same_as_stock(*order)),
                                 ["leaf-twin-1", "leaf-twin-2"])

    def test_the_other_anchor_of_that_subject_is_not_enough(self):
        self.assertEqual(self.accepted(self.same_as_stock("twin-1")), ["leaf-twin-1"])

    def test_a_root_and_the_same_root_issued_again(self):
        seen = self.same_as_stock("root-a", "root-a-reissued")
        self.assertEqual(self.accepted(seen), ["leaf-a", "leaf-int-chain"])

    def test_an_application_anchor_and_a_system_anchor_of_one_subject(self):
        self.store("twin-2")
        for first, second in (("pem('twin-1')", "'os://'"), ("'os://'", "pem('twin-1')")):
            with self.subTest(first + " then " + second):
                code = "report(connect_all(trusting(%s, %s)))" % (first, second)
                self.assertEqual(self.accepted(self.python(code, self.ostrust())),
                                 ["leaf-twin-1", "leaf-twin-2"])
        only_its_own = self.python("report(connect_all(trusting(pem('twin-1'))))", self.stock())
        self.assertEqual(self.accepted(only_its_own), ["leaf-twin-1"])

    def test_an_application_anchor_with_the_key_of_a_system_anchor(self):
        self.store("root-a-reissued")
        seen = self.python("report(connect_all(trusting(pem('root-a'), 'os://')))", self.ostrust())
        self.assertEqual(self.accepted(seen), ["leaf-a", "leaf-int-chain"])

    def test_the_application_anchor_stays_when_the_system_anchor_goes(self):
        self.store("root-a-reissued")
        seen = self.python("""
context = trusting(pem("root-a"), "os://")
connect_all(context)
write_store("twin-1")
report(connect_all(context))""", self.ostrust({"intermediates": "off"}))  # or leaf-int is completed, the second time
        self.assertEqual(self.accepted(seen), ["leaf-a", "leaf-int-chain", "leaf-twin-1"])

    def test_a_name_in_another_string_type_case_and_spacing(self):
        for spelling in ("name-utf8", "name-printable"):
            with self.subTest(spelling):
                self.assertEqual(self.accepted(self.same_as_stock(spelling)), ["leaf-name"])

    def test_a_self_signed_server_certificate_in_the_store(self):
        for prepare in ("", "context.verify_flags |= PARTIAL_CHAIN"):
            with self.subTest(prepare):
                seen = self.same_as_stock("leaf-self", prepare=prepare)
                self.assertEqual(self.accepted(seen), ["leaf-self"])

    def test_a_server_certificate_in_the_store(self):
        self.assertEqual(self.accepted(self.same_as_stock("leaf-a")), [])
        seen = self.same_as_stock("leaf-a", prepare="context.verify_flags |= PARTIAL_CHAIN")
        self.assertEqual(self.accepted(seen), ["leaf-a"])

    def test_an_intermediate_in_the_store(self):
        self.assertEqual(self.accepted(self.same_as_stock("int-a")), [])
        seen = self.same_as_stock("int-a", prepare="context.verify_flags |= PARTIAL_CHAIN")
        self.assertEqual(self.accepted(seen), ["leaf-int", "leaf-int-chain"])

    def test_an_intermediate_the_system_trusts_explicitly(self):
        seen = self.same_as_stock("int-a-trusted")
        self.assertEqual(self.accepted(seen), ["leaf-int", "leaf-int-chain"])

    def test_what_is_over_is_refused(self):
        seen = self.same_as_stock("root-a", "root-old")
        self.assertEqual(seen["leaf-a-expired"], "certificate has expired")
        self.assertEqual(seen["leaf-old"], "certificate has expired")

    def test_a_root_that_is_not_for_servers_is_refused_for_a_server(self):
        for limited in ("root-mail-trust", "root-mail-reject"):
            with self.subTest(limited):
                self.store(limited)
                seen = self.python("report(connect(trusting('os://'), 'leaf-mail-server'))",
                                   self.ostrust())
                self.assertEqual(seen, "certificate rejected")
        # The twin: the same root, without its limits, is an anchor for that server.
        self.assertEqual(self.accepted(self.same_as_stock("root-mail")), ["leaf-mail-server"])

    def test_a_certificate_that_does_not_parse_hides_no_other(self):
        with open(self.bundle, "w") as out:
            out.write("-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n"
                      "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n!!!\n"
                      "-----END CERTIFICATE-----\n" + text_of("root-a"))
        seen = self.python("report(connect_all(trusting('os://')))", self.ostrust())
        self.assertEqual(self.accepted(seen), ["leaf-a", "leaf-int-chain"])


class NeverWiden(OstrustTest):
    """Rule 1: in a store that did not ask for the system's, ostrust changes nothing."""

    servers = ("leaf-a", "leaf-b", "leaf-twin-1", "leaf-twin-2", "leaf-self")

    def same_as_stock(self, code):
        """What `code` reports: the same with ostrust, which really is there, as without."""
        stock = self.python(code, self.stock())
        ours = self.python("assert connect(trusting('os://'), 'leaf-a') == ACCEPTED\n" + code,
                           self.ostrust())
        self.assertEqual(ours, stock)
        return stock

    def test_an_application_with_its_own_ca_trusts_only_that(self):
        self.store("root-a", "twin-2", "leaf-self")
        directory = hashed_directory(os.path.join(self.work, "dir"), "root-b")
        for what, code in {
                "a file": "trusting(pem('root-b'))",
                "several files": "trusting(pem('twin-1'), pem('root-b'))",
                "a directory": "bare(); context.load_verify_locations(capath=%r)" % directory,
                "data": "bare(); context.load_verify_locations(cadata=open(pem('root-b')).read())",
                "default context": "ssl.create_default_context(cafile=pem('root-b'))",
                "nothing": "bare()",
        }.items():
            code = ("context = " + code + """
first = connect_all(context)
report([first, connect_all(context), context.cert_store_stats(), context.get_ca_certs(),
        context.get_ca_certs(binary_form=False)])""")
            with self.subTest(what):
                self.same_as_stock(code)

    def test_the_system_store_of_one_context_is_not_that_of_another(self):
        self.store("root-a")
        seen = self.python("""
governed, own = ssl.create_default_context(), trusting(pem("root-b"))
report([connect_all(governed), connect_all(own), connect_all(governed)])""", self.ostrust())
        a, b = seen[0], seen[1]
        self.assertEqual((a["leaf-a"], a["leaf-b"]), (ACCEPTED, UNKNOWN))
        self.assertEqual((b["leaf-a"], b["leaf-b"]), (UNKNOWN, ACCEPTED))
        self.assertEqual(seen[2], a)

    def test_ca_certificates_keep_their_order(self):
        self.store("root-a")
        self.file("many.pem", "".join(text_of(name) for name in (
            "twin-2", "root-b", "twin-1", "name-utf8", "root-mail", "root-a", "root-a-reissued")))
        code = """
context = trusting(os.path.join(T["work"], "many.pem"))
report([ca["serialNumber"] for ca in context.get_ca_certs()])"""
        self.assertEqual(len(self.same_as_stock(code)), 7)


class NothingReadable(OstrustTest):
    """Rule 7: no store is an error that says so; what asked for the defaults gets stock behaviour."""

    def sources(self):
        empty = self.file("empty.pem", "")
        directory = os.path.join(self.work, "empty-directory")
        os.makedirs(directory, exist_ok=True)
        return (os.path.join(self.work, "absent.pem"), empty, directory)

    def test_os_says_what_was_tried(self):
        for source in self.sources():
            for name in ("os:", "os://", MARKER):
                with self.subTest(source=source, name=name):
                    seen = self.python("report(attempt(trusting, %r))" % name,
                                       self.ostrust({"trust-source": source}))
                    self.assertRegex(seen, "^SSLError: ")
                    self.assertIn(source, seen)

    def test_the_defaults_stay_stock(self):
        code = """
context = ssl.create_default_context()
report([connect_all(context), context.cert_store_stats(), len(context.get_ca_certs())])"""
        for source in self.sources():
            with self.subTest(source):
                self.assertEqual(self.python(code, self.ostrust({"trust-source": source})),
                                 self.python(code, self.stock()))

    def test_a_store_that_appears_later_is_found(self):
        seen = self.python("""
before = attempt(trusting, "os://")
write_store("root-a")
report([before, connect_all(trusting("os://"))])""", self.ostrust())
        self.assertIn("SSLError", seen[0])
        self.assertEqual(seen[1], {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN})


class Configuration(OstrustTest):
    """A bad value never turns the product off silently, and never turns anything on."""

    bad = {
        "default-paths": ("maybe", "2"),
        "system-bundles": ("perhaps",),
        "verify": ("strict", "roots,platform"),
        "revocation": ("sometimes", "yes"),
        "intermediates": ("all", "yes"),
        "network-allow-private": ("maybe",),
        "network-timeout": ("soon",),
        "trust-source": ("relative/path", "nowhere"),
        "refresh": ("-1", "often", "1s", "nan"),
        "log": ("loud", "info:"),
        "replace-bundles": ("cacert.pem", "certifi,", "yes"),
    }
    good = {
        "default-paths": ("yes", "no"),
        "system-bundles": ("yes", "on", "no", "off"),
        "verify": ("roots", "off"),
        "revocation": ("off", "no", "local", "soft"),
        "intermediates": ("off", "no", "local", "fetch"),
        "network-allow-private": ("yes", "no"),
        "network-timeout": ("1", "600"),
        "refresh": ("0", "1", "0.5", "3600"),
        "preload": ("yes", "no", "haproxy", "haproxy,other"),
        "log": ("off", "no"),
        "replace-bundles": ("none", "off", "no", "certifi", "certifi, */grpc/roots.pem", "/a/b"),
    }
    code = """
context = ssl.create_default_context()
report({"os://": attempt(trusting, "os://"), "os:": attempt(trusting, "os:"),
        "default": connect_all(context), "stats": context.cert_store_stats()})"""

    def test_bad_values_are_loud_for_os_and_safe_for_the_defaults(self):
        self.store("root-a")
        stock = self.python(self.code, self.stock())
        for key, values in self.bad.items():
            for value in values:
                with self.subTest("%s = %s" % (key, value)):
                    seen = self.python(self.code, self.ostrust({key: value}))
                    for name in ("os:", "os://"):
                        self.assertRegex(seen[name], "^SSLError: ")
                        self.assertIn(key, seen[name])
                    self.assertEqual(seen["default"], stock["default"])
                    self.assertEqual(seen["stats"], stock["stats"])

    def test_good_values_are_accepted(self):
        self.store("root-a")
        for key, values in self.good.items():
            for value in values:
                with self.subTest("%s = %s" % (key, value)):
                    seen = self.python("report(connect_all(trusting('os://')))",
                                       self.ostrust({key: value}))
                    self.assertEqual(seen, {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN})

    def test_the_log_goes_where_it_is_told(self):
        self.store("root-a")
        log = os.path.join(self.work, "log")
        for what, keys, env in (("key", {"log": "debug:" + log}, {}),
                                ("environment", {}, {"OSTRUST_LOG": "debug:" + log})):
            with self.subTest(what):
                done = self.python_process("report(connect_all(trusting('os://')))",
                                           self.ostrust(keys), **env)
                self.assertEqual(done.status, 0, done)
                self.assertEqual(done.err, "", done)
                with open(log) as file:
                    self.assertIn(self.bundle, file.read())
                self.assertEqual(os.stat(log).st_mode & 0o777, 0o600)
                os.remove(log)

    def test_the_log_is_silent_unless_asked_for(self):
        self.store("root-a")
        done = self.python_process("report(connect_all(ssl.create_default_context()))",
                                   self.ostrust())
        self.assertEqual((done.status, done.err), (0, ""), done)

    def test_the_log_follows_no_link(self):
        self.store("root-a")
        target = self.file("target", "untouched\n")
        os.symlink(target, os.path.join(self.work, "link"))
        self.python("report(connect_all(trusting('os://')))", self.ostrust(),
                    OSTRUST_LOG="debug:" + os.path.join(self.work, "link"))
        with open(target) as file:
            self.assertEqual(file.read(), "untouched\n")


class Processes(OstrustTest):
    """Threads, fork, and the ways in which a process ends."""

    def test_threads_while_the_store_is_rewritten(self):
        self.store("root-a")
        seen = self.python("""
problems, stop, rounds = [], threading.Event(), [0]
shared = ssl.create_default_context()
def work(number):
    try:
        while not stop.is_set():
            own = ssl.create_default_context() if number % 2 else trusting("os://")
            for context in (own, shared):
                if connect(context, "leaf-a") != ACCEPTED: problems.append("leaf-a refused")
                connect(context, "leaf-b")
            rounds[0] += 1
    except Exception as error:
        problems.append(repr(error))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for turn in range(40):
    write_store("root-a", *(["root-b"] if turn % 2 else []), *["twin-1"] * (turn % 3))
    time.sleep(0.02)
write_store("root-a", "root-b")
stop.set()
for thread in threads: thread.join()
report([sorted(set(problems)), rounds[0] > 8, connect_all(shared)])""", self.ostrust())
        self.assertEqual(seen, [[], True, {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED}])

    def test_fork_while_threads_ask_for_the_store(self):
        # The threads do what takes ostrust's locks and no global one of OpenSSL's: a child of a process
        # whose threads *verify* can wait for ever in stock OpenSSL 3.0 too (the provider store's lock,
        # seen in OSSL_DECODER_do_all_provided and EVP_KEYMGMT_do_all_provided). The allocator of a
        # sanitizer has the same weakness, so there are no threads under one.
        self.store("root-a")
        seen = self.python("""
import multiprocessing, signal, warnings
warnings.simplefilter("ignore")  # from Python 3.12 on: fork in a process with threads
shared, stop = ssl.create_default_context(), threading.Event()
connect_all(shared)
def work(own):
    while not stop.is_set(): own.load_verify_locations("os://")
def child(turn):
    signal.alarm(40)  # a deadlock kills the child, and the parent sees how it ended
    good = (connect(shared, "leaf-a") == ACCEPTED and
            connect(ssl.create_default_context(), "leaf-a") == ACCEPTED and
            (connect(trusting("os://"), "leaf-b") == ACCEPTED) == bool(turn % 2))
    os._exit(0 if good else 1)
def in_pool(_):
    return connect(ssl.create_default_context(), "leaf-a")
threads = [threading.Thread(target=work, args=(bare(),)) for _ in range(THREADS)]
for thread in threads: thread.start()
statuses = []
for turn in range(20):
    write_store("root-a", *(["root-b"] if turn % 2 else []))
    pid = os.fork()
    if pid == 0: child(turn)
    statuses.append(os.waitpid(pid, 0)[1])
stop.set()
for thread in threads: thread.join()
with multiprocessing.get_context("fork").Pool(2) as pool: answers = pool.map(in_pool, range(4))
report([statuses, answers])""".replace("THREADS", "0" if SANITIZER else "4"), self.ostrust())
        self.assertEqual(seen, [[0] * 20, [ACCEPTED] * 4])

    def test_exit_paths(self):
        self.store("root-a")
        prepare = """
context = ssl.create_default_context()
assert connect(context, "leaf-a") == ACCEPTED
"""
        for what, status, code in (
                ("end of the program", 0, ""),
                ("sys.exit", 3, "sys.exit(3)"),
                ("os._exit", 4, "os._exit(4)"),
                ("an exception", 1, "raise RuntimeError('on purpose')"),
                ("verifying in atexit", 0,
                 "atexit.register(lambda: connect(ssl.create_default_context(), 'leaf-a') =="
                 " ACCEPTED or os._exit(9))"),
                ("context left in a cycle", 0, "cycle = [context]; cycle.append(cycle); del cycle"),
                ("a forked child returns from main", 0, """
child = os.fork()
if child: assert os.waitpid(child, 0)[1] == 0"""),
        ):
            with self.subTest(what):
                done = self.python_process(prepare + code, self.ostrust())
                self.assertEqual(done.status, status, done)


if __name__ == "__main__":
    if sys.version_info < (3, 8):
        sys.exit("CPython 3.8 or later is needed")
    support.main()
