#!/usr/bin/env python3
"""Every documented example fails closed where ostrust is not active, whatever lies in the working
directory: a file `os:` and a directory `os` with a CA that must not become an anchor.

Examples are the code blocks of the README and docs/, the inline code of the README, the manual pages,
openssl.cnf.example, and what test/quickstart tells its reader. Each way of naming the system's store that occurs in one must be known here, and is
tried; so a new form in a document fails until it is.
"""
import glob
import os
import re
import shutil
import sys
import unittest

import documents
import support
from support import MARKER, OPENSSL, SOURCE, OstrustTest, hashed_directory, pem, port_of

MARKER_PATH = r"/etc/ostrust/os\.pem"
STORE = r"[\"']?(?:os:(?://)?|%s)[\"']?" % MARKER_PATH

# A way to name the system's store in an example, and the test that tries it, as a method of Examples.
FORMS = (
    (r"storeutl\b.*?(%s)" % STORE, "storeutl"),
    (r"-CAfile[ =](%s)" % STORE, "ca_file"),
    (r"-CAstore[ =](%s)" % STORE, "ca_store"),
    (r"-CApath[ =](%s)" % STORE, "ca_path"),
    (r"--cacert[ =](%s)" % STORE, "curl"),
    (r"capath=(%s)" % STORE, "python_capath"),
    (r"(?:cafile=|load_verify_locations\()(%s)" % STORE, "python_cafile"),
    (r"SSL_CERT_FILE=(%s)" % STORE, "ssl_cert_file"),
    (r"SSL_CERT_DIR=(%s)" % STORE, "ssl_cert_dir"),
    # Only a CA file, by whatever name the program gives it.
    (r"(?:REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|PIP_CERT|GIT_SSL_CAINFO|"
     r"AWS_CA_BUNDLE|_certificate|verify|ca|sslCAInfo)[ =:]+(%s)" % STORE, "ca_file"),
)


def examples():
    """(where, text) of everything that a reader might copy."""
    def lines(*path):
        path = os.path.join(SOURCE, *path)
        if os.path.exists(path):
            with open(path) as file:
                for number, line in enumerate(file, 1):
                    yield "%s:%d" % (path, number), line

    readme = os.path.join(SOURCE, "README.md")
    for path in [readme] + glob.glob(os.path.join(SOURCE, "docs", "**", "*.md"), recursive=True):
        fenced = False
        for where, line in lines(path):
            if line.lstrip().startswith("```"):
                fenced = not fenced
            elif fenced or line.startswith("    "):
                yield where, line
            elif path == readme:
                for code in re.findall(r"`([^`]+)`", line):
                    yield where, code
    for path in glob.glob(os.path.join(SOURCE, "docs", "man", "*")):
        for where, line in lines(path):
            # Fonts and escapes of roff are not part of what is read.
            yield where, re.sub(r"\\f[A-Z]|\\&|^\.[A-Z]+ ", "", line).replace("\\-", "-")
    yield from lines("openssl.cnf.example")
    yield from lines("test", "quickstart.py")


# What names the store without using it: the name alone, and what only ostrust can serve.
MENTIONED = r"^[\"']?os:(//)?[\"']?$|OSSL_STORE_open"

# What looks like something to run or to write into a file, rather than a sentence.
COMMAND = r"\s*(\$ |#? *(openssl|curl|python|export|Environment=|[A-Z_]+=|(ctx|context|ssl)\.))"


