#!/usr/bin/env python3
"""What ostrust.dylib and the ostrust program for macOS are made of: architectures, exports, what they link and import.

Each rule is shown to fail for a module that breaks it, linked for the purpose from a few lines of C. Nothing of this
runs the module, and nothing was run on a Mac.

    OSTRUST_MODULE, OSTRUST_TOOL    the files
    OSTRUST_MACOS_CLANG             the compiler with the arguments that the module is linked with
    OSTRUST_MACOS_STUBS             platform/macos/stubs, when it was cross-built: what may be imported
"""
import os
import re
import shlex
import subprocess
import tempfile
import unittest

import mach_o

LIBRARIES = {
    "libSystem.tbd": "/usr/lib/libSystem.B.dylib",
    "libc++.tbd": "/usr/lib/libc++.1.dylib",
    "CoreFoundation.framework/CoreFoundation.tbd":
        "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation",
    "Security.framework/Security.tbd": "/System/Library/Frameworks/Security.framework/Versions/A/Security",
}
MINIMUM = "12.0"
WRITE, RUN = 2, 4


def allowed_imports():
    """(symbol, install name) of all that the stubs name; None where Apple's SDK was linked with."""
    stubs = os.environ.get("OSTRUST_MACOS_STUBS")
    if not stubs:
        return None
    allowed = set()
    for file, install_name in LIBRARIES.items():
        with open(os.path.join(stubs, file)) as stub:
            allowed.update((symbol, install_name) for symbol in re.findall(r"^ +- '(.*)'$", stub.read(), re.MULTILINE))
    return allowed


def wrong_with(path, kind, allowed):
    """Sentences about what a file of ours must not be. `kind`: mach_o.BUNDLE or mach_o.EXECUTE."""
    try:
        images = mach_o.read(path)
    except mach_o.Malformed as why:
        return [str(why)]
    wrong = []
    if sorted(image.architecture for image in images) != ["arm64", "x86_64"]:
        wrong.append("it is for " + " ".join(image.architecture for image in images))
    for image in images:
        wrong += ["%s: %s" % (image.architecture, what) for what in wrong_with_image(image, kind, allowed)]
    return wrong


def wrong_with_image(image, kind, allowed):
    if image.type != kind:
        yield "it is of file type %d" % image.type
    if kind == mach_o.BUNDLE and image.exports != {"_OSSL_provider_init"}:
        yield "it exports " + " ".join(sorted(image.exports))
    if kind == mach_o.EXECUTE and not image.flags & mach_o.PIE:
        yield "it is not position-independent"
    if (image.platform, image.minimum) != (mach_o.MACOS, MINIMUM):
        yield "it needs %s of platform %s" % (image.minimum, image.platform)
    for command, library in image.libraries:
        if command != "LC_LOAD_DYLIB" or library not in LIBRARIES.values():
            yield "%s %s" % (command, library)
    if image.run_paths:
        yield "it has LC_RPATH " + " ".join(image.run_paths)
    if mach_o.ENVIRONMENT in image.commands:
        yield "it has LC_DYLD_ENVIRONMENT"
    for flag, name in ((mach_o.TWO_LEVEL, "MH_TWOLEVEL"), (mach_o.DYLD_LINKED, "MH_DYLDLINK")):
        if not image.flags & flag:
            yield "it is without " + name
    if image.flags & mach_o.ALLOW_STACK_EXECUTION:
        yield "its stack can be run"
    for name, protection in image.segments.items():
        if protection & WRITE and protection & RUN:
            yield "%s can be written and run" % name
    # A processor of Apple's runs nothing else; on the others no signature is needed.
    if image.architecture == "arm64" and mach_o.CODE_SIGNATURE not in image.commands:
        yield "it is not signed, not even ad hoc"
    for symbol, library in sorted(image.imports):
        if library not in LIBRARIES.values() or (allowed is not None and (symbol, library) not in allowed):
            yield "it imports %s, %s" % (symbol, library)
        # Rule 12: teardown depends on nothing, and nothing on it.
        if kind == mach_o.BUNDLE and symbol in ("_atexit", "___cxa_atexit"):
            yield "it has static destructors, or exit handlers"


class Finished(unittest.TestCase):
    """What was built."""

    def test_the_module_is_what_it_must_be(self):
        self.assertEqual(wrong_with(os.environ["OSTRUST_MODULE"], mach_o.BUNDLE, allowed_imports()), [])

    def test_the_program_is_what_it_must_be(self):
        tool = os.environ.get("OSTRUST_TOOL")
        if not tool:
            self.skipTest("the ostrust program was not built")
        self.assertEqual(wrong_with(tool, mach_o.EXECUTE, allowed_imports()), [])

    def test_the_stubs_name_what_is_used_and_nothing_else(self):
        allowed = allowed_imports()
        tool = os.environ.get("OSTRUST_TOOL")
        if allowed is None or not tool:
            self.skipTest("there are no stubs, or the ostrust program was not built")
        used = set()
        for path in (os.environ["OSTRUST_MODULE"], tool):
            for image in mach_o.read(path):
                used |= image.imports
        # The linker takes what it needs of it.
        self.assertEqual({entry for entry in allowed - used if entry[0] != "dyld_stub_binder"}, set())


