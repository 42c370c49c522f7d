#!/usr/bin/env python3
"""Programs and machines that allow little: seccomp, chroot(), no /proc, nothing that can be written, no descriptor or
memory left, set-user-ID. What docs/security.md says of them is what these tests see; its lists of system calls are read
from there. Each class is a CTest test of its own, and one that cannot run here says so and counts as skipped."""
import hashlib
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys

import small_root
import support
from support import HOSTS, MODULE, SOURCE, OstrustTest, hashed_directory, pem, port_of

sys.path.insert(0, os.path.join(SOURCE, "test", "pki"))
from pki import Pki, subject  # noqa: E402

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"
CONFINED = os.path.join(HOSTS, "confined")
# What looks at no file once its first context is there.
QUIET = {"refresh": "86400", "intermediates": "off", "revocation": "off"}
NOBODY = 65534


def documented(row):
    """The system calls in a row of the table in docs/security.md."""
    with open(os.path.join(SOURCE, "docs", "security.md")) as file:
        found = re.search(r"^\| %s \|(.*)\|$" % re.escape(row), file.read(), re.M)
    assert found, "docs/security.md has no row " + row
    names = re.findall(r"`(\w+)`", found.group(1))
    return [name for name in names if name != "readlink" or platform.machine() == "x86_64"]


def sanitized():
    return support.SANITIZER and "a sanitizer's runtime makes system calls and takes memory of its own"


def not_root():
    return sanitized() or (os.geteuid() != 0 and "needs root")


class Hardened(OstrustTest):

    def confined(self, *arguments, configuration=None, servers=("leaf-a", "leaf-b"), within=(), **env):
        """What the host program says of each server, which trusts os:// unless it is told otherwise."""
        ports = [str(port_of(name)) for name in servers]
        configuration = configuration or self.ostrust()
        trusted = () if "--cafile" in arguments else ("--cafile", "os://")
        return support.run([*within, CONFINED, *trusted, *arguments, *ports],
                           support.environment(configuration, preload=False, **env), cwd=self.work)

    def assertAnswers(self, done, *answers):
        self.assertEqual((done.status, done.out), (0, "".join(answer + "\n" for answer in answers)), done)

    def setUp(self):
        super().setUp()
        self.store("root-a")


class Seccomp(Hardened):
    """A program that sets a filter of system calls after it made its context."""

    @staticmethod
    def why_not():
        return sanitized() or (platform.machine() not in ("x86_64", "aarch64") and "not for this machine's numbers")

    def filtered(self, option, calls, *arguments, **more):
        done = self.confined(option, ",".join(calls), *arguments, **more)
        if done.status == support.SKIPPED:
            self.skipTest(done.out)
        return done

    def test_what_is_documented_is_enough(self):
        allowed = documented("OpenSSL") + documented("ostrust")
        directory = hashed_directory(os.path.join(self.work, "hashed"), "root-a")
        for source in (self.bundle, directory):
            with self.subTest(source):
                done = self.filtered("--allow", allowed, configuration=self.ostrust({"trust-source": source}))
                self.assertAnswers(done, ACCEPTED, UNKNOWN)

    def test_openssls_are_enough_for_openssl_and_for_an_ostrust_that_looks_at_nothing(self):
        allowed = documented("OpenSSL")
        stock = self.filtered("--allow", allowed, "--cafile", self.bundle, configuration=self.stock())
        self.assertAnswers(stock, ACCEPTED, UNKNOWN)
        self.assertAnswers(self.filtered("--allow", allowed, configuration=self.ostrust(QUIET)), ACCEPTED, UNKNOWN)
        # It is the filter that decides: one that looks makes a system call that is not among them.
        done = self.filtered("--allow", [name for name in allowed if name not in ("openat", "newfstatat")],
                             configuration=self.ostrust())
        self.assertEqual(done.status, 3, done)
        self.assertRegex(done.err, r"system call \d+ is not allowed")

    def test_what_is_refused_keeps_the_last_good_state(self):
        refused = [name for name in documented("ostrust") if name not in documented("OpenSSL")]
        refused += ["openat", "newfstatat"]
        done = self.filtered("--refuse", refused)
        self.assertAnswers(done, ACCEPTED, UNKNOWN)


