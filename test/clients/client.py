"""Programs people use, unchanged: what the tests of this folder share. One class for each program, which the table
of docs/clients.md has a row for; CTest runs each by its name, and `test/clients/run` all of them in Debian's releases.

    test_FILE.py CLASS    runs one; 77 if it cannot run here
    client.py             says of each what its row is, and which version is here: a line of JSON a class
    client.py --packages  says which of Debian's packages they are in, but those that start something

Each acceptance of a server of a root that only the system trusts has its twin: the same command without ostrust is
refused. Programs in which it does not work have a class as well, so that the document stays true.
"""
import collections
import glob
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]
import support  # noqa: E402
from support import OstrustTest, port_of  # noqa: E402

# In the order of docs/clients.md.
FILES = ("test_python", "test_python_clients", "test_python_companies", "test_transfer", "test_node", "test_scripting",
         "test_databases", "test_servers", "test_others")

# What `test/deps clients` got from npm.
NPM = os.path.join(support.SOURCE, "build", "clients")

# A row of docs/clients.md, in Markdown: the program; what a user sets; what it trusts then; what does not work, and why.
# Classes that have the same row share it.
Row = collections.namedtuple("Row", "program set trusts limits")


def missing(program, package=None):
    return not shutil.which(program) and "%s is not installed (package %s)" % (
        program, package or program)


def says(*command, **env):
    """What a program prints, or None if it is not there or fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL,
                              env=support.environment(os.devnull, preload=False, **env))
    except OSError:
        return None
    return done.stdout.decode().strip() if done.returncode == 0 else None


class Client(OstrustTest):
    """`command` makes the command line that fetches a page of a server and prints it, or "accepted";
    anything else, whatever the exit status, is a refusal that must speak of certificates."""

    row = None
    packages = ()  # Debian's; one that a release does not have is left out there
    services = ()  # more of them that start something when they are installed: only for root file systems
    accepted = "^(hello|accepted)$"
    refusal = "certificate"

    @staticmethod
    def why_not():
        """Why this program cannot be tested here, or something false."""

    @classmethod
    def version(cls):
        """Of the program, and of its OpenSSL where that is another than the openssl command's. For the table."""
        raise NotImplementedError

    def command(self, server, **how):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        reason = cls.why_not()
        if reason:
            raise unittest.SkipTest(reason)
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.store("root-a")
        self.ours = self.ostrust(self.keys(), init=self.init)
        self.without = self.stock(init=self.init)

    init = ""

    @staticmethod
    def keys():
        return {}

    def attempt(self, server, configuration, env=(), **how):
        done = support.run(self.command(server, **how),
                           support.environment(configuration, **dict(env)), cwd=self.work)
        return self.judge(done.out, done.text)

    def judge(self, out, text):
        """Whether its output is an acceptance; `text`: also what it wrote to standard error."""
        if re.search(self.accepted, out, re.M):
            return True
        self.assertRegex(text, "(?i)" + self.refusal)
        return False

    def assertServed(self, env=(), **how):
        """The system's store is trusted: with ostrust, and not without."""
        self.assertTrue(self.attempt("leaf-a", self.ours, env, **how), "refused: %s" % how)
        self.assertFalse(self.attempt("leaf-b", self.ours, env, **how), "leaf-b: %s" % how)
        self.assertFalse(self.attempt("leaf-a", self.without, env, **how), "twin: %s" % how)

    def assertNotServed(self, env=(), **how):
        for configuration in (self.ours, self.without):
            self.assertFalse(self.attempt("leaf-a", configuration, env, **how), how)

    def assertOnlyItsOwn(self, env=(), **how):
        """It trusts root-b, and nobody else."""
        for configuration in (self.ours, self.without):
            self.assertTrue(self.attempt("leaf-b", configuration, env, **how), how)
            self.assertFalse(self.attempt("leaf-a", configuration, env, **how), how)

    @staticmethod
    def port(server):
        return port_of(server)

    def url(self, server):
        return "https://localhost:%d/" % self.port(server)


def classes_of(names):
    """The clients among the names of a module, in the order in which they stand there."""
    return {name: kind for name, kind in names.items()
            if isinstance(kind, type) and issubclass(kind, Client) and kind.__module__ == names["__name__"]
            and not name.startswith("_")}


def main(names):
    """Of a test file, with its globals()."""
    classes = classes_of(names)
    if len(sys.argv) != 2 or sys.argv[1] not in classes:
        print("which one? " + ", ".join(classes), file=sys.stderr)
        sys.exit(2)
    kind = classes[sys.argv[1]]
    support.skip_all_if(kind.why_not())
    # The whole class: what its base class tests as well.
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(kind)
    support.finish(unittest.TextTestRunner(verbosity=2).run(tests))


def each_class():
    """(file, name, class) of every client."""
    there = {os.path.basename(path)[:-len(".py")] for path in glob.glob(os.path.join(HERE, "test_*.py"))}
    if there != set(FILES):
        sys.exit("client.py: FILES and the folder differ: " + ", ".join(sorted(there ^ set(FILES))))
    for file in FILES:
        for name, kind in classes_of(vars(importlib.import_module(file))).items():
            yield file, name, kind


def list_all():
    for file, name, kind in each_class():
        why = kind.why_not() or ""
        print(json.dumps({"file": file + ".py", "class": name, "row": kind.row, "packages": kind.packages,
                          "why_not": why, "version": "" if why else kind.version()}), flush=True)


if __name__ == "__main__":
    from client import each_class, list_all  # the tests know this module by its name

    if sys.argv[1:] == ["--packages"]:
        print("\n".join(sorted({package for _, _, kind in each_class() for package in kind.packages})))
    else:
        list_all()
