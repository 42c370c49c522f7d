#!/usr/bin/env python3
"""docs/troubleshooting.md: each message that is a heading there is provoked here, and each remedy tried. And docs/migration.md: its command finds
what it looks for, and the tests that it names are there."""
import os
import re
import shutil
import unittest

import support
import test_explain
import test_revocation
from support import MARKER, MODULE, SOURCE, OstrustTest, pem, port_of, text_of

DOCUMENT = os.path.join(SOURCE, "docs", "troubleshooting.md")
NAMED = {}  # what a heading says -> the test
NOT_SANITIZED = unittest.skipIf(support.SANITIZER, "curl and Node.js do not survive a runtime that is preloaded into them")


def symptom(heading):
    """A test of a heading; it gets what the heading says."""
    def decorate(function):
        NAMED[heading] = function.__name__

        def test(self):
            function(self, heading)
        test.__name__ = function.__name__
        return test
    return decorate


def headings():
    with open(DOCUMENT) as file:
        return re.findall("^## (.*)$", file.read(), re.M)


class Trouble(OstrustTest):

    servers = ()

    def setUp(self):
        super().setUp()
        self.store("root-a")

    def client(self, leaf, configuration, **env):
        """openssl as a program that asks for default paths."""
        done = self.openssl("s_client", "-brief", "-verify_return_error", "-connect", "localhost:%d" % port_of(leaf),
                            "-servername", "localhost", "-verify_hostname", "localhost", configuration=configuration, **env)
        return done

    def assertAccepted(self, leaf, configuration, **env):
        done = self.client(leaf, configuration, **env)
        self.assertIn("Verification: OK", done.text, done)

    def assertRefused(self, words, leaf, configuration, **env):
        done = self.client(leaf, configuration, **env)
        self.assertIn(words.lower(), done.text.lower(), done)
        self.assertNotIn("Verification: OK", done.text, done)

    def explained(self, leaf, configuration, *arguments, **env):
        """What `ostrust explain` names its advice."""
        done = support.run([test_explain.TOOL, "explain", "localhost:%d" % port_of(leaf), "--json", *arguments],
                           support.environment(configuration, **env), cwd=self.work)
        self.assertIn(done.status, (0, 1), done)
        return [one["id"] for one in support.json.loads(done.out)["advice"]]

    def status(self, configuration, program=support.OPENSSL, **env):
        """What `ostrust status` finds."""
        done = support.run([test_explain.TOOL, "status", "--json", "--program", program],
                           support.environment(configuration, **env), cwd=self.work)
        return [one["id"] for one in support.json.loads(done.out)["findings"]]


