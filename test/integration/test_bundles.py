#!/usr/bin/env python3
"""Bundles that a program names by path: the system's own bundle and directory (`system-bundles`), and
the copies of Mozilla's list that Python packages carry (`replace-bundles`).

The tests' trust store holds a root that the machine's bundle does not. So a program that names the
machine's bundle and accepts a server of that root was served from the store; one that is refused got the
file as it is. The machine's files are read and never written.
"""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys

import support
from support import OstrustTest, hashed_directory, pem, subject_hash, text_of

sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
from pki import Pki  # noqa: E402
from revocation import Authority, Certificate, entry  # noqa: E402

ACCEPTED = "accepted"
UNKNOWN = "unable to get local issuer certificate"
SERVED = {"leaf-a": ACCEPTED, "leaf-b": UNKNOWN}
ITSELF = {"leaf-a": UNKNOWN, "leaf-b": UNKNOWN}  # the file, which holds neither test root
PINNED = {"leaf-a": UNKNOWN, "leaf-b": ACCEPTED}  # the file, which holds root-b

# The first of these that is there is the system's bundle; beside it, its hashed directory. The beginning of
# the table in platform/linux/locations.cpp.
SYSTEM_BUNDLES = (
    ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"),
    ("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
     "/etc/pki/ca-trust/extracted/pem/directory-hash"),
    ("/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/certs"),
    ("/etc/ssl/ca-bundle.pem", "/etc/ssl/certs"),
)
BUNDLE, DIRECTORY = next((pair for pair in SYSTEM_BUNDLES if os.path.isfile(pair[0])
                          and os.path.getsize(pair[0])), (None, None))


def certificates(path):
    """The certificates of a bundle, each as PEM text."""
    with open(path, errors="replace") as file:
        return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", file.read(),
                          re.S)


PUBLIC = certificates(BUNDLE) if BUNDLE else []


def why_not():
    if not BUNDLE:
        return "this machine has no bundle of CA certificates (package ca-certificates)"
    return len(PUBLIC) < 60 and "%s holds only %d certificates" % (BUNDLE, len(PUBLIC))


def namespace():
    """The command that runs another in a mount namespace of its own, or None."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        if not shutil.which("unshare"):
            return None
        done = subprocess.run([*command, "sh", "-c", "mount --bind /dev/null /dev/null"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return command
    return None


class BundleTest(OstrustTest):
    """What a program that loads one file, or one directory, by name gets."""

    def loaded(self, configuration, cafile=None, capath=None, **env):
        """Whom a context accepts, and how many certificates are in it."""
        return self.python("""
