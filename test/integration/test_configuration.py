#!/usr/bin/env python3
"""openssl.cnf.example beside the files of distributions: ostrust becomes active and the
distribution's policy stays what it was."""
import os
import re

import support
from support import HERE, HOSTS, SOURCE, OstrustTest, pem

SHAPES = ("debian", "ubuntu", "fedora")


class Example(OstrustTest):

    def shape(self, name):
        """The path of a file shaped like the distribution's."""
        directory = os.path.join(HERE, "openssl-cnf")
        with open(os.path.join(directory, name + ".cnf")) as file:
            text = file.read()
        text = text.replace("@POLICY@", os.path.join(directory, "fedora-policy.config"))
        return self.file(name + ".cnf", text)

    def example(self, distribution):
        """The shipped example, with this test's store."""
        keys = {"trust-source": self.bundle, "refresh": "0"}
        return self.file("example.cnf", support.example_text(distribution, keys))

    def policy(self, configuration):
        done = support.run([os.path.join(HOSTS, "show_context")],
                           support.environment(configuration, preload=False), cwd=self.work)
        self.assertEqual((done.status, done.err), (0, ""), done)
        return dict(line.split(": ", 1) for line in done.out.splitlines())

    def test_the_policy_is_unchanged_and_ostrust_is_active(self):
        self.store("root-a")
        built_in = self.policy(self.stock())
        for name in SHAPES:
            with self.subTest(name):
                shape = self.shape(name)
                before, after = self.policy(shape), self.policy(self.example(shape))
                self.assertEqual(before.pop("provider ostrust"), "0")
                self.assertEqual(after.pop("provider ostrust"), "1")
                self.assertEqual(after, before)
                if name != "debian":  # a policy that says nothing would prove nothing
                    self.assertNotEqual(before["security level"], built_in["security level"])

    def test_the_system_store_is_served(self):
        self.store("root-a")
        for name in SHAPES:
            with self.subTest(name):
                shape = self.shape(name)
                example = self.example(shape)
                done = self.openssl("verify", pem("leaf-a"), configuration=example)
                self.assertEqual((done.status, done.err), (0, ""), done)
                done = self.openssl("verify", pem("leaf-b"), configuration=example)
                self.assertNotEqual(done.status, 0, done)
                done = self.openssl("verify", pem("leaf-a"), configuration=shape)
                self.assertNotEqual(done.status, 0, done)

    def test_values_the_example_leaves_commented_out_are_ones_the_module_knows(self):
        # Every key = value that stands commented out in the example's ostrust section works when it is
        # taken in. Paths and values that need another system are not.
        with open(os.path.join(SOURCE, "openssl.cnf.example")) as file:
            text = file.read()
        keys = re.findall(r"^\s*#\s?([a-z]+(?:-[a-z]+)*)\s*=\s*(\S+)\s*(?:#.*)?$", text, re.M)
        keys = [(key, value) for key, value in keys
                if key in ("default-paths", "system-bundles", "replace-bundles", "verify",
                           "revocation", "intermediates", "network-allow-private",
                           "network-timeout", "refresh", "preload", "log")]
        self.store("root-a")
        for key, value in keys:
            with self.subTest("%s = %s" % (key, value)):
                if ":/" in value:
                    value = value.split(":")[0] + ":" + os.path.join(self.work, "log")
                done = self.openssl("verify", "-CAfile", "os://", pem("leaf-a"),
                                    configuration=self.ostrust({key: value}))
                self.assertEqual(done.status, 0, done)

    def test_it_names_the_section_that_node_reads(self):
        with open(os.path.join(SOURCE, "openssl.cnf.example")) as file:
            self.assertRegex(file.read(), r"(?m)^nodejs_conf\s*=\s*openssl_init")


if __name__ == "__main__":
    support.main()
