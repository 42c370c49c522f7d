#!/usr/bin/env python3
"""The openssl command line with ostrust. Each acceptance has its twin without it."""
import os
import re
import subprocess
import sys

import support
from support import MARKER, OPENSSL, OstrustTest, hashed_directory, pem, port_of

REFUSED = "verification failed"


class Storeutl(OstrustTest):
    """The provider's own STORE loader."""

    def found(self, done):
        self.assertEqual(done.status, 0, done)
        count = re.search(r"Total found: (\d+)", done.text)
        return int(count.group(1)) if count else 0  # 3.5 says nothing of nothing (apps/storeutl.c)

    def test_enumerates_every_anchor(self):
        names = ("root-a", "root-b", "twin-1", "twin-2", "root-mail-trust", "leaf-self")
        self.store(*names)
        for uri in ("os:", "os://"):
            with self.subTest(uri):
                done = self.openssl("storeutl", "-certs", "-noout", uri,
                                    configuration=self.ostrust())
                self.assertEqual(self.found(done), len(names), done)
                done = self.openssl("storeutl", "-noout", uri, configuration=self.ostrust())
                self.assertEqual(self.found(done), len(names), done)

    def test_enumerates_the_certificates_of_the_bundle_unchanged(self):
        self.store("root-a", "root-b")
        done = self.openssl("storeutl", "-certs", "os://", configuration=self.ostrust())
        for name in ("root-a", "root-b"):
            body = "".join(support.text_of(name).split("\n")[1:-2])
            self.assertIn(body, done.out.replace("\n", ""), done)

    def test_without_ostrust_there_is_no_such_store(self):
        for uri in ("os:", "os://"):
            with self.subTest(uri):
                done = self.openssl("storeutl", "-certs", "-noout", uri, configuration=self.stock())
                self.assertNotEqual(done.status, 0, done)

    def test_finds_by_subject(self):
        self.store("root-a", "twin-1", "twin-2", "name-utf8")
        for subject, count in (("/O=ostrust tests/CN=Root A", 1),
                               ("/O=ostrust tests/CN=Twin", 2),
                               ("/O=ostrust tests/CN=Root B", 0),
                               ("/O=OSTRUST  TESTS/CN=some root NAME", 1)):
            with self.subTest(subject):
                done = self.openssl("storeutl", "-certs", "-noout", "-subject", subject, "os://",
                                    configuration=self.ostrust())
                self.assertEqual(self.found(done), count, done)

    def test_anything_after_the_colon_is_an_error(self):
        self.store("root-a")
        for uri in ("os:anything", "os://host", "os:///path", "os:/", "os://?query"):
            with self.subTest(uri):
                done = self.openssl("storeutl", "-certs", "-noout", uri,
                                    configuration=self.ostrust())
                self.assertNotEqual(done.status, 0, done)

    def test_there_are_no_keys_and_no_lists_in_it(self):
        self.store("root-a")
        for kind in ("-keys", "-crls"):
            with self.subTest(kind):
                done = self.openssl("storeutl", kind, "-noout", "os://",
                                    configuration=self.ostrust())
                self.assertEqual(self.found(done), 0, done)

    def test_under_default_properties_fips(self):
        # The loader must be found although only implementations with fips=yes are. (That TLS works
        # then needs OpenSSL's FIPS provider: test_fips.py.)
        self.store("root-a", "root-b")
        configuration = self.ostrust(init="alg_section = algorithms",
                                     sections="[algorithms]\ndefault_properties = fips=yes\n")
        done = self.openssl("storeutl", "-certs", "-noout", "os://", configuration=configuration)
        self.assertEqual(self.found(done), 2, done)

    def test_a_source_that_cannot_be_read_is_named(self):
        absent = os.path.join(self.work, "absent.pem")
        done = self.openssl("storeutl", "-certs", "-noout", "os://",
                            configuration=self.ostrust({"trust-source": absent}))
        self.assertNotEqual(done.status, 0, done)
        self.assertSays(absent, done)

    def test_a_bad_configuration_value_is_named(self):
        self.store("root-a")
        done = self.openssl("storeutl", "-certs", "-noout", "os://",
                            configuration=self.ostrust({"refresh": "often"}))
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("refresh", done)