class Limits(Hardened):
    """No file descriptor and no memory is left."""

    why_not = staticmethod(sanitized)

    def test_without_descriptors_the_last_good_state_is_kept(self):
        for keys in ({}, {"trust-source": hashed_directory(os.path.join(self.work, "hashed"), "root-a")}):
            self.assertAnswers(self.confined("--nofile", "yes", configuration=self.ostrust(keys)), ACCEPTED, UNKNOWN)

    def test_without_descriptors_and_a_state_nobody_is_trusted_and_it_is_said(self):
        done = self.confined("--nofile", "yes", "--late", "yes")
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.out, r"\Anot loaded: .*%s cannot be read: Too many open files" % self.bundle)

    def test_without_memory_nobody_is_trusted_who_was_not_before(self):
        seen = set()
        for size in (0, 1 << 14, 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 22, 1 << 26):
            done = self.confined("--memory", str(size), servers=("leaf-b", "leaf-a"))
            with self.subTest(size):
                self.assertIn(done.status, (0, 2), done)  # 2: the program itself got none
                lines = done.out.splitlines()
                self.assertNotEqual(lines[:1], [ACCEPTED], done)
                self.assertFalse("terminate" in done.err, done)
            seen.update(lines[1:2])
        self.assertIn(ACCEPTED, seen)  # with enough of it


class Paths(Hardened):
    """What SELinux and AppArmor would have to allow, as strace sees it."""

    @staticmethod
    def why_not():
        if sanitized() or shutil.which("strace") is None:
            return sanitized() or "needs strace"
        done = subprocess.run(["strace", "-o", os.devnull, "true"], stderr=subprocess.DEVNULL)
        return done.returncode != 0 and "strace does not work here"

    def traced(self, configuration, *arguments):
        """(what was opened, the addresses that were connected to, whether memory was to be written and executed)."""
        output = os.path.join(self.work, "trace")
        calls = "trace=open,openat,connect,socket,mmap,mprotect"
        support.run(["strace", "-f", "-qq", "-o", output, "-e", calls, support.OPENSSL, *arguments],
                    support.environment(configuration, preload=False), cwd=self.work)
        with open(output) as file:
            text = file.read()
        return (set(re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"(/[^"]*)".*\) = \d', text)),
                sorted(re.findall(r"connect\(\d+, \{(.*?)\}", text)), len(re.findall(r"\bsocket\(", text)),
                "PROT_WRITE|PROT_EXEC" in text)

    def test_what_is_opened_is_what_the_document_says(self):
        with open(os.path.join(SOURCE, "docs", "security.md")) as file:
            table = re.search(r"^\| for \| paths and connections \|\n(.*?)\n\n", file.read(), re.M | re.S).group(1)
        said = tuple(re.findall("`(/[^`]+)`", table)) + tuple(re.findall(r"`([\w.-]+\.so[.\d]*)`", table))
        ours, stock = self.ostrust({"trust-source": None, "refresh": None}), self.stock()
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        if not os.path.exists(bundle):
            self.skipTest("there is no " + bundle)
        with open(bundle) as file:
            root = self.file("root.pem", re.search("-----BEGIN.*?-----END CERTIFICATE-----\n", file.read(), re.S).group(0))
        server = "localhost:%d" % port_of("leaf-a")
        opened = set()
        for arguments in (["verify", root], ["s_client", "-connect", server, "-verify_hostname", "localhost"]):
            with_it, without = self.traced(ours, *arguments), self.traced(stock, *arguments)
            self.assertEqual(with_it[1:], without[1:])
            self.assertFalse(with_it[3])
            opened |= with_it[0] - without[0] - {ours, MODULE}
        self.assertIn(bundle, opened)
        libraries = tuple("/" + name for name in said if not name.startswith("/")) + ("/libm.so.6",)  # and what links the module
        unknown = {path for path in opened if not path.startswith(tuple(name for name in said if name.startswith("/")))
                   and not path.endswith(libraries)}
        self.assertEqual(unknown, set(), "docs/security.md does not name these")


