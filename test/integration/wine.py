"""Runs Windows programs in Wine, in a Windows that is thrown away afterwards.

    with wine.Wine() as windows:
        done = windows.run(wine.host("openssl-3.0", "openssl.exe"), "version")

    python3 wine.py PROGRAM [ARGUMENT...]      CMAKE_CROSSCOMPILING_EMULATOR: unit tests; WINEPATH is handed on

test/windows-hosts makes the hosts, the build of preset windows the programs of test/hosts. Where something is
absent, why_not() and why_no_...() give the reason for a skip. Standard library only, CPython 3.8 or later. Nothing
of this was run on Windows itself.

    OSTRUST_WINDOWS_PROGRAMS   the folder of the programs of test/hosts, windows_store.exe among them
                               (build/windows/test/hosts)
"""
import glob
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import support

_PROGRAMS = (os.environ.get("OSTRUST_WINDOWS_PROGRAMS") or
             os.path.join(support.SOURCE, "build", "windows", "test", "hosts"))

# Seconds. How long a server outlives its last program, should nobody end it: a killed test leaves no more behind.
_SERVER_LINGERS = 300
_PATIENCE = 300  # for what Wine does by itself

_MAY_NOT_BEGIN = 3  # times that a program is started again, for each Windows

# Hosts that not every Wine can run: Wine.why_no_host() tries.
NEWER_HOSTS = ("node-24", "node-26")


def cache():
    """Where test/windows-hosts keeps what it made."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "ostrust-test", "windows")


def host(name, *file):
    """The path of a host of test/windows-hosts, or of a file of it."""
    return os.path.join(cache(), name, *file)


def program(name):
    """The path of a program of test/hosts."""
    return os.path.join(_PROGRAMS, name + ".exe")


def path(unix):
    """How Windows programs call a file of this machine. Slashes: OpenSSL's configuration takes backslashes for
    escapes."""
    return "Z:" + os.path.abspath(unix)


def _loader():
    """The 64-bit loader itself. Debian keeps it out of PATH, and its `wine` is a script that asks for the 32-bit
    one, which no test needs."""
    known = "/usr/lib/wine/wine64"
    return known if os.access(known, os.X_OK) else shutil.which("wine64") or shutil.which("wine")


def why_not():
    """Why nothing can be run in Wine here, or None."""
    if not _loader() or not shutil.which("wineserver"):
        return "no Wine (test/deps windows installs it)"
    return None


def why_no_host(name):
    """Why a host cannot be run, or None."""
    return why_not() or (None if os.path.isfile(host(name, "version")) else
                         "no %s (test/windows-hosts makes it)" % name)


def why_no_program(name):
    """Why a program of test/hosts cannot be run, or None."""
    return why_not() or (None if os.path.isfile(program(name)) else
                         "no %s (the preset windows builds it)" % program(name))


def version():
    """Wine's own words."""
    return subprocess.run([_loader(), "--version"], env=_environment("/nonexistent"), check=True,
                          stdout=subprocess.PIPE).stdout.decode().strip()


def _environment(prefix, extra=()):
    """The whole environment of a process in Wine. What a test does not ask for is not there, SSL_CERT_FILE and
    OPENSSL_CONF among it; Wine makes PATH, TEMP and the like itself."""
    result = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "WINEPREFIX": prefix,
        "WINEDEBUG": "-all",
        # A debugger would keep a crashed program; .NET and HTML would be asked for on a display; Wayland's driver
        # would write to standard error that there is none.
        "WINEDLLOVERRIDES": "winedbg.exe=d;mscoree=;mshtml=;winewayland.drv=",
    }
    result.update(extra)
    return result


# What makes a Windows of an empty folder. Wine 8 makes the key of CurrentUser's ROOT only when it is opened for
# writing; on Windows it is always there.
_SETUP = (("wineboot", "-i"),
          ("winecfg", "-v", "win10"),
          ("reg", "add", r"HKCU\Software\Microsoft\SystemCertificates\Root\Certificates", "/f"))


