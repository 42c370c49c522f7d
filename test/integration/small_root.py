"""A root file system with nothing in it but the openssl command, ostrust, and what these need."""
import os
import re
import shutil
import subprocess

import support

OSTRUST = "/usr/lib/ostrust/ostrust.so"
CONFIGURATION = "/etc/ostrust/openssl.cnf"


def why_not():
    """Why none can be used here."""
    if os.geteuid() != 0:
        return "needs root, for chroot"
    if support.SANITIZER:
        return "a sanitizer's runtime is not in the small root"
    missing = [name for name in ("chroot", "ldd") if shutil.which(name) is None]
    return missing and "needs " + " and ".join(missing)


def libraries_of(path):
    """The files that the dynamic linker opens for a program or a library, itself included."""
    done = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return re.findall(r"(?:^\s*|=> )(/\S+) \(0x", done.stdout.decode(), re.M)


class SmallRoot:
    """`directory` must be there, and is the tests' own."""

    def __init__(self, directory):
        self.directory = directory
        self._old_umask = os.umask(0o022)
        os.chmod(directory, 0o755)  # other users go into it
        self.program = shutil.which(support.OPENSSL)
        self.copy(self.program)
        self.copy(support.MODULE, OSTRUST)

    def close(self):
        os.umask(self._old_umask)

    def path(self, inside):
        """Where something is, seen from outside. Its directory is made."""
        path = os.path.join(self.directory, inside.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def copy(self, source, inside=None):
        """Copies a file, and the libraries that it needs."""
        shutil.copy(source, self.path(inside or source))
        for library in libraries_of(source):
            if not os.path.exists(self.path(library)):
                shutil.copy(library, self.path(library))

    def write(self, inside, text):
        with open(self.path(inside), "w") as out:
            out.write(text)

    def configure(self, keys=None):
        self.write(CONFIGURATION, support.configuration_text(dict({"module": OSTRUST}, **(keys or {}))))

    def openssl(self, *arguments, user=None, **env):
        """Runs the openssl command in it."""
        enter = ["chroot", *(["--userspec=%d:%d" % (user, user)] if user else []), self.directory]
        return support.run([*enter, self.program, *arguments],
                           support.environment(CONFIGURATION, preload=False, **env))

    def loads(self, library, *arguments, **more):
        """Whether the openssl command loads a library, and how it ended. glibc's linker says so."""
        done = self.openssl(*arguments, LD_DEBUG="files", **more)
        assert "/libcrypto.so" in done.err, done
        return bool(re.search(r"/%s \[0\];\s+(dynamically loaded|generating link map)" % re.escape(library),
                              done.err)), done
