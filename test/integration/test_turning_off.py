#!/usr/bin/env python3
"""What docs/security.md says of turning ostrust off: its commands are run, on files of the test's own."""
import os
import re
import shutil
import subprocess
import sys
import unittest

import support
from support import HOSTS, SOURCE, OstrustTest, configuration_text, example_text

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"
DOCUMENT = os.path.join(SOURCE, "docs", "security.md")


def section(title):
    with open(DOCUMENT) as file:
        return file.read().split("\n## %s\n" % title)[1].split("\n## ")[0]


def blocks(title):
    """The code blocks of a section."""
    return re.findall(r"^```\w*\n(.*?)^```$", section(title), re.M | re.S)


class TurningOff(OstrustTest):

    servers = ("leaf-a",)
    defaults = "report(connect(ssl.create_default_context(), 'leaf-a'))"

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.distribution = self.file("distribution.cnf", configuration_text(
            None, init="ssl_conf = ssl_sect", sections="[ssl_sect]\nsystem_default = policy\n"
            "[policy]\nMinProtocol = TLSv1.3\n"))
        self.configuration = self.file("openssl.cnf", example_text(
            self.distribution, {"trust-source": self.bundle, "refresh": "0"}))

    def shown(self, configuration):
        """(whether ostrust is active, the lowest protocol), as a program has it."""
        done = support.run([os.path.join(HOSTS, "show_context")], support.environment(configuration, preload=False))
        self.assertEqual(done.status, 0, done)
        return ("provider ostrust: 1" in done.out, re.search("minimum protocol: (.*)", done.out).group(1))

    def answer(self, configuration, code=None, **env):
        return self.python(code or self.defaults, configuration, **env)

    def test_it_is_on(self):
        self.assertEqual(self.shown(self.configuration), (True, "304"))
        self.assertEqual(self.answer(self.configuration), ACCEPTED)

    def test_one_process(self):
        def listed(*replace):
            done = self.documented("docs/security.md", "OPENSSL_CONF=/etc/ssl/openssl.cnf ", dict(replace),
                                   support.environment(self.configuration))
            self.assertEqual(done.status, 0, done)
            self.assertIn("default", done.out)
            return "ostrust" in done.out

        self.assertFalse(listed(("/etc/ssl/openssl.cnf", self.distribution)))
        # The twin: without the variable it is listed.
        self.assertTrue(listed(("OPENSSL_CONF=/etc/ssl/openssl.cnf ", "")))
        self.assertEqual(self.shown(self.distribution), (False, "304"))
        self.assertEqual(self.answer(self.distribution), UNKNOWN)
        # What else is said of it: nothing is loaded, and the policy is gone.
        self.assertEqual(self.shown(os.devnull), (False, "0"))

    def test_all_at_once(self):
        done = self.documented("docs/security.md", "sed ", {" /etc/ostrust/openssl.cnf": " " + self.configuration},
                               support.environment(os.devnull))
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.shown(self.configuration), (False, "304"))
        self.assertEqual(self.answer(self.configuration), UNKNOWN)
        # Who was told to ask for the system's store is refused, and trusts nobody.
        for name in ("'os://'", "MARKER"):
            seen = self.answer(self.configuration, """
try: report(connect(trusting(%s), "leaf-a"))
except OSError: report("no such file")""" % name)
            self.assertIn(seen, ("no such file", UNKNOWN))
        # And on again, with what is kept of the file.
        shutil.copyfile(self.configuration + ".before", self.configuration)
        self.assertEqual(self.shown(self.configuration), (True, "304"))

    def test_all_at_once_where_enable_wrote_the_file(self):
        env = support.environment(os.devnull, HOME=self.work)
        done = support.run([support.TOOL, "enable", "--user", "--module", support.MODULE], env)
        if "others can write to it" in done.err:
            self.skipTest("this build lies where others can write: " + done.err)
        self.assertEqual(done.status, 0, done)
        written = os.path.join(self.work, ".config", "ostrust", "openssl.cnf")
        on, policy = self.shown(written)
        self.assertTrue(on)
        done = self.documented("docs/security.md", "sed ", {" /etc/ostrust/openssl.cnf": " " + written}, env)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.shown(written), (False, policy))
        with open(written) as file:
            self.assertEqual(len(re.findall(r"^#ostrust = ", file.read(), re.M)), 2)  # and Node.js's
        refused = support.run([support.TOOL, "disable", "--user"], env)
        self.assertEqual(refused.status, 1, refused)
        done = support.run([support.TOOL, "disable", "--user", "--force"], env)
        self.assertEqual(done.status, 0, done)
        self.assertFalse(os.path.exists(written))

    def test_activate_is_no_switch(self):
        """docs/security.md warns of it because of OpenSSL 3.0: the key alone activates, whatever its value."""
        with open(self.configuration, "a") as out:
            out.write("activate = 0\n")
        version = self.openssl("version", configuration=os.devnull).out
        active, _ = self.shown(self.configuration)
        if " 3.0." in version:
            self.assertTrue(active, version)

    def test_a_file_that_is_not_there_takes_the_policy_away(self):
        os.remove(self.configuration)
        self.assertEqual(self.shown(self.configuration), (False, "0"))

    def test_what_runs_already_goes_on(self):
        seen = self.answer(self.configuration, """
context = ssl.create_default_context()
before = connect(context, "leaf-a")
path = os.environ["OPENSSL_CONF"]
with open(path) as file: text = file.read()
with open(path, "w") as out: out.write(text.replace("\\nostrust = ", "\\n#ostrust = "))
steps = [before, connect(context, "leaf-a"), connect(ssl.create_default_context(), "leaf-a")]
write_store("root-b")  # what does take effect
report(steps + [connect(context, "leaf-a")])""")
        self.assertEqual(seen, [ACCEPTED, ACCEPTED, ACCEPTED, UNKNOWN])
        self.assertEqual(self.shown(self.configuration)[0], False)

    def test_the_processes_that_have_it_are_found(self):
        # One that has it, and one that has not, for as long as the command runs.
        code = ("import ssl, sys; context = ssl.create_default_context(); print('ready', flush=True); sys.stdin.read()")
        started = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    env=support.environment(configuration)) for configuration in (self.configuration, self.distribution)]
        try:
            for process in started:
                self.assertEqual(process.stdout.readline(), b"ready\n")
            done = self.documented("docs/security.md", "grep -l ostrust.so ", {"ostrust.so": os.path.basename(support.MODULE)},
                                   support.environment(os.devnull))
        finally:
            for process in started:
                process.communicate()
        with_it, without = ("/proc/%d/maps" % process.pid for process in started)
        self.assertIn(with_it, done.out.split())
        self.assertNotIn(without, done.out.split())

    def test_less_of_it(self):
        lines = dict(re.findall(r"^([\w-]+) = (\w+)", blocks("How to turn it off")[-1], re.M))
        self.assertEqual(set(lines), {"default-paths", "system-bundles", "verify", "intermediates", "revocation"})
        less = self.ostrust(lines)
        self.assertEqual(self.answer(less), UNKNOWN)
        self.assertEqual(self.answer(less, "report(connect(trusting('os://'), 'leaf-a'))"), ACCEPTED)
        done = self.openssl("list", "-providers", "-verbose", configuration=less)
        self.assertRegex(done.out, "intermediates: off; revocation: off; verify: report")

    def test_quiet_settings_are_values(self):
        lines = dict(re.findall(r"^([\w-]+) = (\w+)", blocks("Hardened hosts")[0], re.M))
        self.assertEqual(len(lines), 3)
        self.assertEqual(self.answer(self.ostrust(lines)), ACCEPTED)