INIT = "__attribute__((visibility(\"default\"))) int OSSL_provider_init(void) { return 0; }\n"


class Twins(unittest.TestCase):
    """Modules that break one rule each."""

    @classmethod
    def setUpClass(cls):
        if "OSTRUST_MACOS_CLANG" not in os.environ or not os.environ.get("OSTRUST_MACOS_STUBS"):
            raise unittest.SkipTest("no modules are linked here")

    def link(self, source, *options, architectures=("arm64", "x86_64")):
        directory = tempfile.TemporaryDirectory(prefix="ostrust-macos-")
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "twin.dylib")
        with open(os.path.join(directory.name, "twin.c"), "w") as out:
            out.write(source)
        command = shlex.split(os.environ["OSTRUST_MACOS_CLANG"])
        for architecture in architectures:
            command += ["-arch", architecture]
        done = subprocess.run(command + ["-fvisibility=hidden", "-mmacosx-version-min=12.0", "-bundle", *options,
                                         os.path.join(directory.name, "twin.c"), "-o", path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        return path

    def wrong(self, *arguments, **keywords):
        return wrong_with(self.link(*arguments, **keywords), mach_o.BUNDLE, allowed_imports())

    def assertBoth(self, wrong, what):
        self.assertEqual(sorted(wrong), ["arm64: " + what, "x86_64: " + what])

    def test_one_that_breaks_none_passes(self):
        self.assertEqual(self.wrong(INIT), [])

    def test_one_export_more(self):
        self.assertBoth(self.wrong(INIT + "__attribute__((visibility(\"default\"))) int more;"),
                        "it exports _OSSL_provider_init _more")

    def test_one_export_less(self):
        self.assertBoth(self.wrong("int less;"), "it exports ")

    def test_one_architecture_only(self):
        self.assertEqual(self.wrong(INIT, architectures=["arm64"]), ["it is for arm64"])

    def test_another_minimum_version(self):
        self.assertBoth(self.wrong(INIT, "-mmacosx-version-min=13.0"), "it needs 13.0 of platform 1")

    def test_a_bundle_where_a_program_should_be(self):
        wrong = wrong_with(self.link(INIT), mach_o.EXECUTE, allowed_imports())
        for architecture in ("arm64", "x86_64"):
            self.assertIn(architecture + ": it is of file type 8", wrong)
            self.assertIn(architecture + ": it is not position-independent", wrong)

    def test_a_run_path(self):
        self.assertBoth(self.wrong(INIT, "-Wl,-rpath,/opt"), "it has LC_RPATH /opt")

    def wrong_with_another(self, install_name):
        """What is wrong with a module that takes X509_new() from another library."""
        with tempfile.TemporaryDirectory(prefix="ostrust-macos-") as directory:
            with open(os.path.join(directory, "libother.tbd"), "w") as out:
                out.write("--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos, x86_64-macos ]\n"
                          "install-name: '%s'\nexports:\n  - targets: [ arm64-macos, x86_64-macos ]\n"
                          "    symbols: [ _X509_new ]\n...\n" % install_name)
            source = INIT + "void *X509_new(void); void *(*volatile used)(void) = X509_new;"
            return self.wrong(source, "-L" + directory, "-lother")

    def test_libcrypto(self):
        wrong = self.wrong_with_another("/opt/libcrypto.3.dylib")
        self.assertEqual([what for what in wrong if what.startswith("arm64")],
                         ["arm64: LC_LOAD_DYLIB /opt/libcrypto.3.dylib",
                          "arm64: it imports _X509_new, /opt/libcrypto.3.dylib"])
        self.assertEqual(len(wrong), 4, wrong)

    def test_a_symbol_that_is_not_in_the_stub_of_its_library(self):
        self.assertBoth(self.wrong_with_another(LIBRARIES["libSystem.tbd"]),
                        "it imports _X509_new, /usr/lib/libSystem.B.dylib")

    def test_a_symbol_that_is_looked_up_in_everything(self):
        wrong = self.wrong(INIT + "void *X509_new(void); void *(*volatile used)(void) = X509_new;",
                           "-undefined", "dynamic_lookup")
        self.assertBoth(wrong, "it imports _X509_new, nobody's")

    def test_a_destructor(self):
        stubs = os.environ["OSTRUST_MACOS_STUBS"]
        with open(os.path.join(stubs, "libSystem.tbd")) as stub:
            self.assertNotIn("'_atexit'", stub.read())  # the test would be about nothing
        wrong = self.wrong(INIT + "int atexit(void (*)(void)); int (*volatile used)(void (*)(void)) = atexit;",
                           "-undefined", "dynamic_lookup")
        self.assertIn("arm64: it has static destructors, or exit handlers", wrong)

    def test_what_is_no_mach_o_file(self):
        self.assertEqual(wrong_with(__file__, mach_o.BUNDLE, None), ["no Mach-O image of 64 bits"])
        path = self.link(INIT)
        with open(path, "rb") as whole:
            data = whole.read()
        with open(path, "wb") as cut:
            cut.write(data[:0x4010])
        self.assertRegex(wrong_with(path, mach_o.BUNDLE, None)[0], "^it ends before byte|^a text without")


if __name__ == "__main__":
    unittest.main()
