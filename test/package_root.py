#!/usr/bin/env python3
"""The .deb in a root file system of Debian: what it installs, what it changes and what it leaves. test/package runs this as
root inside one that is thrown away, with the packages in the folder of this file. Standard library only.

    package_root.py OLD.deb NEW.deb TARBALL [i386]     i386: an OpenSSL for it is in /i386
"""
import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = "/etc/ostrust/openssl.cnf"
SYSTEM = "/etc/ssl/openssl.cnf"
MARKER = "/etc/ostrust/os.pem"
# What dpkg, apt and ldconfig keep for themselves, the user's own cache, and what is mounted.
OTHERS = ("/root/.cache", "/dev", "/proc", "/sys", "/run", "/tmp", "/i386", "/var/lib/dpkg", "/var/log",
          "/var/cache/ldconfig", "/var/cache/debconf", "/var/cache/apt", "/var/lib/apt")


def run(*command, status=0, **variables):
    """What a command writes, in an environment of nothing else. It must end with this status, if one is given."""
    env = dict({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                "DEBIAN_FRONTEND": "noninteractive"}, **variables)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=env, cwd="/", timeout=300)
    text = done.stdout.decode(errors="replace")
    if status is not None and done.returncode != status:
        raise AssertionError("%s: exit status %d\n%s" % (" ".join(command), done.returncode, text))
    return text


def snapshot():
    """{path: (mode, owner, group, content)} of everything."""
    seen = {}
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in OTHERS]
        for name in folders + files:
            path = os.path.join(folder, name)
            if path in OTHERS:
                continue
            info = os.lstat(path)
            content = ""
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode) and path.startswith("/etc/"):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            elif stat.S_ISREG(info.st_mode):
                content = (info.st_size, info.st_mtime_ns)
            seen[path] = (info.st_mode, info.st_uid, info.st_gid, content)
    return seen


def changes(before, after):
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def providers(**variables):
    return re.findall(r"^  (\w+)$", run("openssl", "list", "-providers", **variables), re.M)


# What a program is without ostrust: it verifies with the system's bundle, and the distribution's policy is in force.
PROGRAM = """
import hashlib, ssl
hashlib.sha256(b"x")
context = ssl.create_default_context()
print(len(context.get_ca_certs()), int(context.minimum_version), len(context.get_ciphers()))
"""


def program(**variables):
    return run("python3", "-c", PROGRAM, **variables).strip()


def private(user):
    """A folder of the user's own, for what `ostrust run` keeps."""
    path = "/tmp/%d" % user
    os.makedirs(path, 0o700, exist_ok=True)
    os.chown(path, user, user)
    return path