def _template():
    """A fresh Windows 10, made once for each version of Wine and _SETUP: it takes seconds."""
    recipe = hashlib.sha256(repr((version(), _SETUP)).encode()).hexdigest()[:8]
    directory = os.path.join(cache(), "%s-%s" % (version().split()[0], recipe))
    if os.path.isdir(directory):
        return directory
    os.makedirs(cache(), exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".wine-", dir=cache()) as work:
        prefix = os.path.join(work, "prefix")
        os.mkdir(prefix)
        with _Server(prefix):
            for arguments in _SETUP:
                subprocess.run([_loader(), *arguments], env=_environment(prefix), check=True, timeout=_PATIENCE,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            os.rename(prefix, directory)  # whole, the registry written
        except OSError:
            if not os.path.isdir(directory):  # or somebody else was faster
                raise
    return directory


def _link_or_copy(source, target):
    """For files that nobody writes to."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


class _Server:
    """A wineserver that stays between programs, so that one takes 0.2 seconds and not 3."""

    def __init__(self, prefix):
        self._prefix = prefix
        # In the foreground, so that it is our child.
        self._process = subprocess.Popen(
            ["wineserver", "-f", "-p%d" % _SERVER_LINGERS], env=_environment(prefix),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Ends every program of this prefix, too; the server writes the registry before it ends.
        subprocess.run(["wineserver", "-k"], env=_environment(self._prefix), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_PATIENCE)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


class Wine:
    """A Windows of one's own: nothing that is done in it is seen in another one, or stays.

    directory   holds all of it, and is where programs run if nothing else is said"""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ostrust-wine-")
        self._prefix = os.path.join(self.directory, "prefix")
        template = _template()
        # The 700 MB of Windows itself are shared.
        shared = os.path.join(template, "drive_c", "windows", "")
        shutil.copytree(template, self._prefix, symlinks=True, copy_function=lambda source, target:
                        (_link_or_copy if source.startswith(shared) else shutil.copy2)(source, target))
        self._server = _Server(self._prefix)
        self._reasons = {}
        self._not_begun = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends what still runs in it. Nothing of it is left."""
        self._server.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def restart(self):
        """As if the machine were: no program runs any more, and what is volatile is forgotten."""
        self._server.__exit__()
        self._server = _Server(self._prefix)

    def run(self, executable, *arguments, env=(), stdin=b"", cwd=None, timeout=60):
        """Runs a program to its end; a support.Done. `env`: environment variables, which no other ones are beside
        but Windows' own. Input and output are files: node.exe in Wine does not write to pipes. After `timeout` seconds
        this Windows is restarted, and subprocess.TimeoutExpired raised.

        Seldom, on a loaded machine, Wine ends a program before it has begun: status 1, and not a word. (Seen with
        windows_store.exe, which says something whenever it fails.) What ends like that is started once more, and that is
        said; what does so by itself does so again."""
        done = self._run_once(executable, arguments, env, stdin, cwd, timeout)
        if (done.status, done.text) == (1, "") and self._not_begun < _MAY_NOT_BEGIN:
            self._not_begun += 1
            print("started again, because it ended with status 1 and said nothing: " + " ".join(done.arguments), file=sys.stderr)
            done = self._run_once(executable, arguments, env, stdin, cwd, timeout)
        return done

    def _run_once(self, executable, arguments, env, stdin, cwd, timeout):
        command = [_loader(), executable, *arguments]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            try:
                completed = subprocess.run(command, env=_environment(self._prefix, env), stdin=given, stdout=out,
                                           stderr=err, cwd=cwd or self.directory, timeout=timeout)
            except subprocess.TimeoutExpired:
                self.restart()  # the program need not be the process that was started, nor the only one
                raise
            for file in (out, err):
                file.seek(0)
            completed.stdout, completed.stderr = (file.read().replace(b"\r\n", b"\n") for file in (out, err))
        return support.Done(command, completed)

    # --- what differs between versions of Wine: reasons for a skip, or None

    def why_no_host(self, name):
        """Why a host cannot be run in this Wine."""
        reason = why_no_host(name)
        if reason or name not in NEWER_HOSTS:
            return reason
        return self._once(name, lambda: self._why_no_node(name))

    def why_no_machine_root(self, file):
        """Why a root that is put into LocalMachine's ROOT is not trusted. In Wine 10.0 the first thing that a process
        does with ROOT is to remove what is not in this machine's /etc/ssl/certs. `file` is tried."""
        return self._once("machine root", lambda: self._why_no_machine_root(file))

    def _once(self, key, find):
        if key not in self._reasons:
            self._reasons[key] = find()
        return self._reasons[key]

    def _why_no_node(self, name):
        try:
            done = self.run(host(name, "node.exe"), "-p", "'started'")
        except subprocess.TimeoutExpired as error:  # Wine 8 does not always get to the end of such a crash
            return "%s does not start in this Wine: nothing for %d seconds" % (name, error.timeout)
        if (done.status, done.out) == (0, "started\n"):
            return None
        said = [line.strip("# ") for line in done.err.splitlines() if line.strip("# ")]
        return "%s does not start in this Wine: %s" % (name, said[0] if said else "status %d" % done.status)

    def _why_no_machine_root(self, file):
        before = self.certificates("LocalMachine", "ROOT")
        self.add_certificate("LocalMachine", "ROOT", file)
        if self.certificates("LocalMachine", "ROOT") == before:
            return "this Wine removes roots of LocalMachine that are not this machine's"
        self.remove_certificate("LocalMachine", "ROOT", file)
        return None

    # --- certificate stores: location is CurrentUser or LocalMachine, store ROOT, CA, Disallowed, ...

    def add_certificate(self, location, store, file):
        """Puts a certificate (PEM or DER) into a store of Windows."""
        self._stores("add", location, store, path(file))

    def remove_certificate(self, location, store, file):
        """Takes it out again; an error if it is not in there."""
        self._stores("remove", location, store, path(file))

    def clear_store(self, location, store):
        """Takes everything out. This machine's own certificates are back at once: the first program that opens ROOT
        has Wine import /etc/ssl/certs. So what a test is about must be of its own making."""
        self._stores("clear", location, store)

    def certificates(self, location, store):
        """The SHA-1 fingerprints in a store, upper case. Those of LocalMachine are in CurrentUser's, too."""
        return set(self._stores("list", location, store).out.split())

    def _stores(self, *arguments):
        done = self.run(program("windows_store"), *arguments)
        if done.status != 0:
            raise RuntimeError(str(done))
        return done

    def forget_fetched(self):
        """Empties the caches of CRLs, OCSP responses and certificates that Windows fetched: Wine keeps them by URL
        (WinINet's), and what it knows of revocation once more. No program may be running."""
        self._empty("Local/Microsoft/Windows/INetCache")
        self.forget_revocation()

    def forget_revocation(self):
        """Empties the cache of what Windows found out about revocation, and not what it had fetched for that. Wine 8
        looks up by serial number alone, so what one test fetched would answer another one; and what was found revoked
        in a CRL is kept as good. No program may be running."""
        self._empty("LocalLow/Microsoft/CryptnetUrlCache")

    def _empty(self, cache_of):
        data = os.path.join(self._prefix, "drive_c", "users", "*", "AppData")
        for directory in glob.glob(os.path.join(data, cache_of)):
            shutil.rmtree(directory)


def main(arguments):
    if why_not():
        sys.exit("wine.py: " + why_not())
    with Wine() as windows:
        done = windows.run(*arguments, timeout=600, cwd=os.getcwd(),
                           env={name: os.environ[name] for name in ("WINEPATH",) if name in os.environ})
    print(done.text)
    return done.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
