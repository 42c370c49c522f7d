#!/usr/bin/env python3
"""What `ostrust status` says of the layers beside the anchors, and of CA files that are named past ostrust. Its other
findings are test_tool.py's."""
import os
import re
import shutil
import sys
import tempfile
import time
import unittest

import support
from support import HOSTS, MARKER, OPENSSL, SOURCE, hashed_directory, pem
import test_tool

sys.path.insert(0, os.path.join(SOURCE, "test", "pki"))
import p11kit  # noqa: E402
from test_p11_kit import WITHOUT_P11_KIT  # noqa: E402

UPKI = os.path.join(os.path.dirname(HOSTS), "doubles", "upki")
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


class LayersTest(test_tool.ToolTest):
    # Those of status' own tests: text and JSON must tell the same.
    status = test_tool.Status.status
    ids = test_tool.Status.ids
    assertOnly = test_tool.Status.assertOnly
    assertWell = test_tool.Status.assertWell

    def setUp(self):
        super().setUp()
        self.store("root-a", "root-b")

    def line(self, name, configuration, *arguments, **env):
        """The lines of the text that begin with this word."""
        done = self.tool("status", *arguments, configuration=configuration, **env)
        return re.findall(r"^  %s +(.*)$" % name, done.out, re.M)

    def program(self, name):
        """An `openssl` that is called otherwise."""
        folder = tempfile.mkdtemp(dir=self.work)
        os.symlink(shutil.which(OPENSSL), os.path.join(folder, name))
        return os.path.join(folder, name)


class Policy(LayersTest):
    """What is distrusted and limited."""

    def assertCounted(self, configuration, text, **counts):
        seen = self.status(configuration=configuration)
        self.assertWell(seen)
        names = ("distrusted", "rules", "limited_by_purpose", "limited_by_date", "limited_by_constraints")
        self.assertEqual(seen["layers"]["policy"], {name: counts.get(name, 0) for name in names})
        self.assertEqual(self.line("policy", configuration), text)

    def test_of_a_bundle(self):
        self.assertCounted(self.ostrust(), [])
        self.store("root-a-distrusted", "root-b", "root-mail-reject")
        self.assertCounted(self.ostrust(), ["1 certificates distrusted; anchors limited: 1 by purpose"],
                           distrusted=1, limited_by_purpose=1)

    @unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
    def test_of_p11_kit(self):
        policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
        configuration = self.ostrust({"trust-source": "p11-kit:" + policy.directory, "cache-dir": "off"})
        policy.write(
            "anchors",
            p11kit.certificate(pem("root-a"), trusted=True, nss_server_distrust_after=b"240101000000Z"),
            p11kit.certificate(pem("root-b"), trusted=True),
            p11kit.stapled_usages(pem("root-b"), p11kit.SERVER_AUTH),
            p11kit.stapled_name_constraints(pem("root-b"), ["example.com"]),
            p11kit.certificate(pem("policy-root"), trusted=True),
            p11kit.stapled_basic_constraints(pem("policy-root"), True, path_length=0))
        policy.block(pem("root-mail"))
        policy.write("keys", p11kit.distrusted_key(pem("int-a")), p11kit.distrusted_serial(pem("chain-c")))
        self.assertCounted(
            configuration,
            ["1 certificates distrusted, 2 rules about others; anchors limited: 1 by purpose, 1 by date, "
             "2 by constraints"],
            distrusted=1, rules=2, limited_by_purpose=1, limited_by_date=1, limited_by_constraints=2)

    def test_where_nothing_is_served_nothing_is_said(self):
        for configuration in (self.stock(), self.ostrust({"trust-source": self.work + "/absent"}),
                              self.ostrust({"refresh": "often"})):
            self.assertIsNone(self.status(configuration=configuration)["layers"])
            self.assertEqual(self.line("(?:policy|caches|crlite)", configuration), [])