class Messages(Trouble):

    @symptom("`unable to get local issuer certificate`")
    def test_no_issuer(self, heading):
        words = heading.strip("`")
        with self.subTest("ostrust is not loaded"):
            self.assertRefused(words, "leaf-a", self.stock())
            self.assertIn("not-configured", self.status(self.stock()))
            self.assertIn("no-module", self.status(self.ostrust({"module": "/nowhere/ostrust.so"})))
            self.assertAccepted("leaf-a", self.ostrust())
        with self.subTest("no system store has the root"):
            self.assertRefused(words, "leaf-b", self.ostrust())
            self.assertIn("unknown-root", self.explained("leaf-b", self.ostrust()))
            self.store("root-a", "root-b")
            self.assertAccepted("leaf-b", self.ostrust())
            self.store("root-a")
        with self.subTest("a variable wins"):
            self.assertRefused(words, "leaf-a", self.ostrust(), SSL_CERT_FILE=pem("root-b"))
            self.assertIn("variable-wins", self.status(self.ostrust(), SSL_CERT_FILE=pem("root-b")))
            self.assertAccepted("leaf-a", self.ostrust(), SSL_CERT_FILE="os://")
        with self.subTest("a CA file of its own"):
            own = self.file("own.pem", text_of("root-b"))
            log = os.path.join(self.work, "log")
            done = self.openssl("verify", "-CAfile", own, "-no-CApath", "-no-CAstore", pem("leaf-a"),
                                configuration=self.ostrust(), OSTRUST_LOG="info:" + log)
            self.assertSays(words, done)
            with open(log) as file:
                self.assertIn(own, file.read())
            done = self.openssl("verify", "-CAfile", MARKER, pem("leaf-a"), configuration=self.ostrust())
            self.assertEqual(done.status, 0, done)
        with self.subTest("the server forgot its intermediate"):
            # Whether it is one that is forgotten can be known only where the certificate says where its issuer is:
            # test_explain.py has those.
            self.assertRefused(words, "leaf-int", self.ostrust())
            self.assertAccepted("leaf-int-chain", self.ostrust())

    @NOT_SANITIZED
    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_no_issuer_in_node(self):
        with open(DOCUMENT) as file:
            codes = re.findall("`(UNABLE_TO_[A-Z_]+)`", file.read())
        code = ("require('https').get('https://localhost:%d/', () => { console.log('accepted'); process.exit() })"
                ".on('error', (error) => console.log(error.code))")

        def node(leaf, **env):
            configuration = self.file("node.cnf", support.example_text(self.stock(), {"trust-source": self.bundle}))
            return support.run(["node", "-e", code % port_of(leaf)], support.environment(configuration, **env)).out.strip()

        options = {"NODE_OPTIONS": "--use-openssl-ca"}
        self.assertIn(node("leaf-b", **options), codes)
        self.assertEqual(node("leaf-a", **options), "accepted")

    @symptom("`self-signed certificate in certificate chain`")
    def test_a_root_that_is_sent(self, heading):
        self.store("root-b")
        self.assertRefused(heading.strip("`"), "leaf-int-root", self.ostrust())
        self.assertIn("unknown-root", self.explained("leaf-int-root", self.ostrust()))
        self.store("root-b", "root-a")
        self.assertAccepted("leaf-int-root", self.ostrust())

    @symptom("`self-signed certificate`")
    def test_a_certificate_of_its_own(self, heading):
        self.assertRefused(heading.strip("`"), "leaf-self", self.ostrust())
        self.assertIn("self-signed", self.explained("leaf-self", self.ostrust()))
        self.store("leaf-self")
        self.assertAccepted("leaf-self", self.ostrust())

    @symptom("`certificate rejected`")
    def test_rejected(self, heading):
        self.store("root-a", "int-a-distrusted")
        self.assertRefused(heading.strip("`"), "leaf-int-chain", self.ostrust())
        self.assertIn("distrusted by " + self.bundle, self.client("leaf-int-chain", self.ostrust(), OSTRUST_LOG="error").text)
        self.assertIn("distrusted", self.explained("leaf-int-chain", self.ostrust()))
        log = os.path.join(self.work, "log")
        self.assertAccepted("leaf-int-chain", self.ostrust({"verify": "report", "log": "error:" + log}))
        with open(log) as file:
            self.assertIn("distrusted", file.read())

    @symptom("`certificate has expired`")
    def test_expired(self, heading):
        self.store("root-a", "root-old")
        for configuration in (self.ostrust(), self.stock()):
            self.assertRefused(heading.strip("`"), "leaf-a-expired", configuration, SSL_CERT_FILE=self.bundle)
        self.assertIn("expired", self.explained("leaf-a-expired", self.ostrust()))
        self.assertIn("expired-root", self.explained("leaf-old", self.ostrust()))

    @symptom("`Hostname mismatch`")
    def test_another_name(self, heading):
        done = self.openssl("verify", "-verify_hostname", "other.example", pem("leaf-a"), configuration=self.ostrust())
        self.assertIn(heading.strip("`").lower(), done.text.lower(), done)

    @symptom("`library has no ciphers`")
    def test_only_ostrust(self, heading):
        only = self.file("only.cnf", "openssl_conf = init\n[init]\nproviders = providers\n[providers]\nostrust = ostrust\n"
                         "[ostrust]\nmodule = %s\nactivate = 1\n" % MODULE)
        self.assertRefused(heading.strip("`"), "leaf-a", only)
        self.assertIn("no-algorithms", self.status(only))
        self.assertAccepted("leaf-a", self.file("both.cnf", support.example_text(
            self.stock(), {"trust-source": self.bundle})))

    @symptom("`No such file or directory`")
    def test_not_loaded_and_named(self, heading):
        code = "report(attempt(lambda: bare().load_verify_locations('os://')))"
        self.assertIn(heading.strip("`"), self.python(code, self.stock()))
        self.assertEqual(self.python(code, self.ostrust()), "no error")

    @NOT_SANITIZED
    @unittest.skipUnless(shutil.which("curl"), "curl is not installed")
    @symptom("`error setting certificate file`")
    def test_curl(self, heading):
        def curl(configuration, ca):
            return support.run(["curl", "-sS", "--noproxy", "*", "--ipv4", "--cacert", ca,
                                "https://localhost:%d/" % port_of("leaf-a")], support.environment(configuration))

        done = curl(self.stock(), "os://")
        if "error adding trust anchors" not in done.text:  # a curl that hands it to OpenSSL first says so
            self.assertSays(heading.strip("`"), done)
        self.assertEqual(curl(self.ostrust(), MARKER).out, "hello\n")