class Chroot(Hardened):
    """A program that goes into a tree that somebody else may have filled."""

    why_not = staticmethod(not_root)

    def setUp(self):
        super().setUp()
        self.jail = os.path.join(self.work, "jail")
        os.mkdir(self.jail)

    def plant(self, path, text):
        path = self.jail + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)

    def test_what_lies_in_the_tree_is_not_trusted(self):
        self.plant(self.bundle, support.text_of("root-b"))
        self.assertAnswers(self.confined("--chroot", self.jail), ACCEPTED, UNKNOWN)
        # The twin: outside the same file counts.
        support.write_store(self.bundle, "root-b")
        self.assertAnswers(self.confined(), UNKNOWN, ACCEPTED)

    def test_no_library_is_looked_for_in_the_tree(self):
        said = "find library=libupki.so.1"
        inside = self.confined("--chroot", self.jail, LD_DEBUG="libs")
        self.assertAnswers(inside, ACCEPTED, UNKNOWN)
        self.assertIn("libcrypto", inside.err)
        self.assertNotIn(said, inside.err)
        self.assertIn(said, self.confined(LD_DEBUG="libs").err)  # the twin

    def forgetful(self):
        """A server whose intermediate is behind a name, and a configuration that fetches it."""
        pki = Pki(self.work, support.OPENSSL)
        pki.root("root", subject("Root"))
        pki.issue("missing", subject("Missing"), "root", kind="intermediate")
        pki.issue("leaf", subject("localhost"), "missing",
                  extensions="authorityInfoAccess = caIssuers;URI:http://localhost/missing.der\n")
        self.store(os.path.join(self.work, "root"))
        return os.path.join(self.work, "leaf"), self.ostrust({"intermediates": "fetch", "cache-dir": "/not/there", "log": "error"})

    def test_nor_one_of_the_name_services_by_resolving_a_name(self):
        """Which ones the C library loads, and from where, /etc/nsswitch.conf of the tree says."""
        leaf, configuration = self.forgetful()
        self.plant("/etc/nsswitch.conf", "hosts: planted\n")
        inside, outside = (self.confined(*where, configuration=configuration, servers=(leaf,), LD_DEBUG="libs")
                           for where in (("--chroot", self.jail), ()))
        self.assertAnswers(inside, UNKNOWN)
        self.assertNotIn("find library=libnss_planted", inside.err)
        self.assertRegex(inside.err, r"localhost: no name is resolved in a process that called chroot\(\)")
        self.assertAnswers(outside, UNKNOWN)  # the twin, which learns what is no public address
        self.assertRegex(outside.err, "localhost.* is not globally reachable")

    def test_nor_a_converter_of_characters_by_a_message_in_the_programs_language(self):
        """strerror() and gai_strerror() read the catalogue of the tree, and the C library loads the converter that it names from
        there (seen)."""
        if shutil.which("strace") is None:
            self.skipTest("there is no strace")
        trace = os.path.join(self.work, "trace")
        leaf, configuration = self.forgetful()
        done = self.confined("--language", "yes", "--chroot", self.jail, configuration=configuration, servers=(leaf,),
                             within=("strace", "-f", "-o", trace, "-e", "trace=chroot,openat,readlink,readlinkat"),
                             LC_ALL="C.UTF-8", LANGUAGE="xx")
        self.assertAnswers(done, UNKNOWN)
        with open(trace) as file:
            after = file.read().split(" chroot(")[1]
        self.assertIn("ENOENT", after)  # so there was something to say
        self.assertNotIn("libc.mo", after)

    def test_nor_is_p11_kits_module_for_a_first_context_in_there(self):
        module = "/planted/p11-kit-trust.so"
        self.plant("/etc/pki/ca-trust/source/anchors/root-b.pem", support.text_of("root-b"))
        self.plant("/etc/pkcs11/modules/p11-kit-trust.module", "module: %s\ntrust-policy: yes\n" % module)
        for source in ("auto", "p11-kit"):
            done = self.confined("--late", "yes", "--chroot", self.jail, LD_DEBUG="files",
                                 configuration=self.ostrust({"trust-source": source}))
            self.assertIn("libcrypto", done.err)
            self.assertNotIn(module, done.err)
            self.assertRegex(done.out, r"\Anot loaded: .*no module is loaded in a process that called chroot\(\)")
        # The twin: a program that was started in there reads its own root's configuration.
        root = small_root.SmallRoot(self.jail)
        self.addCleanup(root.close)
        root.configure({"trust-source": "p11-kit"})
        done = root.openssl("storeutl", "-noout", "os://", LD_DEBUG="files")
        if "no p11-kit support" in done.text:
            self.skipTest("this build has no p11-kit support")
        self.assertIn(module, done.err)