class Caches(LayersTest):

    def setUp(self):
        super().setUp()
        self.cache = os.path.join(self.work, "cache")
        self.configuration = self.ostrust({"cache-dir": self.cache})

    def write(self, name, age=0, mode=0o644):
        path = os.path.join(self.cache, name)
        with open(path, "w"):
            pass
        os.chmod(path, mode)
        os.utime(path, (time.time() - age,) * 2)

    def seen(self):
        """What is said of the directory: the object, and the end of the line."""
        seen = self.status(configuration=self.configuration)
        self.assertWell(seen)
        found, = [cache for cache in seen["layers"]["caches"] if cache["directory"] == self.cache]
        line, = self.line("caches", self.configuration)
        return found, line[line.index(self.cache) + len(self.cache) + 2:]

    def test_one_that_is_not_there(self):
        found, line = self.seen()
        self.assertEqual((found["exists"], found["newest"], line), (False, None, "not there"))
        os.mkdir(self.cache, 0o700)
        found, line = self.seen()
        self.assertEqual((found["exists"], found["not_used"], found["newest"], line), (True, None, None, "empty"))

    def test_what_is_in_it(self):
        os.mkdir(self.cache, 0o700)
        for name in ("intermediates-1", "intermediates-2", "crl-1", "ocsp-1", "ocsp-2", "something", ".crl-9"):
            self.write(name, age=7 * 3600)
        self.write("trust-policy-1", age=3 * 3600 + 60)
        found, line = self.seen()
        names = ("policies", "intermediates", "revocation", "not_read")
        self.assertEqual([found[name] for name in names], [1, 2, 3, 0])
        self.assertAlmostEqual(found["newest"], time.time() - 3 * 3600 - 60, delta=60)
        self.assertEqual(line, "1 of policy, 2 of intermediates, 3 of revocation, the newest 3 hours old")

    def test_files_that_others_could_have_written(self):
        os.mkdir(self.cache, 0o700)
        self.write("crl-1", mode=0o666)
        os.symlink(self.bundle, os.path.join(self.cache, "crl-2"))
        os.mkfifo(os.path.join(self.cache, "crl-3"))
        found, line = self.seen()
        self.assertEqual((found["revocation"], found["not_read"], found["newest"]), (0, 3, None))
        self.assertEqual(line, "3 not read: others could have written them")

    def test_a_directory_that_others_can_write(self):
        os.mkdir(self.cache)
        os.chmod(self.cache, 0o777)
        self.write("crl-1")
        found, line = self.seen()
        self.assertEqual((found["exists"], found["revocation"]), (True, 0))
        self.assertIn("can be written by others", found["not_used"])
        self.assertEqual(line, "not used: " + found["not_used"])

    def test_none(self):
        configuration = self.ostrust({"cache-dir": "off"})
        self.assertEqual(self.status(configuration=configuration)["layers"]["caches"], [])
        self.assertEqual(self.line("caches", configuration), [])


class CrLite(LayersTest):

    def test_where_there_is_none(self):
        seen = self.status(configuration=self.ostrust())["layers"]["crlite"]
        if seen["library"]:
            self.skipTest("this machine has libupki")
        self.assertIn("libupki.so.1", seen["why"])
        self.assertEqual(self.line("crlite", self.ostrust()), [])

    @unittest.skipUnless(os.path.exists(os.path.join(UPKI, "libupki.so.1")), "the double of libupki was not built")
    def test_where_there_is_one(self):
        os.makedirs(os.path.join(self.work, ".config", "upki"))
        file = self.file(".config/upki/config.toml", "")
        env = {"HOME": self.work, "LD_LIBRARY_PATH": UPKI}
        library = os.path.join(UPKI, "libupki.so.1")
        seen = self.status(configuration=self.ostrust(), **env)
        self.assertWell(seen)
        self.assertEqual(seen["layers"]["crlite"], {"library": library, "why": None, "configuration": file})
        self.assertEqual(self.line("crlite", self.ostrust(), **env), [library + ", configured by " + file])


