"""The tests of others that test/conformance/run runs: what each needs, how it is made, run and read.

Everything is in a root file system of Debian 12, the source package in /srv/own/source. A unit is what one process runs:
a recipe, a file, a few numbers.
"""
import glob
import os
import re


def tap(text):
    """{case: outcome} of TAP, with the subtests. Several have the same name; some come in a random order."""
    found = {}
    for match in re.finditer(r"^( *)(not ok|ok) (\d+)(?: *-)? *(.*)$", text, re.M):
        description, _, directive = match[4].partition("# ")
        name = "%d %s" % (len(match[1]) // 4, description.strip() or match[3])
        outcome = match[2]
        if re.match(r"(?i)skip|todo", directive):
            outcome = "%s: %s" % (outcome, directive)
        while name in found:
            name += "'"
        found[name] = outcome
    return found


class Suite:
    """`package`: Debian's source package. `make`: a shell script in /srv/own. `run`: one, in /srv/own/source, with the
    unit as $1. `probe`: a command that loads libcrypto once and succeeds if os:// is served, with the program that is
    tested, or another of the same libcrypto where that one loads no CA file without a server. `before`: what root does in /srv/own before. `user`: who runs it."""
    make = before = ""
    user = "root"
    limit = 600
    title = package = run = ""
    probe = "openssl storeutl -noout -certs os://"

    def units(self, source):
        raise NotImplementedError

    def cases(self, text, unit):
        """{case: outcome} of what a unit printed."""
        return tap(text)

    def changes(self, source, section):
        """{path: text} of the configurations in the source that must have ostrust's section, too."""
        return {}

    # Units that fail where a configuration activates the default provider, also without ostrust, and the configuration
    # in the source that they must have as it is.
    wants_fallback = ()
    fallback = ""


class OpenSsl(Suite):
    """Its recipes, of verification, stores, certificates, CMS, OCSP, CMP, providers and TLS, with Debian's libraries, openssl and
    legacy provider; only the programs of the tests are built. The harness names configurations in the source, which are
    changed."""
    title = "OpenSSL's recipes"
    package = "openssl"
    # Configured as Debian does it. `-o`: take these files as they are.
    make = """cd source
lib=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
options=$(sed -n 's/^CONFARGS *= .*DEB_HOST_MULTIARCH)//p' debian/rules)
./Configure shared --prefix=/usr --openssldir=/usr/lib/ssl $options debian-$(dpkg --print-architecture) \
    CFLAGS=-O0 >/dev/null
make -s build_generated
cp -L $lib/libcrypto.so.3 $lib/libssl.so.3 $lib/libcrypto.a $lib/libssl.a .
ln -s libcrypto.so.3 libcrypto.so
ln -s libssl.so.3 libssl.so
cp /usr/bin/openssl apps
cp $lib/ossl-modules/legacy.so providers
make -s -j2 $(printf ' -o %s' lib*.so* lib*.a apps/openssl providers/legacy.so) \
    $(sed -n '/^PROGRAMS=/,/[^\\\\]$/p' Makefile | grep -o 'test/[^ ]*') providers/legacy.so \
    test/p_test.so test/p_minimal.so test/provider_internal_test.cnf engines/dasync.so engines/ossltest.so \\
    util/wrap.pl util/shlib_wrap.sh apps/CA.pl apps/tsget.pl tools/c_rehash
"""
    # They ask for, or count on, a default library context whose default provider nobody has activated.
    wants_fallback = ("test_sslapi", "test_pkcs12", "test_evp_extra")
    fallback = "apps/openssl.cnf"
    probe = "OPENSSL_CONF=test/default.cnf util/wrap.pl apps/openssl storeutl -noout -certs os://"
    run = "SRCTOP=. BLDTOP=. PERL=perl EXE_EXT= HARNESS_VERBOSE=yes exec perl test/run_tests.pl $1"
    RECIPES = re.compile(r"0[0-4]-|20-test_(app|cli|legacy_okay|nocache)|25-|30-test_(defltfips|evp_extra|evp_fetch|"
                         r"evp_libctx|prov_config|provider_status)|40-|6\d-|7\d-|8\d-|9\d-test_(fatal|memleak|overhead|"
                         r"secmem|shlibload|sslapi|sslbuffers|store|sysdefault|threads|time_offset|tls13|trace|v3name)")

    def units(self, source):
        names = sorted(os.path.basename(path)[:-2] for path in glob.glob(os.path.join(source, "test/recipes/*.t")))
        return [name[3:] for name in names if self.RECIPES.match(name)]

    def cases(self, text, unit):
        skipped = re.search(r"^\d\d-%s\.t \.\. skipped: *(.*)$" % re.escape(unit), text, re.M)
        return {"all": "skipped: " + skipped[1]} if skipped else tap(text)

    def changes(self, source, section):
        found = {}
        for path in [os.path.join(source, "apps/openssl.cnf"), *glob.glob(os.path.join(source, "test/*.cnf"))]:
            with open(path, errors="surrogateescape") as file:
                text = file.read()
            # Those without the default provider are of tests that want none.
            if re.search(r"^openssl_conf *= *openssl_init", text, re.M) and (
                    path.endswith("apps/openssl.cnf") or re.search(r"^default *= *default_sect", text, re.M)):
                found[path] = text + section
        return found


class Ruby(Suite):
    """Its tests of openssl and what uses it, by Debian's ruby."""
    title = "Ruby's tests of openssl, net/http, open-uri, drb and digest"
    package = "ruby3.1"
    probe = "ruby -ropenssl -e 'OpenSSL::X509::Store.new.add_file(\"os://\")'"
    run = "exec ruby -Itool/lib -Itest/lib test/runner.rb --tty=no --seed=1 -v $1"

    def units(self, source):
        found = []
        for pattern in ("openssl/test_*.rb", "net/http/test_*.rb", "net/protocol/test_*.rb", "open-uri/test_*.rb",
                        "drb/test_*.rb", "digest/test_*.rb", "test_securerandom.rb"):
            found += sorted(glob.glob(os.path.join(source, "test", pattern)))
        return [os.path.relpath(path, source) for path in found]

    def cases(self, text, unit):
        found = {case: "ok" for case in re.findall(r"^\[ *\d+/\d+\] (\S+#.+?) = [\d.]+ s", text, re.M)}
        # "  1) Failure:", the case, and the exception where it is an error.
        for word, case, why in re.findall(r"^ +\d+\) (Failure|Error|Skipped):\n(\S+#.+?)(?::\n(\S+):| \[).*$", text, re.M):
            found[case] = " ".join([word.lower(), why]).strip()
        if re.search(r"^0 tests, 0 assertions, 0 failures, 0 errors", text, re.M):  # without engines, test_engine.rb
            found["all"] = "skipped: it has no tests here"
        return found


class Postgresql(Suite):
    """The TAP tests of src/test/ssl, with Debian's server, psql and libpq."""
    title = "libpq's and PostgreSQL's TLS tests"
    package = "postgresql-15"
    user = "postgres"
    # The tests look into PostgreSQL's headers; installed, the packages would bring a compiler along.
    make = """apt-get -qq download postgresql-server-dev-15 libpq-dev
for package in *.deb; do dpkg -x $package dev; done"""
    before = "cp -R /srv/own/dev/. /"
    run = """cd src/test/ssl
export PATH=/usr/lib/postgresql/15/bin:$PATH
export PG_REGRESS=/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress TESTDIR=/tmp/test TESTDATADIR=/tmp/test TESTLOGDIR=/tmp/test/log with_ssl=openssl PG_TEST_EXTRA=ssl PGUSER=postgres
mkdir -p /tmp/test/log
exec prove -v -I /srv/own/source/src/test/perl -I . -I t $1"""

    def units(self, source):
        return ["t/%s" % name for name in sorted(os.listdir(os.path.join(source, "src/test/ssl/t")))
                if name.endswith(".pl")]


class Curl(Suite):
    """Its tests with TLS of the curl command, which is Debian's; only their servers are built from Debian's source. Those
    of libcurl, which have programs of their own, are left out."""
    title = "curl's tests with TLS"
    package = "curl"
    make = """cd source
for patch in $(tac debian/patches/series | head -2); do patch -s -R -p1 <debian/patches/$patch; done
autoreconf -fi >/dev/null 2>&1
./configure --with-openssl --with-nghttp2 --disable-ldap --disable-manual --without-libpsl --enable-debug=no >/dev/null
make -s -j2 -C tests/server"""
    run = "cd tests; exec perl ./runtests.pl -a -n -c /usr/bin/curl -vc /usr/bin/curl $1"
    PART = 25
    WORDS = re.compile(r"^(HTTPS|FTPS|IMAPS|POP3S|SMTPS|SSL.*|TLS.*|https|ftps)$", re.M)

    def units(self, source):
        numbers = []
        for path in glob.glob(os.path.join(source, "tests/data/test[0-9]*")):
            with open(path, errors="replace") as file:
                text = file.read()
            server = re.search(r"<server>(.*?)</server>", text, re.S)
            keywords = re.search(r"<keywords>(.*?)</keywords>", text, re.S)
            if "<tool>" not in text and any(found and self.WORDS.search(found[1]) for found in (server, keywords)):
                numbers.append(int(path.rpartition("test")[2]))
        numbers.sort()
        return [" ".join(map(str, numbers[start:start + self.PART])) for start in range(0, len(numbers), self.PART)]

    def cases(self, text, unit):
        found = {}
        for part in re.split(r"^(?=test \d{4,5})", text, flags=re.M)[1:]:
            number, skipped = re.match(r"test (\d+) *(?:SKIPPED: (.*))?", part).groups()
            passed = re.search(r"^(\S+) +OK +\(", part, re.M)
            if passed:
                outcome = "OK " + passed[1]  # what was compared
            elif skipped:  # "failed starting HTTP server" is no reason
                outcome = skipped if skipped.startswith("failed") else "skipped: " + skipped
            else:
                wrong = re.search(r"^ *(?:\d+: )?(.*(?:FAILED|failed).*)$", part, re.M)
                outcome = "failed: " + (wrong[1] if wrong else "no reason given")
            found["test %d" % int(number)] = outcome
        if re.search(r"^TESTDONE: ", text, re.M):
            for number in unit.split():
                found.setdefault("test " + number, "skipped: for a reason given thrice before")
        return found


SUITES = {"openssl": OpenSsl(), "ruby": Ruby(), "curl": Curl(), "postgresql": Postgresql()}