context = bare()
context.load_verify_locations(cafile=%r, capath=%r)
report([connect_all(context), context.cert_store_stats()["x509"]])""" % (cafile, capath),
                           configuration, **env)

    def assertServed(self, configuration, *arguments, **keywords):
        self.assertEqual(self.loaded(configuration, *arguments, **keywords), [SERVED, 0])

    def assertStock(self, configuration, expected, *arguments, **keywords):
        """As without ostrust, which is `expected`."""
        seen = self.loaded(configuration, *arguments, **keywords)
        self.assertEqual(seen, self.loaded(self.stock(), *arguments, **keywords))
        self.assertEqual(seen[0], expected)

    def log_of(self, level, configuration, *arguments, **keywords):
        log = os.path.join(self.work, "log")
        self.loaded(configuration, *arguments, OSTRUST_LOG="%s:%s" % (level, log), **keywords)
        try:
            with open(log) as file:
                return file.read()
        finally:
            os.remove(log)

    def link(self, name, target):
        path = os.path.join(self.work, name)
        os.symlink(target, path)
        return path


class SystemBundle(BundleTest):
    """system-bundles: naming the system's bundle is asking for the system's store."""

    def test_the_bundle_by_path(self):
        self.store("root-a")
        self.assertServed(self.ostrust(), BUNDLE)
        self.assertServed(self.ostrust({"system-bundles": "yes"}), BUNDLE)
        self.assertEqual(self.loaded(self.stock(), BUNDLE)[0], ITSELF)

    def test_however_it_is_spelt(self):
        self.store("root-a")
        dots = os.path.join(os.path.dirname(BUNDLE), "..", *BUNDLE.split("/")[-2:])
        for path in (dots, "/" + BUNDLE, os.path.relpath(BUNDLE, os.path.realpath(self.work))):
            with self.subTest(path):
                self.assertServed(self.ostrust(), path)
                self.assertEqual(self.loaded(self.stock(), path)[0], ITSELF)

    def test_through_links(self):
        self.store("root-a")
        link = self.link("some-name.pem", BUNDLE)
        for path in (link, self.link("second", link),
                     os.path.join(self.link("dir", os.path.dirname(BUNDLE)),
                                  os.path.basename(BUNDLE))):
            with self.subTest(path):
                self.assertServed(self.ostrust(), path)
                self.assertEqual(self.loaded(self.stock(), path)[0], ITSELF)

    def test_through_a_hard_link(self):
        self.store("root-a")
        path = os.path.join(self.work, "hard-link.pem")
        try:
            os.link(BUNDLE, path)
        except OSError as error:
            self.skipTest("no hard link to %s: %s" % (BUNDLE, error.strerror))
        self.assertServed(self.ostrust(), path)
        self.assertEqual(self.loaded(self.stock(), path)[0], ITSELF)

    def test_through_a_bind_mount(self):
        command = namespace()
        if not command:
            self.skipTest("no mount namespace can be made here")
        self.store("root-a")
        path = self.file("mounted.pem", "")
        code = """
import subprocess
subprocess.run(["mount", "--bind", %r, %r], check=True)
context = trusting(%r)
report([connect_all(context), context.cert_store_stats()["x509"]])""" % (BUNDLE, path, path)
        ours = self.python(code, self.ostrust(), within=command)
        stock = self.python(code, self.stock(), within=command)
        self.assertEqual((ours, stock), ([SERVED, 0], [ITSELF, stock[1]]))

    def test_a_copy_of_it_is_somebodys_own(self):
        self.store("root-a")
        copy = os.path.join(self.work, os.path.basename(BUNDLE))
        shutil.copyfile(BUNDLE, copy)
        self.assertStock(self.ostrust(), ITSELF, copy)

    def test_a_file_of_its_name_elsewhere_is_not_it(self):
        self.store("root-a")
        directory = os.path.join(self.work, *DIRECTORY.strip("/").split("/"))
        os.makedirs(directory)
        path = os.path.join(directory, os.path.basename(BUNDLE))
        shutil.copyfile(pem("root-b"), path)
        self.assertStock(self.ostrust(), PINNED, path)

    def test_another_file_of_the_location_table_is_not_it(self):
        # Only the bundle that this system serves is: a second one may have been narrowed.
        command = namespace()
        second = "/etc/ssl/cert.pem"
        if not command or os.path.exists(second) or not os.path.isdir("/etc/ssl"):
            self.skipTest("needs a mount namespace, and no %s" % second)
        self.store("root-a")
        upper = os.path.join(self.work, "ssl")
        shutil.copytree("/etc/ssl", upper, symlinks=True,
                        ignore=lambda directory, names: {"private"} & set(names))
        shutil.copyfile(pem("root-b"), os.path.join(upper, "cert.pem"))
        code = """