class Settings(LayersTest):
    """CA files that configuration files name."""

    # (the program, its file, what is in it, the line and key that count, whether OpenSSL gets the file)
    KINDS = (
        ("curl", ".curlrc", "# cacert = no\nsilent\n--cacert \"{ca}\"\n", 3, "cacert", True),
        ("git", ".gitconfig", "[user]\nsslCAInfo = no\n[http]\n\tsslcainfo = {ca} ; why\n", 4, "http.sslCAInfo", True),
        ("git", ".config/git/config", "[http \"https://x.example\"]\nsslCAPath={ca}\n", 2, "http.sslCAPath", True),
        ("npm", ".npmrc", "; cafile = no\ncafile={ca}\n", 2, "cafile", False),
        ("pip", ".config/pip/pip.conf", "[global]\ncert = {ca}\n", 2, "cert", True),
        ("pip", ".pip/pip.conf", "[install]\ncert: {ca}\n", 2, "cert", True),
    )

    def home_with(self, name, text):
        home = tempfile.mkdtemp(dir=self.work)
        path = os.path.join(home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return home

    def seen(self, home, *arguments, keys=None, **env):
        # PIP_CONFIG_FILE=/dev/null, which the others have, means that there is none.
        env = {"HOME": home, "PIP_CONFIG_FILE": os.path.join(home, "none"), **env}
        seen = self.status(*arguments, configuration=self.ostrust(keys), **env)
        seen["settings"] = [one for one in seen["settings"] if one["file"].startswith(home)]
        return seen

    def test_each_is_a_note_and_a_problem_of_its_program(self):
        for program, name, text, line, key, by_openssl in self.KINDS:
            with self.subTest(name):
                home = self.home_with(name, text.format(ca=pem("root-b")))
                path = os.path.join(home, name)
                seen = self.seen(home)
                self.assertEqual(seen["settings"], [{"program": program, "file": path, "line": line, "key": key,
                                                     "value": pem("root-b"), "served": False}])
                self.assertEqual((seen["ok"], self.ids(seen)), (True, ["setting-elsewhere"]), seen)
                said = seen["findings"][0]["text"]
                self.assertIn("%s, line %d: %s = %s gives %s" % (path, line, key, pem("root-b"), program), said)
                self.assertEqual("past ostrust" in said, not by_openssl)
                seen = self.seen(home, "--program", self.program(program))
                self.assertOnly("setting-elsewhere", seen)
                self.assertIn("remove " + key, seen["next"])

    def test_what_is_served_is_nothing_to_say(self):
        for program, name, text, line, key, by_openssl in self.KINDS:
            with self.subTest(name):
                home = self.home_with(name, text.format(ca=MARKER))
                seen = self.seen(home, "--program", self.program(program))
                self.assertIs(seen["settings"][0]["served"], by_openssl)
                if by_openssl:
                    self.assertWell(seen)
                else:  # Node.js would look for certificates in it
                    self.assertOnly("setting-elsewhere", seen)

    @unittest.skipUnless(os.path.exists(SYSTEM_BUNDLE), "this system has no bundle there")
    def test_npm_with_the_systems_bundle(self):
        self.assertWell(self.seen(self.home_with(".npmrc", "cafile=" + SYSTEM_BUNDLE)))

    def test_homes_are_replaced(self):
        home = self.home_with(".npmrc", "cafile=${HOME}/ca.pem\n")
        self.assertEqual(self.seen(home)["settings"][0]["value"], home + "/ca.pem")
        home = self.home_with(".gitconfig", "[http]\nsslCAInfo = ~/ca.pem\n")
        self.assertEqual(self.seen(home)["settings"][0]["value"], home + "/ca.pem")

    def test_files_named_by_variables(self):
        path = self.file("named", "[http]\nsslCAInfo = /x\n[global]\ncert = /x\n")
        home = tempfile.mkdtemp(dir=self.work)
        for variable, program in (("GIT_CONFIG_GLOBAL", "git"), ("PIP_CONFIG_FILE", "pip")):
            seen = self.status(configuration=self.ostrust(), **{"HOME": home, variable: path})
            self.assertEqual([one["program"] for one in seen["settings"] if one["file"] == path], [program])

    def test_where_the_module_cannot_be_asked_it_is_not_known(self):
        unhooked = test_tool.UNHOOKED
        if not os.path.exists(unhooked):
            self.skipTest("the module for this test was not built")
        seen = self.seen(self.home_with(".curlrc", "cacert /x"), keys={"module": unhooked})
        self.assertIn("setting-names-file", self.ids(seen, "note"))

    def test_odd_files_say_nothing(self):
        for name in (".curlrc", ".gitconfig", ".npmrc", ".config/pip/pip.conf"):
            text = "[http]\nsslCAInfo = /x\n[global]\ncert = /x\n"
            if name in (".curlrc", ".npmrc"):
                text = "cacert=/x\ncafile=/x\n"
            with self.subTest(name):
                self.assertEqual(len(self.seen(self.home_with(name, text))["settings"]), 1)
                large = self.home_with(name, text + "#" * 300000)
                self.assertWell(self.seen(large))
                home = self.home_with(name, "")
                path = os.path.join(home, name)
                os.remove(path)
                for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(path, path),
                             lambda path: os.symlink("/dev/zero", path)):
                    make(path)
                    self.assertWell(self.seen(home))
                    (os.rmdir if os.path.isdir(path) else os.remove)(path)

    def test_values_do_not_drive_the_terminal(self):
        home = self.home_with(".curlrc", "cacert=/\033[31mx\n")
        done = self.tool("status", configuration=self.ostrust(), HOME=home)
        self.assertNotIn("\033", done.out)
        self.assertIn("cacert = /\\u{1b}[31mx", done.out)

    def test_there_is_an_end(self):
        home = self.home_with(".npmrc", "".join("cafile=/%d\n" % number for number in range(500)))
        self.assertEqual(len(self.seen(home)["settings"]), 20)