class Verify(OstrustTest):
    """openssl verify."""

    def verify(self, *arguments, configuration, **env):
        return self.openssl("verify", *arguments, configuration=configuration, **env)

    def assertAccepts(self, done):
        self.assertEqual(done.status, 0, done)
        self.assertSays(": OK", done)

    def assertRefuses(self, done):
        self.assertNotEqual(done.status, 0, done)
        self.assertSays(REFUSED, done)

    def test_anything_after_the_colon_is_an_error_and_no_file(self):
        # Whoever can write to the working directory could put a CA there.
        self.store("root-a")
        for name in ("os:anything", "os:.", "OS:x"):
            self.file(name, support.text_of("root-a"))
            for option in ("-CAfile", "-CAstore"):
                with self.subTest(option + " " + name):
                    done = self.verify(option, name, pem("leaf-a"), configuration=self.ostrust())
                    self.assertNotEqual(done.status, 0, done)
                    self.assertSays("is os: or os:// and no more", done)
                    self.assertNotIn(": OK", done.text)
                    self.assertAccepts(self.verify(option, name, pem("leaf-a"), configuration=self.stock()))

    def test_accepts_what_the_system_trusts(self):
        self.store("root-a")
        for options in ((), ("-CAfile", "os:"), ("-CAfile", "os://"), ("-CAfile", MARKER),
                        ("-CAstore", "os:"), ("-CAstore", "os://")):
            with self.subTest(options):
                self.assertAccepts(self.verify(*options, pem("leaf-a"),
                                               configuration=self.ostrust()))
                self.assertRefuses(self.verify(*options, pem("leaf-b"),
                                               configuration=self.ostrust()))
                # The twin. `-CAfile os:` is refused outright, the others find nothing.
                done = self.verify(*options, pem("leaf-a"), configuration=self.stock())
                self.assertNotEqual(done.status, 0, done)

    def test_its_own_ca_file_trusts_only_that(self):
        # openssl verify also asks for the default directory and store. Not ours to serve here.
        self.store("root-a")
        directory = hashed_directory(os.path.join(self.work, "dir"), "root-b")
        for options in (("-CAfile", pem("root-b")), ("-CApath", directory),
                        ("-CAstore", pem("root-b")), ("-no-CAfile",),
                        ("-no-CAfile", "-no-CApath"), ("-no-CAfile", "-no-CAstore"),
                        ("-no-CAfile", "-no-CApath", "-no-CAstore"),
                        ("-trusted", pem("root-b"))):
            with self.subTest(options):
                ours = self.verify(*options, pem("leaf-a"), configuration=self.ostrust())
                stock = self.verify(*options, pem("leaf-a"), configuration=self.stock())
                if options[0] in ("-CAfile", "-no-CAfile", "-trusted"):
                    self.assertRefuses(ours)
                    self.assertEqual((ours.status, ours.out, ours.err),
                                     (stock.status, stock.out, stock.err))
        self.assertAccepts(self.verify("-CAfile", pem("root-b"), pem("leaf-b"),
                                       configuration=self.ostrust()))

    def test_ssl_cert_file_wins_over_the_defaults(self):
        self.store("root-a")
        self.assertRefuses(self.verify(pem("leaf-a"), configuration=self.ostrust(),
                                       SSL_CERT_FILE=pem("root-b")))
        self.assertAccepts(self.verify(pem("leaf-b"), configuration=self.ostrust(),
                                       SSL_CERT_FILE=pem("root-b")))
        for name in ("os://", MARKER):
            with self.subTest(name):
                self.assertAccepts(self.verify(pem("leaf-a"), configuration=self.ostrust(),
                                               SSL_CERT_FILE=name))

    def test_a_limited_root_is_an_anchor_where_its_limits_allow(self):
        for limited in ("root-mail-trust", "root-mail-reject"):
            self.store(limited)
            for options, leaf, accepted in (
                    (("-purpose", "sslserver"), "leaf-mail-server", False),
                    (("-purpose", "smimesign"), "leaf-mail", True),
                    ((), "leaf-mail", True),
                    ((), "leaf-mail-server", True)):
                with self.subTest(limited=limited, options=options, leaf=leaf):
                    done = self.verify("-CAfile", "os://", *options, pem(leaf),
                                       configuration=self.ostrust())
                    (self.assertAccepts if accepted else self.assertRefuses)(done)
                    if not accepted:
                        self.assertSays("certificate rejected", done)

    def test_other_purposes_of_a_limited_root(self):
        # emailProtection only: what is not trusted is rejected, not just servers.
        self.store("root-mail-trust")
        done = self.verify("-CAfile", "os://", "-purpose", "sslclient", pem("leaf-mail-server"),
                           configuration=self.ostrust())
        self.assertRefuses(done)

    def test_trust_does_not_switch_off_what_a_root_says_of_itself(self):
        # A matching trust setting would make OpenSSL skip its own purpose check of the root.
        self.store("root-own-mail-trust")
        done = self.verify("-CAfile", "os://", "-purpose", "sslserver", pem("leaf-own-mail-server"),
                           configuration=self.ostrust())
        self.assertRefuses(done)
        self.assertSays("unsuitable certificate purpose", done)
        self.assertAccepts(self.verify("-CAfile", "os://", pem("leaf-own-mail-server"),
                                       configuration=self.ostrust()))

    def test_a_chain_with_an_intermediate(self):
        self.store("root-a")
        done = self.verify("-CAfile", "os://", "-untrusted", pem("int-a"), "-show_chain",
                           pem("leaf-int"), configuration=self.ostrust())
        self.assertAccepts(done)
        self.assertEqual(done.out.count("depth="), 3, done)
        self.assertRefuses(self.verify("-CAfile", "os://", pem("leaf-int"),
                                       configuration=self.ostrust()))

    def test_strict_and_partial_chain(self):
        self.store("root-a")
        for options in (("-x509_strict",), ("-partial_chain",), ("-trusted_first",),
                        ("-no_alt_chains",)):
            with self.subTest(options):
                self.assertAccepts(self.verify("-CAfile", "os://", *options, pem("leaf-a"),
                                               configuration=self.ostrust()))

    def test_nothing_readable_keeps_the_defaults_stock(self):
        configuration = self.ostrust({"trust-source": os.path.join(self.work, "absent.pem")})
        ours = self.verify(pem("leaf-a"), configuration=configuration)
        stock = self.verify(pem("leaf-a"), configuration=self.stock())
        self.assertEqual((ours.status, ours.out, ours.err), (stock.status, stock.out, stock.err))
        for option in ("-CAfile", "-CAstore"):
            done = self.verify(option, "os://", pem("leaf-a"), configuration=configuration)
            self.assertNotEqual(done.status, 0, done)
            self.assertSays("absent.pem", done)