import subprocess
subprocess.run(["mount", "--bind", %r, "/etc/ssl"], check=True)
report([connect_all(trusting("/etc/ssl/cert.pem")), connect_all(trusting(%r))])""" % (upper, BUNDLE)
        self.assertEqual(self.python(code, self.ostrust(), within=command), [PINNED, SERVED])
        self.assertEqual(self.python(code, self.stock(), within=command), [PINNED, ITSELF])

    def test_the_directory(self):
        self.store("root-a")
        for path in (DIRECTORY, DIRECTORY + "/", self.link("certs", DIRECTORY)):
            with self.subTest(path):
                self.assertServed(self.ostrust(), capath=path)
                self.assertEqual(self.loaded(self.stock(), capath=path)[0], ITSELF)

    def test_another_directory_is_not_it(self):
        self.store("root-a")
        directory = os.path.join(self.work, *DIRECTORY.strip("/").split("/"))
        hashed_directory(directory, "root-b")
        self.assertStock(self.ostrust(), PINNED, capath=directory)

    def test_it_can_be_turned_off(self):
        self.store("root-a")
        configuration = self.ostrust({"system-bundles": "no"})
        self.assertStock(configuration, ITSELF, BUNDLE)
        self.assertStock(configuration, ITSELF, capath=DIRECTORY)
        seen = self.python("report(connect_all(trusting('os://')))", configuration)
        self.assertEqual(seen, SERVED)

    def test_nothing_readable_keeps_what_openssl_does(self):
        for source in (os.path.join(self.work, "absent.pem"), self.file("empty.pem", "")):
            with self.subTest(source):
                configuration = self.ostrust({"trust-source": source})
                self.assertStock(configuration, ITSELF, BUNDLE)
                self.assertStock(configuration, ITSELF, capath=DIRECTORY)

    def test_a_bad_value_elsewhere_keeps_what_openssl_does(self):
        self.store("root-a")
        self.assertStock(self.ostrust({"refresh": "often"}), ITSELF, BUNDLE)

    def test_the_systems_own_source_serves_it(self):
        # No trust-source: what is served is the very file that was named.
        self.assertEqual(self.loaded(self.ostrust({"trust-source": None}), BUNDLE), [ITSELF, 0])
        names = self.python("""
context = trusting(%r)
report(len(context.get_ca_certs()))""" % BUNDLE,
                            self.ostrust({"trust-source": None, "preload": "yes"}))
        self.assertGreaterEqual(names, len(set(PUBLIC)))

    def test_changes_are_followed(self):
        self.store("root-a")
        code = """
contexts = {"file": trusting(%r), "directory": bare()}
contexts["directory"].load_verify_locations(capath=%r)
def look(): return [connect_all(context) for context in contexts.values()]
steps = [look()]
write_store("root-a", "root-b"); steps.append(look())
write_store("root-b"); steps.append(look())
report(steps)""" % (BUNDLE, DIRECTORY)
        seen = self.python(code, self.ostrust())
        both = {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED}
        self.assertEqual(seen, [[SERVED] * 2, [both] * 2, [PINNED] * 2])
        self.store("root-a")
        self.assertEqual(self.python(code, self.stock()), [[ITSELF] * 2] * 3)

    def test_the_crls_in_the_directory_are_found(self):
        # By OpenSSL, for an application that has it check them; here ostrust looks for none itself.
        command = namespace()
        if not command:
            self.skipTest("no mount namespace can be made here")
        self.store("root-a", "root-b")
        directory = hashed_directory(os.path.join(self.work, "certs"), "root-a", "root-b")
        shutil.copyfile(BUNDLE, os.path.join(directory, os.path.basename(BUNDLE)))
        pki = Pki(support.PKI)
        code = """
