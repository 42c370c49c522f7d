#!/usr/bin/env python3
"""Every call of the module's that can fail, failing once: test/hosts/faults.cpp says how, and what is wrong.

A row is one question to one configuration. Each has so many calls that by default only every STRIDEth for memory is
made to fail, and of the ways in which the others fail every WAYSth is tried. OSTRUST_FAULTS=all tries all, which takes
minutes for each row; OSTRUST_FAULTS=N all but for memory, of which every Nth.
"""
import json
import os
import shutil
import subprocess
import sys
import time

import support
from support import MARKER, configuration_text, pem
from test_hosts import HostTest
from test_intermediates import ACCEPTED, MissingTest
from test_p11_kit import RACY, WITHOUT_P11_KIT, p11kit
from test_revocation import WithDirectory
from test_tool import UNHOOKED

REJECTED = "refused: certificate rejected"
REVOKED = "refused: certificate revoked"
UNKNOWN_ISSUER = "refused: unable to get local issuer certificate"
NO_CRL = "refused: unable to get certificate CRL"


class FaultTest(HostTest):

    def setUp(self):
        super().setUp()
        self.server = os.path.join(support.PKI, "leaf-int-chain")
        self.store("root-a")

    def bundle_of(self, name, *certificates):
        path = os.path.join(self.work, name)
        support.write_store(path, *certificates)
        return path

    def faults(self, expected, configuration, at_least, stride=2, ways=4, within=(), module=support.MODULE, **row):
        """Runs a row; what was tried. At least so many calls there must have been."""
        row = dict({"mode": "first", "via": "tls", "source": "os://", "server": self.server,
                    "expected": expected}, **row)
        asked = os.environ.get("OSTRUST_FAULTS", "")
        slower = 11 if support.SANITIZER else 1
        if not asked:
            row["stride"], row["ways"] = stride * slower, ways * slower
        elif asked != "all":
            row["stride"] = asked
        # LeakSanitizer knows what the dynamic linker keeps by who called malloc(), and here that is the host's own.
        keeps = "suppressions='%s'" % self.file("lsan", "leak:ld-linux\n")
        done = self.host("faults", *("%s=%s" % item for item in row.items()), configuration=configuration,
                         within=within, timeout=36000 if asked else 300 * (1 + 3 * bool(support.SANITIZER)),
                         OSTRUST_MODULE=module, LSAN_OPTIONS=keeps)
        self.assertEqual(done.status, 0, done)
        tried = json.loads(done.out.splitlines()[-1])
        if os.environ.get("OSTRUST_FAULTS_SHOWN"):
            print(self.id(), json.dumps(tried), file=sys.stderr)
        self.assertGreaterEqual(tried["points"], at_least, done)
        self.assertGreater(tried["runs"], 0, done)
        # Of a call that did not come again nothing was learned; threads make that happen.
        self.assertLessEqual(tried["missed"], tried["runs"] // 4, done)
        # Nor where OpenSSL or p11-kit's module ended the process.
        self.assertLessEqual(sum(tried["died elsewhere"].values()), tried["runs"] // 4, done)
        return tried


class Verdicts(FaultTest):

    def test_an_accepted_server(self):
        tried = self.faults(ACCEPTED, self.ostrust(), 400, stride=31)
        self.assertIn("memory", tried["kinds"], tried)

    def test_an_accepted_server_in_a_store_that_was_used(self):
        self.faults(ACCEPTED, self.ostrust(), 100, mode="warm", stride=7)

    def test_a_verification_without_libssl(self):
        self.faults(ACCEPTED, self.ostrust(), 400, via="verify", stride=41)
        self.faults(ACCEPTED, self.ostrust(), 100, via="verify", mode="warm", stride=7)

    def test_a_verify_function_of_the_applications(self):
        self.faults("refused: application verification failure", self.ostrust(), 40, via="verify", mode="warm",
                    stride=1, applications="refuses")

    def test_the_default_paths(self):
        self.faults(ACCEPTED, self.ostrust(), 400, source="default", stride=41)

    def test_the_marker_where_lookup_methods_cannot_be_hooked(self):
        self.faults(ACCEPTED, self.ostrust({"module": UNHOOKED}), 400, source=MARKER, module=UNHOOKED, prepared="yes",
                    stride=37)
        # What a store takes when it is made.
        self.faults(UNKNOWN_ISSUER, self.ostrust({"module": UNHOOKED}), 4, source=self.bundle_of("b.pem", "root-b"),
                    module=UNHOOKED, prepared="yes", stride=1)

    def test_an_unknown_root(self):
        self.store("root-b")
        self.faults(UNKNOWN_ISSUER, self.ostrust(), 30)

    def test_a_distrusted_intermediate(self):
        self.store("root-a", "int-a-distrusted")
        for via, stride in (("tls", 17), ("verify", 17)):
            self.faults(REJECTED, self.ostrust(), 400, via=via, stride=stride)
            self.faults(REJECTED, self.ostrust(), 60, via=via, mode="warm")

    def test_a_distrusted_root(self):
        self.store("root-a-distrusted", "root-b")
        self.faults(REJECTED, self.ostrust(), 60, mode="warm")

    def test_a_store_that_changes(self):
        good = self.bundle_of("good.pem", "root-a")
        bad = self.bundle_of("bad.pem", "root-a", "int-a-distrusted")
        other = self.bundle_of("other.pem", "root-b")
        configuration = self.ostrust({"log": "error"})
        self.faults(REJECTED, configuration, 100, mode="change", store=good, then=bad, stride=31)
        self.faults(ACCEPTED, configuration, 400, mode="change", store=other, then=good, stride=41)
        self.faults(UNKNOWN_ISSUER, configuration, 60, mode="change", store=good, then=other)

    def test_a_directory_with_a_distrusted_intermediate(self):
        directory = support.hashed_directory(os.path.join(self.work, "roots"), "root-a")
        shutil.copyfile(pem("int-a-distrusted"), os.path.join(directory, "distrusted.pem"))
        configuration = self.ostrust({"trust-source": directory, "log": "error"})
        # What a file says that cannot be read is not known until it is; that is reported. But where nothing is left
        # to read it with, all stays as it was.
        unread = "EACCES,EIO,EINTR,short"
        self.faults(REJECTED, configuration, 400, stride=41, unread=unread)
        self.faults(REJECTED, configuration, 60, mode="warm", unread=unread)
        self.bundle = os.path.join(directory, "more.pem")
        tried = self.faults(REJECTED, configuration, 60, mode="change", store=self.bundle_of("b.pem", "root-b"),
                            then=self.bundle_of("c.pem", "root-b", "root-mail"), ways=1, unread=unread)
        self.assertIn(REJECTED, tried["answers"], tried)

    def test_a_bundle_with_a_distrusted_root_in_the_directory_beside_it(self):
        """`auto`, as on Debian: a file of the directory is read when its subject is looked up."""
        own = ["unshare", "--mount", "--propagation", "private"] + ["--map-root-user"] * (os.geteuid() != 0)
        if subprocess.run([*own, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("mount namespaces cannot be made here")
        directory = support.hashed_directory(os.path.join(self.work, "certs"), "root-a-distrusted", "root-b")
        support.write_store(os.path.join(directory, "ca-certificates.crt"), "root-a", "root-b")
        within = [*own, "sh", "-ec", 'mount --bind %s /etc/ssl/certs\nexec "$@"' % directory, "sh"]
        configuration = self.ostrust({"trust-source": "auto", "log": "error"})
        for via in "tls", "verify":
            tried = self.faults(REJECTED, configuration, 400, via=via, stride=41, ways=1, within=within,
                                unread="EACCES,EIO,short")
            self.assertIn(REJECTED, tried["answers"], tried)
            # A sanitized run tries too few ways for this to be among them.
            self.assertTrue(support.SANITIZER or any("lookup" in answer for answer in tried["answers"]), tried)

    def test_a_shortage_that_lasts(self):
        self.faults(ACCEPTED, self.ostrust(), 400, lasting="yes", stride=5)
        self.faults(ACCEPTED, self.ostrust(), 60, mode="warm", lasting="yes", stride=3)
        self.store("root-a", "int-a-distrusted")
        self.faults(REJECTED, self.ostrust(), 400, lasting="yes", stride=41)
        self.faults(REJECTED, self.ostrust(), 60, mode="warm", lasting="yes", stride=3)


class Loading(FaultTest):
    """The provider itself: with it or without, and never half."""

    def rows(self, mode, configuration, **more):
        self.store("root-a", "int-a-distrusted")
        tried = self.faults(ACCEPTED, configuration, 60, mode=mode, server=os.path.join(support.PKI, "leaf-a"),
                            distrusted=self.server, own=pem("root-b"),
                            **{"own-server": os.path.join(support.PKI, "leaf-b")}, **more)
        self.assertTrue(any(answer.startswith("not loaded, ") for answer in tried["answers"]), tried)
        self.assertIn("loaded, accepted", tried["answers"], tried)

    def test_by_the_configuration(self):
        self.rows("load", self.ostrust())

    def test_by_name(self):
        self.rows("explicit", self.ostrust({"activate": None}))


class Policy(FaultTest):
    """A blocked intermediate in p11-kit's policy: also the calls that its module makes fail. What that cannot read it
    passes over and says nothing; then it must be said by us, not be kept, and be tried again after a minute."""

    SAID = {"said": "holds nothing that p11-kit understands|an object is skipped|p11-kit takes no notice", "later": 61}

    def setUp(self):
        super().setUp()
        if WITHOUT_P11_KIT:
            self.skipTest(WITHOUT_P11_KIT)
        self.policy = p11kit.Policy(os.path.join(self.work, "policy"))
        self.policy.anchor(pem("root-a"))
        self.cache = os.path.join(self.work, "cache")

    def trusting(self, **keys):
        return self.ostrust(dict({"trust-source": "p11-kit:" + self.policy.directory, "cache-dir": "off",
                                  "log": "error"}, **keys))

    def test_read_by_every_process(self):
        self.policy.block(pem("int-a"))
        for via, stride in (("tls", 601), ("verify", 901)):
            tried = self.faults(REJECTED, self.trusting(), 1000, via=via, stride=stride, ways=7, **self.SAID)
            self.assertIn(REJECTED, tried["answers"], tried)
            self.assertTrue(any("p11-kit cannot be used" in answer for answer in tried["answers"]), tried)
        self.faults(REJECTED, self.trusting(), 1000, lasting="yes", stride=901, ways=7, **self.SAID)

    def test_kept_for_others(self):
        self.policy.block(pem("int-a"))
        configuration = self.trusting(**{"cache-dir": self.cache})
        time.sleep(RACY)
        self.faults(REJECTED, configuration, 1000, stride=901, ways=13, kept="yes", empty=self.cache, **self.SAID)
        self.openssl("storeutl", "-noout", "os://", configuration=configuration)
        self.assertTrue(os.listdir(self.cache))
        self.faults(REJECTED, configuration, 400, stride=301, ways=7, kept="yes", **self.SAID)

    def test_that_changes(self):
        self.bundle = os.path.join(self.policy.directory, "more.p11-kit")
        states = {}
        for state, distrusted in ("store", False), ("then", True):
            states[state] = os.path.join(self.work, state)
            with open(states[state], "w") as out:
                out.write(p11kit.certificate(pem("int-a"), x_distrusted=distrusted))
        self.faults(REJECTED, self.trusting(), 1000, mode="change", stride=301, ways=13, **states, **self.SAID)


class Missing(FaultTest, MissingTest):
    """A missing intermediate, of a server on the loopback interface and of the caches."""

    def setUp(self):
        super().setUp()
        self.trust("root-a")
        self.server = self.name("leaf")

    def test_fetched(self):
        self.faults(ACCEPTED, self.missing(log="error"), 500, stride=71, network="yes", empty=self.cache)

    def test_in_the_cache_of_the_directory(self):
        done = self.openssl("verify", "-verify_hostname", "localhost", "-CAfile", "os://", self.pem("leaf"),
                            configuration=self.missing())
        self.assertEqual((done.status, len(self.cached())), (0, 1), done)
        self.faults(ACCEPTED, self.missing("local", log="error"), 500, stride=71)

    def test_remembered(self):
        self.faults(ACCEPTED, self.missing(log="error"), 60, mode="warm", stride=13)


class Revoked(FaultTest, WithDirectory):
    """Lists beside the system's certificates."""

    def setUp(self):
        super().setUp()
        self.server = self.name("neither-sent")

    def test_local(self):
        self.put("neither", "revoked")
        self.faults(REVOKED, self.checking("local", log="error"), 100, mode="warm", stride=17, unread="any")

    def test_hard(self):
        self.faults(NO_CRL, self.checking("hard", log="error"), 100, mode="warm", stride=17)
        self.put("neither", "revoked")
        self.faults(REVOKED, self.checking("hard", log="error"), 100, mode="warm", stride=17)


if __name__ == "__main__":
    support.main()
