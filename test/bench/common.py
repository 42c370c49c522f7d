"""What the benchmarks share: options, chains to verify, configurations, figures and how they are shown."""
import argparse
import os
import statistics
import subprocess


def positive(text):
    """A number of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("%s is no number from 1 on" % text)
    return int(text)


def openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, env=clean_environment())


def clean_environment(**more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH")
            if name in os.environ}
    return dict(kept, **more)


def make_chain(work, name, new_key, urls=(), leaves=0, good=None):
    """A root, an intermediate and a leaf; "sent" is a file with the leaf's key, it, and the intermediate,
    "alone" one without the intermediate. For each (name, URL) of urls there is one of that name as "alone",
    with a leaf that names the URL as caIssuers. "leaves" is a file with so many leaves that differ in their serial
    number only. A certificate that is not `good`, which is given its path, is signed anew until it is."""
    def path(what):
        return os.path.join(work, "%s-%s.pem" % (name, what))

    def concatenate(out, *whats):
        with open(path(out), "w") as file:
            for what in whats:
                with open(path(what)) as part:
                    file.write(part.read())

    def make(what, *command):
        openssl(*command, "-out", path(what))
        while good and not good(path(what)):
            openssl(*command, "-out", path(what))

    def issue(what, issuer, subject, extensions):
        with open(path("extensions"), "w") as file:
            file.write(extensions)
        openssl("req", *new_key, "-nodes", "-keyout", path(what + "-key"), "-subj", subject,
                "-out", path("request"))
        sign(what, issuer, 1)

    def sign(what, issuer, number):
        make(what, "x509", "-req", "-in", path("request"), "-CA", path(issuer), "-CAkey", path(issuer + "-key"),
             "-set_serial", str(number), "-days", "20", "-extfile", path("extensions"))

    make("root", "req", "-x509", *new_key, "-nodes", "-keyout", path("root-key"), "-days", "30",
         "-subj", "/O=ostrust benchmark/CN=%s root" % name)
    issue("intermediate", "root", "/O=ostrust benchmark/CN=%s intermediate" % name,
          "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    server = "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"
    issue("leaf", "intermediate", "/CN=localhost", server)
    concatenate("sent", "leaf-key", "leaf", "intermediate")
    concatenate("alone", "leaf-key", "leaf")
    for number in range(leaves):
        sign("leaf-%d" % number, "intermediate", number + 2)
    concatenate("leaves", *("leaf-%d" % number for number in range(leaves)))
    for url_name, url in urls:
        issue("leaf-" + url_name, "intermediate", "/CN=localhost",
              server + "authorityInfoAccess=caIssuers;URI:%s\n" % url)
        concatenate(url_name, "leaf-%s-key" % url_name, "leaf-" + url_name)
    return {what: path(what) for what in ("root", "intermediate", "sent", "leaves")}


def write_configuration(path, module, keys):
    """One without ostrust, or with it and these keys."""
    sections = "openssl_conf = init\n[init]\nproviders = providers\n[providers]\ndefault = default_sect\n"
    if keys is not None:
        sections += "ostrust = ostrust_sect\n[ostrust_sect]\nactivate = 1\nmodule = %s\n" % module
        sections += "".join("%s = %s\n" % pair for pair in keys.items())
    with open(path, "w") as file:
        file.write(sections + "[default_sect]\nactivate = 1\n")


class Figures:
    """Samples by (name, side); side is a configuration."""

    def __init__(self):
        self.samples = {}

    def add(self, name, side, value):
        self.samples.setdefault((name, side), []).append(value)

    def median(self, name, side):
        return statistics.median(self.samples[name, side])

    def quartiles(self, name, side):
        return "%.2f to %.2f" % tuple(statistics.quantiles(self.samples[name, side], n=4)[::2])

    def range(self, name, side):
        samples = self.samples[name, side]
        return "%.2f to %.2f" % (min(samples), max(samples))


def line(words, value, *ratios):
    print("  %-58s %12s  %s" % (words, value, "  ".join(ratios)))


def us(value):
    return "%.1f us" % value if value < 1000 else "%.2f ms" % (value / 1000)
