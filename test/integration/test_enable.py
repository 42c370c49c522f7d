#!/usr/bin/env python3
"""ostrust enable and disable: what they write where, what they refuse, and that nothing of them stays."""
import array
import fcntl
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import termios
import time
import unittest

import support
from small_root import OSTRUST, SmallRoot, libraries_of, why_not
from support import MODULE, OstrustTest, environment, text_of

TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(os.path.dirname(MODULE), "ostrust")

OWN = "/etc/ostrust/openssl.cnf"
SYSTEMD = "/etc/systemd/system.conf.d/ostrust.conf"
SESSIONS = "/etc/environment.d/ostrust.conf"
SHELLS = "/etc/profile.d/ostrust.sh"
RECORD = "/var/lib/ostrust/enabled.json"
LOCK = "/var/lib/ostrust/lock"
REFUSED = 1
USAGE = 2

# Each as the distribution has it, as far as it matters.
DEBIAN_12 = """\
HOME = .
openssl_conf = openssl_init
config_diagnostics = 1
[openssl_init]
[ ca ]
default_ca = CA_default
"""
DEBIAN_13 = """\
HOME = .
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
[provider_sect]
default = default_sect
[default_sect]
# activate = 1
[ ca ]
default_ca = CA_default
"""
FEDORA = """\
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
ssl_conf = ssl_module
[provider_sect]
default = default_sect
[default_sect]
activate = 1
#Place the third party provider configuration files into this folder
.include /etc/pki/tls/openssl.d

[ ssl_module ]
system_default = crypto_policy
[ crypto_policy ]
.include = /etc/crypto-policies/back-ends/opensslcnf.config
"""
SUSE = """\
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
ssl_conf = ssl_module
engines = engine_section
[ engine_section ]
# engines that other packages have
.include /etc/ssl/engines3.d
# and what they are
.include /etc/ssl/engdef3.d
[provider_sect]
default = default_sect
[default_sect]
activate = 1
[ ssl_module ]
"""
FIPS = """\
openssl_conf = openssl_init
[openssl_init]
providers = provider_sect
alg_section = algorithm_sect
[provider_sect]
fips = fips_sect
base = base_sect
[fips_sect]
activate = 1
[base_sect]
activate = 1
[algorithm_sect]
default_properties = fips=yes
"""
POLICY = "MinProtocol = TLSv1.2\nCipherString = DEFAULT:@SECLEVEL=2\n"

# Runs a command that gets no locks of files, as in a home on NFS without its lock service.
WITHOUT_LOCKS = """\
import ctypes, errno, fcntl, os, platform, sys

class Step(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("then", ctypes.c_ubyte), ("otherwise", ctypes.c_ubyte), ("value", ctypes.c_uint)]

class Filter(ctypes.Structure):
    _fields_ = [("size", ctypes.c_ushort), ("steps", ctypes.POINTER(Step))]

NUMBER = {"x86_64": 72, "aarch64": 25}.get(platform.machine(), -1)  # of fcntl(2)
LOAD, EQUALS, ANSWER = 0x20, 0x15, 0x06
steps = (Step * 6)((LOAD, 0, 0, 0), (EQUALS, 0, 3, NUMBER), (LOAD, 0, 0, 24), (EQUALS, 0, 1, fcntl.F_SETLK),
                   (ANSWER, 0, 0, 0x50000 | errno.ENOLCK), (ANSWER, 0, 0, 0x7fff0000))
prctl = ctypes.CDLL(None).prctl
prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
prctl(22, 2, ctypes.byref(Filter(len(steps), steps)))  # PR_SET_SECCOMP
try:
    fcntl.lockf(open(os.devnull, "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    sys.exit(77)
except OSError as error:
    assert error.errno == errno.ENOLCK, error
os.execvp(sys.argv[1], sys.argv[1:])
"""


def everything(root):
    """All that there is below a directory: kind, mode, owner, content."""
    found = {}
    for directory, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(directory, name)
            seen = os.lstat(path)
            what = None
            if stat.S_ISLNK(seen.st_mode):
                what = os.readlink(path)
            elif stat.S_ISREG(seen.st_mode):
                with open(path, "rb") as file:
                    what = file.read()
            found[os.path.relpath(path, root)] = (stat.filemode(seen.st_mode), seen.st_uid, seen.st_gid, what)
    return found