class Examples(OstrustTest):

    def setUp(self):
        super().setUp()
        # The trap: what a program would read that takes os: for a file or a directory.
        self.trap = os.path.join(self.work, "trap")
        hashed_directory(os.path.join(self.trap, "os"), "root-a")
        shutil.copyfile(pem("root-a"), os.path.join(self.trap, "os:"))

    # Each answers whether the planted CA was an anchor, with the output to show.

    def accepts(self, done):
        return done.status == 0, done

    def verify(self, *options, **env):
        return self.accepts(self.openssl("verify", *options, pem("leaf-a"),
                                         configuration=self.stock(), cwd=self.trap,
                                         **env))

    def storeutl(self, name):
        done = self.openssl("storeutl", "-certs", "-noout", name, configuration=self.stock(),
                            cwd=self.trap)
        return bool(re.search("Total found: [1-9]", done.text)) and name != MARKER, done

    def ca_file(self, name):
        return self.verify("-CAfile", name)

    def ca_store(self, name):
        return self.verify("-CAstore", name)

    def ca_path(self, name):
        return self.verify("-CApath", name)

    def ssl_cert_file(self, name):
        return self.verify(SSL_CERT_FILE=name)

    def ssl_cert_dir(self, name):
        return self.verify(SSL_CERT_DIR=name)

    def python(self, code):
        program = ("import ssl, socket\nc = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n%s\n"
                   "c.wrap_socket(socket.create_connection(('127.0.0.1', %d)),"
                   " server_hostname='localhost')" % (code, port_of("leaf-a")))
        return self.accepts(support.run([sys.executable, "-c", program],
                                        support.environment(self.stock(), preload=False), cwd=self.trap))

    def python_cafile(self, name):
        return self.python("c.load_verify_locations(cafile=%r)" % name)

    def python_capath(self, name):
        return self.python("c.load_verify_locations(capath=%r)" % name)

    def curl(self, name):
        return self.accepts(support.run(
            ["curl", "--silent", "--noproxy", "*", "--ipv4", "--cacert", name,
             "https://localhost:%d/" % port_of("leaf-a")],
            support.environment(self.stock(), preload=False), cwd=self.trap))

    def test_the_trap_works(self):
        """os: does read the planted files, in the stock programs: that is why no example may use it."""
        self.assertTrue(self.ca_file("os:")[0])
        self.assertTrue(self.python_cafile("os:")[0])
        self.assertTrue(self.python_capath("os:")[0])
        self.assertTrue(self.ssl_cert_dir("os://")[0])

    def test_every_form_that_is_recommended_is_refused(self):
        for form in ("ca_file", "ca_store", "python_cafile", "ssl_cert_file", "storeutl", "curl"):
            for name in ("os://", MARKER):
                with self.subTest(form=form, name=name):
                    accepted, done = getattr(self, form)(name)
                    self.assertFalse(accepted, done)

    def test_every_documented_example_is_refused(self):
        tried = {}
        for where, line in examples():
            # The names of the store that no known form has explained.
            rest = line
            for pattern, form in FORMS:
                for match in re.finditer(pattern, line):
                    name = match.group(1).strip("\"'").replace("/etc/ostrust/os.pem", MARKER)
                    if (form, name) not in tried:
                        tried[form, name] = getattr(self, form)(name)
                    accepted, done = tried[form, name]
                    with self.subTest(where):
                        self.assertFalse(accepted, "%s%s" % (line.strip(), done))
                    rest = rest.replace(match.group(0), "")
            if re.search(MENTIONED, line.strip()) or not re.match(COMMAND, line):
                continue
            with self.subTest(where):
                self.assertNotRegex(rest, r"(?<![\w.])os:(?://)?(?=[\s\"',;)]|$)",
                                    "an example in a form this test does not know: " + line)
        print("documented forms that were tried:", sorted({form for form, _ in tried}),
              file=sys.stderr)

    def test_there_are_examples(self):
        self.assertTrue(any("os://" in line for _, line in examples()))


class Links(unittest.TestCase):
    """Links between documents lead somewhere."""

    @staticmethod
    def anchors(text):
        """As GitHub makes them of headings."""
        text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text, re.M)}

    def test_each_link_leads_somewhere(self):
        documents = glob.glob(os.path.join(SOURCE, "*.md")) + glob.glob(os.path.join(SOURCE, "docs", "**", "*.md"), recursive=True)
        links = 0
        for document in documents:
            with open(document) as file:
                text = file.read()
            for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "`", text)):
                if re.match("[a-z]+:", link):
                    continue
                links += 1
                path, _, anchor = link.partition("#")
                target = os.path.join(os.path.dirname(document), path) if path else document
                with self.subTest("%s: %s" % (os.path.relpath(document, SOURCE), link)):
                    self.assertTrue(os.path.exists(target))
                    if anchor:
                        with open(target) as file:
                            self.assertIn(anchor, self.anchors(file.read()))
        self.assertGreater(links, 40)


