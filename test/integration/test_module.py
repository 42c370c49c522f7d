#!/usr/bin/env python3
"""What the module is as a file, and what the source tree may not contain."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import support
from support import MODULE, SANITIZER, SOURCE


def tool(*arguments):
    return subprocess.run(arguments, stdout=subprocess.PIPE, check=True).stdout.decode()


class Module(unittest.TestCase):

    def test_needs_no_openssl_and_no_cxx_runtime(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", tool("readelf", "-dW", MODULE))
        self.assertTrue(needed)
        # What every Linux program has, libc.so with musl. A sanitized build brings its runtime, and says so.
        allowed = {"libc.so.6", "libc.so", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1",
                   "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
        if SANITIZER:
            allowed |= {"libstdc++.so.6"}
            needed = [name for name in needed if not re.match(r"lib(asan|ubsan|tsan)\.so", name)]
        self.assertEqual(set(needed) - allowed, set())

    def test_leaves_no_openssl_symbol_to_the_dynamic_linker(self):
        undefined = re.findall(r" [UwW] (\w+)", tool("nm", "-D", "--undefined-only", MODULE))
        ours = [name for name in undefined
                if re.match(r"(OSSL|OPENSSL|X509|SSL|ERR|CRYPTO|EVP|ASN1|PEM|BIO|CONF)_", name)
                or re.match(r"(d2i|i2d)_", name)]
        self.assertEqual(ours, [])

    def test_exports_one_symbol(self):
        exported = [line.split()[-1].split("@")[0]
                    for line in tool("nm", "-D", "--defined-only", MODULE).splitlines()]
        if SANITIZER:
            exported = [name for name in exported if not re.search(r"asan|ubsan|tsan|odr", name)]
        self.assertEqual(exported, ["OSSL_provider_init"])

    def test_is_never_unloaded(self):
        self.assertRegex(tool("readelf", "-dW", MODULE), r"FLAGS_1.*\bNODELETE\b")

    def test_makes_no_local_statics_a_child_of_fork_could_wait_for(self):
        # The registry is made with the first ForkSafeMutex, while OpenSSL holds its lock for loading providers.
        made = set(re.findall(r"guard variable for (ostrust::.*)", tool("nm", "-C", MODULE)))
        self.assertEqual(made - {"ostrust::platform::ForkSafeMutexRegistry::Get()::registry"}, set())

    def test_has_no_executable_stack_and_no_text_relocations(self):
        dynamic = tool("readelf", "-dW", MODULE)
        self.assertNotIn("TEXTREL", dynamic)
        stack = re.search(r"GNU_STACK.*", tool("readelf", "-lW", MODULE)).group(0)
        self.assertNotRegex(stack, r"\bRWE\b")

    @unittest.skipIf(SANITIZER, "a sanitized build is for testing")
    def test_is_hardened(self):
        self.assertRegex(tool("readelf", "-dW", MODULE), r"FLAGS_1.*\bNOW\b")
        self.assertIn("GNU_RELRO", tool("readelf", "-lW", MODULE))
        undefined = tool("nm", "-D", "--undefined-only", MODULE)
        self.assertIn("__stack_chk_fail", undefined)
        if "[libc.so.6]" not in tool("readelf", "-dW", MODULE):
            return  # musl and libc++, which have neither of the others
        self.assertRegex(undefined, r"__\w+_chk\b")  # _FORTIFY_SOURCE
        self.assertIn("__glibcxx_assert_fail", tool("nm", MODULE))  # _GLIBCXX_ASSERTIONS

    def test_has_no_c_symbol_name_prefix(self):
        self.assertEqual(os.path.basename(MODULE), "ostrust.so")


class SourceTree(unittest.TestCase):

    def test_platform_includes_no_openssl_header(self):
        found = []
        for directory, _, names in os.walk(os.path.join(SOURCE, "platform")):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, errors="replace") as file:
                    for number, line in enumerate(file, 1):
                        if re.match(r"\s*#\s*include\s*[<\"](openssl/|provider/)", line):
                            found.append("%s:%d: %s" % (path, number, line.strip()))
        self.assertEqual(found, [])

    def test_one_function_says_what_an_errno_means(self):
        # strerror() and its like load code from a tree that the process called chroot() for: ErrorText().
        said = set()
        for directory in ("platform", "platform/linux", "provider", "provider/fetch", "provider/hooks", "provider/host",
                          "provider/verify"):
            for path in glob.glob(os.path.join(SOURCE, directory, "*.cpp")):
                with open(path) as file:
                    if re.search(r"\b(strerror\w*|perror|\w+_category|gai_strerror)\(", file.read()):
                        said.add(os.path.relpath(path, SOURCE))
        self.assertEqual(said, {"platform/linux/file_io.cpp", "platform/linux/name_resolution.cpp"})

    def test_every_source_of_a_system_is_named_for_cmake(self):
        platform = os.path.join(SOURCE, "platform")
        systems = sorted(glob.glob(os.path.join(platform, "*", "system.cmake")))
        self.assertTrue(systems)
        named = set()
        for path in systems + [os.path.join(platform, "CMakeLists.txt"),
                               os.path.join(SOURCE, "provider", "CMakeLists.txt")]:
            with open(path) as file:
                named.update(re.findall(r"[\w/]+[.]cpp", file.read()))
        of_systems = {os.path.relpath(path, platform) for path in glob.glob(os.path.join(platform, "*", "*.cpp"))}
        host = os.path.join(SOURCE, "provider", "host")
        # Those that every system has are provider/CMakeLists.txt's, with the folder before them.
        host_sources = {name for name in os.listdir(host) if name.endswith(".cpp") and "host/" + name not in named}
        self.assertTrue(of_systems and host_sources)
        self.assertEqual((of_systems | host_sources) - named, set())

    @unittest.skipIf(shutil.which("cmake") is None, "cmake is missing")
    def test_cmake_refuses_a_system_without_a_folder_and_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as work:
            script = os.path.join(work, "system.cmake")
            with open(script, "w") as file:
                file.write('cmake_minimum_required(VERSION 3.22)\ninclude("%s")\n'
                           'message("for ${OSTRUST_SYSTEM}, verifies ${OSTRUST_SYSTEM_VERIFIES}")\n'
                           % os.path.join(SOURCE, "platform", "systems.cmake"))

            def configure(*arguments):
                done = subprocess.run(["cmake", *arguments, "-P", script], stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
                return done.returncode, " ".join(done.stdout.decode().split())
            for name, answer in (("Linux", "for linux, verifies OFF"), ("Darwin", "for macos, verifies ON"),
                                 ("Windows", "for windows, verifies ON")):
                self.assertEqual(configure("-DCMAKE_SYSTEM_NAME=" + name), (0, answer))
            status, text = configure("-DCMAKE_SYSTEM_NAME=Plan9")
            self.assertEqual(status, 1)
            for part in ("there is no platform/plan9/system.cmake", "linux", "macos", "windows", "CONTRIBUTING.md",
                         "-DOSTRUST_SYSTEM=linux"):
                self.assertIn(part, text)
            status, text = configure("-DCMAKE_SYSTEM_NAME=Plan9", "-DOSTRUST_SYSTEM=linux")
            self.assertEqual((status, text.endswith("for linux, verifies OFF")), (0, True))
            self.assertIn("Plan9 is taken for linux", text)


if __name__ == "__main__":
    support.main()
