#!/usr/bin/env python3
"""The man pages and the shells' completions have every verb, option and key that there is, and no other: the program's
own --help, and the keys in the module's sources, are what they are compared with."""
import os
import pty
import re
import select
import shutil
import subprocess
import time
import unittest

import support
from support import SOURCE, OstrustTest

TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(SOURCE, "build", "release", "ostrust")
MAN = os.path.join(SOURCE, "docs", "man")
COMPLETIONS = os.path.join(SOURCE, "provider", "package", "completions")
EVERYWHERE = {"-h", "--help"}  # a man page need not say so of each verb


def help_of(*verb):
    return subprocess.run([TOOL, *verb, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()


def verbs():
    return re.findall(r"^  ([a-z][\w-]*)", help_of().partition("\nSubcommands:\n")[2], re.M)


def options(*verb):
    return {name for names in re.findall(r"^  (-\S+)", help_of(*verb), re.M) for name in names.split(",")}


def page(name):
    with open(os.path.join(MAN, name)) as file:
        return file.read()


def plain(roff):
    """Text without fonts and escapes."""
    return re.sub(r"\\f[A-Z]", "", roff).replace("\\-", "-")


class ManPages(unittest.TestCase):

    def setUp(self):
        self.one = page("ostrust.1")

    def test_there_are_verbs(self):
        self.assertLessEqual({"status", "run", "explain"}, set(verbs()))

    def test_each_verb_has_a_section_and_a_synopsis(self):
        sections = {name.lower() for name in re.findall(r"^\.SH OSTRUST ([A-Z-]+)$", self.one, re.M)}
        self.assertEqual(sections, set(verbs()))
        for verb in verbs():
            self.assertRegex(self.synopsis(), r"\bostrust %s\b" % verb)

    def synopsis(self):
        return plain(self.one.partition(".SH SYNOPSIS\n")[2].partition("\n.SH ")[0])

    def test_each_option_is_in_the_section_of_its_verb(self):
        for verb in verbs():
            with self.subTest(verb):
                section = self.one.partition("\n.SH OSTRUST %s\n" % verb.upper())[2].partition("\n.SH ")[0]
                described = set()
                for heading in re.findall(r"^\.TP\n(.*)", section, re.M):
                    described.update(re.findall(r"(?<![\w-])--?[a-z][\w-]*", plain(heading)))
                self.assertEqual(described - EVERYWHERE, options(verb) - EVERYWHERE)

    def test_each_option_of_the_program_itself(self):
        section = self.one.partition("\n.SH OPTIONS\n")[2].partition("\n.SH ")[0]
        described = set()
        for heading in re.findall(r"^\.TP\n(.*)", section, re.M):
            described.update(re.findall(r"(?<![\w-])--?[a-z][\w-]*", plain(heading)))
        self.assertEqual(described, options())
        self.assertLessEqual({name for name in options() if name.startswith("--")},
                             set(re.findall(r"--[a-z][\w-]*", self.synopsis())))

    def test_each_option_is_in_the_synopsis(self):
        parts = re.split(r"\bostrust (?=[a-z-]+\n)", self.synopsis())[1:]
        self.assertEqual({part.split()[0] for part in parts}, set(verbs()))
        for part in parts:
            verb = part.split()[0]
            with self.subTest(verb):
                self.assertEqual(set(re.findall(r"(?<![\w-])--[a-z][\w-]*", part)) - EVERYWHERE,
                                 options(verb) - EVERYWHERE)

    def test_each_key_has_a_meaning_a_default_and_an_example(self):
        with open(os.path.join(SOURCE, "provider", "config.cpp")) as file:
            keys = re.search(r"kKeys\b[^{]*\{(.*?)\}", file.read(), re.S).group(1)
        keys = set(re.findall(r'"([a-z-]+)"', keys))
        self.assertIn("default-paths", keys)
        text = page("OSSL_PROVIDER-ostrust.7").partition(".SH CONFIGURATION\n")[2].partition("\n.SH ")[0]
        described = {}
        for entry in text.split("\n.TP\n")[1:]:
            heading = re.match(r'\.BR ([a-z-]+) " \(default: .+\)"\n', entry)
            if heading:
                described[heading.group(1)] = entry
        self.assertEqual(set(described), keys)
        for key, entry in described.items():
            self.assertRegex(plain(entry), r"\n\.IP\nExample:\n\.B %s = \S" % key)
        with open(os.path.join(SOURCE, "openssl.cnf.example")) as file:
            example = set(re.findall(r"^#([a-z-]+) = ", file.read(), re.M))
        self.assertEqual(keys - example, {"cache-dir"})  # its default is a path that cannot be written there
        self.assertEqual(example - keys, set())

    def test_each_key_of_json_is_in_the_section_of_its_verb(self):
        for verb, source, before in (("status", "status_json", ""), ("explain", "explanation_json", "\nJson OrNull("),
                                     ("export", "export", "")):  # before what is printed, what processes tell each other
            with self.subTest(verb):
                with open(os.path.join(SOURCE, "provider", "tool", source + ".cpp")) as file:
                    text = file.read()
                self.assertIn(before, text)
                keys = set(re.findall(r'\{\s*"([a-z_0-9]+)",', text[text.index(before):]))
                self.assertIn("format", keys)
                section = self.one.partition("\n.SH OSTRUST %s\n" % verb.upper())[2].partition("\n.SH ")[0]
                said = section.partition("\n.SS JSON\n")[2] or section.partition("\n.B \\-\\-json\n")[2]
                self.assertEqual(keys - set(re.findall(r"[a-z_0-9]+", plain(said))), set())

    def test_no_formatter_complains(self):
        for name in sorted(os.listdir(MAN)):
            with self.subTest(name):
                path = os.path.join(MAN, name)
                tried = False
                if shutil.which("mandoc"):
                    tried = True
                    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], stdout=subprocess.PIPE)
                    self.assertEqual((done.returncode, done.stdout), (0, b""))
                if shutil.which("groff"):
                    tried = True
                    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", path], stderr=subprocess.PIPE)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                if not tried:
                    self.skipTest("neither mandoc nor groff")


