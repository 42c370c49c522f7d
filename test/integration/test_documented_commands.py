#!/usr/bin/env python3
"""Every command of the documents is run by a test, or says here why not.

Who runs one is not written down but found: a test calls documented() (support.py), which reads the command from the document
and runs it; or a script of the tree is named above the block and reads it (documents.py). Commands that no other test has to
do with are run here.
"""
import ast
import datetime
import glob
import os
import re
import shutil
import socket
import sys
import threading
import unittest

import documents
import support
import test_enable
import test_explain
import test_intermediates
import test_p11_kit
import test_revocation
from documents import SOURCE
from support import MARKER, TOOL, OstrustTest, environment, pem, port_of, text_of

# Why nobody runs a command. Of scripts of the tree it is looked that they are there and know their options.
HOURS = "takes long, or wants the network: by hand, before a release (docs/releasing.md)"
WHOLE = "is the run that this test is in, or its like: what CI runs (.ci/run)"
MAC = "needs a Mac"
WINDOWS = "needs Windows; what of it runs in Wine is in test_windows_tool.py, test_windows_module.py and test_windows_hosts.py"
SYSTEMD = "needs systemd to run the machine"
SUDO = "needs sudo, and a command of the reader's"

# (document, beginning of the command, why).
NOT_RUN = (
    ("README.md", "test/quickstart", HOURS),
    ("*", "test/run", WHOLE),
    ("*", "test/windows", WHOLE),
    ("*", "test/macos", WHOLE),
    ("*", "test/musl", HOURS),
    ("CONTRIBUTING.md", "test/deps clients", HOURS),
    ("*", "test/conformance/cpython", HOURS),
    ("*", "test/long/run", HOURS),
    ("*", "test/fuzz/run", HOURS),
    ("CONTRIBUTING.md", "test/analyze", HOURS),
    ("CONTRIBUTING.md", "test/coverage", HOURS),
    ("*", "test/bench/", HOURS),
    ("*", "sudo test/", HOURS),
    ("docs/clients.md", "test/clients/run --here", HOURS),
    ("docs/versions.md", "test/deps versions", HOURS),
    ("docs/windows.md", "test/deps windows && test/deps versions", HOURS),
    ("test/fuzz/README.md", "ctest --test-dir build/fuzz ", WHOLE),
    ("docs/macos.md", "", MAC),
    ("docs/windows.md", "", WINDOWS),
    ("docs/troubleshooting.md", "systemctl show ", SYSTEMD),
    ("docs/troubleshooting.md", "sudo OPENSSL_CONF=", SUDO),
)

# What begins like this is something to run, wherever it stands.
PROGRAMS = (r"(?!\w+ = )(\$ )?(sudo |[A-Z_]+=\S+ )*(\. /|(ostrust|openssl|python3?|pip|curl|cmake|ctest|grep|sed|cp|rm|mv|mkdir|"
            r"install|node|export|apt-get|systemctl|update-ca-certificates|brew|test/[\w/-]+)\s)")


def all_commands():
    """(document, block, command)."""
    return [(document, block, command) for document in documents.documents()
            for block in documents.blocks(document) for command in block.commands()]


def calls():
    """(file, test, document, beginning, whether of the whole block) of each documented() in a test."""
    for path in sorted(glob.glob(os.path.join(SOURCE, "test", "*", "test_*.py"))):
        with open(path) as file:
            tree = ast.parse(file.read())
        for kind in ast.walk(tree):
            for function in kind.body if isinstance(kind, ast.ClassDef) else ():
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "documented":
                        document, beginning = (argument.value for argument in call.args[:2])
                        whole = any(one.arg == "whole_block" and one.value.value for one in call.keywords)
                        yield os.path.basename(path), kind.name + "." + function.name, document, beginning, whole


