#!/usr/bin/env python3
"""The .deb in a root file system of Debian: what it installs, what it changes and what it leaves. test/package runs this as
root inside one that is thrown away, with the packages in the folder of this file. Standard library only.

    package_root.py OLD.deb NEW.deb DYNAMIC.deb TARBALL [i386]

    DYNAMIC.deb   linked with the distribution's C++ runtime
    i386          an OpenSSL for it is in /i386
"""
import glob
import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = "/etc/ostrust/openssl.cnf"
RECORD = "/var/lib/ostrust/enabled.json"
CACHE = "/var/cache/ostrust"
SYSTEM = "/etc/ssl/openssl.cnf"
MARKER = "/etc/ostrust/os.pem"
# What dpkg, apt and ldconfig keep for themselves, and what is mounted.
OTHERS = ("/dev", "/proc", "/sys", "/run", "/tmp", "/i386", "/var/lib/dpkg", "/var/log",
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


# A program that goes on: for each line that it reads it says what becomes of a server's certificate, in one context.
LASTING = """
import ssl, sys
server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain("/tmp/lasting/leaf.pem", "/tmp/lasting/leaf.key")
context = ssl.create_default_context()

def verdict():
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="localhost")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    answer = "no handshake"
    for _ in range(5):
        try:
            client.do_handshake()
            answer = "accepted"
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        try:
            server.do_handshake()
        except ssl.SSLWantReadError:
            pass
    return answer

for line in sys.stdin:
    print(verdict(), flush=True)
"""
LASTING_CERTIFICATES = """mkdir /tmp/lasting
cd /tmp/lasting
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Company Root' -keyout root.key \\
    -out root.pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr
printf 'subjectAltName=DNS:localhost\\nextendedKeyUsage=serverAuth\\n' >extensions
openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 1 -extfile extensions -out leaf.pem"""
COMPANY_ROOT = "/usr/local/share/ca-certificates/company.crt"


def company_root(is_trusted):
    """Puts the root of LASTING_CERTIFICATES into the system's store, or takes it out."""
    if is_trusted:
        shutil.copy("/tmp/lasting/root.pem", COMPANY_ROOT)
    else:
        os.remove(COMPANY_ROOT)
    run("update-ca-certificates", *(() if is_trusted else ("--fresh",)))  # without it the links stay
    time.sleep(1.5)  # `refresh` is a second


def repacked(package, name, architecture, change):
    """A package made of another one: `change` is called with the folder of its files and the text of its control file, of which
    it returns another."""
    folder, made = "/tmp/repacked", "/tmp/%s.deb" % name
    run("dpkg-deb", "-R", package, folder)
    os.remove(folder + "/DEBIAN/md5sums")
    with open(folder + "/DEBIAN/control") as file:
        text = file.read()
    with open(folder + "/DEBIAN/control", "w") as file:
        file.write(change(folder, re.sub("(?m)^Architecture: .*$", "Architecture: " + architecture, text)))
    run("dpkg-deb", "--build", "-Znone", folder, made)
    shutil.rmtree(folder)
    return made


class Package(unittest.TestCase):

    def setUp(self):
        self.by_hand = set()  # what the test wrote, and no package may take away
        self.before = snapshot()
        self.stock = program()
        self.assertGreater(int(self.stock.split()[0]), 50)

    def tearDown(self):
        """Every test ends with the system as it was: without a trace."""
        run("dpkg", "--purge", "ostrust")
        for path in self.by_hand:
            os.remove(path)
            if not os.listdir(os.path.dirname(path)):
                os.rmdir(os.path.dirname(path))
        self.assertEqual(changes(self.before, snapshot()), set())
        self.assertEqual(glob.glob("/var/lib/dpkg/info/ostrust*") + glob.glob("/tmp/ostrust*"), [])
        self.assertNotIn("ostrust", run("dpkg-query", "--list"))

    def install(self, package=None):
        return run("dpkg", "--install", package or OLD)

    def write(self, path, text):
        with open(path, "w") as file:
            file.write(text)

    def enable_by_hand(self):
        """As README.md says."""
        shutil.copy("/usr/share/doc/ostrust/openssl.cnf.example", CONFIGURATION)
        self.by_hand.add(CONFIGURATION)
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
        named = set()
        for path in new:
            if path.startswith(man) and path.endswith(".gz"):
                with gzip.open(path, "rt") as file:
                    named.update(re.findall(r"docs/[\w-]+\.md", file.read()))
        self.assertIn("docs/security.md", named)
        self.assertEqual({name for name in named if "/usr/share/doc/ostrust/" + name not in new}, set())
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

    def test_upgrade_from_a_version_with_other_files(self):
        """A file that is gone goes, and the marker file is replaced unless it was changed."""
        def older(folder, control):
            self.write(folder + "/usr/share/doc/ostrust/of-old", "gone in the next version\n")
            with open(folder + MARKER, "a") as file:
                file.write("# older\n")
            return re.sub("(?m)^Version: .*$", "Version: 0.0.9-1", control)

        older_package = repacked(OLD, "older", ARCHITECTURE, older)
        self.install()
        new = snapshot()
        for addition in ("", "# mine\n"):
            with self.subTest(addition):
                run("dpkg", "--purge", "ostrust")
                self.install(older_package)
                self.assertEqual(changes(new, snapshot()) & {MARKER, "/usr/share/doc/ostrust/of-old"},
                                 {MARKER, "/usr/share/doc/ostrust/of-old"})
                with open(MARKER, "a") as file:
                    file.write(addition)
                run("dpkg", "--force-confdef", "--force-confold", "--install", OLD)
                kept = {MARKER, MARKER + ".dpkg-dist"} if addition else set()
                self.assertEqual(changes(new, snapshot()), kept)

    def test_a_running_process_goes_on(self):
        """When its module is upgraded, and when it is removed: it has the file, and follows the system's store."""
        run("sh", "-euc", LASTING_CERTIFICATES)
        self.addCleanup(shutil.rmtree, "/tmp/lasting")
        self.install()
        run("ostrust", "enable", "--system")
        process = subprocess.Popen(["python3", "-c", LASTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
                                   env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "OPENSSL_CONF": CONFIGURATION})

        def verdict():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        def follows():
            self.assertEqual(verdict(), "unable to get local issuer certificate")
            company_root(True)
            self.assertEqual(verdict(), "accepted")
            company_root(False)
            self.assertEqual(verdict(), "unable to get local issuer certificate")

        with process:
            try:
                follows()
                before = snapshot()
                self.install(NEW)
                self.assertEqual({path for path in changes(before, snapshot()) if path.startswith(("/etc/", "/var/"))}, set())
                self.enabled(OPENSSL_CONF=CONFIGURATION)
                follows()
                run("dpkg", "--purge", "ostrust")
                with open("/proc/%d/maps" % process.pid) as file:
                    self.assertIn(MODULE + " (deleted)", file.read())
                follows()
            finally:
                process.kill()

    def test_purging_takes_the_machines_cache_along(self):
        self.install()
        os.mkdir(CACHE)
        self.write(CACHE + "/crl-" + 40 * "0", "")
        run("dpkg", "--remove", "ostrust")
        self.assertEqual(len(os.listdir(CACHE)), 1)
        run("dpkg", "--purge", "ostrust")
        self.assertFalse(os.path.exists(CACHE))

    def test_the_distributions_cxx_runtime(self):
        self.install(DYNAMIC)
        for path in (MODULE, "/usr/bin/ostrust"):
            needed = run("ldd", path)
            self.assertIn("libstdc++.so.6 => /", needed)
            self.assertNotIn("not found", needed)
        self.enabled(**self.enable_by_hand())

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
        self.assertEqual(changes(self.before, snapshot()), {"/etc/ostrust", MARKER})

    def test_what_disable_does_not_undo_is_kept(self):
        """A file that was changed since enable wrote it: the removal says so, and the next installation can undo the rest."""
        self.install()
        run("ostrust", "enable", "--system")
        with open(CONFIGURATION, "a") as file:
            file.write("# mine\n")
        written = snapshot()
        said = run("dpkg", "--purge", "ostrust")
        self.assertIn("%s was changed since ostrust enable wrote it" % CONFIGURATION, said)
        self.assertIn("disable --system failed", said)
        self.assertIn(RECORD, said)
        left = snapshot()
        for path in changes(self.before, left):
            self.assertEqual(left[path], written[path])
        self.assertLessEqual({CONFIGURATION, RECORD}, left.keys())
        self.works("default", OPENSSL_CONF=CONFIGURATION)
        self.assertEqual(program(OPENSSL_CONF=CONFIGURATION), self.stock)
        self.install()
        run("ostrust", "disable", "--system", "--force")

    # --- the tarball

    def test_the_tarball_anywhere(self):
        folder = "/opt/a [folder] with spaces"
        os.mkdir(folder)
        try:
            with tarfile.open(TARBALL) as archive:
                for member in archive:
                    self.assertEqual((member.uid, member.gid), (0, 0), member.name)
                archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
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

    # --- another architecture

    def test_another_architectures_package_takes_the_place(self):
        """There is one program, /usr/bin/ostrust: dpkg exchanges the packages, and so it does back."""
        architectures = run("dpkg", "--print-foreign-architectures").split()

        def foreign(folder, control):
            os.makedirs(folder + "/usr/lib/i386-linux-gnu")
            shutil.move(os.path.dirname(folder + MODULE), folder + "/usr/lib/i386-linux-gnu/ostrust")
            os.rmdir(os.path.dirname(os.path.dirname(folder + MODULE)))
            return re.sub("(?m)^Depends: .*\n", "", control)

        package = repacked(OLD, "foreign", "i386", foreign)
        self.install()
        own = snapshot()
        if "i386" not in architectures:
            run("dpkg", "--add-architecture", "i386")
        self.install(package)
        self.assertEqual(run("dpkg-query", "--showformat", "${Architecture}", "--show", "ostrust"), "i386")
        self.assertEqual({path for path in changes(own, snapshot()) if "/ostrust/" in path},
                         {MODULE, "/usr/lib/i386-linux-gnu/ostrust/ostrust.so"})
        self.install()
        self.assertEqual(changes(own, snapshot()), set())
        if "i386" not in architectures:
            run("dpkg", "--remove-architecture", "i386")

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
    OLD, NEW, DYNAMIC, TARBALL = (os.path.join(HERE, name) for name in sys.argv[1:5])
    ARCHITECTURE = run("dpkg-deb", "-f", OLD, "Architecture").strip()
    for path in glob.glob("/etc/dpkg/dpkg.cfg.d/*"):
        os.remove(path)  # these root file systems leave out manual pages and documentation
    MODULE = re.search(r" \.(/usr/lib/\S+/ostrust/ostrust\.so)$", run("dpkg-deb", "-c", OLD), re.M).group(1)
    unittest.main(argv=sys.argv[:1], verbosity=2)