class Package(unittest.TestCase):

    def setUp(self):
        self.before = snapshot()
        self.stock = program()
        self.assertGreater(int(self.stock.split()[0]), 50)

    def tearDown(self):
        """Every test ends with the system as it was: without a trace."""
        run("dpkg", "--purge", "ostrust")
        shutil.rmtree("/etc/ostrust", ignore_errors=True)
        self.assertEqual(changes(self.before, snapshot()), set())

    def install(self, package=None):
        return run("dpkg", "--install", package or OLD)

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)

    def enable_by_hand(self):
        """As README.md says."""
        shutil.copy("/usr/share/doc/ostrust/openssl.cnf.example", CONFIGURATION)
        return {"OPENSSL_CONF": CONFIGURATION}

    def enable_in_the_system(self):
        """In the distribution's own file, by hand; a release may have the sections already."""
        with open(SYSTEM) as file:
            text = file.read()
        self.write(SYSTEM, text + """
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
ostrust = ostrust_sect
[default_sect]
activate = 1
[ostrust_sect]
module = %s
activate = 1
""" % MODULE)
        return text

    def works(self, *expected, **variables):
        """Programs work, with these providers."""
        self.assertEqual(providers(**variables), list(expected))
        run("openssl", "verify", "/etc/ssl/certs/ISRG_Root_X1.pem", **variables)
        run("openssl", "dgst", "-sha256", "/etc/hostname" if os.path.exists("/etc/hostname") else SYSTEM, **variables)

    # --- what is installed

    def test_files_owners_and_modes(self):
        self.install()
        made = snapshot()
        new = changes(self.before, made)
        listed = set(run("dpkg", "-L", "ostrust").split("\n")) - {"", "/."}
        self.assertEqual(new - listed, set(), "not in dpkg -L")
        self.assertEqual({path for path in listed if path not in made}, set(), "in dpkg -L only")
        self.assertEqual(new & self.before.keys(), set(), "changed")
        for path in new:
            mode, owner, group, _ = made[path]
            self.assertEqual((owner, group), (0, 0), path)
            if stat.S_ISDIR(mode) or path == "/usr/bin/ostrust":
                self.assertEqual(stat.S_IMODE(mode), 0o755, path)
            else:
                self.assertEqual(stat.S_IMODE(mode), 0o644, path)
        man = "/usr/share/man/man"
        for path in (MODULE, MARKER, "/usr/bin/ostrust", man + "1/ostrust.1.gz", man + "7/ostrust.7.gz",
                     man + "7/OSSL_PROVIDER-ostrust.7.gz", man + "7/OSSL_STORE-ostrust.7.gz",
                     "/usr/share/bash-completion/completions/ostrust", "/usr/share/zsh/vendor-completions/_ostrust",
                     "/usr/share/fish/vendor_completions.d/ostrust.fish"):
            self.assertIn(path, new)
        for name in ("copyright", "changelog.gz", "changelog.Debian.gz", "openssl.cnf.example", "README.md"):
            self.assertIn("/usr/share/doc/ostrust/" + name, new)
        self.assertEqual(run("dpkg", "--verify", "ostrust"), "")

    def test_it_enables_nothing(self):
        self.install()
        self.assertNotIn("ostrust", providers())
        self.assertNotIn(SYSTEM, changes(self.before, snapshot()))
        self.assertEqual(program(), self.stock)
        self.assertIn("something is off", run("ostrust", "status", status=1))

    def test_run_needs_no_configuration(self):
        self.install()
        self.assertIn("  ostrust\n", run("ostrust", "run", "--", "openssl", "list", "-providers",
                                         XDG_CACHE_HOME=private(0)))

    # --- enabled, upgraded, removed

    def enabled(self, **variables):
        self.assertIn("ostrust", providers(**variables))
        text = run("ostrust", "status", **variables)
        self.assertIn(MODULE, text)
        self.assertRegex(text, r"anchors +\d\d+")
        self.assertEqual(program(**variables).split()[0], "0")  # nothing is copied into the context

    def test_enabled_by_hand_and_removed(self):
        self.install()
        environment = self.enable_by_hand()
        self.enabled(**environment)
        with open(CONFIGURATION) as file:
            text = file.read()
        said = run("dpkg", "--remove", "ostrust")
        self.assertIn("%s still names the module" % CONFIGURATION, said)
        with open(CONFIGURATION) as file:
            self.assertEqual(file.read(), text)
        self.works("default", **environment)
        self.assertEqual(program(**environment), self.stock)
        run("dpkg", "--purge", "ostrust")
        self.assertEqual(os.listdir("/etc/ostrust"), ["openssl.cnf"])
        self.works("default", **environment)
        self.assertEqual(program(**environment), self.stock)

    def test_in_the_systems_own_file_and_removed(self):
        self.install()
        text = self.enable_in_the_system()
        try:
            self.enabled()
            said = run("dpkg", "--remove", "ostrust")
            self.assertIn("%s still names the module" % SYSTEM, said)
            self.works("default")
            self.assertEqual(program(), self.stock)
            run("apt-get", "check")
        finally:
            self.write(SYSTEM, text)

    def test_policy_stays_when_the_module_is_gone(self):
        """What stands behind the providers in the configuration is read, too."""
        self.install()
        environment = self.enable_by_hand()
        with open(CONFIGURATION, "a") as file:
            file.write("\n[openssl_init]\nssl_conf = ssl_sect\n[ssl_sect]\nsystem_default = policy\n"
                       "[policy]\nMinProtocol = TLSv1.3\n")
        here = "import ssl; print(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).minimum_version.name)"
        self.assertEqual(run("python3", "-c", here, **environment), "TLSv1_3\n")
        run("dpkg", "--remove", "ostrust")
        self.assertEqual(run("python3", "-c", here, **environment), "TLSv1_3\n")

    def test_upgrade_keeps_the_configuration(self):
        self.install()
        environment = self.enable_by_hand()
        with open(MARKER, "a") as file:
            file.write("# mine\n")
        before = snapshot()
        said = self.install(NEW)
        self.assertNotIn("still names", said)
        self.assertRegex(run("dpkg", "-s", "ostrust"), r"Version: .*-2\n")
        changed = changes(before, snapshot())
        self.assertEqual({path for path in changed if path.startswith("/etc/")}, set())
        self.enabled(**environment)

    # --- ostrust disable

    def recorder(self, status):
        """In the place of the tool: a program that writes down how it is called."""
        self.write("/usr/bin/ostrust", "#!/bin/sh\necho \"$*\" >>/tmp/called\nexit %d\n" % status)

    def called(self):
        if not os.path.exists("/tmp/called"):
            return ""
        with open("/tmp/called") as file:
            text = file.read()
        os.remove("/tmp/called")
        return text

    def test_disable_is_called_on_removal_and_not_on_upgrade(self):
        self.install()
        self.recorder(0)
        self.install(NEW)
        self.assertEqual(self.called(), "")
        self.recorder(0)
        run("dpkg", "--remove", "ostrust")
        self.assertEqual(self.called(), "disable --system\n")

    def test_removal_survives_a_failing_disable(self):
        self.install()
        self.recorder(1)
        said = run("dpkg", "--remove", "ostrust")
        self.assertEqual(self.called(), "disable --system\n")
        self.assertIn("disable --system failed", said)
        self.assertFalse(os.path.exists(MODULE))

    def test_enable_and_disable_as_they_are(self):
        self.install()
        run("ostrust", "enable", "--system")
        self.enabled(OPENSSL_CONF=CONFIGURATION)
        run("dpkg", "--remove", "ostrust")
        self.works("default")
        self.assertEqual({path for path in changes(self.before, snapshot())
                          if not path.startswith("/etc/ostrust")}, set())

    # --- the tarball

    def test_the_tarball_anywhere(self):
        folder = "/opt/a [folder] with spaces"
        self.addCleanup(shutil.rmtree, folder, True)
        with tarfile.open(TARBALL) as archive:
            for member in archive:
                self.assertEqual((member.uid, member.gid), (0, 0), member.name)
            archive.extractall(folder)
        try:
            top = os.path.join(folder, os.listdir(folder)[0])
            module = os.path.join(top, "lib", "ostrust", "ostrust.so")
            for user in (0, 65534):
                demote = ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups"]
                text = run(*demote, os.path.join(top, "bin", "ostrust"), "run", "--",
                           os.path.join(top, "bin", "ostrust"), "status", HOME="/tmp", XDG_CACHE_HOME=private(user))
                self.assertIn(module, text)
            self.assertTrue(os.path.exists(os.path.join(top, "etc", "ostrust", "os.pem")))
            shutil.move(top, folder + "/moved")
            self.assertIn("  ostrust\n", run(folder + "/moved/bin/ostrust", "run", "--", "openssl", "list", "-providers",
                                             XDG_CACHE_HOME=private(0)))
        finally:
            shutil.rmtree(folder)

    # --- another architecture that reads the same file

    def test_programs_of_i386_go_on(self):
        if "i386" not in sys.argv:
            self.skipTest("no i386 here")
        self.install()
        environment = self.enable_by_hand()
        with open(CONFIGURATION) as file:
            text = file.read()
        foreign = ["/i386/usr/bin/openssl"]
        for module in (MODULE, "/usr/\\$LIB/ostrust/ostrust.so"):
            with self.subTest(module):
                self.write(CONFIGURATION, re.sub(r"(?m)^module = .*$", lambda _: "module = " + module, text))
                self.enabled(**environment)
                said = run(*foreign, "list", "-providers", **environment)
                self.assertEqual(re.findall(r"^  (\w+)$", said, re.M), ["default"])
                run(*foreign, "verify", "/etc/ssl/certs/ISRG_Root_X1.pem", **environment)
                run(*foreign, "dgst", "-sha256", SYSTEM, **environment)


if __name__ == "__main__":
    OLD, NEW, TARBALL = (os.path.join(HERE, name) for name in sys.argv[1:4])
    for path in glob.glob("/etc/dpkg/dpkg.cfg.d/*"):
        os.remove(path)  # these root file systems leave out manual pages and documentation
    MODULE = "/usr/lib/%s/ostrust/ostrust.so" % run("sh", "-c", "dpkg-deb -c %s | sed -n 's,.*/usr/lib/"
                                                    "\\(.*\\)/ostrust/ostrust.so,\\1,p'" % OLD).strip()
    unittest.main(argv=sys.argv[:1], verbosity=2)