def registered():
    """The names of the files that CTest runs here."""
    with open(os.path.join(SOURCE, "test", "integration", "CMakeLists.txt")) as file:
        names = set(re.findall(r"^\s*(?:ostrust_add_test\(\S+ \S+ |)(test_\w+\.py)\b", file.read(), re.M))
    return names | {os.path.basename(path) for path in glob.glob(os.path.join(SOURCE, "test", "clients", "test_*.py"))}


class Mapping(unittest.TestCase):

    def setUp(self):
        self.run_by = {}  # command -> tests
        for file, test, document, beginning, whole in calls():
            found = documents.block(document, beginning).commands() if whole else [documents.command(document, beginning)]
            for command in found:
                self.run_by.setdefault(command, []).append("%s %s" % (file, test))
        for _, block, command in all_commands():
            if block.runner:
                self.run_by.setdefault(command, []).append(block.runner)

    def why_not(self, document, command):
        return next((entry for entry in NOT_RUN if entry[0] in ("*", document) and command.startswith(entry[1])), None)

    def test_each_command_is_run_or_says_why_not(self):
        used, count = set(), 0
        for document, block, command in all_commands():
            count += 1
            with self.subTest("%s: %s" % (block.where, command)):
                reason = self.why_not(document, command)
                used.add(reason)
                if command in self.run_by:
                    # A reason that holds for a whole document may stand beside a test of the same words.
                    self.assertTrue(reason is None or not reason[1], "%s runs it, and it says: %s" % (self.run_by[command], reason))
                else:
                    self.assertIsNotNone(reason, "no test runs it: call documented() in one, or say in NOT_RUN why not")
        self.assertGreater(count, 100)
        self.assertEqual([entry for entry in NOT_RUN if entry not in used], [], "no command is meant by these")
        for command, tests in sorted(self.run_by.items()):
            print("%s: %s" % (command[:80], ", ".join(sorted(set(tests)))), file=sys.stderr)

    def test_tests_that_run_them_are_themselves_run(self):
        found = list(calls())
        self.assertGreater(len(found), 20)
        for file, test, document, beginning, _ in found:
            with self.subTest("%s %s" % (file, test)):
                self.assertIn(file, registered())
                self.assertRegex(test, r"^(?!_)\w+\.test_")

    def test_scripts_that_run_a_block_read_it(self):
        runners = {(block.runner, block.document) for _, block, _ in all_commands() if block.runner}
        self.assertTrue(runners)
        for runner, document in runners:
            with open(os.path.join(SOURCE, runner)) as file:
                text = file.read()
            self.assertIn("<!-- %s runs these lines -->" % runner, text)
            self.assertIn(document, text)

    def test_scripts_of_the_tree_are_there_and_know_their_options(self):
        count = 0
        for document, block, command in all_commands():
            for one in command.split(" && "):
                script = re.match(r"(?:sudo )?(test/\S+)(.*)", one)
                if not script:
                    continue
                count += 1
                path = os.path.join(SOURCE, script.group(1))
                with self.subTest("%s: %s" % (block.where, command)):
                    self.assertTrue(os.access(path, os.X_OK))
                    with open(path) as file:
                        text = file.read()
                    for option in re.findall(r"(?<!\S)--[a-z][\w-]*", script.group(2).split(" -- ")[0]):
                        self.assertRegex(text, re.escape(option) + r"\b")
        self.assertGreater(count, 30)

    def test_no_command_is_hidden_in_what_is_none(self):
        for document in documents.documents():
            for block in documents.blocks(document):
                with self.subTest(block.where):
                    if block.fence is not None:
                        self.assertIn(block.fence, ("sh", "console") + documents.OTHERS, "a fence without a language")
                    if not block.is_of_commands():
                        for line in block.lines:
                            self.assertNotRegex(line.strip(), "^" + PROGRAMS)

    def test_options_of_the_program_are_its_own(self):
        """Wherever `ostrust ...` is written, in sentences too."""
        known, count = {}, 0
        for document in documents.documents():
            text = documents.read(document).replace("\\-", "-")
            for verb, rest in re.findall(r"\bostrust (status|explain|export|run|enable|disable)((?: [^`\s]+)*)", text):
                if verb not in known:
                    done = support.run([TOOL, verb, "--help"], environment(os.devnull))
                    self.assertEqual(done.status, 0, done)
                    known[verb] = set(re.findall(r"--[a-z][\w-]*", done.out))
                for option in re.findall(r"(?<!\S)--[a-z][\w-]*", re.split(r" -- |[.;:,)] |[#$]", rest)[0]):
                    count += 1
                    with self.subTest("%s: ostrust %s %s" % (document, verb, option)):
                        self.assertIn(option, known[verb])
        self.assertGreater(count, 30)


