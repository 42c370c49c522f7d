#!/usr/bin/env python3
"""`ostrust export`: the file is what os:// serves, what it cannot say is said, and nothing is lost on the way."""
import base64
import json
import os
import re
import resource
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import unittest

import support
from support import SOURCE, hashed_directory, pem, text_of
from test_tool import TOOL, ToolTest

sys.path.insert(0, os.path.join(SOURCE, "test", "pki"))
import p11kit  # noqa: E402
from test_p11_kit import WITHOUT_P11_KIT  # noqa: E402

BLOCK = re.compile(r"-----BEGIN (TRUSTED )?CERTIFICATE-----\n(.*?)-----END (TRUSTED )?CERTIFICATE-----\n", re.S)
PURPOSES = ("server-auth", "client-auth", "email", "code-signing")


def blocks(text):
    """[(whether it is a TRUSTED CERTIFICATE, DER)] of a PEM text."""
    return [(bool(begin), base64.b64decode(body)) for begin, body, end in BLOCK.findall(text) if begin == end]


def der_of(name):
    return blocks(text_of(name))[0][1]


class ExportTest(ToolTest):

    def setUp(self):
        super().setUp()
        self.target = os.path.join(self.work, "exported.pem")

    def exported(self, *arguments, status=0, keys=None, **env):
        """What the verb wrote to standard output, and the finished process."""
        done = self.tool("export", *arguments, configuration=self.ostrust(keys), **env)
        self.assertEqual(done.status, status, done)
        return done.out, done

    def written(self, *arguments, keys=None, **env):
        """The object that --json prints, and the file."""
        done = self.tool("export", "--output", self.target, "--json", *arguments,
                         configuration=self.ostrust(keys), **env)
        self.assertEqual((done.status, done.err), (0, ""), done)
        return json.loads(done.out), self.content(self.target)

    def content(self, path):
        with open(path) as file:
            return file.read()

    def served(self, keys=None):
        """The certificates that `openssl storeutl` gets from os://."""
        done = self.openssl("storeutl", "-certs", "os://", configuration=self.ostrust(keys))
        self.assertEqual(done.status, 0, done)
        return sorted(der for _, der in blocks(done.out))

    def verify(self, file, chain, *arguments):
        """The exit status of a stock `openssl verify`."""
        done = self.openssl("verify", "-CAfile", file, *arguments, pem(chain), configuration=self.stock())
        self.assertEqual(done.err == "", done.status == 0, done)
        return done.status

    def assertNothingWritten(self, words, *arguments, status=1, **more):
        """It fails with these words, and the old file is as it was."""
        with open(self.target, "w") as out:
            out.write("old")
        done = self.tool("export", "--output", self.target, *arguments, **more)
        self.assertEqual((done.status, done.out), (status, ""), done)
        self.assertRegex(done.err, words)
        self.assertEqual(self.content(self.target), "old")
        self.assertEqual([name for name in os.listdir(self.work) if name.startswith(".")], [])