class Mounts(Hardened):
    """Without /proc, without a place that can be written, with nothing that can be executed in /tmp."""

    @staticmethod
    def why_not():
        if sanitized():
            return sanitized()
        done = subprocess.run(["unshare", "--mount", "--map-root-user", "true"], stderr=subprocess.DEVNULL)
        return done.returncode != 0 and "mount namespaces cannot be made here"

    def inside(self, commands):
        """What runs a command after these, in a mount namespace of its own."""
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", "--mount", "--propagation", "private", *user, "sh", "-ec", commands + '\nexec "$@"', "sh"]

    def test_without_proc(self):
        within = self.inside("mount -t tmpfs none /proc")
        shown = support.run([*within, "ls", "/proc"], support.environment(self.stock(), preload=False))
        self.assertEqual((shown.status, shown.out), (0, ""), shown)
        self.assertAnswers(self.confined(within=within), ACCEPTED, UNKNOWN)
        # Nothing of it is a reason to do less.
        done = support.run([*within, support.OPENSSL, "list", "-providers", "-verbose"],
                           support.environment(self.ostrust(), preload=False))
        self.assertRegex(done.out, "layers: store loader, binding;", done)

    def test_where_nothing_can_be_written(self):
        within = self.inside("mount --rbind / /\nmount -o remount,bind,ro /\nmount --bind {0} {0}\n"
                             "mount -o remount,bind,ro {0}\nif touch {0}/written 2>/dev/null; then exit 9; fi"
                             .format(self.work))
        for keys in ({}, {"revocation": "soft", "intermediates": "fetch"}, {"cache-dir": self.work + "/cache"}):
            done = self.confined(within=within, configuration=self.ostrust(keys))
            self.assertAnswers(done, ACCEPTED, UNKNOWN)
            self.assertEqual(done.err, "")

    def test_nothing_is_executed_in_tmp(self):
        # The module, certificates and programs of this test may lie there themselves.
        within = self.inside("mount --bind /tmp /tmp\nmount -o remount,bind,noexec /tmp")
        programs = [path for path in (CONFINED, MODULE, support.PKI) if path.startswith("/tmp/")]
        if programs:
            self.skipTest("what is tested lies in /tmp: " + programs[0])
        self.assertAnswers(self.confined(within=within), ACCEPTED, UNKNOWN)

    def test_a_module_where_nothing_may_be_executed_is_not_loaded_and_status_says_why(self):
        tool = os.environ.get("OSTRUST_TOOL")
        if not tool:
            self.skipTest("the program ostrust was not built")
        place = os.path.join(self.work, "noexec")
        os.mkdir(place)
        module = os.path.join(place, "ostrust.so")
        within = self.inside("mount -t tmpfs -o noexec none %s\ncp %s %s" % (place, MODULE, module))
        configuration = self.ostrust({"module": module})
        self.assertSays("not loaded", self.confined(within=within, configuration=configuration))
        done = support.run([*within, tool, "status"], support.environment(configuration, preload=False), cwd=self.work)
        self.assertEqual(done.status, 1, done)
        self.assertIn("failed to map segment", done.out, done)