class Rooted(OstrustTest):
    """Below a directory that is taken for /."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 and subprocess.run(["unshare", "-U", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("needs root or user namespaces, for --root")
        old = os.umask(0o022)
        self.addCleanup(os.umask, old)
        self.root = os.path.join(self.work, "root")
        os.mkdir(self.root)
        os.chmod(self.work, 0o755)
        self.add(OSTRUST, "a module\n")
        os.makedirs(self.path("/var/lib"))

    def path(self, inside, root=None):
        return (root or self.root) + inside

    def add(self, inside, text):
        os.makedirs(os.path.dirname(self.path(inside)), exist_ok=True)
        with open(self.path(inside), "w") as out:
            out.write(text)

    def read(self, inside, root=None):
        with open(self.path(inside, root)) as file:
            return file.read()

    def is_there(self, inside, root=None):
        return os.path.lexists(self.path(inside, root))

    def debian(self, text=DEBIAN_12):
        self.add("/etc/ssl/openssl.cnf", text)
        self.add("/usr/lib/systemd/systemd", "systemd\n")
        self.add("/etc/profile.d/other.sh", "x=1\n")
        os.makedirs(self.path("/etc/systemd"))

    def fedora(self):
        self.add("/etc/pki/tls/openssl.cnf", FEDORA)
        self.add("/etc/pki/tls/openssl.d/pkcs11.conf", "[provider_sect]\npkcs11 = p11\n[p11]\nmodule = /p11.so\n")
        self.add("/etc/crypto-policies/back-ends/opensslcnf.config", POLICY)
        self.add("/usr/lib/systemd/systemd", "systemd\n")
        os.makedirs(self.path("/etc/profile.d"))

    def tool(self, *arguments, root=None, module=OSTRUST, prefix=(), **env):
        more = ["--module", module] if arguments[0] == "enable" and module else []
        where = ["--root", root or self.root]
        return support.run([*prefix, TOOL, *arguments, *where, *more], environment("", **env))

    def enable(self, *arguments, status=0, **more):
        done = self.tool("enable", *arguments, **more)
        self.assertEqual(done.status, status, done)
        return done

    def disable(self, *arguments, status=0, **more):
        done = self.tool("disable", *arguments, **more)
        self.assertEqual(done.status, status, done)
        return done

    def assertRefused(self, words, *arguments, verb="enable", status=REFUSED):
        """With these words, and nothing is changed."""
        before = everything(self.root)
        done = self.tool(verb, *arguments)
        self.assertEqual((done.status, done.out), (status, ""), done)
        self.assertIn(words, done.err, done)
        self.assertEqual(everything(self.root), before)
        return done

    def assertUndone(self, before, *arguments):
        self.disable(*arguments)
        self.assertEqual(everything(self.root), before)

    def sections(self, text):
        """What a text of ours says: the last value of each key of each section."""
        section, found = "default", {}
        for line in text.splitlines():
            if re.match(r"\[.*\]$", line):
                section = line[1:-1]
            elif re.match(r"[\w.-]+ = ", line):
                key, value = line.split(" = ", 1)
                found.setdefault(section, {})[key] = value
        return found


class Places(Rooted):
    """What is written where."""

    def test_debian_12_gets_a_file_of_its_own_and_what_names_it(self):
        self.debian()
        before = everything(self.root)
        done = self.enable()
        made = set(everything(self.root)) - set(before)
        self.assertEqual({"/" + name for name in made if os.path.isfile(self.path("/" + name))},
                         {OWN, SYSTEMD, SESSIONS, SHELLS, RECORD})
        text = self.read(OWN)
        self.assertIn("\n.include /etc/ssl/openssl.cnf\n", text)
        found = self.sections(text)
        self.assertEqual(found["openssl_init"], {"providers": "ostrust_providers"})
        self.assertEqual(list(found["ostrust_providers"]), ["default", "ostrust"])
        self.assertEqual(found["ostrust_default"], {"activate": "1"})
        self.assertEqual(found["ostrust"], {"module": OSTRUST, "activate": "1"})
        self.assertEqual(found["default"], {"nodejs_conf": "ostrust_init_nodejs"})
        self.assertIn("\n[Manager]\nDefaultEnvironment=OPENSSL_CONF=%s\n" % OWN, self.read(SYSTEMD))
        self.assertIn("\nOPENSSL_CONF=%s\n" % OWN, self.read(SESSIONS))
        for name in made:
            seen = os.lstat(self.path("/" + name))
            self.assertEqual(stat.S_IMODE(seen.st_mode), 0o755 if stat.S_ISDIR(seen.st_mode) else 0o644, name)
        for word in ("not proven", "daemon-reexec", "cron", "sudo", "containers", "set-user-ID"):
            self.assertIn(word, done.out)
        self.assertUndone(before)

    def test_debian_13_keeps_its_sections(self):
        self.debian(DEBIAN_13)
        before = everything(self.root)
        self.enable()
        found = self.sections(self.read(OWN))
        self.assertEqual(found["provider_sect"], {"ostrust": "ostrust"})
        self.assertEqual(found["default_sect"], {"activate": "1"})
        self.assertUndone(before)

    def test_a_umask_makes_nothing_unreadable(self):
        self.debian()
        os.umask(0o077)
        self.enable()
        self.assertEqual(stat.S_IMODE(os.stat(self.path(OWN)).st_mode), 0o644)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.path(OWN))).st_mode), 0o755)

    def test_the_login_shell_file_leaves_a_value_that_is_there(self):
        self.debian()
        self.enable()
        text = self.read(SHELLS).replace(OWN, self.path(OWN))
        script = self.file("profile.sh", text + 'echo "<$OPENSSL_CONF>"\n')
        for value, expected in ((None, self.path(OWN)), ("/other", "/other"), ("", "")):
            env = {"PATH": os.defpath}
            if value is not None:
                env["OPENSSL_CONF"] = value
            self.assertEqual(support.run(["sh", script], env).out, "<%s>\n" % expected)
        self.disable()
        self.assertEqual(support.run(["sh", script], {"PATH": os.defpath}).out, "<>\n")

    def test_fedora_gets_one_file_in_the_folder_that_is_for_it(self):
        self.fedora()
        before = everything(self.root)
        done = self.enable()
        made = set(everything(self.root)) - set(before)
        drop_in = "/etc/pki/tls/openssl.d/ostrust.cnf"
        self.assertEqual({"/" + name for name in made}, {drop_in, RECORD, os.path.dirname(RECORD)})
        found = self.sections(self.read(drop_in))
        self.assertEqual(found["provider_sect"], {"ostrust": "ostrust"})
        self.assertEqual(found["ostrust"]["module"], OSTRUST)
        self.assertNotIn("default_sect", found)
        self.assertIn("every program", done.out)
        first = everything(self.root)
        self.assertIn("already enabled", self.enable().out)
        self.assertEqual(everything(self.root), first)
        self.enable("--set", "refresh=5")
        self.assertEqual(self.sections(self.read(drop_in))["ostrust"]["refresh"], "5")
        self.assertUndone(before)

    def test_a_folder_of_lines_is_not_taken_for_one_of_sections(self):
        self.add("/etc/ssl/openssl.cnf", SUSE)
        for name in ("engines3.d", "engdef3.d"):
            os.makedirs(self.path("/etc/ssl/" + name))
        before = everything(self.root)
        self.enable()
        self.assertFalse(os.listdir(self.path("/etc/ssl/engines3.d")))
        self.assertEqual(os.listdir(self.path("/etc/ssl/engdef3.d")), ["ostrust.cnf"])
        self.assertUndone(before)

    def test_without_systemd_only_login_shells(self):
        self.add("/etc/ssl/openssl.cnf", DEBIAN_13)  # Alpine has upstream's, as Debian 13
        os.makedirs(self.path("/etc/profile.d"))
        before = everything(self.root)
        done = self.enable()
        self.assertFalse(self.is_there("/etc/systemd"))
        self.assertTrue(self.is_there(SHELLS))
        self.assertNotIn("daemon-reexec", done.out)
        self.assertUndone(before)

    def test_where_nothing_would_set_the_variable(self):
        self.add("/etc/ssl/openssl.cnf", DEBIAN_13)
        self.assertIn("--edit", self.assertRefused("neither systemd nor /etc/profile.d").err)

    def test_editing_is_undone_to_the_byte(self):
        for text in (DEBIAN_12, DEBIAN_13, DEBIAN_13 + "[last]\nline = without its end"):
            shutil.rmtree(self.path("/etc"), ignore_errors=True)
            self.debian(text)
            os.chmod(self.path("/etc/ssl/openssl.cnf"), 0o640)
            before = everything(self.root)
            done = self.enable("--edit")
            self.assertIn("rpmnew", done.out)
            self.assertEqual(set(everything(self.root)) - set(before), {"var/lib/ostrust", "var/lib/ostrust/enabled.json"})
            self.assertTrue(self.read("/etc/ssl/openssl.cnf").startswith(text))
            self.assertEqual(stat.S_IMODE(os.stat(self.path("/etc/ssl/openssl.cnf")).st_mode), 0o640)
            self.assertIn("already", self.enable("--edit").out)
            self.enable("--edit", "--set", "refresh=7")
            self.assertUndone(before)

    def test_an_edited_file_keeps_its_labels(self):
        self.debian()
        file = self.path("/etc/ssl/openssl.cnf")
        # Version 2; the owner, user 65534, the group, the mask, others: read.
        rights = [(1, 6, -1), (2, 4, 65534), (4, 4, -1), (0x10, 4, -1), (0x20, 4, -1)]
        labels = {"user.label": b"of somebody's\0",
                  "system.posix_acl_access": struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in rights)}
        try:
            for name, value in labels.items():
                os.setxattr(file, name, value)
        except OSError as error:
            self.skipTest("no extended attributes here: %s" % error)
        with self.assertRaises(OSError):
            os.getxattr(self.path("/etc/profile.d/other.sh"), "user.label")
        self.enable("--edit")
        self.assertIn("BEGIN ostrust", self.read("/etc/ssl/openssl.cnf"))
        self.assertEqual({name: os.getxattr(file, name) for name in os.listxattr(file)}, labels)
        self.disable()
        self.assertEqual({name: os.getxattr(file, name) for name in os.listxattr(file)}, labels)

    def test_editing_through_a_link_edits_what_it_leads_to(self):
        self.debian()
        os.rename(self.path("/etc/ssl/openssl.cnf"), self.path("/etc/ssl/real.cnf"))
        os.symlink("/etc/ssl/real.cnf", self.path("/etc/ssl/openssl.cnf"))  # within the root
        before = everything(self.root)
        self.enable("--edit")
        self.assertTrue(os.path.islink(self.path("/etc/ssl/openssl.cnf")))
        self.assertIn("BEGIN ostrust", self.read("/etc/ssl/real.cnf"))
        self.assertUndone(before)

    def test_edits_of_others_outside_of_the_block_stay(self):
        self.debian()
        self.enable("--edit")
        with open(self.path("/etc/ssl/openssl.cnf"), "a") as out:
            out.write("[of_others]\nkey = value\n")
        self.disable()
        self.assertEqual(self.read("/etc/ssl/openssl.cnf"), DEBIAN_12 + "[of_others]\nkey = value\n")

    def test_the_package_may_have_taken_the_block_away(self):
        self.debian()
        before = everything(self.root)
        self.enable("--edit")
        self.add("/etc/ssl/openssl.cnf", DEBIAN_12)  # as dpkg does when it is told to take the new one
        self.enable("--edit")
        self.assertIn("BEGIN ostrust", self.read("/etc/ssl/openssl.cnf"))
        self.add("/etc/ssl/openssl.cnf", DEBIAN_12)
        self.assertUndone(before)

    def test_from_one_way_to_another_and_back(self):
        self.debian()
        before = everything(self.root)
        self.enable()
        self.enable("--edit")
        for path in (OWN, SYSTEMD, SESSIONS, SHELLS):
            self.assertFalse(self.is_there(path), path)
        self.enable()
        self.assertEqual(self.read("/etc/ssl/openssl.cnf"), DEBIAN_12)
        self.assertTrue(self.is_there(SHELLS))
        self.assertUndone(before)

    def test_an_upgrade_with_another_path(self):
        self.debian()
        before = everything(self.root)
        self.enable("--set", "refresh=3", "--set", "verify=report")
        self.add("/usr/lib/elsewhere/ostrust.so", "a module\n")
        done = self.enable("--set", "verify=roots", module="/usr/lib/elsewhere/ostrust.so")
        self.assertIn("-module = %s\n" % OSTRUST, done.out)
        self.assertEqual(self.sections(self.read(OWN))["ostrust"],
                         {"module": "/usr/lib/elsewhere/ostrust.so", "activate": "1", "refresh": "3", "verify": "roots"})
        shutil.rmtree(self.path("/usr/lib/elsewhere"))
        self.assertUndone(before)

    def test_the_module_is_found_where_an_installation_has_it(self):
        self.debian()
        shutil.copy(MODULE, self.path(OSTRUST))
        self.add("/usr/bin/ostrust", "a tool\n")
        self.enable(module=None)
        self.assertIn("module = %s\n" % OSTRUST, self.read(OWN))

    def test_without_a_file_of_the_distribution(self):
        self.add("/etc/profile.d/other.sh", "")
        before = everything(self.root)
        self.enable()
        self.assertEqual(self.sections(self.read(OWN))["default"]["openssl_conf"], "ostrust_init")
        self.assertNotIn(".include", self.read(OWN))
        self.assertUndone(before)

    def test_print_changes_nothing_and_is_what_is_done(self):
        self.debian()
        before = everything(self.root)
        shown = self.enable("--print").out
        self.assertEqual(everything(self.root), before)
        self.assertTrue(self.enable().out.startswith(shown))
        enabled = everything(self.root)
        undoing = self.disable("--print").out
        self.assertEqual(everything(self.root), enabled)
        if shutil.which("patch"):
            for text, reverse in ((undoing, []), (shown, [])):
                name = self.file("a.diff", text)
                done = support.run(["patch", "-p0", "-d", "/", "-i", name, *reverse], {"PATH": os.defpath})
                self.assertEqual(done.status, 0, done)
            self.assertEqual({key: value[3] for key, value in everything(self.root).items()},
                             {key: value[3] for key, value in enabled.items()})
        self.disable()

    def test_disable_without_enable_is_silent(self):
        self.debian()
        before = everything(self.root)
        for _ in range(2):
            done = self.disable()
            self.assertEqual((done.out, done.err), ("", ""))
        self.enable()
        self.assertUndone(before)
        self.assertEqual(self.disable().text, "")

    def test_folders_that_others_use_stay(self):
        self.debian()
        self.enable()
        self.add("/etc/environment.d/other.conf", "A=1\n")
        self.disable()
        self.assertTrue(self.is_there("/etc/environment.d/other.conf"))
        self.assertFalse(self.is_there("/etc/ostrust"))


class Refusals(Rooted):

    def test_usage(self):
        self.debian()
        for arguments in (("--system", "--user"), ("--nothing",), ("more",), ("--set", "refersh=1"), ("--set", "refresh"),
                          ("--set", "refresh=x"), ("--user",)):
            self.assertEqual(self.tool("enable", *arguments).status, USAGE, arguments)
        self.assertEqual(self.tool("enable", root="/no/such/root").status, USAGE)
        self.assertEqual(self.tool("enable", module="usr/lib/ostrust.so").status, USAGE)
        self.assertEqual(self.tool("disable", "--edit").status, USAGE)
        self.assertEqual(self.tool("enable", module="/no/ostrust.so").status, REFUSED)

    def test_what_is_not_understood(self):
        for text, words in (("openssl_conf = x\n[x\n", "line 2"),
                            ("[x]\nopenssl_conf = y\n[y]\n", "where it does not count"),
                            ("openssl_conf = y\n[x]\n", "[y], which it does not have"),
                            ("openssl_conf = x\n[x]\nproviders = y\n", "[y], which it does not have"),
                            (DEBIAN_13.replace("# activate = 1", "activate = 0"), "says something else")):
            shutil.rmtree(self.path("/etc"), ignore_errors=True)
            self.debian(text)
            for how in ((), ("--edit",)):
                self.assertRefused(words, *how)

    def test_a_variable_that_is_set_already(self):
        for path, line in (("/etc/environment", 'OPENSSL_CONF="/x"'), ("/etc/profile.d/x.sh", "export OPENSSL_CONF=/x"),
                           ("/etc/environment.d/10.conf", "OPENSSL_CONF=/x"),
                           ("/usr/lib/environment.d/10.conf", "OPENSSL_CONF=/x"),
                           ("/etc/systemd/system.conf", "DefaultEnvironment=A=1 OPENSSL_CONF=/x"),
                           ("/etc/systemd/user.conf.d/a.conf", "DefaultEnvironment='OPENSSL_CONF=/x'")):
            shutil.rmtree(self.path("/etc"), ignore_errors=True)
            self.debian()
            self.add(path, "# OPENSSL_CONF=no\nOPENSSL_CONF_INCLUDE=no\n%s\n" % line)
            done = self.assertRefused("already set, in\n  %s:3\n" % self.path(path))
            self.assertIn("module = " + OSTRUST, done.err)
            self.assertIn("%s:3" % path, self.enable("--edit").out)  # which it does not need
            self.disable()
            os.remove(self.path(path))

    def test_files_of_others(self):
        for path in (OWN, SYSTEMD, SESSIONS, SHELLS):
            shutil.rmtree(self.path("/etc"), ignore_errors=True)
            self.debian()
            self.add(path, "# somebody's\n")
            self.assertRefused("was not written by ostrust enable")
            self.assertRefused("was not written by ostrust enable", "--force")

    def test_it_is_there_by_hand(self):
        self.debian(DEBIAN_13 + "[provider_sect]\nostrust = mine\n[mine]\nmodule = /usr/lib/mine/ostrust.so\nactivate = 1\n")
        before = everything(self.root)
        for how in ((), ("--edit",)):
            self.assertIn("already configured", self.enable(*how).out)
            self.assertEqual(everything(self.root), before)

    def test_links(self):
        self.debian()
        os.mkdir(self.path("/etc/elsewhere"))
        for path in (OWN, SYSTEMD, SHELLS, RECORD):
            directory = os.path.dirname(path)
            was_there = self.is_there(directory)
            if was_there:
                os.rename(self.path(directory), self.path(directory + ".old"))
            os.symlink("/etc/elsewhere" if directory != "/etc/profile.d" else "/etc/profile.d.old", self.path(directory))
            self.assertRefused("link")
            os.remove(self.path(directory))
            if was_there:
                os.rename(self.path(directory + ".old"), self.path(directory))
        os.symlink("/etc/elsewhere/x", self.path(SHELLS))
        self.assertRefused("is a link")

    def test_folders_and_modules_that_others_can_write_to(self):
        self.debian()
        for path in ("/etc/profile.d", "/etc/systemd", "/var/lib", "/usr/lib/ostrust", OSTRUST):
            mode = stat.S_IMODE(os.stat(self.path(path)).st_mode)
            for bits in (0o020, 0o002):
                os.chmod(self.path(path), mode | bits)
                self.assertRefused("others can write to it")
            os.chmod(self.path(path), mode)
        if os.geteuid() == 0:
            os.chown(self.path("/etc/profile.d"), 1, 1)
            self.assertRefused("belongs to somebody else")
            os.chown(self.path("/etc/profile.d"), 0, 0)
        self.enable()

    def test_what_was_changed_since(self):
        for path in (OWN, SYSTEMD, SESSIONS, SHELLS):
            shutil.rmtree(self.path("/etc"), ignore_errors=True)
            self.debian()
            before = everything(self.root)
            self.enable()
            self.add(path, self.read(path) + "# mine\n")
            self.assertRefused("was changed since", verb="disable")
            self.assertRefused("was changed since")
            self.assertRefused("was changed since", "--set", "refresh=9")
            self.enable("--force")
            self.assertNotIn("# mine", self.read(path))
            self.add(path, "# mine\n")
            self.assertUndone(before, "--force")

    def test_a_block_that_was_changed_since(self):
        self.debian()
        before = everything(self.root)
        self.enable("--edit")
        path = "/etc/ssl/openssl.cnf"
        text = self.read(path)
        self.add(path, text.replace("activate = 1", "activate = 1\nmine = 1"))
        self.assertRefused("was changed since", verb="disable")
        self.assertRefused("was changed since", "--edit")
        self.add(path, text.replace("# END ostrust enable\n", ""))
        self.assertRefused("not both of its ends", "--force", verb="disable")
        self.add(path, text.replace("activate = 1", "activate = 1\nmine = 1"))
        self.assertUndone(before, "--force")

    def test_a_file_that_is_gone_is_made_again_or_not_missed(self):
        self.debian()
        before = everything(self.root)
        self.enable()
        enabled = everything(self.root)
        os.remove(self.path(SHELLS))
        self.enable()
        self.assertEqual(everything(self.root), enabled)
        os.remove(self.path(SYSTEMD))
        self.assertUndone(before)

    def test_a_broken_record(self):
        self.debian()
        self.enable()
        good = json.loads(self.read(RECORD))
        for text in ("", "{", "[]", json.dumps(dict(good, format=2)),
                     json.dumps(dict(good, files=[dict(good["files"][0], path="/etc/../x")]))):
            self.add(RECORD, text)
            self.assertRefused("cannot be read", verb="disable")
            self.assertRefused("cannot be read")

    def test_one_at_a_time(self):
        self.debian()
        before = everything(self.root)
        large = ("--set", "trust-source=/" + "a" * 5000)
        words = "another ostrust enable or disable is running: process %d\n"

        def try_others():
            held = os.stat(self.path(LOCK))
            self.assertEqual((stat.filemode(held.st_mode), held.st_uid), ("-rw-------", os.geteuid()))
            self.assertRefused(words % self.working)
            # Also before it knows what there is to undo: that may be about to change.
            self.assertRefused(words % self.working, verb="disable")
            self.enable("--print")
            self.disable("--print")
            self.assertTrue(self.is_there(LOCK))

        self.assertEqual(self.while_it_works("enable", *large, change=try_others).status, 0)
        self.assertFalse(self.is_there(LOCK))
        self.assertEqual(self.while_it_works("disable", change=try_others).status, 0)
        self.assertEqual(everything(self.root), before)

    def test_one_that_cannot_be_seen(self):
        inside = ["unshare", "--pid", "--fork"]
        if os.geteuid() != 0 or subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("needs root and namespaces of processes")
        self.debian()
        self.add(LOCK, "")
        with open(self.path(LOCK), "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            done = self.enable(prefix=inside, status=REFUSED)
        self.assertIn("another ostrust enable or disable is running\nnext: repeat this; if it lasts", done.err)
        self.assertIn("lslocks there says who has " + self.path(LOCK), done.err)

    def test_nobody_else_can_keep_it_from_working(self):
        """With a lock on what everybody can open."""
        self.debian()
        before = everything(self.root)
        for verb in ("enable", "disable"):
            held = [os.open(path, os.O_RDONLY) for path, _, _ in os.walk(self.root)]
            for fd in held:
                fcntl.flock(fd, fcntl.LOCK_EX)
            self.assertEqual(self.tool(verb).status, 0)
            for fd in held:
                os.close(fd)
        self.assertEqual(everything(self.root), before)

    def test_what_is_no_lock_of_ours(self):
        self.debian()
        lock = self.path(LOCK)
        os.makedirs(os.path.dirname(lock))
        self.add("/target", "text\n")
        for make, words in ((lambda: os.symlink(self.path("/target"), lock), "Too many levels of symbolic links"),
                            (lambda: os.symlink("/absent", lock), "Too many levels of symbolic links"),
                            (lambda: os.mkfifo(lock, 0o600), "no regular file"),
                            (lambda: os.mkdir(lock), "Is a directory"),
                            (lambda: (self.add(LOCK, ""), os.chmod(lock, 0o666)), "can be written by others")):
            make()
            for verb in ("enable", "disable"):
                self.assertRefused(words, verb=verb)
            shutil.rmtree(lock) if os.path.isdir(lock) and not os.path.islink(lock) else os.remove(lock)
        if os.geteuid() == 0:
            self.add(LOCK, "")
            os.chown(lock, 65534, 65534)
            self.assertRefused("belongs to another user")

    def test_what_a_kill_left_of_a_lock(self):
        self.debian()
        before = everything(self.root)
        for mode in (0o600, 0o644):
            self.add(LOCK, "")
            os.chmod(self.path(LOCK), mode)
            self.assertUndone(before)
            self.add(LOCK, "")
            self.enable()
            self.assertFalse(self.is_there(LOCK))
            self.assertUndone(before)

    def test_where_files_cannot_be_locked(self):
        inside = [sys.executable, "-c", WITHOUT_LOCKS]
        if subprocess.run([*inside, "true"]).returncode == support.SKIPPED:
            self.skipTest("no seccomp filter can be set here")
        self.debian()
        before = everything(self.root)
        self.assertEqual(self.enable("--set", "verify=maybe", prefix=inside, status=USAGE).out, "")
        self.assertEqual(everything(self.root), before)
        self.enable(prefix=inside)
        self.assertFalse(self.is_there(LOCK))
        self.assertIn("already enabled", self.enable(prefix=inside).out)
        self.disable(prefix=inside)
        self.assertEqual(everything(self.root), before)

    def test_what_can_only_be_read(self):
        inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                  'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', self.root]
        if os.geteuid() != 0 or subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("needs root and namespaces of mounts")
        self.debian()
        self.enable()
        enabled = everything(self.root)
        self.assertIn("already enabled", self.enable(prefix=inside).out)
        for verb, *more in (["disable"], ["enable", "--set", "refresh=5"]):
            done = self.tool(verb, *more, prefix=inside)
            self.assertEqual(done.status, REFUSED, done)
            self.assertIn("Read-only file system", done.err)
        self.assertEqual(everything(self.root), enabled)

    def test_a_record_that_cannot_be_reached_is_not_taken_for_none(self):
        self.debian()
        before = everything(self.root)
        self.enable()
        folder, kept = self.path(os.path.dirname(RECORD)), self.path("/kept")
        os.rename(folder, kept)
        for make in (lambda: os.symlink("/absent", folder), lambda: self.file(folder, "")):
            make()
            self.assertRefused(folder + ": this is a link or no directory", verb="disable")
            os.remove(folder)
        os.rename(kept, folder)
        self.assertUndone(before)

    def test_an_image_in_which_there_is_nothing(self):
        self.debian()
        shutil.rmtree(self.path("/var"))
        before = everything(self.root)
        self.assertRefused("is not a value", "--set", "verify=maybe", status=USAGE)
        self.enable()
        self.assertUndone(before)
        os.chmod(self.root, 0o777)
        self.assertRefused("others can write to it")

    def while_it_works(self, verb, *arguments, change, prefix=()):
        """Calls `change` when the tool has decided and written nothing yet: it waits for us to read the difference."""
        module = ["--module", OSTRUST] if verb == "enable" else []
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        with subprocess.Popen([*prefix, TOOL, verb, *arguments, "--root", self.root, *module], stdout=writing,
                              stderr=subprocess.PIPE, env=environment("")) as tool:
            os.close(writing)
            self.working = tool.pid
            waiting = array.array("i", [0])
            for _ in range(6000):
                fcntl.ioctl(reading, termios.FIONREAD, waiting)
                if waiting[0] >= 4096 or tool.poll() is not None:
                    break
                time.sleep(0.01)
            self.assertIsNone(tool.poll(), "it did not wait")
            try:
                change()
            finally:  # it waits for that, whatever was seen
                with open(reading, "rb") as out:
                    said = out.read()
            err = tool.stderr.read()
            tool.wait()
        return support.Done(tool.args, subprocess.CompletedProcess(tool.args, tool.returncode, said, err))

    def test_what_somebody_changes_meanwhile_is_not_lost(self):
        text = DEBIAN_12 + "".join("# %s\n" % (letter * 4000) for letter in "abc")
        newer = text + "[new_section]\nkey = value\n"
        self.debian(text)
        before = everything(self.root)
        done = self.while_it_works("enable", "--edit", change=lambda: self.add("/etc/ssl/openssl.cnf", newer))
        self.assertEqual(done.status, REFUSED, done)
        self.assertIn("/etc/ssl/openssl.cnf was changed by somebody else meanwhile\n", done.err)
        self.assertIn("everything is as it was", done.err)
        self.assertEqual(self.read("/etc/ssl/openssl.cnf"), newer)
        self.add("/etc/ssl/openssl.cnf", text)
        self.assertEqual(everything(self.root), before)

        self.enable("--edit")
        enabled = self.read("/etc/ssl/openssl.cnf")
        done = self.while_it_works("disable",
                                   change=lambda: self.add("/etc/ssl/openssl.cnf", enabled + "[new_section]\n"))
        self.assertEqual(done.status, REFUSED, done)
        self.assertEqual(self.read("/etc/ssl/openssl.cnf"), enabled + "[new_section]\n")
        self.add("/etc/ssl/openssl.cnf", enabled)
        self.assertUndone(before)

    def test_what_cannot_be_put_back_is_said_and_stays_known(self):
        """The first file is removed, the second cannot be, and there is no room to write the first again."""
        self.debian()
        before = everything(self.root)
        self.enable("--set", "trust-source=/" + "a" * 5000)
        folder = self.path("/etc/systemd/system.conf.d")
        done = self.while_it_works("disable", change=lambda: os.chmod(folder, 0o777),
                                   prefix=["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        self.assertEqual(done.status, REFUSED, done)
        self.assertNotIn("everything is as it was", done.err)
        self.assertRegex(done.err, "not everything could be put back:\n  .*: File too large\n")
        self.assertTrue(self.is_there(RECORD))
        os.chmod(folder, 0o755)
        self.assertUndone(before)

    def test_a_kernel_that_opens_nothing_below_a_directory(self):
        strace = shutil.which("strace")
        if not strace or subprocess.run([strace, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("needs strace")
        self.debian()
        before = everything(self.root)
        for error, words in (("ENOSYS", "Function not implemented"), ("EPERM", "Operation not permitted")):
            done = self.enable(status=REFUSED, prefix=[strace, "-f", "-o", os.devnull, "-e", "inject=openat2:error=" + error])
            self.assertIn(self.root + ": nothing can be opened below it without leaving it: openat2(2): " + words, done.err)
        self.assertEqual(everything(self.root), before)

    def test_a_value_that_is_no_utf8(self):
        self.debian()
        before = everything(self.root)
        done = self.enable("--set", os.fsdecode(b"log=info:/\xff"), status=REFUSED)
        self.assertIn("is no UTF-8", done.err)
        self.assertIn("+log = info:/\\xff\n", done.out)
        self.assertEqual(everything(self.root), before)

    def test_a_directory_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        self.debian()
        os.chown(self.root, 65534, 65534)
        self.assertRefused(self.root + " belongs to somebody else, or others can write to it")
        os.chown(self.root, 0, 0)
        os.chmod(self.root, 0o775)
        self.assertRefused(self.root + " belongs to somebody else, or others can write to it")

    def nobody(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        for directory, _, files in os.walk(self.root):
            for path in [directory] + [os.path.join(directory, name) for name in files]:
                os.chown(path, 65534, 65534)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        if subprocess.run([*prefix, "unshare", "-U", "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("nobody may make a user namespace here")
        if subprocess.run([*prefix, TOOL, "--version"], stdout=subprocess.DEVNULL).returncode != 0:
            self.skipTest("nobody can run the tool where it is")
        return prefix

    def test_folders_that_cannot_be_written_to(self):
        self.debian()
        prefix = self.nobody()
        before = everything(self.root)
        self.enable(prefix=prefix)
        self.disable(prefix=prefix)
        self.assertEqual(everything(self.root), before)
        for path in ("/etc", "/etc/profile.d", "/etc/systemd", "/var/lib"):
            os.chmod(self.path(path), 0o555)
            before = everything(self.root)
            self.enable(prefix=prefix, status=REFUSED)
            self.assertEqual(everything(self.root), before, path)
            os.chmod(self.path(path), 0o755)
        self.enable(prefix=prefix)
        enabled = everything(self.root)
        os.chmod(self.path("/etc/systemd/system.conf.d"), 0o555)
        self.disable(prefix=prefix, status=REFUSED)
        os.chmod(self.path("/etc/systemd/system.conf.d"), 0o755)
        self.assertEqual(everything(self.root), enabled)

    def test_not_root(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        prefix = self.nobody()
        done = support.run([*prefix, TOOL, "enable", "--system"], environment(""))
        self.assertEqual((done.status, done.out), (REFUSED, ""), done)
        self.assertIn("you are not root", done.err)


class Fips(Rooted):

    def test_default_is_not_added_beside_it(self):
        self.debian(FIPS)
        before = everything(self.root)
        for how in ((), ("--edit",)):
            self.enable(*how)
            found = self.sections(self.read(OWN if not how else "/etc/ssl/openssl.cnf"))
            self.assertNotIn("default", found["provider_sect"])
            self.assertEqual(found["provider_sect"]["ostrust"], "ostrust")
            self.assertUndone(before)

    def test_unless_it_is_told_to(self):
        self.debian(FIPS)
        self.enable("--with-default")
        found = self.sections(self.read(OWN))
        self.assertEqual(list(found["provider_sect"]), ["default", "ostrust"])


class Killed(Rooted):
    """At any system call that changes something."""

    CALLS = ("mkdirat", "openat", "write", "fchmod", "fsync", "renameat", "unlinkat")

    def setUp(self):
        super().setUp()
        if support.SANITIZER:
            self.skipTest("strace and a sanitizer do not go together")
        if not shutil.which("strace"):
            self.skipTest("needs strace")
        if subprocess.run(["strace", "-o", os.devnull, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("nothing can be traced here")

    def copy(self, of):
        root = os.path.join(self.work, "copy")
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(of, root, symlinks=True)
        return root

    def kill_at(self, call, number, arguments, root):
        """Whether it was; else it came to its end."""
        trace = ["strace", "-qq", "-o", os.devnull, "-e", "trace=" + call,
                 "-e", "inject=%s:signal=KILL:when=%d" % (call, number)]
        return self.tool(*arguments, root=root, prefix=trace).status != 0

    def assertNothingIsBroken(self, root):
        """What sets the variable names a file that is whole."""
        for path in (SYSTEMD, SESSIONS, SHELLS):
            if self.is_there(path, root):
                self.assertTrue(self.read(OWN, root).endswith("activate = 1\n"), path)
        for path in (OWN, SYSTEMD, SESSIONS, SHELLS, "/etc/ssl/openssl.cnf"):
            if self.is_there(path, root):
                self.assertIn(self.read(path, root), self.whole[path], path)

    def try_all(self, arguments, before, start):
        """`start`: a tree. Whatever is left, both verbs finish: disable to `before`."""
        self.tool(*arguments, root=self.copy(start))
        after = everything(os.path.join(self.work, "copy"))
        self.whole = {path: [tree[path[1:]][3].decode() for tree in (everything(start), after, before) if path[1:] in tree]
                      for path in (OWN, SYSTEMD, SESSIONS, SHELLS, "/etc/ssl/openssl.cnf")}
        killed = 0
        for call in self.CALLS:
            number = 1
            # openat is called by the loader and the parser all the time: those that count come last.
            while self.kill_at(call, number, arguments, self.copy(start)):
                killed += 1
                root = os.path.join(self.work, "copy")
                self.assertNothingIsBroken(root)
                left = self.copy_of_left(root)
                self.disable(root=root)
                self.assertEqual(everything(root), before, (call, number))
                self.enable(*[one for one in arguments[1:]], root=left) if arguments[0] == "enable" else None
                if arguments[0] == "enable":
                    self.assertEqual(everything(left), after, (call, number))
                number += 1 if call != "openat" else 7
        return killed

    def copy_of_left(self, root):
        left = os.path.join(self.work, "left")
        shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(root, left, symlinks=True)
        return left

    def test_enable(self):
        self.debian()
        before = everything(self.root)
        self.assertGreater(self.try_all(("enable",), before, self.root), 30)

    def test_edit(self):
        self.debian()
        before = everything(self.root)
        self.assertGreater(self.try_all(("enable", "--edit"), before, self.root), 15)

    def test_from_one_way_to_the_other(self):
        self.debian()
        before = everything(self.root)
        self.enable()
        self.assertGreater(self.try_all(("enable", "--edit"), before, self.root), 15)

    def test_disable(self):
        self.debian()
        before = everything(self.root)
        self.enable()
        self.assertGreater(self.try_all(("disable",), before, self.root), 10)


class User(OstrustTest):

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.home = os.path.join(self.work, "home")
        os.mkdir(self.home, 0o700)
        self.settings = ("--set", "trust-source=" + self.bundle)

    def tool(self, *arguments, **env):
        return support.run([TOOL, *arguments], environment("", HOME=self.home, **env))

    def test_there_and_back(self):
        before = everything(self.home)
        done = self.tool("enable", "--user", *self.settings)
        if "every program would load" in done.err:
            self.skipTest(done.err)
        if "already" in done.text:
            self.skipTest("this system or user has it already: " + done.text)
        self.assertEqual(done.status, 0, done)
        self.assertIn("proven", done.out)
        own = os.path.join(self.home, ".config/ostrust/openssl.cnf")
        self.assertIn("export OPENSSL_CONF=%s\n" % own, done.out)
        seen = support.run([support.OPENSSL, "list", "-providers"], environment(own))
        self.assertIn("name: ostrust\n", seen.out)
        self.assertIn("name: OpenSSL Default Provider\n", seen.out)
        self.assertIn("already enabled", self.tool("enable", "--user", *self.settings).out)
        self.assertEqual(self.tool("disable", "--user").status, 0)
        self.assertEqual(everything(self.home), before)

    def test_a_shell_that_sets_it_already(self):
        with open(os.path.join(self.home, ".bashrc"), "w") as out:
            out.write("export OPENSSL_CONF=/x\n")
        before = everything(self.home)
        done = self.tool("enable", "--user", *self.settings)
        if "every program would load" in done.err:
            self.skipTest(done.err)
        self.assertEqual(done.status, REFUSED, done)
        self.assertIn(os.path.join(self.home, ".bashrc") + ":1", done.err)
        self.assertEqual(everything(self.home), before)

    def test_nobody_else_can_keep_it_from_working(self):
        os.chmod(self.home, 0o755)
        before = everything(self.home)
        fd = os.open(self.home, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX)
        done = self.tool("enable", "--user", *self.settings)
        if "every program would load" in done.err or "already" in done.text:
            self.skipTest(done.text)
        self.assertEqual(done.status, 0, done)
        self.assertEqual(self.tool("disable", "--user").status, 0)
        self.assertEqual(everything(self.home), before)

    def test_the_home_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        os.chown(self.home, 65534, 65534)
        before = everything(self.home)
        for verb in (["enable", *self.settings], ["disable"]):
            done = self.tool(*verb, "--user")
            self.assertEqual(done.status, REFUSED, done)
            self.assertIn(self.home + ", which HOME names, is another user's home", done.err)
            self.assertEqual(everything(self.home), before)

    def test_nothing_to_serve(self):
        before = everything(self.home)
        done = self.tool("enable", "--user", "--set", "trust-source=/no/such/bundle.pem")
        self.assertEqual(done.status, REFUSED, done)
        self.assertEqual(everything(self.home), before)


@unittest.skipIf(why_not(), why_not() or "")
class LiveRoot(OstrustTest):
    """A root file system of its own, whose OpenSSL is asked."""

    def setUp(self):
        super().setUp()
        for program in ("unshare", "mount"):
            if not shutil.which(program):
                self.skipTest("needs " + program)
        self.root = os.path.join(self.work, "root")
        os.mkdir(self.root)
        self.small = SmallRoot(self.root)
        self.addCleanup(self.small.close)
        self.small.copy(TOOL, "/usr/bin/ostrust")
        self.small.write("/etc/ssl/certs/ca-certificates.crt", text_of("root-a"))
        for name in ("/etc/profile.d", "/var/lib", "/proc", "/dev"):
            os.makedirs(self.root + name, exist_ok=True)
        self.configure(DEBIAN_13)

    def configure(self, text):
        """The file that libcrypto reads by itself."""
        done = support.run([support.OPENSSL, "version", "-d"], environment(""))
        directory = re.search(r'"(.*)"', done.out).group(1)
        self.small.write("/etc/ssl/openssl.cnf", text)
        if directory != "/etc/ssl":
            link = self.small.path(directory + "/openssl.cnf")
            if not os.path.lexists(link):
                os.symlink("/etc/ssl/openssl.cnf", link)

    def inside(self, *command, before=":", **env):
        script = """set -e