class Files(ExportTest):
    """Of bundles and directories."""

    def test_it_is_what_os_shows(self):
        self.store("root-a", "root-b", "int-a")
        more = os.path.join(self.work, "more")
        hashed_directory(more, "root-b", "root-mail")
        for keys in (None, {"trust-source": more}):
            with self.subTest(keys=keys):
                out, done = self.exported(keys=keys)
                self.assertEqual(sorted(der for _, der in blocks(out)), self.served(keys))
                self.assertGreater(len(blocks(out)), 1)

    def test_the_file_accepts_and_refuses(self):
        self.store("root-a")
        self.written()
        self.assertEqual(self.verify(self.target, "leaf-a"), 0)
        self.assertNotEqual(self.verify(self.target, "leaf-b"), 0)
        self.store("root-b")
        self.written()
        self.assertNotEqual(self.verify(self.target, "leaf-a"), 0)
        self.assertEqual(self.verify(self.target, "leaf-b"), 0)

    def test_the_header_says_where_it_is_from(self):
        self.store("root-a", "root-b")
        out, done = self.exported()
        version = self.tool("--version", configuration=None).out.strip()
        head = out.split("\n\n")[0]
        self.assertIn(version.replace("ostrust ", "ostrust export "), head)
        self.assertIn("# Source: %s\n# Certificates: 2" % self.bundle, head)
        self.assertNotIn("Date", head)
        self.assertEqual(done.err, "")
        subject = re.search(r"^# (.*)\n-----BEGIN", out, re.M).group(1)
        self.assertEqual(subject, "O=ostrust tests, CN=Root A")
        dated, _ = self.exported(SOURCE_DATE_EPOCH="86400")
        self.assertEqual(dated, out.replace("# Certificates: 2\n", "# Certificates: 2\n# Date: 1970-01-02T00:00:00Z\n"))

    def test_the_same_anchors_are_the_same_bytes(self):
        self.store("root-a", "root-b", "chain-c", "root-mail")
        first, _ = self.exported()
        self.store("root-mail", "chain-c", "root-b", "root-a", "root-a")
        again, _ = self.exported()
        self.assertEqual(first, again)
        self.assertEqual(len(blocks(first)), 4)
        _, file = self.written()
        self.assertEqual(file, first)

    def test_settings_limit_and_are_written_on_request(self):
        # Not for servers; and one for servers only, which a plain certificate cannot say.
        self.store("root-a-not-for-servers", "root-b")
        for purpose in PURPOSES:
            out, done = self.exported("--purpose", purpose)
            expected = [der_of("root-b")] + [der_of("root-a")] * (purpose != "server-auth")
            self.assertEqual(sorted(der for _, der in blocks(out)), sorted(expected))
            self.assertEqual("purposes: 1" in done.err, purpose != "server-auth", done)
        seen, _ = self.written("--purpose", "email")
        self.assertEqual(self.verify(self.target, "leaf-a", "-purpose", "sslserver"), 0)
        self.assertEqual([(one["kind"], one["subject"], one["detail"]) for one in seen["unsaid"]],
                         [("purposes", "O=ostrust tests, CN=Root A", "not for server-auth")])
        seen, file = self.written("--purpose", "email", "--trust-settings")
        self.assertEqual(seen["unsaid"], [])
        self.assertEqual(sorted(trusted for trusted, _ in blocks(file)), [False, True])
        self.assertNotEqual(self.verify(self.target, "leaf-a", "-purpose", "sslserver"), 0)
        self.assertEqual(self.verify(self.target, "leaf-b", "-purpose", "sslserver"), 0)

    def test_what_is_distrusted_is_left_out_and_named(self):
        self.store("root-a-distrusted", "root-b")
        seen, file = self.written()
        self.assertEqual(blocks(file), [(False, der_of("root-b"))])
        self.assertEqual([(one["kind"], one["subject"], one["rule"]) for one in seen["unsaid"]],
                         [("distrusted", "O=ostrust tests, CN=Root A", self.bundle)])
        _, done = self.exported()
        self.assertRegex(done.err, r"distrusted: 1, .*\n    O=ostrust tests, CN=Root A: serial number \w+ \(")

    def test_an_anchor_that_is_not_self_signed(self):
        self.store("int-a-trusted")
        seen, file = self.written()
        self.assertIn("not-self-signed", [one["kind"] for one in seen["unsaid"]])
        self.assertNotEqual(self.verify(self.target, "leaf-int"), 0)
        self.assertEqual(self.verify(self.target, "leaf-int", "-partial_chain"), 0)

    def test_one_that_cannot_be_read_is_said(self):
        self.store("root-a")
        with open(self.bundle, "a") as out:
            out.write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        out, done = self.exported()
        self.assertEqual(blocks(out), [(False, der_of("root-a"))])
        self.assertRegex(done.err, "of the trust store: .*" + re.escape(self.bundle))
        self.assertTrue(self.written()[0]["problems"])

    def test_nothing_in_a_name_gets_out_of_its_comment(self):
        evil = "Evil\n-----BEGIN CERTIFICATE-----\n%s\033[2J\u202e \u00e9" % "".join(
            text_of("root-b").splitlines()[1:3])
        # The signature is no concern of a trust store.
        der = self.with_subject(der_of("root-a"), evil.encode())
        with open(self.bundle, "w") as out:
            out.write("-----BEGIN CERTIFICATE-----\n%s-----END CERTIFICATE-----\n"
                      % base64.encodebytes(der).decode())
        out, _ = self.exported()
        self.assertEqual(blocks(out), [(False, der)])
        self.assertEqual(out.count("-----BEGIN"), 1)
        self.assertTrue(out.isascii())
        self.assertIn("# CN=Evil\\0A-\\2D-\\2D-BEGIN CERTIFICATE-", out)
        self.assertIn("\\1B[2J\\E2\\80\\AE \\C3\\A9", out)

    @staticmethod
    def with_subject(der, text):
        """The certificate with CN=`text` as its issuer and subject."""
        def element(tag, content):
            size = len(content)
            digits = size.to_bytes(2, "big").lstrip(b"\0")
            length = bytes([size]) if size < 128 else bytes([0x80 + len(digits)]) + digits
            return bytes([tag]) + length + content

        def read(data):
            header = 2 + (data[1] & 0x7f if data[1] & 0x80 else 0)
            size = int.from_bytes(data[2:header], "big") if data[1] & 0x80 else data[1]
            return data[:header + size], data[header:header + size], data[header + size:]

        _, certificate, _ = read(der)
        whole, tbs, rest = read(certificate)
        parts = []
        while tbs:
            part, _, tbs = read(tbs)
            parts.append(part)
        name = element(0x30, element(0x31, element(0x30, b"\x06\x03\x55\x04\x03" + element(0x0c, text))))
        parts[3] = parts[5] = name
        return element(0x30, element(0x30, b"".join(parts)) + rest)

    def test_python_takes_it_as_text(self):
        self.store("root-a", "root-b")
        out, _ = self.exported()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=out)
        self.assertEqual(len(context.get_ca_certs()), 2)