import subprocess
subprocess.run(["mount", "--bind", %r, %r], check=True)
named, default = bare(), bare()
named.load_verify_locations(capath=%r)
default.set_default_verify_paths()
def look(): return [connect_all(context) for context in (named, default)]
steps = [look()]
for context in (named, default): context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
steps += [look(), look()]
report(steps)""" % (directory, DIRECTORY, DIRECTORY)

        def write_list(root, number, *serials):
            der = Authority(pki, root).crl(*(entry(serial) for serial in serials), number=number)
            path = os.path.join(directory, subject_hash(root)[:-1] + "r%d" % (number - 1))
            with open(path, "w") as out:
                text = base64.encodebytes(der).decode()
                out.write("-----BEGIN X509 CRL-----\n%s-----END X509 CRL-----\n" % text)

        both = {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED}
        no_list = "unable to get certificate CRL"
        for expected in ({"leaf-a": no_list, "leaf-b": no_list}, {"leaf-a": "certificate revoked", "leaf-b": no_list},
                         {"leaf-a": "certificate revoked", "leaf-b": ACCEPTED}):
            if expected["leaf-a"] != no_list:
                write_list("root-a", 1, Certificate(pki, "leaf-a").serial)
            if expected["leaf-b"] == ACCEPTED:
                write_list("root-b", 1)
                write_list("root-b", 2)
            with self.subTest(expected):
                seen = self.python(code, self.stock(), within=command)
                self.assertEqual(seen, [[both] * 2, [expected] * 2, [expected] * 2])
                self.assertEqual(self.python(code, self.ostrust({"revocation": "off"}), within=command), seen)

    def test_with_a_ca_of_ones_own(self):
        self.store("root-a")
        for order in ((BUNDLE, pem("root-b")), (pem("root-b"), BUNDLE)):
            code = "report(connect_all(trusting(*%r)))" % (order,)
            with self.subTest(order):
                self.assertEqual(self.python(code, self.ostrust()),
                                 {"leaf-a": ACCEPTED, "leaf-b": ACCEPTED})
                self.assertEqual(self.python(code, self.stock()), PINNED)

    def test_its_text_given_as_data_is_the_applications(self):
        self.store("root-a")
        code = """
context = bare()
context.load_verify_locations(cadata="".join(%r[:80]))
report([connect_all(context), context.cert_store_stats()["x509"]])""" % PUBLIC[:80]
        self.assertEqual(self.python(code, self.ostrust()), self.python(code, self.stock()))

    def test_a_store_that_did_not_name_it_is_not_touched(self):
        self.store("root-a")
        code = """