root=$1; shift
mount -t proc proc "$root/proc"
: >>"$root/dev/null"; mount --bind /dev/null "$root/dev/null"
%s
exec chroot "$root" "$@" """ % before
        return support.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", self.root, *command],
                           dict({"PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin", "LC_ALL": "C"}, **env))

    def tree(self):
        os.makedirs(self.root + "/dev", exist_ok=True)
        return {name: seen for name, seen in everything(self.root).items() if not name.startswith("dev")}

    def providers(self, **env):
        done = self.inside(self.small.program, "list", "-providers", **env)
        self.assertEqual(done.status, 0, done)
        return re.findall(r"name: (.*)", done.out)

    def ciphers(self, **env):
        return self.inside(self.small.program, "ciphers", "-v", **env).out


class Live(LiveRoot):
    """It is enabled and disabled there."""

    def test_there_and_back(self):
        before = self.tree()
        for how, variables in (((), {"OPENSSL_CONF": OWN}), (("--edit",), {})):
            stock = self.providers()
            self.assertEqual(stock, ["OpenSSL Default Provider"])
            done = self.inside("/usr/bin/ostrust", "enable", *how)
            self.assertEqual(done.status, 0, done)
            self.assertIn("with 1 anchors, and TLS settings are as before", done.out)
            self.assertEqual(self.providers(**variables), ["OpenSSL Default Provider", "ostrust"])
            status = self.inside("/usr/bin/ostrust", "status", **variables)
            self.assertEqual(status.status, 0, status)
            done = self.inside("/usr/bin/ostrust", "disable")
            self.assertEqual(done.status, 0, done)
            self.assertEqual(self.providers(), stock)
            self.assertEqual(self.tree(), before)

    def test_policy_stays(self):
        policy = ("[openssl_init]\nssl_conf = ssl_sect\n[ssl_sect]\nsystem_default = tls\n[tls]\n"
                  "MinProtocol = TLSv1.2\nCipherString = ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=2\n"
                  "Ciphersuites = TLS_AES_128_GCM_SHA256\n")
        self.configure(DEBIAN_13 + policy)
        stock = self.ciphers()
        self.assertEqual(len(stock.splitlines()), 2, stock)
        self.assertEqual(self.inside("/usr/bin/ostrust", "enable").status, 0)
        self.assertEqual(self.ciphers(OPENSSL_CONF=OWN), stock)
        # A module that is gone, or of another architecture, takes nothing else with it.
        os.remove(self.root + OSTRUST)
        self.assertEqual(self.ciphers(OPENSSL_CONF=OWN), stock)
        self.assertEqual(self.providers(OPENSSL_CONF=OWN), ["OpenSSL Default Provider"])

    def test_a_drop_in(self):
        self.configure(FEDORA.replace("/etc/pki/tls/", "/etc/ssl/"))
        os.mkdir(self.root + "/etc/ssl/openssl.d")
        self.small.write("/etc/crypto-policies/back-ends/opensslcnf.config", POLICY)
        before = self.tree()
        done = self.inside("/usr/bin/ostrust", "enable")
        self.assertEqual(done.status, 0, done)
        self.assertIn("proven", done.out)
        self.assertEqual(self.providers(), ["OpenSSL Default Provider", "ostrust"])
        self.assertEqual(self.inside("/usr/bin/ostrust", "disable").status, 0)
        self.assertEqual(self.tree(), before)

    def assertRefused(self, words, *arguments, **more):
        before = self.tree()
        done = self.inside("/usr/bin/ostrust", "enable", *arguments, **more)
        self.assertEqual((done.status, done.out), (REFUSED, ""), done)
        self.assertIn(words, done.err)
        self.assertEqual(self.tree(), before)

    def test_a_module_that_does_not_load(self):
        os.truncate(self.root + OSTRUST, 4096)  # it crashes who loads it
        self.assertRefused("tried with", "--module", OSTRUST)
        self.small.write(OSTRUST, "no library\n")
        self.assertRefused("ostrust does not load", "--module", OSTRUST)

    def test_nothing_to_serve(self):
        os.remove(self.root + "/etc/ssl/certs/ca-certificates.crt")
        self.assertRefused("nothing to serve")

    def test_an_openssl_that_lacks_what_it_takes(self):
        libcrypto = next(name for name in libraries_of(self.small.program) if "libcrypto" in name)
        whole, hard = support.without_name(libcrypto, None), ("--set", "revocation=hard")
        for name, words in (("X509_LOOKUP_meth_get_get_by_issuer_serial", "hard cannot be kept in this OpenSSL: "),
                            ("OCSP_SINGLERESP_get_ext_by_critical", "hard would refuse every server: ")):
            with self.subTest(name):
                with open(self.root + libcrypto, "wb") as out:
                    out.write(support.without_name(libcrypto, name))
                self.assertRefused(words, *hard)
                with open(self.root + libcrypto, "wb") as out:
                    out.write(whole)
                done = self.inside("/usr/bin/ostrust", "enable", *hard)
                self.assertEqual(done.status, 0, done)
                self.assertNotIn("limited", done.out)
                self.assertEqual(self.inside("/usr/bin/ostrust", "disable").status, 0)

    def test_what_is_limited_is_said(self):
        libcrypto = next(name for name in libraries_of(self.small.program) if "libcrypto" in name)
        with open(self.root + libcrypto, "wb") as out:
            out.write(support.without_name(libcrypto, "X509_LOOKUP_meth_get_get_by_issuer_serial"))
        done = self.inside("/usr/bin/ostrust", "enable")
        self.assertEqual(done.status, 0, done)
        self.assertIn("  limited      it cannot do all that it does elsewhere: ", done.out)

    def test_a_host_whose_kernel_is_in_fips_mode(self):
        self.small.write("/fake/crypto/fips_enabled", "1\n")
        before = 'mount --bind "$root/fake" "$root/proc/sys"'
        self.assertRefused("FIPS is active", before=before)
        done = self.inside("/usr/bin/ostrust", "enable", "--with-default", before=before)
        self.assertEqual(done.status, 0, done)


class DebianRoots(OstrustTest):
    """In Debian's root file systems that other tests keep: nothing of an overlay of them stays."""

    SCRIPT = """set -eu
lower=$1 module=$2 tool=$3
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
mount -t proc proc /mnt/root/proc
mount -t tmpfs -o mode=755 dev /mnt/root/dev
: >/mnt/root/dev/null; mount --bind /dev/null /mnt/root/dev/null
mkdir -p /mnt/root/usr/lib/ostrust
cp "$module" /mnt/root/usr/lib/ostrust/ostrust.so
cp "$tool" /mnt/root/usr/bin/ostrust
tar -C /mnt/root -cf /mnt/before.tar etc var/lib
for how in "" --edit; do
    chroot /mnt/root /usr/bin/ostrust enable --system $how
    if [ -z "$how" ]; then set -- OPENSSL_CONF=/etc/ostrust/openssl.cnf; else set --; fi
    chroot /mnt/root /usr/bin/env "$@" openssl list -providers | grep -q "name: ostrust"
    chroot /mnt/root /usr/bin/env "$@" openssl list -providers | grep -q "name: OpenSSL Default Provider"
    chroot /mnt/root /usr/bin/ostrust disable --system
    ! chroot /mnt/root openssl list -providers | grep -q "name: ostrust"
    tar -C /mnt/root -df /mnt/before.tar | grep -v "Mod time differs" >/mnt/differs || true
    ! [ -s /mnt/differs ] || { cat /mnt/differs; exit 1; }
    (cd /mnt/root && find etc var/lib | sort) >/mnt/now
    tar --quoting-style=literal -tf /mnt/before.tar | sed 's,/$,,' | sort | diff - /mnt/now
done
"""

    def test_there_and_back(self):
        if os.geteuid() != 0 or support.SANITIZER:
            self.skipTest("needs root and no sanitizer")
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        names = [name for name in ("clients-bookworm", "clients-trixie", "clients-sid")
                 if os.path.isfile(os.path.join(base, "ostrust-test", name, "usr/bin/openssl"))]
        if not names:
            self.skipTest("no root file system is kept here (test/clients/run makes them)")
        for name in names:
            with self.subTest(name):
                done = support.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", self.SCRIPT, "sh",
                                    os.path.join(base, "ostrust-test", name), MODULE, TOOL],
                                   {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}, timeout=120)
                self.assertEqual(done.status, 0, done)


if __name__ == "__main__":
    support.main()