class Configured(ExportTest):
    """It reads what a governed program reads."""

    def test_bad_values_export_nothing(self):
        self.store("root-a")
        self.assertNothingWritten("refresh.*nothing is served", configuration=self.ostrust({"refresh": "often"}))

    def test_a_broken_configuration_exports_nothing(self):
        broken = self.file("broken.cnf", "openssl_conf = [\n[[[\n")
        self.assertNothingWritten("broken.cnf", configuration=broken)
        self.store("root-a")
        done = self.tool("export", "--trust-source", self.bundle, configuration=broken)
        self.assertEqual((done.status, len(blocks(done.out))), (0, 1), done)

    def test_another_source_by_name(self):
        self.store("root-a")
        other = os.path.join(self.work, "other.pem")
        support.write_store(other, "root-b")
        for path in (other, "other.pem"):
            out, _ = self.exported("--trust-source", path)
            self.assertEqual(blocks(out), [(False, der_of("root-b"))])

    def test_the_configuration_of_a_program(self):
        self.store("root-a")
        out, _ = self.exported("--program", sys.executable)
        self.assertEqual(blocks(out), [(False, der_of("root-a"))])
        done = self.tool("export", "--program", "no-such-program", configuration=self.ostrust())
        self.assertEqual((done.status, done.out), (2, ""), done)

    def test_without_a_store_nothing_is_written(self):
        self.file("store.pem", "")
        self.assertNothingWritten("store.pem.*nothing is written", configuration=self.ostrust())
        os.remove(self.bundle)
        self.assertNothingWritten("store.pem.*nothing is written", configuration=self.ostrust())
        self.store("root-a-distrusted")
        self.assertNothingWritten("nothing is written", configuration=self.ostrust())
        self.store("root-a-not-for-servers")
        self.assertNothingWritten("no anchor of .* is trusted for server-auth", configuration=self.ostrust())

    def test_usage_errors(self):
        self.store("root-a")
        for arguments in (("--purpose", "everything"), ("--nothing",), ("more",), ("--", "command"), ("--purpose",)):
            done = self.tool("export", *arguments, configuration=self.ostrust())
            self.assertEqual((done.status, done.out), (2, ""), done)
            self.assertNotEqual(done.err, "")
        done = self.tool("export", "--json", configuration=self.ostrust())
        self.assertEqual((done.status, done.out), (2, ""), done)
        for date in ("tomorrow", "-1", "1x", "999999999999"):
            self.assertNothingWritten("SOURCE_DATE_EPOCH", configuration=self.ostrust(), status=2,
                                      SOURCE_DATE_EPOCH=date)


