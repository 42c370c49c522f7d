#!/usr/bin/env python3
"""`trust-source = auto` on systems that keep their trust policy in p11-kit, and on one that does not: Mozilla's
list laid out as Fedora, Arch and openSUSE have it, with the bundle that was extracted from it, in a small root."""
import collections
import os
import re
import shutil
import ssl
import sys
import tempfile
import time

import small_root
import support
from support import OstrustTest, pem, port_of

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
import mozilla_policy  # noqa: E402
import p11kit  # noqa: E402
import pkcs11  # noqa: E402
from pki import POLICY_DATE  # noqa: E402
from test_p11_kit import CONFIGURATION, MACHINE_CACHE, MODULE, WITHOUT_P11_KIT  # noqa: E402

NSS = pkcs11.find_module("libnssckbi.so")
ADMINISTRATORS = "/etc/pkcs11/modules/p11-kit-trust.module"
NOBODY = 65534

# `local` and `system`: where policy is, in the order of the module's paths. `list`: the file with Mozilla's.
# `extracted`: the bundle that was made of it, `bundle`: the path by which programs know that. `modules`: where
# modules are.
System = collections.namedtuple("System", "local system list extracted bundle modules")
SYSTEMS = {
    "Fedora": System("/etc/pki/ca-trust/source", "/usr/share/pki/ca-trust-source", "ca-bundle.trust",
                     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                     "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/usr/lib64/pkcs11"),
    "Arch": System("/etc/ca-certificates/trust-source", "/usr/share/ca-certificates/trust-source",
                   "mozilla.trust", "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
                   "/etc/ssl/certs/ca-certificates.crt", "/usr/lib/pkcs11"),
    "openSUSE": System("/etc/pki/trust", "/usr/share/pki/trust", "ca-certificates-mozilla.trust",
                       "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/ca-bundle.pem",
                       "/usr/lib64/pkcs11"),
}


def why_not():
    if WITHOUT_P11_KIT:
        return WITHOUT_P11_KIT
    if NSS is None:
        return "libnssckbi.so is missing (Debian: libnss3)"
    return small_root.why_not()


class SystemTest(OstrustTest):
    """A test with a small root."""

    servers = ()

    @classmethod
    def setUpClass(cls):
        cls.mozillas = mozilla_policy.read(NSS)
        cls.count = mozilla_policy.summary(cls.mozillas)
        cls.objects = [text for root in cls.mozillas for text in mozilla_policy.objects_of(root)]
        cls.bundle_text = "".join(ssl.DER_cert_to_PEM_cert(root.value) for root in cls.mozillas
                                  if p11kit.SERVER_AUTH in root.trusted and not root.distrusted)

    def new_root(self):
        directory = tempfile.mkdtemp(dir=self.work)
        os.chmod(self.work, 0o755)
        self.root = small_root.SmallRoot(directory)
        self.addCleanup(self.root.close)
        self.root.configure()

    def install(self, system):
        """Makes the small root one of SYSTEMS. Debian's module has other paths built in than theirs."""
        self.new_root()
        self.system = system
        self.local = p11kit.Policy(self.root.path(system.local))
        p11kit.Policy(self.root.path(system.system)).write(system.list, *self.objects)
        self.root.write(system.extracted, self.bundle_text)
        if system.bundle != system.extracted:
            os.symlink(system.extracted, self.root.path(system.bundle))
        self.root.copy(MODULE, os.path.join(system.modules, "p11-kit-trust.so"))
        self.root.copy(CONFIGURATION)
        self.root.write(ADMINISTRATORS, "x-init-reserved: paths='%s:%s'\n" % (system.local, system.system))

    def each_system(self, check):
        for name, system in SYSTEMS.items():
            with self.subTest(name):
                self.install(system)
                check()

    def build_info(self):
        done = self.root.openssl("list", "-providers", "-verbose")
        self.assertEqual(done.status, 0, done)
        return re.search("build info: (layers: .*)", done.out).group(1)

    def log_of(self, *arguments):
        self.root.openssl(*arguments, OSTRUST_LOG="info:/log")
        with open(self.root.path("/log")) as file:
            return file.read()

    def assertServes(self, source, count):
        self.assertIn("; source: %s; anchors: %d" % (source, count), self.build_info())

    def assertServesPolicy(self):
        self.assertServes("p11-kit: %s + %s" % self.system[:2], self.count["anchors"])

    def verify(self):
        return self.root.openssl("verify", "/root.pem")