class SClient(OstrustTest):
    """openssl s_client."""

    def s_client(self, *options, configuration, server="leaf-a"):
        return self.openssl("s_client", "-connect", "127.0.0.1:%d" % port_of(server),
                            "-servername", "localhost", "-verify_hostname", "localhost",
                            "-verify_return_error", *options, configuration=configuration)

    def test_s_client(self):
        self.store("root-a")
        for options in ((), ("-CAfile", "os://"), ("-CAfile", "os:"), ("-CAstore", "os://"),
                        ("-CAstore", "os:"), ("-CAfile", MARKER)):
            with self.subTest(options):
                done = self.s_client(*options, configuration=self.ostrust())
                self.assertEqual(done.status, 0, done)
                self.assertSays("Verify return code: 0 (ok)", done)
                done = self.s_client(*options, configuration=self.ostrust(), server="leaf-b")
                self.assertNotEqual(done.status, 0, done)
                self.assertSays("unable to get local issuer certificate", done)
                done = self.s_client(*options, configuration=self.stock())
                self.assertNotEqual(done.status, 0, done)

    def test_s_client_with_its_own_ca_trusts_only_that(self):
        self.store("root-a")
        done = self.s_client("-CAfile", pem("root-b"), configuration=self.ostrust())
        self.assertNotEqual(done.status, 0, done)
        self.assertSays("unable to get local issuer certificate", done)