class Completions(OstrustTest):
    """Each shell is asked what it would complete."""

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.work, "bin")
        os.mkdir(self.bin)
        os.symlink(TOOL, os.path.join(self.bin, "ostrust"))
        self.here = os.path.join(self.work, "here")
        os.mkdir(self.here)
        for name in ("some-file", "some-program"):
            path = os.path.join(self.bin if name == "some-program" else self.here, name)
            with open(path, "w") as file:
                file.write("#!/bin/sh\n")
            os.chmod(path, 0o755)
        self.env = {"PATH": self.bin + ":/usr/bin:/bin", "HOME": self.work, "LC_ALL": "C", "TERM": "dumb",
                    "XDG_CONFIG_HOME": self.work, "XDG_DATA_HOME": self.work, "XDG_CACHE_HOME": self.work}

    def check(self, ask):
        """`ask(words)` are the completions of the last of these words."""
        self.assertLessEqual(set(verbs()), set(ask(["ostrust", ""])))
        for verb in verbs():
            self.assertIn(verb, ask(["ostrust", verb[:2]]))
            wanted = {name for name in options(verb) if name.startswith("--")}
            offered = set(ask(["ostrust", verb, "--"]))
            self.assertEqual(offered - {"--"}, wanted, verb)
        self.assertLessEqual({"--help", "--version"}, set(ask(["ostrust", "--"])))
        self.assertNotIn("some-file", ask(["ostrust", "explain", "--program", "some-"]))
        self.assertIn("some-program", ask(["ostrust", "explain", "--program", "some-"]))
        self.assertIn("some-file", ask(["ostrust", "explain", "--chain", "some-"]))
        self.assertIn("some-program", ask(["ostrust", "run", "--", "some-"]))
        self.assertIn("some-file", ask(["ostrust", "run", "--", "cat", "some-"]))

    def test_bash(self):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ostrust; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')

        def ask(words):
            done = subprocess.run(["bash", "--norc", "-c", script, "bash",
                                   os.path.join(COMPLETIONS, "ostrust.bash"), *words],
                                  env=self.env, cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.stdout.decode().split("\n")[:-1]
        self.check(ask)
        self.assertEqual(ask(["ostrust", "run", "[", ""]), [""])  # no pattern of grep's, which would complain

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("no fish")

        def lines(words):
            done = subprocess.run(["fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                                   os.path.join(COMPLETIONS, "ostrust.fish"), " ".join(words)],
                                  env=self.env, cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return done.stdout.decode().splitlines()
        self.check(lambda words: [line.split("\t")[0] for line in lines(words)])
        self.assertIn("--user\tFor this user only", lines(["ostrust", "enable", "--us"]))
        self.assertIn("--set\tA key of ostrust's section, as KEY=VALUE", lines(["ostrust", "enable", "--se"]))

    def test_zsh(self):
        if not shutil.which("zsh"):
            self.skipTest("no zsh")
        # zsh completes at a terminal only. What it would insert or list is asked for through compadd.
        script = r"""
            fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D
            compadd() {
                local -a __all; builtin compadd -O __all "$@" 2>/dev/null
                print -rl -- "found "${^__all} >&9
                builtin compadd "$@"
            }
            LISTMAX=10000; PS1="ready"; unsetopt zle_bracketed_paste
        """ % COMPLETIONS
        with open(os.path.join(self.work, ".zshrc"), "w") as file:
            file.write(script)

        def ask(words):
            found = os.path.join(self.work, "found")
            process, terminal = pty.fork()
            if process == 0:
                os.chdir(self.here)
                out = os.open(found, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(out, 9)
                os.execve(shutil.which("zsh"), ["zsh", "-d", "-i"], dict(self.env, ZDOTDIR=self.work))
            try:
                self.wait(terminal, b"ready")
                os.write(terminal, " ".join(words).encode() + b"\t\x15print -r -- an''swered\n")
                self.wait(terminal, b"\nanswered")
            finally:
                os.close(terminal)
                os.waitpid(process, 0)
            with open(found) as file:
                return [line[6:] for line in file.read().splitlines() if line.startswith("found ")]
        self.check(ask)

    def wait(self, terminal, words):
        seen, end = b"", time.monotonic() + 60
        while words not in seen.replace(b"\r", b""):
            self.assertLess(time.monotonic(), end, seen)
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)


if __name__ == "__main__":
    support.main()