class Variables(LayersTest):
    """Those that concern one program only."""

    def test_a_note_for_others_and_a_problem_for_theirs(self):
        directory = hashed_directory(os.path.join(self.work, "directory"), "root-b")
        for name, program, value in (
                ("GIT_SSL_CAPATH", "git", directory), ("BUNDLE_SSL_CA_CERT", "bundle", pem("root-b")),
                ("PGSSLROOTCERT", "psql", pem("root-b")), ("npm_config_cafile", "npm", pem("root-b")),
                ("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "gcloud", pem("root-b")),
                ("NPM_CONFIG_CAFILE", "npm", MARKER), ("CARGO_HTTP_CAINFO", "cargo", pem("root-b")),
                ("DENO_CERT", "deno", pem("root-b"))):
            with self.subTest(name):
                seen = self.status(configuration=self.ostrust(), **{name: value})
                self.assertEqual((seen["ok"], self.ids(seen)), (True, ["variable-elsewhere"]), seen)
                self.assertEqual(seen["variables"], [{"name": name, "value": value, "served": False}])
                seen = self.status("--program", self.program(program), configuration=self.ostrust(), **{name: value})
                self.assertOnly("variable-elsewhere", seen)
                self.assertIn("unset " + name, seen["next"])

    def test_what_is_served_or_means_the_system(self):
        for name in ("GIT_SSL_CAPATH", "BUNDLE_SSL_CA_CERT", "PGSSLROOTCERT"):
            self.assertWell(self.status(configuration=self.ostrust(), **{name: "os://"}))
        self.assertWell(self.status(configuration=self.ostrust(), PGSSLROOTCERT="system"))
        if os.path.exists(SYSTEM_BUNDLE):
            self.assertWell(self.status(configuration=self.ostrust(), npm_config_cafile=SYSTEM_BUNDLE))


class PythonBundles(LayersTest):

    def setUp(self):
        super().setUp()
        self.venv = os.path.join(self.work, "venv")
        done = support.run([sys.executable, "-m", "venv", "--without-pip", self.venv], support.environment(os.devnull))
        self.assertEqual(done.status, 0, done)
        self.python = os.path.join(self.venv, "bin", "python3")
        site, = [os.path.join(self.venv, "lib", name, "site-packages")
                 for name in os.listdir(os.path.join(self.venv, "lib"))]
        self.certifi = os.path.join(site, "certifi", "cacert.pem")
        self.pip = os.path.join(site, "pip", "_vendor", "certifi", "cacert.pem")

    def install(self, path, content):
        package = path[:path.index("site-packages/") + len("site-packages/")]
        package = os.path.join(package, path[len(package):].split("/")[0])
        os.makedirs(os.path.dirname(path))
        # Found, and not imported.
        with open(os.path.join(package, "__init__.py"), "w") as out:
            out.write("open(%r, 'w')\n" % os.path.join(self.work, "was-here"))
        with open(path, "w") as out:
            out.write(content)

    def bundles(self, keys=None):
        seen = self.status("--program", self.python, configuration=self.ostrust(keys))
        self.assertWell(seen)
        self.assertFalse(os.path.exists(os.path.join(self.work, "was-here")))
        return seen["python_bundles"]

    def test_none(self):
        self.assertEqual(self.bundles(), [])

    def test_lists_of_their_own(self):
        self.install(self.certifi, support.text_of("root-a"))
        self.install(self.pip, support.text_of("root-a"))
        self.assertEqual(self.bundles(), [{"file": self.certifi, "served": False}, {"file": self.pip, "served": False}])
        self.assertEqual(self.line("certifi", self.ostrust(), "--program", self.python), [
            path + ", a list of its own (replace-bundles = certifi)" for path in (self.certifi, self.pip)])
        # One of few certificates is somebody's pin, and stays one.
        self.assertEqual([one["served"] for one in self.bundles({"replace-bundles": "certifi"})], [False, False])

    def test_one_that_is_replaced(self):
        try:
            with open(SYSTEM_BUNDLE) as file:
                public = file.read()
        except OSError:
            public = ""
        if public.count("BEGIN CERTIFICATE") < 50:
            self.skipTest("this system has no public bundle")
        self.install(self.certifi, public)
        keys = {"trust-source": SYSTEM_BUNDLE, "replace-bundles": "certifi"}
        self.assertEqual(self.bundles(keys), [{"file": self.certifi, "served": True}])
        self.assertEqual(self.line("certifi", self.ostrust(keys), "--program", self.python),
                         [self.certifi + ", served as the system's store"])

    def test_the_working_directory_is_not_looked_at(self):
        os.mkdir(os.path.join(self.work, "certifi"))
        self.file("certifi/cacert.pem", "")
        self.file("certifi/__init__.py", "open(%r, 'w')\n" % os.path.join(self.work, "was-here"))
        self.assertEqual(self.bundles(), [])


if __name__ == "__main__":
    support.main()