class Strict(Trouble):

    @symptom("`Missing Authority Key Identifier`")
    def test_missing_key_identifier(self, heading):
        self.store("root-proxy-plain")
        self.assertAccepted("leaf-proxy-plain", self.ostrust())
        done = self.openssl("verify", "-x509_strict", pem("leaf-proxy-plain"), configuration=self.ostrust())
        self.assertIn(heading.strip("`").lower(), done.text.lower(), done)
        self.assertIn("strict", self.explained("leaf-proxy-plain", self.ostrust(), "--strict"))


class Revoked(test_revocation.WithDirectory):

    @classmethod
    def world(cls):
        return test_explain.FewRevocations.get()

    def refusal(self, setting):
        """What a program prints of a server whose certificate names neither list nor responder."""
        return self.openssl("s_client", "-brief", "-verify_return_error", "-connect",
                            "localhost:%d" % self.world().port("neither"), configuration=self.checking(setting)).text

    @symptom("`certificate revoked`")
    def test_revoked(self, heading):
        self.assertIn("Verification: OK", self.refusal("local"))
        self.put("neither", "revoked")
        self.assertIn(heading.strip("`"), self.refusal("local"))

    @symptom("`unable to get certificate CRL`")
    def test_unknown(self, heading):
        self.assertIn(heading.strip("`"), self.refusal("hard"))
        self.assertIn("Verification: OK", self.refusal("soft"))


class Behaviour(Trouble):

    servers = ("leaf-a", "leaf-b")

    @symptom("I removed a root, and a program still accepts")
    def test_removed(self, _):
        seen = self.python("""
context = ssl.create_default_context()
seen = [connect(context, "leaf-a")]
write_store("root-b")
report(seen + [connect(context, "leaf-a"), connect(context, "leaf-b")])""", self.ostrust())
        self.assertEqual((seen[0], seen[2]), ("accepted", "accepted"))
        self.assertIn("unable to get local issuer", seen[1])

    @symptom("I added a root, and a program still refuses")
    def test_added(self, _):
        with open(DOCUMENT) as file:
            count = re.search(r"`(awk '/BEGIN/') (\S+) (\| wc -l)`", file.read())
        done = support.run(["sh", "-c", " ".join((count.group(1), self.bundle, count.group(3)))], support.environment(os.devnull))
        self.assertEqual(done.out.strip(), "1")
        self.test_removed()

    @symptom("`get_ca_certs()` is empty")
    def test_no_list(self, _):
        code = "report(len(ssl.create_default_context().get_ca_certs()))"
        self.assertEqual(self.python(code, self.ostrust()), 0)
        self.assertEqual(self.python(code, self.ostrust({"preload": "yes"})), 1)

    @symptom("What the log says")
    def test_log(self, _):
        done = self.documented("docs/troubleshooting.md", "OSTRUST_LOG=debug ",
                               {"intranet.example:443": "localhost:%d </dev/null" % port_of("leaf-a")},
                               support.environment(self.ostrust()))
        self.assertIn("Root A", done.err)
        self.assertIn(self.bundle, done.err)

    @symptom("It works in my shell, and not in the service")
    def test_environment_of_a_process(self, _):
        done = self.documented("docs/troubleshooting.md", "sudo tr ", {"PID": "self"}, support.environment(self.ostrust()))
        self.assertIn("OPENSSL_CONF=%s\n" % self.ostrust(), done.out)