class Documented(OstrustTest):

    servers = ()

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.runtime = os.path.join(self.work, "runtime")
        os.mkdir(self.runtime, 0o700)

    def environment(self, configuration, **more):
        return environment(configuration, XDG_RUNTIME_DIR=self.runtime, PIP_CONFIG_FILE=os.devnull, **more)

    def assertAnswers(self, status, words, done):
        self.assertEqual(done.status, status, done)
        self.assertIn(words, done.text, done)

    def example(self):
        return self.file("example.cnf", support.example_text(self.stock(), {"trust-source": self.bundle}))

    @staticmethod
    def local(leaf):
        return "localhost:%d" % port_of(leaf)


class Manuals(Documented):

    def test_status(self):
        done = self.documented("docs/man/ostrust.1", "ostrust status --program python3", {}, self.environment(self.ostrust()))
        self.assertAnswers(0, ": on for python3", done)
        done = self.documented("docs/man/ostrust.1", "ostrust status --program python3", {}, self.environment(self.stock()))
        self.assertAnswers(1, "something is off for python3", done)

    def test_explain(self):
        done = self.documented("docs/man/ostrust.1", "ostrust explain example.com", {"example.com": self.local("leaf-a")},
                               self.environment(self.ostrust()))
        self.assertAnswers(0, " is accepted for openssl", done)
        done = self.documented("docs/man/ostrust.1", "ostrust explain example.com", {"example.com": self.local("leaf-b")},
                               self.environment(self.ostrust()))
        self.assertAnswers(1, " is refused for openssl", done)

    def test_explain_a_file(self):
        shutil.copyfile(pem("leaf-a"), os.path.join(self.work, "fullchain.pem"))
        tomorrow = (datetime.date.today() + datetime.timedelta(1)).isoformat()  # the certificates are as old as the build
        for date, status, words in ((tomorrow, 0, "accepted"), ("2999-01-01", 1, "certificate has expired")):
            done = self.documented("docs/man/ostrust.1", "ostrust explain --chain fullchain.pem ",
                                   {"www.example.com": "localhost", "2027-01-01": date}, self.environment(self.ostrust()))
            self.assertAnswers(status, words, done)

    def test_export(self):
        file = os.path.join(self.work, "ca-bundle.pem")
        done = self.documented("docs/man/ostrust.1", "ostrust export ", {"/etc/company/ca-bundle.pem": file},
                               self.environment(self.ostrust()))
        self.assertEqual(done.status, 0, done)
        with open(file) as written:
            self.assertEqual(written.read().count("-----BEGIN CERTIFICATE-----"), 1)

    def test_run(self):
        for leaf, words in (("leaf-a", "Verification: OK"), ("leaf-b", "num=20:unable to get local issuer")):
            done = self.documented("docs/man/ostrust.1", "ostrust run -- openssl s_client ",
                                   {"example.com:443": self.local(leaf) + " </dev/null"}, self.environment(self.ostrust()))
            self.assertIn(words, done.text, done)

    @unittest.skipIf(support.SANITIZER, "Node.js does not survive a runtime that is preloaded into it")
    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_run_with_a_trust_source(self):
        self.file("app.js", "require('https').get('https://localhost:%d/', () => { console.log('accepted'); process.exit() })"
                            ".on('error', (error) => console.log(error.code))" % port_of("leaf-a"))
        for root, words in (("root-a", "accepted"), ("root-b", "UNABLE_TO_")):
            self.file("company-ca.pem", text_of(root))
            done = self.documented("docs/man/ostrust.1", "ostrust run --trust-source ./company-ca.pem ", {}, self.environment(self.stock()))
            self.assertIn(words, done.out, done)

    def test_of_the_store(self):
        done = self.documented("docs/man/OSSL_STORE-ostrust.7", "openssl storeutl -certs -noout os://", {}, self.environment(self.ostrust()))
        self.assertAnswers(0, "Total found: 1\n", done)
        done = self.documented("docs/man/OSSL_STORE-ostrust.7", "openssl storeutl -certs -noout os://", {}, self.environment(self.stock()))
        self.assertNotIn("Total found: 1\n", done.out)

    def test_of_the_store_by_subject(self):
        name = "/C=US/O=Internet Security Research Group/CN=ISRG Root X1"
        subject = self.openssl("x509", "-in", pem("root-a"), "-noout", "-subject", "-nameopt", "compat", configuration=os.devnull).out
        subject = subject.split("=", 1)[1].strip().replace(", ", "/")
        self.store("root-a", "root-b")
        done = self.documented("docs/man/OSSL_STORE-ostrust.7", "openssl storeutl -certs -subject ", {name: subject},
                               self.environment(self.ostrust()))
        self.assertAnswers(0, "Total found: 1\n", done)

    def test_of_the_store_in_s_client(self):
        for leaf, words in (("leaf-a", "Verification: OK"), ("leaf-b", "num=20:unable to get local issuer")):
            done = self.documented("docs/man/OSSL_STORE-ostrust.7", "openssl s_client -CAstore os:// ",
                                   {"example.com:443": self.local(leaf) + " </dev/null"}, self.environment(self.ostrust()))
            self.assertIn(words, done.text, done)