class PolicyIsRead(SystemTest):
    """Policy in p11-kit is what counts."""

    def test_mozillas_list_with_its_purposes(self):
        def check():
            self.assertServesPolicy()
            done = self.root.openssl("storeutl", "-certs", "-text", "-noout", "os://")
            self.assertSays("Total found: %d\n" % self.count["anchors"], done)
            rejects = [uses for uses in re.findall("Rejected Uses:\n(.*)", done.out)
                       if "TLS Web Server Authentication" in uses]
            self.assertEqual(self.count["anchors"] - len(rejects), self.count["for servers"])
            self.assertTrue(self.root.loads("p11-kit-trust.so", "storeutl", "-certs", "-noout", "os://")[0])
        print("Mozilla's list:", self.count)
        self.assertNotEqual(self.count["anchors"], self.count["for servers"])
        self.each_system(check)

    def test_one_file_in_the_blocklist_stops_a_root(self):
        one = next(root for root in self.mozillas if b"ISRG Root X1" in root.label)

        def check():
            self.root.write("/root.pem", ssl.DER_cert_to_PEM_cert(one.value))
            done = self.verify()
            self.assertEqual(done.status, 0, done)
            shutil.copy(self.root.path("/root.pem"), self.root.path(self.system.local + "/blocklist/one.pem"))
            done = self.verify()
            self.assertSays("error 28 at 0 depth", done)
            # The bundle knows nothing of it.
            self.root.configure({"trust-source": self.system.bundle})
            done = self.verify()
            self.assertEqual(done.status, 0, done)
        self.each_system(check)

    def test_a_root_with_a_date(self):
        def check():
            for date in False, POLICY_DATE[2:].encode():
                self.local.write("own", p11kit.certificate(pem("policy-root"), trusted=True,
                                                           nss_server_distrust_after=date))
                for chain, accepted in ("policy-3-before", True), ("policy-3-after", not date):
                    done = self.root.openssl(
                        "s_client", "-connect", "127.0.0.1:%d" % port_of(chain), "-servername", "localhost",
                        "-verify_hostname", "localhost", "-verify_return_error")
                    self.assertEqual(done.status == 0, accepted, (date, chain, str(done)))
                    if not accepted:
                        self.assertSays("issued after 2024-01-01 00:00:00 UTC by %s/own.p11-kit" %
                                        self.system.local, done)
        self.each_system(check)

    def test_the_machines_cache_is_roots_to_write_and_everybodys_to_read(self):
        self.install(SYSTEMS["Fedora"])
        listing = ("p11-kit-trust.so", "storeutl", "-certs", "-noout", "os://")
        os.makedirs(self.root.path(MACHINE_CACHE))
        os.chmod(self.root.path(MACHINE_CACHE), 0o755)
        found = "Total found: %d\n" % self.count["anchors"]

        def assertListed(loads, **user):
            seen, done = self.root.loads(*listing, **user)
            self.assertIn(found, done.out)
            self.assertEqual(seen, loads)

        time.sleep(2.2)  # until the files are believed to be at rest
        assertListed(True, user=NOBODY)
        self.assertEqual(os.listdir(self.root.path(MACHINE_CACHE)), [])
        assertListed(True)
        assertListed(False)
        assertListed(False, user=NOBODY)
        os.chown(self.root.path(MACHINE_CACHE), NOBODY, NOBODY)
        assertListed(True)


