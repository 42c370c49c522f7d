"""A network of the test's own: the program runs again in network and mount namespaces where nobody else is, with
addresses that look public and an /etc/hosts of its own. All of it is gone when the program ends."""
import os
import shutil
import subprocess
import sys
import tempfile

import support

PUBLIC = "198.41.0.4"  # globally reachable by its number, and on the loopback interface here
PUBLIC_TOO = "198.41.0.5"
PUBLIC_V6 = "2001:503:ba3e::2:30"
PRIVATE = ("10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1")

_INSIDE = "OSTRUST_OWN_NETWORK"


def _command():
    """What runs another command in new namespaces, or None."""
    command = ["unshare", "--net", "--mount", "--propagation", "private"]
    for options in ([], ["--map-root-user"]):
        done = subprocess.run([*command, *options, "sh", "-c", "ip link set lo up && mount --bind /dev/null /dev/null"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return command + options
    return None


def enter():
    """Comes back in the new network, or not at all: as skipped where there can be none."""
    if _INSIDE not in os.environ:
        for program in ("unshare", "ip", "mount"):
            support.skip_all_if(shutil.which(program) is None and "there is no " + program)
        command = _command()
        support.skip_all_if(command is None and "network and mount namespaces cannot be made here")
        # A child, so that what this program left to be done at its end is done.
        sys.exit(subprocess.call([*command, sys.executable, *sys.argv], env=dict(os.environ, **{_INSIDE: "1"})))
    _run("ip", "link", "set", "lo", "up")
    for address in (PUBLIC, PUBLIC_TOO, *PRIVATE):
        _run("ip", "address", "add", address + "/32", "dev", "lo")
    # Where there is no IPv6 its tests are skipped.
    subprocess.call(["ip", "address", "add", PUBLIC_V6 + "/128", "dev", "lo", "nodad"], stderr=subprocess.DEVNULL)


def _run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class OwnFile:
    """A file of /etc that says something else in here. Others in here who have it open see the change, too."""

    def __init__(self, path, text):
        handle, self._file = tempfile.mkstemp(prefix="ostrust-test-")
        os.close(handle)
        os.chmod(self._file, 0o644)
        self.path = path
        self.write(text)
        _run("mount", "--bind", self._file, path)
        os.remove(self._file)  # the mount keeps it
        self._file = path

    def write(self, text):
        with open(self._file, "w") as out:
            out.write(text)

    def restore(self):
        _run("umount", self.path)


def hosts_text(names):
    """An /etc/hosts. `names`: {name: address or addresses}"""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    for name, addresses in names.items():
        lines += ["%s %s" % (address, name) for address in
                  ([addresses] if isinstance(addresses, str) else addresses)]
    return "\n".join(lines) + "\n"