class Enable(test_enable.Rooted):

    def test_print(self):
        self.debian()
        before = test_enable.everything(self.root)
        done = self.documented("docs/man/ostrust.1", "ostrust enable --system --print",
                               {"--system": "--system --root %s --module %s" % (self.root, test_enable.OSTRUST)}, environment(""))
        self.assertEqual(done.status, 0, done)
        self.assertIn("+++ ", done.out)
        self.assertIn("/etc/ostrust/openssl.cnf", done.out)
        self.assertEqual(test_enable.everything(self.root), before)


class Examples(Documented):

    def test_openssl_cnf_example(self):
        conf = "/etc/ostrust/openssl.cnf"
        done = self.documented("openssl.cnf.example", "OPENSSL_CONF=", {conf: self.example()}, self.environment(os.devnull))
        self.assertAnswers(0, "anchors: 1", done)
        script = {"export OPENSSL_CONF=" + conf: "export OPENSSL_CONF=%s; openssl list -providers -verbose" % self.example()}
        done = self.documented("openssl.cnf.example", "export OPENSSL_CONF=", script, self.environment(os.devnull))
        self.assertAnswers(0, "anchors: 1", done)

    @unittest.skipIf(support.SANITIZER, "Node.js does not survive a runtime that is preloaded into it")
    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_node(self):
        self.file("app.js", "require('https').get('https://localhost:%d/', () => { console.log('accepted'); process.exit() })"
                            ".on('error', (error) => console.log(error.code))" % port_of("leaf-a"))
        for conf, words in ((self.example(), "accepted"), (self.stock(), "UNABLE_TO_")):
            done = self.documented("docs/clients.md", "node app.js", {"/etc/ostrust/openssl.cnf": conf}, self.environment(os.devnull),
                                   whole_block=True)
            self.assertIn(words, done.out, done)

    @unittest.skipUnless(shutil.which("ctest"), "there is no ctest")
    def test_names_of_tests(self):
        """-N, so that they are not run once more: in the run that this test is in they are."""
        build = os.path.dirname(support.MODULE)
        if not os.path.exists(os.path.join(build, "CTestTestfile.cmake")):
            self.skipTest("the module was not built beside its tests")
        if "provider_test_NOT_BUILT" in support.run(["ctest", "--test-dir", build, "-N"], self.environment(os.devnull)).out:
            self.skipTest("the unit tests were not built")
        here = {"build/release": build + " -N"}
        done = self.documented("CONTRIBUTING.md", "ctest --test-dir build/release -R JudgeTest", here, self.environment(os.devnull))
        self.assertRegex(done.out, r"Total Tests: [1-9]")
        done = self.documented("CONTRIBUTING.md", "ctest --test-dir build/release -R troubleshooting ", here, self.environment(os.devnull))
        self.assertRegex(done.out, r"Total Tests: [1-9]")


