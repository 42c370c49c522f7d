"""The commands of the documents: what a reader is told to type. Read by the tests that run them, and by test_documented_commands.py, which
requires each to be run by a test or to say why not.

A command stands in a fenced block of `sh`, behind `$ ` in one of `console`, in an indented block, between .nf and .fi of a manual page, or
behind what it is for in openssl.cnf.example. What else is in indented blocks is configuration, known by its lines, or is in SAID.
"""
import glob
import os
import re

SOURCE = os.environ.get("OSTRUST_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Fences whose lines are no commands.
OTHERS = ("ini", "text", "python", "xml")

# A line of a configuration, of p11-kit's or Apple's formats.
CONFIGURATION = (r"$|[#<\[]|\.include |\.\.\.$|-----|[\w-]+ = \S|"
                 r"(class|certificate-type|x-[a-z-]+|object-id|value|issuer|serial-number): ")

# The beginnings of indented lines that are neither: messages, the picture, other languages.
SAID = (
    "certificate /O=", "refused: certificate ", "the server did not send ", "unable to get local issuer certificate",
    "ssl.SSLCertVerificationError:", "the program                    OpenSSL", 'OSSL_STORE_open("os://", ...)',
    "ctx = ssl.SSLContext(", "ctx.load_verify_locations(",
)

RUNNER = re.compile(r"<!-- (\S+) runs these lines -->")


class Block:
    """Lines that stand together. `fence`: the language of a fenced one, else None. `runner`: the script of the tree that is
    named above it and runs its lines."""

    def __init__(self, document, number, fence=None, runner=None):
        self.document, self.number, self.fence, self.runner = document, number, fence, runner
        self.lines = []

    @property
    def where(self):
        return "%s:%d" % (self.document, self.number)

    @property
    def text(self):
        return "\n".join(self.lines)

    def is_of_commands(self):
        if self.fence is not None:
            return self.fence in ("sh", "console")
        first = self.lines[0]
        return not (first.startswith(SAID) or all(re.match(CONFIGURATION, line.strip()) for line in self.lines) or
                    first == first.lstrip() and "─" in self.text)

    def commands(self):
        """As they are typed: in one line, without comments."""
        if not self.is_of_commands():
            return []
        lines = self.lines
        if self.fence == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        found = []
        for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
            line = re.sub(r"(^|\s+)# .*$", "", line).strip()
            if line:
                found.append(line)
        return found


def documents():
    """Whatever a reader reads, from the top of the tree."""
    paths = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "openssl.cnf.example", "test/fuzz/README.md"]
    for pattern in ("docs/**/*.md", "docs/man/*"):
        paths += sorted(os.path.relpath(path, SOURCE) for path in glob.glob(os.path.join(SOURCE, pattern), recursive=True))
    return paths


def read(document):
    with open(os.path.join(SOURCE, document)) as file:
        return file.read()


def _of_markdown(document, text):
    block, runner, before = None, None, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if block and block.fence is not None:
            if fence:
                yield block
                block = None
            else:
                block.lines.append(line)
        elif fence:
            block = Block(document, number, fence.group(1), runner)
        elif line.startswith("    ") and (block or not before):
            block = block or Block(document, number, None, runner)
            block.lines.append(line[4:])
        elif block and not line:
            pass  # an indented block may go on
        elif block:
            yield block
            block = None
        marked = RUNNER.search(line)
        runner = marked.group(1) if marked else runner if not line else None
        before = line
    if block:
        yield block


def _of_roff(document, text):
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        if line in (".nf", ".EX"):
            block = Block(document, number)
        elif line in (".fi", ".EE"):
            yield block
            block = None
        elif block and not re.match(r"\.R[SE]$", line):
            line = re.sub(r"^\.[A-Z]+ |\\f[A-Z]|\\&", "", line)
            block.lines.append(line.replace("\\-", "-").replace("\\e", "\\"))


def _of_example(document, text):
    for number, line in enumerate(text.splitlines(), 1):
        told = re.match(r"# .*:  +((?:OPENSSL_CONF=\S+|export) .*)$", line)
        if told:
            block = Block(document, number, "sh")
            block.lines.append(told.group(1))
            yield block


def blocks(document):
    reader = _of_markdown if document.endswith(".md") else _of_example if document.endswith(".example") else _of_roff
    return [block for block in reader(document, read(document)) if any(line.strip() for line in block.lines)]


def block(document, beginning):
    """The one block with a command that begins so."""
    found = [one for one in blocks(document) if any(command.startswith(beginning) for command in one.commands())]
    assert len(found) == 1, "%d blocks of %s have a command %s" % (len(found), document, beginning)
    return found[0]


def command(document, beginning):
    """The one command of a document that begins so."""
    found = [one for block_of_it in blocks(document) for one in block_of_it.commands() if one.startswith(beginning)]
    assert len(found) == 1, "%d commands of %s begin with %s" % (len(found), document, beginning)
    return found[0]