# (document, what it says, source file, what makes it so). Spaces count as one.
NUMBERS = (
    ("docs/intermediates.md", "Three redirections", "provider/fetch/http_client.cpp", "kMaxRedirections = 3;"),
    ("docs/intermediates.md", "100 KiB.", "provider/fetch/http_client.hpp", "kMaxAnswer = std::size_t{100} * 1024;"),
    ("docs/intermediates.md", "At most 4 URLs for one certificate, 6 missing levels,", "provider/verify/own_completion.cpp",
     "kMaxLevels = 6;"),
    ("docs/intermediates.md", "At most 4 URLs for one certificate, 6 missing levels,", "provider/verify/own_completion.cpp",
     "kMaxUrls = 4;"),
    ("docs/intermediates.md", "64 signatures.", "provider/verify/own_completion.cpp", "kMaxCandidates = 64;"),
    ("docs/intermediates.md", "of more than 4096 the oldest go", "platform/linux/cache_directory.hpp", "kMaxCachedFiles = 4096;"),
    ("docs/intermediates.md", "eight of them at most", "platform/linux/name_resolution.hpp", "kMaxAbandonedResolvers = 8;"),
    ("docs/security.md", "up to eight threads in `getaddrinfo()`", "platform/linux/name_resolution.hpp", "kMaxAbandonedResolvers = 8;"),
    ("docs/security.md", "with a list of 128 MiB", "platform/revocation_list.hpp", "kMaxRevocationList = std::size_t{128} << 20;"),
    ("docs/security.md", "A list of more than 4 MiB in `/var/cache/ostrust`", "platform/revocation_list.hpp",
     "kCheckedAgain = std::size_t{4} << 20;"),
    ("docs/security.md", "lists of more than 1 MiB (`pread64`)", "platform/linux/revocation_store.cpp",
     "kMaxSmallList = std::size_t{1} << 20;"),
    ("docs/security.md", "the index of a CRL of more than 1 MiB", "platform/linux/revocation_store.cpp",
     "kMaxSmallList = std::size_t{1} << 20;"),
    ("docs/revocation.md", "The largest that is taken has 128 MiB", "platform/revocation_list.hpp",
     "kMaxRevocationList = std::size_t{128} << 20;"),
    ("docs/revocation.md", "holds at most 4096 files", "platform/linux/cache_directory.hpp", "kMaxCachedFiles = 4096;"),
    ("docs/how-it-works.md", "never more than 1 MiB of entries", "platform/revocation_list.cpp",
     "kMaxExcerptEntries = std::size_t{1} << 20;"),
    ("docs/how-it-works.md", "private-use type (0xff6f)", "provider/hooks/revocation_hooks.cpp", "kNeverSent = 0xff6f;"),
    ("docs/python.md", "50 certificates or more, nine in ten of which", "provider/hooks/replaced_bundles.hpp",
     "certificates >= 50 && anchors * 10 >= certificates * 9"),
    ("docs/man/OSSL_PROVIDER-ostrust.7", "whole seconds from 1 to 600", "provider/config.cpp", "kMaxNetworkTimeoutSeconds = 600;"),
    ("docs/p11-kit.md", "changed in the last two seconds", "platform/linux/file_stamp.hpp", "kRacyWindow = std::chrono::seconds(2);"),
    ("docs/p11-kit.md", "tried again after a minute", "platform/linux/p11_kit_trust_source.hpp", "retry = std::chrono::minutes(1);"),
    ("docs/windows.md", "remembered for up to 60 seconds", "platform/verdict_cache.hpp", "kBucket{60};"),
)