class Samples(Documented):
    """What docs/troubleshooting.md says that is printed."""

    @staticmethod
    def labels(text):
        """The first word or two of each line that has something behind it."""
        return re.findall(r"(?m)^  ([a-z]+|OpenSSL) {2,}\S", text)

    @staticmethod
    def sample(beginning):
        return documents.block("docs/troubleshooting.md", beginning).text

    def test_status(self):
        text = self.sample("ostrust status --program python3")
        other = self.file("ca.pem", text_of("root-b"))
        done = self.documented("docs/troubleshooting.md", "ostrust status --program python3", {},
                               self.environment(self.ostrust(), SSL_CERT_FILE=other))
        self.assertEqual(done.status, 1, done)
        # Where the lists of certifi are is another matter for each Python.
        self.assertEqual(self.labels(text), [label for label in self.labels(done.out) if label != "certifi"], done)
        self.assertGreater(len(self.labels(text)), 10)
        said = " ".join(done.out.replace(other, "/opt/ca.pem").split())
        for line in text.splitlines():
            if line.startswith(("ostrust ", "next: ", "  layers ", "  verify ", "  providers ", "  defaults ", "  problem ")):
                self.assertIn(" ".join(line.split()), said)


class SampleOfExplain(test_revocation.WithDirectory):

    @classmethod
    def world(cls):
        return test_explain.FewRevocations.get()

    def test_explain(self):
        """Of a list that was fetched."""
        block = documents.block("docs/troubleshooting.md", "ostrust explain intranet.example")
        port = self.world().port("revoked")
        done = self.documented("docs/troubleshooting.md", "ostrust explain intranet.example",
                               {"intranet.example": "localhost:%d" % port}, environment(self.checking("soft")))
        self.assertEqual(done.status, 1, done)
        said = " ".join(done.out.split()).replace("localhost:%d" % port, "intranet.example")
        lines = block.lines[1:-1]
        self.assertEqual(block.lines[-1], "...")
        self.assertIn(lines[0], said)
        shown = " ".join(" ".join(lines[1:]).split())
        pattern = re.escape(shown).replace(re.escape("/O=Example/CN=intranet.example"), r"\S.*?").replace(
            re.escape("http://ca.example/issuing.crl"), r"http://\S+")
        self.assertRegex(said, pattern)


