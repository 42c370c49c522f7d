"""Servers beside support.TlsServer: one with pages of its own, and programs that are servers, which end with this
process. See client.py."""
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import support
from support import TlsServer, pem

_PR_SET_PDEATHSIG = 1


class PageServer(TlsServer):
    """`pages`: {path: bytes}, or of `kind` as well: {path: (bytes, kind)}. A path that is not there is 404."""

    def __init__(self, name, pages):
        self._pages = pages
        super().__init__(name)

    def _serve(self, connection):
        try:
            connection.settimeout(60)
            with self._context.wrap_socket(connection, server_side=True) as tls:
                words = tls.recv(65536).split()
                page = self._pages.get(words[1].decode().partition("?")[0]) if len(words) > 1 else None
                status = b"404 Not Found" if page is None else b"200 OK"
                body, kind = page if isinstance(page, tuple) else (page or b"", "text/plain")
                tls.sendall(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
                    status, kind.encode(), len(body), body))
        except OSError:
            pass  # the client refused us: that is what is tested
        finally:
            connection.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(path):
    """What a server at a Unix socket answers to a GET."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        parts = []
        try:
            while not parts or parts[-1]:
                parts.append(connection.recv(65536))
        except ConnectionError:
            pass
    return b"".join(parts).decode(errors="replace").partition("\r\n\r\n")[2]


class Daemon:
    """A program that runs until stop(), or until this process ends, however that is. `ready`: a function of its output so far.
    If it ends before, `ended` is true. `user`: who it runs as, where this process is root's."""

    def __init__(self, command, ready, env=None, cwd=None, user=None, stop=signal.SIGTERM):
        self._stop = stop
        self._log = tempfile.TemporaryFile()
        account = pwd.getpwnam(user) if user and os.geteuid() == 0 else None
        libc = ctypes.CDLL(None)

        def prepare():
            if account:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
            libc.prctl(_PR_SET_PDEATHSIG, stop)

        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
                                         cwd=cwd, env=env or support.environment(os.devnull), preexec_fn=prepare)
        self.ended = False
        limit = time.monotonic() + 60
        while not ready(self.text):
            if self._process.poll() is not None:
                self.ended = True
                return
            if time.monotonic() > limit:
                self.stop()
                raise AssertionError("%s is not ready: %s" % (command[0], self.text))
            time.sleep(0.02)

    @property
    def text(self):
        """What it has printed."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def stop(self):
        if self._process.poll() is not None:
            return
        self._process.send_signal(self._stop)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Servers:
    """A server program of each of two certificates, for the tests of a class."""

    def __init__(self, kind, user=None):
        """Stopped, and its directory removed, when the class is done."""
        self._user, self._ports, self._daemons = user, {}, []
        self.directory = tempfile.mkdtemp(prefix="ostrust-server-")
        kind.addClassCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self._kind = kind
        for name in ("leaf-a", "leaf-b"):
            shutil.copy(pem(name), self.directory)
            shutil.copy(os.path.join(support.PKI, name + ".key"), self.directory)
            os.chmod(self.key(name), 0o600)
        self.give(self.directory)

    def certificate(self, name):
        return os.path.join(self.directory, name + ".pem")

    def key(self, name):
        return os.path.join(self.directory, name + ".key")

    def give(self, path):
        """To the user that the servers run as."""
        if self._user and os.geteuid() == 0:
            for folder, _, files in os.walk(path):
                for one in [folder, *(os.path.join(folder, file) for file in files)]:
                    shutil.chown(one, self._user, pwd.getpwnam(self._user).pw_gid)

    def prepare(self, *command, env=()):
        """Runs a command as that user, which must succeed."""
        daemon = Daemon(list(command), lambda _: False, cwd=self.directory, user=self._user,
                        env=support.environment(os.devnull, **dict(env)))
        if daemon._process.returncode != 0:
            raise AssertionError("%s: %s" % (command[0], daemon.text))

    def start(self, name, command, ready, stop=signal.SIGTERM):
        """`command`: a function of the port that makes the command line."""
        for _ in range(5):  # somebody else may take the port before this server does
            port = free_port()
            daemon = Daemon(command(port), lambda text: ready in text, cwd=self.directory, user=self._user, stop=stop)
            self._kind.addClassCleanup(daemon.stop)
            if not daemon.ended:
                self._ports[name] = port
                return
            if not re.search("(?i)address already in use", daemon.text):
                break
        raise AssertionError(daemon.text)

    def port(self, name):
        return self._ports[name]