class SetUserId(Hardened):
    """AT_SECURE: no environment variable decides anything (rule 10). See also test_optional.py SecureExecution."""

    @staticmethod
    def why_not():
        missing = [name for name in ("setpriv",) if shutil.which(name) is None]
        return not_root() or small_root.why_not() or (missing and "needs " + missing[0])

    def setUp(self):
        super().setUp()
        os.chmod(self.work, 0o755)
        self.root = small_root.SmallRoot(self.work)
        self.addCleanup(self.root.close)
        if os.statvfs(self.work).f_flag & os.ST_NOSUID:
            self.skipTest("%s is mounted nosuid" % self.work)
        self.program = "/secure_execution"
        self.root.copy(os.path.join(HOSTS, "secure_execution"), self.program)
        for name in ("root-a", "leaf-a", "leaf-int"):
            shutil.copyfile(pem(name), self.root.path("/%s.pem" % name))
        self.root.configure({"trust-source": "/root-a.pem"})

    def ask(self, mode, leaf, **env):
        """What nobody is told who starts it with these variables."""
        os.chmod(self.root.path(self.program), mode)
        done = support.run(["chroot", "--userspec=%d:%d" % (NOBODY, NOBODY), self.work, self.program,
                            small_root.CONFIGURATION, "/%s.pem" % leaf, "localhost"],
                           support.environment(os.devnull, preload=False, **env))
        self.assertEqual(done.err, "", done)
        return done.out.strip()

    def test_no_cache_of_the_callers_is_read(self):
        der = ssl.PEM_cert_to_DER_cert(support.text_of("int-a"))
        done = subprocess.run([support.OPENSSL, "asn1parse", "-inform", "DER", "-in", "-"], input=der,
                              stdout=subprocess.PIPE, check=True, env=support.environment(os.devnull, preload=False))
        # Of the certificate's fields the subject is the sixth; -strparse would want its contents only.
        names = re.findall(r"^ *(\d+):d=2 +hl=(\d+) +l= *(\d+) cons: SEQUENCE", done.stdout.decode(), re.M)
        offset, head, size = (int(number) for number in names[3])
        subject = der[offset:offset + head + size]
        cache = "/caches/ostrust"
        name = "%s/intermediates-%s" % (cache, hashlib.sha1(subject).hexdigest())
        with open(self.root.path(name), "wb") as out:
            out.write(der)
        env = {"XDG_CACHE_HOME": "/caches"}
        self.assertEqual(self.ask(0o755, "leaf-int", **env), "plain, accepted")
        self.assertEqual(self.ask(0o4755, "leaf-int", **env), "secure, " + UNKNOWN)

    def test_no_home_of_the_callers_is_asked_for_crlite(self):
        double = os.path.join(os.path.dirname(HOSTS), "doubles", "upki", "libupki.so.1")
        if not os.path.exists(double):
            self.skipTest("there is no " + double)
        library = [path for path in small_root.libraries_of(MODULE) if "/libc.so" in path][0]
        self.root.copy(double, os.path.dirname(library) + "/libupki.so.1")
        self.root.write("/home/callers/.config/upki/config.toml", "config 0\ncheck 2\n")
        self.root.write("/etc/upki/config.toml", "config 0\ncheck 3\n")
        env = {"HOME": "/home/callers"}
        self.assertEqual(self.ask(0o755, "leaf-a", **env), "plain, certificate revoked")
        self.assertEqual(self.ask(0o4755, "leaf-a", **env), "secure, accepted")


def main():
    classes = {one.__name__: one for one in (Seccomp, Limits, Paths, Chroot, Mounts, SetUserId)}
    wanted = sys.argv[1].split(".")[0] if len(sys.argv) > 1 else ""
    if wanted not in classes:
        sys.exit("which one? " + ", ".join(classes))
    support.skip_all_if(classes[wanted].why_not())
    support.main()


if __name__ == "__main__":
    main()