class Proxy:
    """Lets itself be told whom to connect to (CONNECT), on a free port of 127.0.0.1."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.asked = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            host, port = head.split()[1].decode().split(":")
            self.asked.append((host, int(port)))
            server = socket.create_connection(("127.0.0.1", int(port)))
            client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            with client, server:
                back = threading.Thread(target=self._pass, args=(server, client))
                back.start()
                self._pass(client, server)
                back.join()

    @staticmethod
    def _pass(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Python(Documented):

    def test_run(self):
        self.file("app.py", "import ssl, socket\n"
                  "c = ssl.create_default_context()\n"
                  "c.wrap_socket(socket.create_connection(('127.0.0.1', %d)), server_hostname='localhost')\n"
                  "print('accepted')\n" % port_of("leaf-a"))
        for root, words in (("root-a", "accepted"), ("root-b", "CERTIFICATE_VERIFY_FAILED")):
            self.store(root)
            done = self.documented("docs/python.md", "ostrust run -- python3 app.py", {}, self.environment(self.ostrust()))
            self.assertIn(words, done.text, done)

    def test_what_a_server_sends_through_a_proxy(self):
        proxy = Proxy()
        self.addCleanup(proxy.listener.close)
        for leaf, status, words in (("leaf-a", 0, "is accepted for python3"), ("leaf-b", 1, "is refused for python3")):
            done = self.documented("docs/python.md", "openssl s_client -proxy ",
                                   {"proxy.example:3128": "127.0.0.1:%d" % proxy.port, "pypi.org:443": self.local(leaf),
                                    "--name pypi.org": "--name localhost"}, self.environment(self.ostrust()), whole_block=True)
            self.assertAnswers(status, words, done)
        self.assertEqual(proxy.asked, [("localhost", port_of("leaf-a")), ("localhost", port_of("leaf-b"))])


class Intermediates(test_intermediates.MissingTest):

    def test_one_fetches_and_all_have_it(self):
        fetch = self.missing("fetch")
        os.rename(fetch, os.path.join(self.work, "fetch.cnf"))
        self.server.forget()
        port = port_of(self.name("leaf"))
        done = self.documented("docs/intermediates.md", "install -d ", {
            "/var/cache/ostrust": self.cache, "/etc/ostrust/fetch.cnf": os.path.join(self.work, "fetch.cnf"),
            "broken.example.org:443": "localhost:%d" % port}, environment(os.devnull), whole_block=True)
        self.assertIn("Verify return code: 0 (ok)", done.text, done)
        self.assertTrue(self.cached())
        self.server.forget()
        self.assertEqual(self.connect("leaf", self.missing("local")), test_intermediates.ACCEPTED)
        self.assertNobodyAsked()


@unittest.skipIf(test_p11_kit.WITHOUT_P11_KIT, test_p11_kit.WITHOUT_P11_KIT)
class Blocklist(test_p11_kit.PolicyTest):
    """docs/p11-kit.md, with a directory of the test's in place of the distribution's."""

    def setUp(self):
        super().setUp()
        for root in ("root-a", "root-b"):
            self.policy.anchor(pem(root))
        shutil.copyfile(pem("root-a"), os.path.join(self.work, "bad-ca.pem"))

    def answer(self):
        return support.run(["sh", "-c", "exec %s s_client -verify_return_error -brief -connect localhost:%d </dev/null" % (
            support.OPENSSL, port_of("leaf-a"))], environment(self.of_policy()))

    def test_one_file(self):
        directory = {"/etc/pki/ca-trust/source": self.policy.directory}
        own = environment(self.of_policy(), XDG_RUNTIME_DIR=self.work)
        self.assertIn("Verification: OK", self.answer().text)
        done = self.documented("docs/p11-kit.md", "cp bad-ca.pem /etc/pki/ca-trust/source/blocklist/", directory, own)
        self.assertEqual(done.status, 0, done)
        done = self.documented("docs/p11-kit.md", "ostrust run --set log=error -- openssl s_client ",
                               {"host:443": "localhost:%d" % port_of("leaf-a")}, own)
        self.assertIn("is distrusted by %s/blocklist/bad-ca.pem" % self.policy.directory, done.text, done)
        done = self.documented("docs/p11-kit.md", "rm /etc/pki/ca-trust/source/blocklist/bad-ca.pem", directory, own)
        self.assertEqual(done.status, 0, done)
        self.assertIn("Verification: OK", self.answer().text)

    def test_debians_directory(self):
        """The bundle beside a directory that has nothing but a blocklist."""
        directory = os.path.join(self.work, "trust")
        done = self.documented("docs/p11-kit.md", "mkdir -p /etc/pki/trust/blocklist", {"/etc/pki/trust": directory},
                               environment(os.devnull), whole_block=True)
        self.assertEqual(done.status, 0, done)
        self.assertTrue(os.path.exists(os.path.join(directory, "blocklist", "bad-ca.pem")))


if __name__ == "__main__":
    support.skip_all_if(not os.path.exists(TOOL) and "the ostrust program was not built")
    support.main()