class Document(unittest.TestCase):

    # Nothing to run, or run elsewhere: test_intermediates.py, test_revocation.py (time), test/clients (GnuTLS).
    elsewhere = ["Connecting takes seconds", "The program does not use OpenSSL"]

    def test_each_heading_has_its_test(self):
        self.assertEqual(sorted(headings()), sorted(list(NAMED) + self.elsewhere))

    def test_what_the_tool_says_is_what_it_can_say(self):
        with open(DOCUMENT) as file:
            named = re.findall("says? `([a-z]+-[a-z-]+)`", file.read())
        sources = ""
        for name in ("explain_advice.cpp", "judgement.cpp"):
            with open(os.path.join(SOURCE, "provider", "tool", name)) as file:
                sources += file.read()
        self.assertGreater(len(named), 3)
        for one in named:
            self.assertIn('"%s"' % one, sources)


class Migration(OstrustTest):

    def setUp(self):
        super().setUp()
        with open(os.path.join(SOURCE, "docs", "migration.md")) as file:
            self.text = file.read().split("\n## ")[0]

    def test_the_command_finds_what_the_table_has(self):
        places = re.search("^ *grep -rsnE '.*' (.*)$", self.text, re.M).group(1)
        variables = re.findall("`([A-Z_]+)`", "".join(re.findall(r"^\| ([^|]*) \|", self.text, re.M)))
        self.assertGreater(len(variables), 8)
        root = os.path.join(self.work, "root")
        places_here = (" " + places).replace(" /", " " + root + "/")
        expected = []

        def plant(path, text):
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as out:
                out.write("PATH=/bin\n" + text + "\n")
            expected.append(path)

        for variable in variables:
            plant("etc/profile.d/%s.sh" % variable, "export %s=/ca.pem" % variable)
        plant("etc/environment", "SSL_CERT_FILE=/ca.pem")
        plant("etc/systemd/system/one.service.d/ca.conf", "Environment=REQUESTS_CA_BUNDLE=/ca.pem")
        plant("home/.npmrc", "cafile=/ca.pem")
        plant("home/.config/pip/pip.conf", "[global]\ncert = /ca.pem")
        plant("home/.bashrc", "export npm_config_cafile=/ca.pem")
        done = self.documented("docs/migration.md", "grep ", {places: places_here},
                               support.environment(os.devnull, HOME=os.path.join(root, "home")))
        found = {line.split(":")[0] for line in done.out.splitlines()}
        self.assertEqual(found, set(expected), done)
        self.assertNotIn("PATH", done.out)

    def test_the_tests_are_there(self):
        named = re.findall(r"`(test_\w+\.py) (\w+)`", self.text)
        self.assertEqual(len(named), len(re.findall("^\\| (?!today|---)", self.text, re.M)))
        for file, name in named:
            folder = next(folder for folder in ("integration", "clients")
                          if os.path.exists(os.path.join(SOURCE, "test", folder, file)))
            with open(os.path.join(SOURCE, "test", folder, file)) as source:
                self.assertRegex(source.read(), r"(?m)^class %s\(" % name)


if __name__ == "__main__":
    support.skip_all_if(not os.path.exists(test_explain.TOOL) and "the ostrust program was not built")
    support.main()
