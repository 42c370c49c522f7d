#!/usr/bin/env python3
"""What needs something that a machine may not have: root. Each class is a CTest test of its own, and one that cannot run
says so and is reported as skipped, not as passed."""
import os
import shutil
import sys

import support
from support import HOSTS, MODULE, OstrustTest, pem

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"


def not_root():
    return os.geteuid() != 0 and "needs root"


class Chroot(OstrustTest):
    """A daemon that goes into a chroot after its first context keeps working (rule 7)."""

    why_not = staticmethod(not_root)

    def test_contexts_work_after_chroot(self):
        self.store("root-a")
        os.mkdir(os.path.join(self.work, "jail"))
        code = """
first = ssl.create_default_context()
os.chroot(os.path.join(T["work"], "jail")); os.chdir("/")
report([connect_all(first), connect_all(ssl.create_default_context()),
        connect_all(trusting("os://"))])"""
        seen = self.python(code, self.ostrust())
        self.assertEqual(seen, [{"leaf-a": ACCEPTED, "leaf-b": UNKNOWN}] * 3)

    def test_the_twin_without_ostrust(self):
        os.mkdir(os.path.join(self.work, "jail"))
        self.store("root-a")
        seen = self.python("""
os.chroot(os.path.join(T["work"], "jail")); os.chdir("/")
report(connect_all(ssl.create_default_context()))""", self.stock())
        self.assertEqual(seen["leaf-a"], UNKNOWN)

    def test_without_a_context_before_it_says_so(self):
        self.store("root-a")
        os.mkdir(os.path.join(self.work, "jail"))
        seen = self.python("""
bare()  # configuration is read, no store is asked for
os.chroot(os.path.join(T["work"], "jail")); os.chdir("/")
report(attempt(trusting, "os://"))""", self.ostrust())
        self.assertIn("SSLError", seen)
        self.assertIn(self.bundle, seen)


class SecureExecution(OstrustTest):
    """In a set-user-ID process no environment variable is read (rule 10)."""

    @staticmethod
    def why_not():
        if support.SANITIZER:
            return "a sanitized program cannot be made set-user-ID"
        return not_root() or (not shutil.which("setpriv") and "needs setpriv")

    def setUp(self):
        super().setUp()
        # Somewhere the other user can get to, whatever the build directory's modes are.
        os.chmod(self.work, 0o755)
        self.program = os.path.join(self.work, "secure_execution")
        shutil.copyfile(os.path.join(HOSTS, "secure_execution"), self.program)
        shutil.copyfile(MODULE, os.path.join(self.work, "ostrust.so"))
        for name in ("leaf-a", "root-b"):
            shutil.copyfile(pem(name), os.path.join(self.work, name + ".pem"))
        self.store("root-a")
        os.chmod(self.bundle, 0o644)
        self.logs = os.path.join(self.work, "logs")
        os.mkdir(self.logs)
        os.chmod(self.logs, 0o777)
        self.configuration = self.ostrust({"module": os.path.join(self.work, "ostrust.so")})
        os.chmod(self.configuration, 0o644)

    def run_as_nobody(self, mode, **env):
        os.chmod(self.program, mode)
        return support.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", self.program,
             self.configuration, os.path.join(self.work, "leaf-a.pem")],
            support.environment(os.devnull, OSTRUST_LOG="debug:" + os.path.join(self.logs, "log"),
                                **env), cwd=self.work)

    def test_a_plain_process_reads_the_environment(self):
        done = self.run_as_nobody(0o755)
        self.assertEqual(done.out, "plain, accepted\n", done)
        self.assertEqual(os.listdir(self.logs), ["log"])
        done = self.run_as_nobody(0o755, SSL_CERT_FILE=os.path.join(self.work, "root-b.pem"))
        self.assertEqual(done.out, "plain, %s\n" % UNKNOWN, done)

    def test_a_set_user_id_process_does_not(self):
        if os.statvfs(self.work).f_flag & os.ST_NOSUID:
            self.skipTest("%s is mounted nosuid" % self.work)
        done = self.run_as_nobody(0o4755, SSL_CERT_FILE=os.path.join(self.work, "root-b.pem"))
        self.assertEqual(done.out, "secure, accepted\n", done)
        self.assertEqual(os.listdir(self.logs), [], done)


def main():
    classes = {one.__name__: one for one in (Chroot, SecureExecution)}
    if len(sys.argv) != 2 or sys.argv[1] not in classes:
        sys.exit("which one? " + ", ".join(classes))
    support.skip_all_if(classes[sys.argv[1]].why_not())
    support.main()


if __name__ == "__main__":
    main()
