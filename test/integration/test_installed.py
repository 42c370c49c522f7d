#!/usr/bin/env python3
"""Nothing is missing for want of which other tests would be skipped. test/run, which has installed it, sets
OSTRUST_INSTALLED; elsewhere what is missing is no failure."""
import os
import shutil
import unittest

import support
import test_p11kit_policy
import test_status_layers
import test_tool
from pkcs11 import find_module
from support import HOSTS, MODULE

# Of the list TEST in test/deps.
PROGRAMS = ("bash", "curl", "fish", "ip", "mandoc", "mount", "openssl", "setpriv", "strace", "unshare", "zsh")


class Installed(unittest.TestCase):

    def test_the_programs(self):
        self.assertEqual([name for name in PROGRAMS if shutil.which(name) is None], [])

    def test_the_modules_of_pkcs11(self):
        self.assertEqual([name for name in ("p11-kit-trust.so", "libnssckbi.so") if not find_module(name)], [])

    def test_what_is_built_only_with_certain_headers_and_libraries(self):
        built = [test_p11kit_policy.GNUTLS, test_tool.TOOL, test_tool.UNHOOKED,
                 os.path.join(test_status_layers.UPKI, "libupki.so.1"),
                 os.path.join(os.path.dirname(MODULE), "test", "ostrust-verifier.so"),
                 os.path.join(os.path.dirname(MODULE), "test", "ostrust-macos.so"),
                 *(os.path.join(HOSTS, name) for name in ("pkcs11_neighbours", "second_libcrypto", "static_host"))]
        self.assertEqual([path for path in built if not os.path.exists(path)], [])

    def test_the_systems_certificates(self):
        self.assertTrue(os.path.exists("/etc/ssl/certs/ca-certificates.crt"))


if __name__ == "__main__":
    support.skip_all_if(not os.environ.get("OSTRUST_INSTALLED") and "OSTRUST_INSTALLED is not set: test/run sets it")
    support.main()
