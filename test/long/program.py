#!/usr/bin/env python3
"""The program that test/long/run watches: a TLS server that does what a proxy does. It verifies the client's
certificate, if it brings one, by os://; then it verifies, as a client, the server that the client named, with contexts
made before the first fork or thread.

    program.py prefork|threaded FACTS

FACTS, in JSON: `marker`; `certificate`, `key` of the server; `ports` of the servers by name; `workers`; `term`, the
seconds after which the last of the forked workers makes room for a new one; `broken`, what is made wrong on purpose, or "".

It prints "PORT n" and then only what should not happen. It answers with a list: X509_V_ERR_* of the server that was
named, and the monotonic times before and after. A refused client gets OpenSSL's alert.
"""
import itertools
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

KIND, FACTS = sys.argv[1], json.loads(sys.argv[2])
PATIENCE = 30
KEPT = []  # what is leaked on purpose


def say(*words):
    print(*words, flush=True)


def server_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FACTS["certificate"], FACTS["key"])
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations("os://")
    return context


def client_context(cafile):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile)
    return context


def verify(context, name):
    """What a client makes of the server that uses this certificate."""
    begin, code = time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", FACTS["ports"][name]), timeout=PATIENCE) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while tls.recv(4096):
                    pass
        except ssl.SSLCertVerificationError as error:
            code = error.verify_code
    return [code, begin, time.monotonic()]


def end_politely(tls):
    """Without this, what the client sent and nobody read would reset the connection before the alert is read."""
    try:
        tls.shutdown(socket.SHUT_WR)  # from here on the socket is a plain one
        while tls.recv(4096):
            pass
    except OSError:
        pass


def misbehave(plain):
    broken = FACTS["broken"]
    if broken == "memory":
        KEPT.append(ssl.create_default_context())
    elif broken == "descriptors":
        KEPT.append(os.dup(plain.fileno()))
    elif broken == "threads":
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    elif broken == "zombies" and os.fork() == 0:
        os._exit(0)
    elif broken == "errors":
        raise OSError("on purpose")
    elif broken == "death":
        os._exit(3)


def serve(plain, server, clients):
    try:
        plain.settimeout(PATIENCE)
        with server.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as tls:
            try:
                tls.do_handshake()
            except ssl.SSLCertVerificationError:
                end_politely(tls)
                return
            name = tls.recv(64).decode().strip()
            misbehave(tls)
            tls.sendall(json.dumps(verify(next(clients), name)).encode())
    except Exception as error:
        say("ERROR", type(error).__name__, error)


def accept(listener, until):
    """Connections until that time; None where there was none for a while."""
    listener.settimeout(0.2)
    while time.monotonic() < until:
        try:
            yield listener.accept()[0]
        except OSError as error:
            if not isinstance(error, (socket.timeout, BlockingIOError)):
                raise


def threaded(listener, *contexts):
    for plain in accept(listener, float("inf")):
        threading.Thread(target=serve, args=(plain, *contexts), daemon=True).start()


def fork_worker(slot, listener, *contexts):
    child = os.fork()
    if child:
        return child
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    last = slot == FACTS["workers"] - 1
    for plain in accept(listener, time.monotonic() + FACTS["term"] if last else float("inf")):
        serve(plain, *contexts)
    os._exit(0)


def prefork(*arguments):
    workers = {fork_worker(slot, *arguments): slot for slot in range(FACTS["workers"])}

    def stop(*_):
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        for worker in workers:
            os.waitpid(worker, 0)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        worker, status = os.wait()
        if status:
            say("ERROR a worker ended with status", status)
            time.sleep(0.2)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        slot = workers.pop(worker)
        workers[fork_worker(slot, *arguments)] = slot
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def main():
    contexts = [ssl.create_default_context(), client_context("os://"), client_context(FACTS["marker"])]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    say("PORT", listener.getsockname()[1])
    {"prefork": prefork, "threaded": threaded}[KIND](listener, server_context(), itertools.cycle(contexts))


main()
