"""Root file systems of Debian's releases, made with mmdebstrap once and kept in $XDG_CACHE_HOME/ostrust-test or
~/.cache/ostrust-test, and programs in them: for test/versions, test/windows-versions,
test/clients/run, test/conformance/run, test/package and test/first-use, which run as root. With --refresh they are made anew:
not while another run is in them.

    OSTRUST_DEBIAN_MIRROR   where the packages come from (http://deb.debian.org/debian)
"""
import collections
import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

MIRROR = os.environ.get("OSTRUST_DEBIAN_MIRROR", "http://deb.debian.org/debian")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
HOUR = 3600

# `name` is that of the folder. Packages come from the first suite, but `more`, each of which may name its own
# ("openssl/experimental"). `optional` ones are left out where the suites do not have them, and are added to a root file
# system that is there.
Release = collections.namedtuple("Release", "name title suites more packages optional", defaults=((),))


class Unavailable(Exception):
    """A release cannot be tested here; the text is why."""


def need_root(script):
    """Ends a process that is not root's as one that could run nothing."""
    if os.geteuid() != 0:
        print("%s: needs root, for chroot and mounts: sudo %s" % (script, script), file=sys.stderr)
        sys.exit(77)


def run(command, **keywords):
    """The output of a command, which must succeed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **keywords)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        lines = text.splitlines()
        errors = [line for why in ("Could not |Failed to fetch", "^E: |error:", "")
                  for line in lines if re.search(why, line)]
        raise Unavailable("%s: %s" % (command[0], (errors or ["failed"])[0].strip()))
    return text


def attempt(command, timeout=HOUR):
    """How a command ended; one that does not end in time has failed, which its stderr says."""
    # To files: what it started may keep pipes open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=timeout)
        except subprocess.TimeoutExpired:
            done = subprocess.CompletedProcess(command, 1)
            err.write(b"ended after %d seconds\n" % timeout)
        for file in (out, err):
            file.seek(0)
        done.stdout, done.stderr = out.read(), err.read()
    return done


def failure(test, why):
    """As a line of test/integration/results.py."""
    return {"asked": test, "file": test, "test": "itself", "outcome": "fail", "why": why}


def results_of(done):
    """The lines of test/integration/results.py; that it did not end well is one more."""
    found = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
    if done.returncode != 0:
        found.append(failure("results.py", done.stderr.decode(errors="replace")[-2000:]))
    return found


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "ostrust-test")


def recipe(release):
    """The mmdebstrap command without the directory: a cached file system made by another is made anew."""
    command = ["mmdebstrap", "--mode=root", "--variant=apt", "--keyring=" + KEYRING,
               # Mirrors and snapshots that stand still have release files that are over.
               '--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Sandbox::User "root"',
               "--aptopt=Acquire::Retries \"3\"", "--include=" + ",".join(release.packages),
               "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
               "--dpkgopt=path-exclude=/usr/share/locale/*"]
    if release.more:
        command.append('--customize-hook=chroot "$1" apt-get -qq -y --no-install-recommends install ' +
                       shlex.join(release.more))
    return command, release.suites[0], ["deb %s %s main" % (MIRROR, suite) for suite in release.suites]


# Nothing but a path from this machine: no proxy or apt configuration that a shell exports.
def _environment():
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}


# Adds those of the packages that there are. Nothing is started.
_ADD = r"""
root=$1
shift
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
exec chroot "$root" sh -c 'set -e
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    for package do
        ! apt-cache show "$package" >/dev/null 2>&1 || echo "$package"
    done | xargs -r apt-get -qq -y --no-install-recommends install
    apt-get clean' sh "$@"
"""


def root_of(release, refresh, say):
    """The root file system of a release; made if it is not there. `say` is told of that."""
    os.makedirs(cache(), exist_ok=True)
    root = os.path.join(cache(), release.name)
    with open(root + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make(release, root, refresh, say)
        stamp = root + ".optional"
        have = set()
        if os.path.exists(stamp):
            with open(stamp) as file:
                have.update(file.read().split())
        wanted = set(release.optional) - have
        if wanted:
            say("adding to %s: %s" % (root, ", ".join(sorted(wanted))))
            run(["unshare", "--mount", "--propagation", "private", "sh", "-euc", _ADD, "sh", root, *sorted(wanted)],
                env=_environment(), timeout=HOUR)
            with open(stamp, "w") as out:
                out.write("\n".join(sorted(have | wanted)) + "\n")
    return root


def _make(release, root, refresh, say):
    stamp = root + ".recipe"
    command, suite, sources = recipe(release)
    text = json.dumps([command, suite, sources])
    try:
        with open(stamp) as file:
            if file.read() == text and not refresh and os.path.isdir(root):
                return
    except OSError:
        pass
    for program in ("mmdebstrap", "unshare", "chroot"):
        if not shutil.which(program):
            raise Unavailable("no %s (test/deps versions installs it)" % program)
    for old in (stamp, root + ".optional", root, root + ".new"):
        if os.path.isdir(old) and not os.path.islink(old):
            shutil.rmtree(old)
        elif os.path.lexists(old):
            os.remove(old)
    say("making %s" % root)
    try:
        run([*command, suite, root + ".new", *sources], env=_environment(), timeout=HOUR)
        os.rename(root + ".new", root)
    finally:
        shutil.rmtree(root + ".new", ignore_errors=True)
    with open(stamp, "w") as out:
        out.write(text)


# What runs in the mount namespace first: nothing that is mounted or written to what is mounted is seen outside or
# stays. The root is bound to itself because `unshare --mount`, which tests use, wants / to be a mount point.
_MOUNT = r"""
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 run "$root/run"
ip link set lo up 2>/dev/null || true
"""


# A layer above the root file system that takes every change.
_LAYER = r"""
set -eu
root=$1 layer=$2
shift 2
mount -t tmpfs -o mode=755 layer "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
cp /etc/resolv.conf "$layer/root/etc/resolv.conf" 2>/dev/null || true
set -- "$layer/root" "$@"
"""


def enter_layer(root, layer, script, *arguments):
    """As enter(), but what is written to `$root` is in memory, and gone when the command ends. `layer`: an empty folder.
    The network's name servers are this machine's."""
    command = enter(root, script, *arguments)
    command[command.index("-c") + 1] = _LAYER + command[command.index("-c") + 1]
    command.insert(command.index(root) + 1, layer)
    return command


def enter(root, script, *arguments, namespaces=()):
    """The command that runs a shell script with these arguments in a mount namespace of its own, outside of chroot. In
    `$root` /proc, /dev, /tmp and /run are mounted. `namespaces`: more options of unshare."""
    return ["unshare", "--mount", "--propagation", "private", *namespaces, "sh", "-c", _MOUNT + script, "sh", root,
            *arguments]