class Output(ExportTest):
    """Files are replaced as a whole, or not at all."""

    def setUp(self):
        super().setUp()
        self.store("root-a", "root-b")

    def export_to(self, path, **more):
        return self.tool("export", "--output", path, configuration=self.ostrust(), **more)

    def test_it_is_replaced_and_readable(self):
        self.file("exported.pem", "old")
        os.chmod(self.target, 0o600)
        before = os.stat(self.target).st_ino
        with open(self.target) as old:
            done = self.export_to("exported.pem")
            self.assertEqual(old.read(), "old")
        self.assertEqual((done.status, done.err), (0, ""), done)
        self.assertEqual(done.out, "exported.pem: 2 certificates of %s\n" % self.bundle)
        status = os.stat(self.target)
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o644)
        self.assertNotEqual(status.st_ino, before)

    def test_what_cannot_be_replaced(self):
        folder = os.path.join(self.work, "folder")
        os.mkdir(folder)
        os.mkfifo(os.path.join(self.work, "fifo"))
        os.symlink("elsewhere", os.path.join(self.work, "link"))
        os.symlink("/dev/stdout", os.path.join(self.work, "device"))
        for path, words in ((folder, "is a directory"), (folder + "/", "is a directory"), ("fifo", "no regular file"),
                            ("link", "is a link"), ("device", "is a link"), ("missing/file", "No such file"),
                            ("store.pem/file", "Not a directory")):
            with self.subTest(path):
                done = self.export_to(path)
                self.assertEqual((done.status, done.out), (1, ""), done)
                self.assertIn(words, done.err)
                self.assertIn("nothing is written", done.err)
        self.assertFalse(os.path.exists(os.path.join(self.work, "elsewhere")))
        self.assertEqual(os.listdir(folder), [])

    def test_the_store_itself_is_not_replaced(self):
        before = self.content(self.bundle)
        os.link(self.bundle, os.path.join(self.work, "twin"))
        os.mkdir(os.path.join(self.work, "x"))
        for path in (self.bundle, "x/../store.pem"):
            done = self.export_to(path)
            self.assertEqual((done.status, done.out), (1, ""), done)
            self.assertIn("part of the system's trust store", done.err)
        self.assertEqual(self.content(self.bundle), before)
        directory = hashed_directory(os.path.join(self.work, "hashed"), "root-a")
        done = self.tool("export", "--output", os.path.join(directory, "new.pem"),
                         configuration=self.ostrust({"trust-source": directory}))
        self.assertEqual(done.status, 1, done)
        self.assertEqual(len(os.listdir(directory)), 1)

    @unittest.skipUnless(os.geteuid() == 0, "root only")
    def test_root_writes_nowhere_where_others_decide(self):
        for mode, owner, status in ((0o755, 0, 0), (0o777, 0, 1), (0o775, 0, 1), (0o1777, 0, 0), (0o755, 12345, 1)):
            for below in ("", "below"):
                with self.subTest(mode=oct(mode), owner=owner, below=below):
                    folder = tempfile.mkdtemp(dir=self.work)
                    place = os.path.join(folder, below)
                    os.makedirs(place, exist_ok=True)
                    os.chmod(folder, mode)
                    os.chown(folder, owner, 0)
                    path = os.path.join(place, "file")
                    done = self.export_to(path)
                    self.assertEqual((done.status, os.path.exists(path)), (status, status == 0), done)
                    if status:
                        self.assertIn("root writes nothing there", done.err)

    def test_standard_output_that_is_full(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL, "export"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.environment(self.ostrust()))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output cannot be written", done.stderr)

    def test_an_interrupted_write_leaves_the_old_file(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        def limit_and_survive():
            limit()
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        configuration = self.ostrust({"cache-dir": "off"})
        for prepare, status in ((limit_and_survive, 1), (limit, -signal.SIGXFSZ)):
            with self.subTest(status=status):
                self.file("exported.pem", "old")
                done = subprocess.run([TOOL, "export", "--trust-source", self.bundle, "--output", self.target],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare,
                                      env=self.environment(configuration))
                self.assertEqual((done.returncode, done.stdout), (status, b""), done)
                self.assertEqual(self.content(self.target), "old")
                left = [name for name in os.listdir(self.work) if name.startswith(".")]
                self.assertEqual(len(left), 0 if status == 1 else 1)
        # What was left behind is in nobody's way.
        self.assertEqual(self.export_to(self.target).status, 0)
        self.assertEqual(len(blocks(self.content(self.target))), 2)


@unittest.skipIf(WITHOUT_P11_KIT, WITHOUT_P11_KIT)
class Policy(ExportTest):
    """Of p11-kit's policy, which says more than any file."""

    def setUp(self):
        super().setUp()
        self.policy = p11kit.Policy(tempfile.mkdtemp(dir=self.work))
        self.keys = {"trust-source": "p11-kit:" + self.policy.directory, "cache-dir": "off"}

    def unsaid(self, *arguments):
        seen, file = self.written(*arguments, keys=self.keys)
        return {(one["kind"], one["subject"], one["detail"]) for one in seen["unsaid"]}, blocks(file)

    def test_it_is_what_os_shows(self):
        self.policy.anchor(pem("root-a"), pem("root-b"), pem("policy-root"))
        self.policy.block(pem("root-mail"), pem("chain-c"))
        self.policy.write("usages", p11kit.certificate(pem("root-own-mail"), trusted=True),
                          p11kit.stapled_usages(pem("root-own-mail"), p11kit.EMAIL_PROTECTION))
        served = self.served(self.keys)
        self.assertEqual(len(served), 4)
        _, for_servers = self.unsaid()
        _, for_mail = self.unsaid("--purpose", "email")
        mail = der_of("root-own-mail")
        self.assertEqual(sorted(der for _, der in for_servers), [der for der in served if der != mail])
        self.assertEqual(sorted(der for _, der in for_mail), served)

    def test_what_the_file_cannot_say(self):
        a, b, root = (
            "O=ostrust tests, CN=Root A", "O=ostrust tests, CN=Root B", "O=ostrust tests, CN=Policy Root")
        self.policy.write(
            "anchors",
            p11kit.certificate(pem("root-a"), trusted=True, nss_server_distrust_after=b"240101000000Z",
                               nss_email_distrust_after=b"250101000000Z"),
            p11kit.certificate(pem("root-b"), trusted=True),
            p11kit.stapled_usages(pem("root-b"), p11kit.SERVER_AUTH),
            p11kit.stapled_name_constraints(pem("root-b"), ["example.com"]),
            p11kit.certificate(pem("policy-root"), trusted=True),
            p11kit.stapled_basic_constraints(pem("policy-root"), True, path_length=0))
        self.policy.block(pem("root-mail"))
        self.policy.write("blocked", p11kit.distrusted_key(pem("int-a")), p11kit.distrusted_serial(pem("chain-c")),
                          p11kit.stapled_usages(pem("root-own-mail"), p11kit.EMAIL_PROTECTION))
        plain, exported = self.unsaid()
        self.assertEqual({der for _, der in exported}, {der_of("root-a"), der_of("root-b"), der_of("policy-root")})
        for expected in (("distrust-after", a, "servers until 2024-01-01T00:00:00Z"),
                         ("name-constraints", b, None), ("path-length", root, "pathLenConstraint 0"),
                         ("purposes", b, "not for client-auth, email, code-signing, time-stamping, ocsp-signing")):
            self.assertIn(expected, plain)
        self.assertEqual(sorted(kind for kind, _, _ in plain),
                         ["distrust-after", "distrusted", "distrusted-key", "distrusted-key", "limited-key",
                          "name-constraints", "path-length", "purposes"], plain)
        settings, _ = self.unsaid("--trust-settings")
        self.assertEqual({one for one in settings ^ plain},
                         {("purposes", b, "not for client-auth, email, code-signing, time-stamping, ocsp-signing"),
                          ("distrust-after", a, "email until 2025-01-01T00:00:00Z")})
        _, done = self.exported(keys=self.keys)
        for kind in {kind for kind, _, _ in plain}:
            self.assertRegex(done.err, "(?m)^  %s: [12], " % kind)
        for subject in (a, b, root, "CN=Mail Root", "key with SHA-1 ", "serial number "):
            self.assertIn(subject, done.err)

    def test_a_distrusted_key_takes_its_anchor_along(self):
        self.policy.anchor(pem("root-a"), pem("root-b"))
        self.policy.write("key", p11kit.distrusted_key(pem("root-a")))
        unsaid, exported = self.unsaid()
        self.assertEqual(exported, [(False, der_of("root-b"))])
        self.assertIn("distrusted", [kind for kind, _, _ in unsaid])
        self.assertNotEqual(self.verify(self.target, "leaf-a"), 0)
        self.assertEqual(self.verify(self.target, "leaf-b"), 0)

    def test_many_are_counted(self):
        files = [name[:-4] for name in sorted(os.listdir(support.PKI)) if name.endswith(".pem")]
        names = [name for name in files if not name.startswith("policy") and blocks(text_of(name))][:40]
        self.policy.anchor(pem("policy-root"))
        self.policy.block(*(pem(name) for name in names))
        seen, _ = self.written(keys=self.keys)
        count = len([one for one in seen["unsaid"] if one["kind"] == "distrusted"])
        _, done = self.exported(keys=self.keys)
        self.assertGreater(count, 10)
        self.assertIn("    and %d more (--json names them all)\n" % (count - 10), done.err)

    def test_the_policy_itself_is_not_written_to(self):
        self.policy.anchor(pem("root-a"))
        path = os.path.join(self.policy.directory, "anchors", "new.pem")
        done = self.tool("export", "--output", path, configuration=self.ostrust(self.keys))
        self.assertEqual((done.status, os.path.exists(path)), (1, False), done)

    def test_twice_is_the_same_with_a_cache_too(self):
        self.policy.anchor(pem("root-a"), pem("root-b"))
        cache = os.path.join(self.work, "cache")
        keys = dict(self.keys, **{"cache-dir": cache})
        self.assertEqual(len({self.exported(keys=keys)[0] for _ in range(2)}), 1)


if __name__ == "__main__":
    support.main()