class Providers(OstrustTest):
    """What `openssl list -providers -verbose` says: how a person sees that ostrust is there."""

    OPENSSLS = ["base", "fips"] if support.FIPS else ["default"]

    def listing(self, configuration):
        done = self.openssl("list", "-providers", "-verbose", configuration=configuration)
        self.assertEqual(done.status, 0, done)
        # "  NAME" opens a provider, "    key: value" describes it.
        found, name = {}, None
        for line in done.out.splitlines():
            if re.match(r"  \S", line):
                name = line.strip()
                found[name] = {}
            elif re.match(r"    \S.*: ", line) and name:
                key, value = line.strip().split(": ", 1)
                found[name][key] = value
        return found, done

    def test_name_version_status_and_one_line_of_build_info(self):
        self.store("root-a", "root-b")
        found, done = self.listing(self.ostrust())
        self.assertIn("ostrust", found, done)
        ours = found["ostrust"]
        self.assertTrue(ours["name"], done)
        self.assertRegex(ours["version"], r"^\d+\.\d+\.\d+")
        self.assertEqual(ours["status"], "active")
        self.assertIn(self.bundle, ours["build info"])
        self.assertRegex(ours["build info"], r"\b2\b")
        for name in self.OPENSSLS:
            self.assertEqual(found[name]["status"], "active")

    def test_build_info_says_why_there_are_no_anchors(self):
        absent = os.path.join(self.work, "absent.pem")
        found, done = self.listing(self.ostrust({"trust-source": absent}))
        self.assertEqual(found["ostrust"]["status"], "active", done)
        self.assertIn(absent, found["ostrust"]["build info"])

    def test_build_info_says_what_is_wrong_in_the_configuration(self):
        self.store("root-a")
        for key, value in (("refresh", "often"), ("refersh", "1")):
            with self.subTest(key):
                found, done = self.listing(self.ostrust({key: value}))
                self.assertEqual(found["ostrust"]["status"], "active", done)
                self.assertIn(key, found["ostrust"]["build info"])

    def test_stock_has_no_ostrust(self):
        found, done = self.listing(self.stock())
        self.assertEqual(sorted(found), self.OPENSSLS, done)

    def test_every_other_command_works_as_before(self):
        self.store("root-a")
        for arguments in (("version",), ("dgst", "-sha256", pem("root-a")),
                          ("list", "-digest-algorithms"), ("list", "-store-loaders"),
                          ("x509", "-noout", "-text", "-in", pem("root-a")),
                          ("ciphers", "-v"), ("rand", "-out", os.devnull, "8")):
            with self.subTest(arguments):
                ours = self.openssl(*arguments, configuration=self.ostrust())
                stock = self.openssl(*arguments, configuration=self.stock())
                self.assertEqual((ours.status, ours.err), (0, ""), ours)
                if arguments[-1] != "-store-loaders":
                    self.assertEqual(ours.out, stock.out)


if __name__ == "__main__":
    print(subprocess.run([OPENSSL, "version"], stdout=subprocess.PIPE).stdout.decode().strip(),
          file=sys.stderr)
    support.main()
