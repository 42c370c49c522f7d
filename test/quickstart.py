"""What test/quickstart shows, after it has built the module. Python's standard library only.

Exit status 0 only if everything that is claimed was seen.
"""
import os
import re
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)
EXPORTED = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")
            if name in os.environ}  # read before support.py clears them
WORK = tempfile.mkdtemp(prefix="ostrust-quickstart-")
os.environ["OSTRUST_PKI"] = os.path.join(WORK, "pki")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "integration"), os.path.join(HERE, "pki")]
import pki  # noqa: E402
import support  # noqa: E402

problems = []


def claim(seen, words):
    """Everything shown is also checked: what was not seen is said at the end."""
    if not seen:
        problems.append(words)
    return seen


def heading(words):
    print("\n%s\n%s" % (words, "-" * len(words)))


def system_bundle():
    """The bundle of this system; None where it has none of the usual ones."""
    return next((path for path in (
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem") if os.path.exists(path)), None)


def configure(name, keys):
    """A configuration, under the name that Node.js looks for as well."""
    return write(name, "nodejs_conf = openssl_init\n" + support.configuration_text(keys))


def write(name, text):
    path = os.path.join(WORK, name)
    with open(path, "w") as out:
        out.write(text)
    return path


def run(arguments, configuration):
    return support.run(arguments, support.environment(configuration), cwd=WORK)


def python(code, configuration, *arguments):
    return run([sys.executable, "-c", code, *arguments], configuration)


# --- 1: the system's roots --------------------------------------------------------------------------

def show_system_roots(ostrust):
    heading("The roots of this system")
    listing = run(["openssl", "list", "-providers", "-verbose"], ostrust).out
    section = listing[listing.find("  ostrust\n"):]
    info = re.search(r"build info: (.*)", section)
    if not claim("  ostrust\n" in listing and info, "openssl lists the provider"):
        print(listing)
        return
    print("openssl list -providers -verbose says of ostrust:")
    for part in info.group(1).split("; "):
        print("    " + part)
    found = re.search(r"Total found: (\d+)",
                      run(["openssl", "storeutl", "-noout", "-certs", "os://"], ostrust).text)
    count = int(found.group(1)) if found else 0
    print("openssl storeutl os:// finds %d roots." % count)
    claim(count > 0, "roots of the system were found through os://")


# --- 2: refused without, accepted with --------------------------------------------------------------

CONNECT = """
import socket, ssl, sys
port, marker = int(sys.argv[1]), sys.argv[2]
try:
    %s
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost"): print("accepted")
except ssl.SSLCertVerificationError as error: print("refused")
except OSError as error: print("refused")
"""
BARE = "context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); "
PYTHON_WAYS = (
    ("ssl.create_default_context()", "context = ssl.create_default_context()"),
    ('load_verify_locations("os://")', BARE + "context.load_verify_locations('os://')"),
    ('load_verify_locations(".../os.pem")', BARE + "context.load_verify_locations(marker)"),
)
OPENSSL_WAYS = (
    ("openssl s_client", ()),
    ("openssl s_client -CAfile os://", ("-CAfile", "os://")),
    ("openssl s_client -CAfile .../os.pem", ("-CAfile", support.MARKER)),
)


def show_with_and_without(stock, ostrust, port):
    heading("A local TLS server whose CA is only in a private store")
    print("%-48s %-18s %s" % ("", "without ostrust", "with ostrust"))

    def row(words, ask):
        answers = [ask(stock), ask(ostrust)]
        print("%-48s %-18s %s" % (words, *answers))
        claim(answers == ["refused", "accepted"], words)

    for words, code in PYTHON_WAYS:
        row("python: " + words, lambda configuration: python(
            CONNECT % code, configuration, str(port), support.MARKER).out.strip())
    for words, options in OPENSSL_WAYS:
        def ask(configuration):
            done = run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
                        "-verify_return_error", "-verify_hostname", "localhost", *options],
                       configuration)
            good = done.status == 0 and "Verify return code: 0 (ok)" in done.out
            return "accepted" if good else "refused"
        row(words, ask)
    print("os.pem is the marker file, for programs that want the path of a CA file.")


# --- 3: programs that name their CAs in other ways --------------------------------------------------

NODE = """
require("https").get({host: "localhost", port: process.argv[1], family: 4}, () => {
    console.log("accepted"); process.exit(0);
}).on("error", error => { console.log("refused"); process.exit(0); });
"""
CERTIFI = CONNECT % (BARE + "context.load_verify_locations(sys.argv[3])")


def certifi_file():
    """certifi's bundle as pip carries it; where there is no pip, the system's under such a name."""
    done = run([sys.executable, "-c", "import pip._vendor.certifi as c; print(c.where())"], os.devnull)
    path = done.out.strip()
    if done.status == 0 and os.path.exists(path):
        return path, "pip's certifi"
    path = os.path.join(WORK, "certifi", "cacert.pem")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copyfile(system_bundle(), path)
    return path, "a copy named certifi/cacert.pem"


def show_other_programs(stock, ostrust, port):
    heading("Programs that name a bundle, or bring one")
    print("%-48s %-18s %s" % ("", "without ostrust", "with ostrust"))

    def row(words, ask, with_ostrust=ostrust):
        answers = [ask(stock), ask(with_ostrust)]
        print("%-48s %-18s %s" % (words, *answers))
        claim(answers == ["refused", "accepted"], words)

    def skip(words, why):
        print("%-48s not shown: %s" % (words, why))

    if not shutil.which("curl"):
        skip("curl", "it is not installed")
    elif "OpenSSL/" not in run(["curl", "--version"], os.devnull).out:
        skip("curl", "this one uses no OpenSSL")
    else:
        def curl(configuration):
            done = run(["curl", "--silent", "--output", os.devnull, "--noproxy", "*", "--ipv4",
                        "https://localhost:%d/" % port], configuration)
            return "accepted" if done.status == 0 else "refused"
        row("curl, which names the system's bundle", curl)

    version = shutil.which("node") and run(
        ["node", "-p", "process.versions.openssl"], os.devnull).out.split(".")[0]
    if not version:
        skip("node --use-openssl-ca", "it is not installed")
    elif int(version) < 3:
        skip("node --use-openssl-ca", "this one has OpenSSL " + version)
    else:
        row("node --use-openssl-ca",
            lambda configuration: run(["node", "--use-openssl-ca", "-e", NODE, str(port)],
                                      configuration).out.strip())

    if system_bundle() is None:
        skip("python with certifi's bundle", "this system has no bundle to compare it with")
        return
    # Only a public bundle is replaced, so the store has to have the public roots, too.
    store = os.path.join(WORK, "public.pem")
    with open(system_bundle()) as file:
        write("public.pem", file.read() + support.text_of("root-a"))
    replacing = configure("replacing.cnf", {"trust-source": store, "replace-bundles": "certifi"})
    path, words = certifi_file()
    row("python, " + words + " (replace-bundles)",
        lambda configuration: python(CERTIFI, configuration, str(port), support.MARKER, path).out.strip(),
        replacing)


# --- 4: a root that is added while the program runs -------------------------------------------------

WATCH = """
import socket, ssl, sys, time
context = ssl.create_default_context()
def connect():
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost"): return "accepted"
        except ssl.SSLCertVerificationError: return "refused"
for want in sys.argv[2:]:
    sys.stdin.readline()
    deadline = time.monotonic() + 20
    answer = connect()
    while answer != want and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = connect()
    print(answer, flush=True)
"""


def show_a_change(ostrust, store, port):
    heading("One running process, one context, while the store changes")
    steps = (("another root in the store", ("root-b",), "refused"),
             ("the server's root is added", ("root-b", "root-a"), "accepted"),
             ("and taken out again", ("root-b",), "refused"))
    support.write_store(store, "root-b")
    process = subprocess.Popen(
        [sys.executable, "-c", WATCH, str(port), *[step[2] for step in steps]], cwd=WORK,
        env=support.environment(ostrust), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for words, names, expected in steps:
        support.write_store(store, *names)
        process.stdin.write(b"look\n")
        process.stdin.flush()
        answer = process.stdout.readline().decode().strip()
        print("%-48s %s" % (words, answer))
        claim(answer == expected, words)
    process.stdin.close()
    process.stdout.close()
    process.wait()


# --- 5: what a context costs ------------------------------------------------------------------------

MEASURE = """
import gc, ssl, sys, time
way, bundle = sys.argv[1:]
def make():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if way == "defaults": context.set_default_verify_paths()
    elif way == "bundle": context.load_verify_locations(bundle)
    elif way == "os": context.load_verify_locations("os://")
    return context
def resident():
    with open("/proc/self/statm") as file: return int(file.read().split()[1]) * 4096
for _ in range(5): make()
times = []
for _ in range(40):
    begin = time.perf_counter(); context = make(); times.append(time.perf_counter() - begin)
    del context
gc.collect()
kept = [make() for _ in range(10)]
before = resident()
kept += [make() for _ in range(60)]
print(sorted(times)[20] * 1e3, (resident() - before) / 60 / 1024)
"""


def show_costs(stock, ostrust):
    heading("What an SSL context costs (CPython %s, %s)" % (sys.version.split()[0],
                                                           ssl.OPENSSL_VERSION))
    bundle = system_bundle()
    rows = [("no CAs at all", "bare", stock),
            ("without ostrust: the system's bundle by path", "bundle", stock),
            ("with ostrust: default paths", "defaults", ostrust),
            ("with ostrust: os://", "os", ostrust)]
    print("%-48s %14s %16s" % ("", "time", "memory"))
    for words, way, configuration in rows:
        if way == "bundle" and bundle is None:
            continue
        measured = []
        for _ in range(3):
            done = python(MEASURE, configuration, way, bundle or "")
            if not claim(done.status == 0, words):
                print(done)
                return
            measured.append([float(value) for value in done.out.split()])
        milliseconds, kibibytes = (statistics.median(values) for values in zip(*measured))
        print("%-48s %11.3f ms %12.0f KiB" % (words, milliseconds, kibibytes))
    print("Medians. The system's roots; each context is made, or kept, many times.")


# --- 6: how to go on --------------------------------------------------------------------------------

def configuration_to_try():
    """build/release/openssl.cnf: openssl.cnf.example, with the module that was just built."""
    with open(os.path.join(SOURCE, "openssl.cnf.example")) as file:
        text = file.read()
    text = re.sub(r"(?m)^module = .*$", lambda _: "module = " + support.MODULE, text)
    included = re.search(r"(?m)^\.include\s*=?\s*(\S+)", text).group(1)
    if not os.path.exists(included):
        own = re.search(r'OPENSSLDIR: "(.*)"', run(["openssl", "version", "-d"], os.devnull).out)
        text = text.replace(".include " + included,
                            ".include " + os.path.join(own.group(1), "openssl.cnf"))
    path = os.path.join(SOURCE, "build", "release", "openssl.cnf")
    with open(path, "w") as out:
        out.write(text)
    claim("  ostrust\n" in run(["openssl", "list", "-providers"], path).out,
          "openssl.cnf.example activates ostrust")
    return path


def show_how_to_go_on():
    heading("How to enable it")
    path = configuration_to_try()
    print("""\
In this shell, with the module as it was built:
    export OPENSSL_CONF=%s
Installed (the module, the marker file /etc/ostrust/os.pem and a manual page):
    sudo cmake --install build/release
    sudo cp openssl.cnf.example /etc/ostrust/openssl.cnf    # look at the two lines marked CHECK
  for a shell     export OPENSSL_CONF=/etc/ostrust/openssl.cnf
  for a service   Environment=OPENSSL_CONF=/etc/ostrust/openssl.cnf      (systemctl edit NAME)
  system-wide     the sections of openssl.cnf.example in the distribution's own openssl.cnf
See that it is active:
    openssl list -providers -verbose""" % path)
    winners = [name for name, value in EXPORTED.items()
               if value != "os://" and os.path.basename(value) != "os.pem"]
    if winners:
        one = len(winners) == 1
        print("\nNote: %s %s set in your shell, and %s over ostrust's default paths. There:\n    unset %s"
              % (" and ".join(winners), "is" if one else "are", "wins" if one else "win",
                 " ".join(winners)))


def main():
    # Ctrl-C and kill leave nothing behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        pki.make_all(support.PKI)
        store = os.path.join(WORK, "store.pem")
        support.write_store(store, "root-a")
        stock = configure("stock.cnf", None)
        system = configure("system.cnf", {})
        private = configure("private.cnf", {"trust-source": store})
        port = support.port_of("leaf-a")

        show_system_roots(system)
        show_with_and_without(stock, private, port)
        show_other_programs(stock, private, port)
        show_a_change(private, store, port)
        show_costs(stock, system)
        show_how_to_go_on()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    if problems:
        print("\nNot as it should be: " + "; ".join(problems))
        sys.exit(1)
    print("\nEverything above was seen to work.")


if __name__ == "__main__":
    main()