named, own = trusting(%r), trusting(pem("root-b"))
report([connect_all(named), connect_all(own)])""" % BUNDLE
        self.assertEqual(self.python(code, self.ostrust()), [SERVED, PINNED])
        self.assertEqual(self.python(code, self.stock()), [ITSELF, PINNED])

    def test_ssl_cert_file_names_a_file(self):
        # A variable that a person set keeps OpenSSL's meaning, also when it names the bundle.
        self.store("root-a")
        code = "report(connect_all(ssl.create_default_context()))"
        for name, path in (("SSL_CERT_FILE", BUNDLE), ("SSL_CERT_DIR", DIRECTORY)):
            with self.subTest(name):
                self.assertEqual(self.python(code, self.ostrust(), **{name: path}), ITSELF)

    def test_the_openssl_command(self):
        self.store("root-a")
        for options in (("-CAfile", BUNDLE), ("-CApath", DIRECTORY)):
            with self.subTest(options):
                def verify(leaf, configuration):
                    return self.openssl("verify", "-no-CAstore", *options, pem(leaf),
                                        configuration=configuration)
                self.assertEqual(verify("leaf-a", self.ostrust()).status, 0)
                for done in (verify("leaf-b", self.ostrust()), verify("leaf-a", self.stock()),
                             verify("leaf-a", self.ostrust({"system-bundles": "no",
                                                            "default-paths": "no"}))):
                    self.assertNotEqual(done.status, 0, done)
                    self.assertSays(UNKNOWN, done)


class ReplacedBundle(BundleTest):
    """replace-bundles: a public bundle of another maker is served from the system's store instead."""

    def setUp(self):
        super().setUp()
        # What the system trusts: the public CAs and root-a.
        self.system(PUBLIC)
        self.packages = os.path.join(self.work, "site-packages")

    def system(self, public):
        with open(self.bundle, "w") as out:
            out.write("".join(public) + text_of("root-a"))

    def package(self, certificates, name="certifi/cacert.pem", record=None):
        """An installed package with these certificates in file `name`. `record`: what was there when it
        was installed, if it has a RECORD at all."""
        path = os.path.join(self.packages, *name.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write("".join(certificates))
        if record is not None:
            content = "".join(record).encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            directory = os.path.join(self.packages, name.split("/")[0] + "-2026.1.1.dist-info")
            os.makedirs(directory, exist_ok=True)
            with open(os.path.join(directory, "RECORD"), "w") as out:
                out.write("%s/__init__.py,sha256=AAAA,94\n" % name.split("/")[0])
                out.write("%s,sha256=%s,%d\n" % (name, digest, len(content)))
                out.write("%s/RECORD,,\n" % os.path.basename(directory))
        return path

    def certifi(self, **more):
        return self.ostrust(dict({"replace-bundles": "certifi"}, **more))

    def test_certifi(self):
        path = self.package(PUBLIC, record=PUBLIC)
        self.assertServed(self.certifi(), path)
        self.assertEqual(self.loaded(self.stock(), path)[0], ITSELF)

    def test_off_unless_asked_for(self):
        path = self.package(PUBLIC)
        for keys in ({}, {"replace-bundles": "none"}, {"replace-bundles": "off"},
                     {"replace-bundles": "/some/where/else.pem"}):
            with self.subTest(keys):
                self.assertStock(self.ostrust(keys), ITSELF, path)

    def test_the_copies_of_pip_and_botocore(self):
        for name in ("pip/_vendor/certifi/cacert.pem", "botocore/cacert.pem"):
            with self.subTest(name):
                path = self.package(PUBLIC, name, record=PUBLIC)
                self.assertServed(self.certifi(), path)
                self.assertEqual(self.loaded(self.stock(), path)[0], ITSELF)

    def test_patterns(self):
        path = self.package(PUBLIC, "application/ca/roots.pem")
        for patterns in (path, "*/ca/roots.pem", "certifi, */ca/*.pem", "*/ca/root?.pem"):
            with self.subTest(patterns):
                self.assertServed(self.ostrust({"replace-bundles": patterns}), path)
        for patterns in ("*/ca/roots", "*/roots.pem.bak", "certifi", path + "x"):
            with self.subTest(patterns):
                self.assertStock(self.ostrust({"replace-bundles": patterns}), ITSELF, path)

    def test_the_path_as_given_and_its_real_path_count(self):
        path = self.package(PUBLIC)
        self.assertServed(self.certifi(), self.link("link.pem", path))
        other = self.package(PUBLIC, "elsewhere/roots.pem")
        os.makedirs(os.path.join(self.work, "certifi"))
        self.assertServed(self.certifi(), self.link("certifi/cacert.pem", other))
        self.assertStock(self.certifi(), ITSELF, other)

    def test_one_narrowed_to_a_private_ca_is_a_pin(self):
        path = self.package([text_of("root-b")], record=PUBLIC)
        self.assertStock(self.certifi(), PINNED, path)
        log = self.log_of("error", self.certifi(), path)
        self.assertIn(path, log)
        self.assertIn("not replaced", log)

    def test_one_narrowed_to_a_private_ca_the_system_trusts_is_a_pin(self):
        path = self.package([text_of("root-a")])
        seen = self.loaded(self.certifi(), path)
        self.assertEqual(seen, [SERVED, 1])  # its own one certificate
        seen = self.python("""
context = trusting(%r)
write_store("root-b")
report(connect_all(context))""" % path, self.certifi())
        self.assertEqual(seen, SERVED)  # not what the system trusts since

    def test_fifty_certificates_are_public_and_fewer_are_not(self):
        for count, public in ((49, False), (50, True)):
            with self.subTest(count):
                path = self.package(PUBLIC[:count])
                if public:
                    self.assertServed(self.certifi(), path)
                else:
                    self.assertStock(self.certifi(), ITSELF, path)

    def test_nine_in_ten_must_be_the_systems(self):
        path = self.package(PUBLIC[:60])
        for count, public in ((53, False), (54, True)):
            with self.subTest(count):
                self.system(PUBLIC[:count])
                if public:
                    self.assertServed(self.certifi(), path)
                else:
                    self.assertStock(self.certifi(), ITSELF, path)

    def test_what_was_added_by_hand_is_not_served_and_reported(self):
        added = PUBLIC + [text_of("root-b")]
        path = self.package(added, record=PUBLIC)
        self.assertServed(self.certifi(), path)
        self.assertEqual(self.loaded(self.stock(), path)[0], PINNED)
        log = self.log_of("error", self.certifi(), path)
        self.assertIn("changed after its package was installed", log)
        self.assertIn(path, log)

    def test_what_was_added_to_the_copy_of_pip_is_reported(self):
        path = self.package(PUBLIC + [text_of("root-b")], "pip/_vendor/certifi/cacert.pem",
                            record=PUBLIC)
        self.assertIn("changed after its package was installed",
                      self.log_of("error", self.certifi(), path))

    def test_a_file_of_the_same_size_with_other_content_is_reported(self):
        path = self.package(PUBLIC + ["# Ours\n"], record=PUBLIC + ["# Mine\n"])
        self.assertIn("changed after its package was installed",
                      self.log_of("error", self.certifi(), path))

    def test_an_untouched_file_is_no_error(self):
        for record in (PUBLIC, None):
            path = self.package(PUBLIC, record=record)
            log = os.path.join(self.work, "log")
            self.loaded(self.certifi(), path, OSTRUST_LOG="error:" + log)
            self.assertFalse(os.path.exists(log) and os.path.getsize(log))
            self.assertIn("replaced: " + path, self.log_of("info", self.certifi(), path))

    def test_changes_of_the_system_are_followed(self):
        path = self.package(PUBLIC)
        seen = self.python("""
context = trusting(%r)
steps = [connect_all(context)]
write_store("root-b"); steps.append(connect_all(context))
report(steps)""" % path, self.certifi())
        self.assertEqual(seen, [SERVED, PINNED])

    def test_a_file_that_is_narrowed_later_is_a_pin_from_then_on(self):
        path = self.package(PUBLIC)
        seen = self.python("""
import shutil
steps = [connect_all(trusting(%r))]
shutil.copyfile(pem("root-b"), %r); steps.append(connect_all(trusting(%r)))
report(steps)""" % (path, path, path), self.certifi())
        self.assertEqual(seen, [SERVED, PINNED])

    def test_nothing_readable_keeps_the_file(self):
        path = self.package(PUBLIC)
        absent = os.path.join(self.work, "absent.pem")
        self.assertStock(self.certifi(**{"trust-source": absent}), ITSELF, path)

    def test_no_file_there_is_the_error_it_was(self):
        path = os.path.join(self.packages, "certifi", "cacert.pem")
        code = "report(attempt(trusting, %r))" % path
        self.assertEqual(self.python(code, self.certifi()), self.python(code, self.stock()))

    def test_a_file_that_is_no_bundle_is_the_error_it_was(self):
        path = self.package(["no certificate\n"])
        code = "report(attempt(trusting, %r))" % path
        stock = self.python(code, self.stock())
        self.assertEqual(self.python(code, self.certifi()), stock)
        # CPython looks at errno first.
        absent = os.path.join(self.work, "absent.pem")
        self.assertEqual(self.python(code, self.certifi(**{"trust-source": absent})), stock)

    def test_the_systems_bundle_needs_no_pattern(self):
        self.assertServed(self.certifi(), BUNDLE)
        self.assertStock(self.certifi(**{"system-bundles": "no"}), ITSELF, BUNDLE)

    def test_the_installed_certifi(self):
        """The real thing, where this interpreter's pip has one."""
        try:
            import pip._vendor.certifi as certifi
        except ImportError:
            self.skipTest("this Python has no pip with a certifi")
        path = certifi.where()
        if not path.endswith("certifi/cacert.pem"):
            self.skipTest("the distribution gave this pip %s" % path)
        self.system(certificates(path))
        self.assertServed(self.certifi(), path)
        self.assertStock(self.ostrust(), ITSELF, path)


if __name__ == "__main__":
    support.skip_all_if(why_not())
    support.main()