class Environment(unittest.TestCase):

    def test_the_variables_are_those_that_the_sources_read(self):
        """What is in the table is read somewhere, and nothing else is."""
        listed = set()
        for cells in re.findall(r"^\| (.*?) \|", section("The environment"), re.M):
            listed |= set(re.findall(r"`(\w+)`", cells))
        read = set()
        for room in ("provider", "platform"):
            for directory, _, names in os.walk(os.path.join(SOURCE, room)):
                if os.path.basename(directory) == "tool":
                    continue
                for name in names:
                    if name.endswith((".cpp", ".hpp")):
                        with open(os.path.join(directory, name)) as file:
                            text = file.read()
                        for argument in re.findall(r"(?i:getenv)\(([^()]+)\)", text):
                            read |= set(re.findall(r'"(\w+)"', argument)) or {argument}
                        if re.search(r"(?i:getenv)\(variable\)", text):
                            read |= set(re.findall(r'"((?:no|NO)_\w+)"', text))
        names = {"kCertFileVariable": "SSL_CERT_FILE", "kCertDirVariable": "SSL_CERT_DIR"}
        read = {names.get(name, name) for name in read} - {"variable", "name", "const char* name", ""}
        self.assertEqual(read, listed)


if __name__ == "__main__":
    support.main()
