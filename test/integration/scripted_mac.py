"""The Mac that the module ostrust-macos has in it, scripted: test/doubles/macos/keychain.cpp says how. Used by the tests
and by the programs they run, which change it while they run."""
import os
import re


class Mac:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, pki):
        """The folder, with nothing in it but the way to the certificates."""
        os.mkdir(self.folder)
        os.symlink(pki, self.path("pki"))
        self.script()

    def script(self, *statements):
        """What macOS knows from now on, and nothing else. A certificate is its NAME in test/pki."""
        with open(self.path("mac.new"), "w") as out:
            for statement in statements:
                out.write(re.sub(r"^(\S+) (?!fails )([\w-]+)", r"\1 pki/\2.pem", statement) + "\n")
        os.replace(self.path("mac.new"), self.path("mac"))

    def announce(self):
        """Posts com.apple.security.certificatetrust."""
        with open(self.path("notify"), "a") as out:
            out.write("posted\n")

    def change(self, *statements):
        self.script(*statements)
        self.announce()

    def lines(self, name):
        try:
            with open(self.path(name)) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def asked(self):
        """What SecTrust was asked so far: a dictionary for each evaluation."""
        return [dict(word.split("=", 1) for word in line.split(" ")) for line in self.lines("asked")]