class Names(unittest.TestCase):
    """What the documents name is there."""

    @staticmethod
    def sources(*rooms):
        for room in rooms:
            for directory, _, names in os.walk(os.path.join(SOURCE, room)):
                for name in names:
                    if name.endswith((".cpp", ".hpp", ".py", ".txt", ".cmake", ".in")) or "." not in name:
                        with open(os.path.join(directory, name), errors="replace") as file:
                            yield file.read()

    def each(self, pattern):
        """(document, what is named) of each piece of code in a document."""
        for document in documents.documents():
            if document.endswith(".md"):
                for code in re.findall("`([^`\n]+)`", documents.read(document)):
                    for found in re.findall(pattern, code):
                        yield document, found

    def test_files_of_the_tree(self):
        count = 0
        for document, path in self.each(r"^((?:\.ci|platform|provider|test|docs)/[\w./*-]+)$"):
            if "SYSTEM" in path:  # what somebody would call his
                continue
            count += 1
            with self.subTest("%s: %s" % (document, path)):
                self.assertTrue(glob.glob(os.path.join(SOURCE, path)))
        self.assertGreater(count, 80)

    def test_files_of_tests(self):
        count = 0
        for document, name in self.each(r"\b(test_\w+\.py|\w+_test\.cpp|\w+\.hpp)\b"):
            count += 1
            with self.subTest("%s: %s" % (document, name)):
                self.assertTrue(glob.glob(os.path.join(SOURCE, "*", "**", name), recursive=True))
        self.assertGreater(count, 100)

    def test_classes_of_unit_tests(self):
        text = "\n".join(self.sources("platform", "provider", "test/unit"))
        count = 0
        for document, name in self.each(r"^([A-Z][a-z]\w*)\.?\*$"):
            count += 1
            with self.subTest("%s: %s" % (document, name)):
                self.assertRegex(text, r"\bTEST(_F|_P)?\(" + name)
        self.assertGreater(count, 20)

    def test_variables_and_options_of_the_build(self):
        text = "\n".join(self.sources("platform", "provider", "test")) + documents.read("CMakeLists.txt")
        for document, name in self.each(r"\b(OSTRUST_\w+)"):
            with self.subTest("%s: %s" % (document, name)):
                self.assertIn(name, text)

    def test_keys(self):
        """Each that is set in an example or a sentence is one of the manual."""
        manual = documents.read("docs/man/OSSL_PROVIDER-ostrust.7").replace("\\-", "-")
        known = set(re.findall(r"^\.BR? ([a-z-]+) ", manual, re.M)) | set(re.findall(r"^\.B ([a-z-]+)$", manual, re.M))
        count = 0
        for document, name in self.each(r"^([a-z]+(?:-[a-z]+)+) = "):
            count += 1
            with self.subTest("%s: %s" % (document, name)):
                self.assertIn(name, known)
        self.assertGreater(count, 20)

    def test_numbers(self):
        for document, words, source, code in NUMBERS:
            with self.subTest("%s: %s" % (document, words)):
                self.assertIn(words, " ".join(documents.read(document).split()))
                self.assertIn(code, " ".join(documents.read(source).split()))

    def test_how_many_programs(self):
        """Of README.md: rows of docs/clients.md that something passed, and that OpenSSL is in."""
        rows = [row for row in re.findall(r"^\| .*$", documents.read("docs/clients.md"), re.M) if re.search(r": \d+ pass", row)]
        served = [row for row in rows if "OpenSSL is not in it" not in row]
        said = re.search(r"\[(\d+) kinds of programs\]", documents.read("README.md")).group(1)
        self.assertEqual(int(said), len(served))


class Programs(unittest.TestCase):
    """The table of docs/clients.md is the one that test/clients/run writes."""

    def test_each_row_is_as_its_tests_say(self):
        sys.path.insert(0, os.path.join(SOURCE, "test", "clients"))
        import client
        with open(os.path.join(SOURCE, "docs", "clients.md")) as file:
            lines = file.read().splitlines()
        rows = {kind.row for _, _, kind in client.each_class() if kind.row}
        self.assertGreaterEqual(len(rows), 25)
        for row in rows:
            beginning = "| %s |" % " | ".join(cell or " " for cell in row)
            self.assertTrue(any(line.startswith(beginning) for line in lines), "not in the table: " + beginning)


if __name__ == "__main__":
    support.main()