class PolicyCannotBeRead(SystemTest):
    """Then the bundle is what there is, and the reason is said."""

    def fall_back(self, spoil, why):
        def check():
            self.assertServesPolicy()
            spoil()
            info = self.build_info()
            self.assertIn("source: %s" % self.system.bundle, info)
            self.assertIn("anchors: %d" % self.count["for servers"], info)
            self.assertRegex(self.log_of("storeutl", "-certs", "-noout", "os://"), why)
            self.assertRegex(info, why)
        self.each_system(check)

    def module(self):
        return self.root.path(self.system.modules + "/p11-kit-trust.so")

    def test_no_module(self):
        self.fall_back(lambda: os.remove(self.module()), r"p11-kit-trust\.so: cannot open shared object")

    def test_no_configuration_of_the_module(self):
        self.fall_back(lambda: os.remove(self.root.path(CONFIGURATION)), "p11-kit's trust module is not installed")

    def test_a_module_that_is_a_text(self):
        self.fall_back(lambda: self.root.write(self.system.modules + "/p11-kit-trust.so", "text"),
                       r"p11-kit-trust\.so: (file too short|invalid ELF header)")

    def test_a_module_that_is_another_library(self):
        library = next(path for path in small_root.libraries_of(MODULE) if "libtasn1" in path)
        self.fall_back(lambda: shutil.copy(library, self.module()), r"p11-kit-trust\.so: it is no PKCS#11 module")

    def test_a_module_that_looks_elsewhere(self):
        def elsewhere():
            p11kit.Policy(self.root.path("/elsewhere")).anchor(pem("root-a"))
            self.root.write(ADMINISTRATORS, "x-init-reserved: paths='/elsewhere'\n")
        self.fall_back(elsewhere, "p11-kit does not look through the policy directories of this system")

    def test_a_module_that_finds_nothing(self):
        self.fall_back(lambda: self.root.write(ADMINISTRATORS, "x-init-reserved: paths='/nowhere'\n"),
                       "p11-kit: /nowhere holds no certificate that is trusted")


class NoPolicy(SystemTest):
    """Debian has the module and no policy."""

    def test_the_bundle_is_read_and_the_module_never_loaded(self):
        self.new_root()
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        self.root.write(bundle, self.bundle_text)
        self.root.copy(MODULE)
        self.root.copy(CONFIGURATION)
        self.assertServes(bundle + " + /etc/ssl/certs", self.count["for servers"])
        for arguments in ("storeutl", "-certs", "-noout", "os://"), ("list", "-providers", "-verbose"):
            loads, done = self.root.loads("p11-kit-trust.so", *arguments)
            self.assertFalse(loads)
            self.assertIn(str(self.count["for servers"]), done.out)


class ChrootedDaemon(OstrustTest):
    """A process that goes into a chroot after it has read the policy keeps it, whatever is in there."""

    servers = ("policy-3-after", "policy-4-after", "leaf-b")

    def test_policy_is_kept(self):
        policy = p11kit.Policy(os.path.join(self.work, "policy"))
        policy.anchor(pem("policy-root"))
        policy.block(pem("policy-lower"))
        jail = os.path.join(self.work, "jail")
        p11kit.Policy(jail + policy.directory).anchor(pem("root-b"))
        os.makedirs(jail + os.path.dirname(CONFIGURATION))
        shutil.copy(CONFIGURATION, jail + CONFIGURATION)
        seen = self.python("""
first = trusting("os://")
os.chroot(os.path.join(T["work"], "jail")); os.chdir("/")
report([connect_all(first), connect_all(trusting("os://"))])""", self.ostrust(
            {"trust-source": "p11-kit:" + policy.directory, "cache-dir": "off"}))
        self.assertEqual(seen, [{"policy-3-after": "accepted", "policy-4-after": "certificate rejected",
                                 "leaf-b": "unable to get local issuer certificate"}] * 2)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
