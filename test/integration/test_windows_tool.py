#!/usr/bin/env python3
"""ostrust.exe in Wine: what `status` finds in the Windows programs of test/windows-hosts, and what `run` does to them.

Makes its certificates itself, so that it runs alone. Nothing of this was run on Windows itself.
"""
import glob
import json
import os
import re
import shutil
import sys
import unittest

import support
import wine
from support import OstrustTest, configuration_text, pem, port_of

_TOOL = os.environ.get("OSTRUST_TOOL", "")
TOOL = _TOOL if _TOOL.endswith(".exe") else os.path.join(support.SOURCE, "build", "windows", "ostrust.exe")
MODULE = os.path.join(os.path.dirname(TOOL), "ostrust.dll")

NODE_CONNECTS = """
const peer = {host: "127.0.0.1", servername: "localhost", port: +process.argv[1]};
const socket = require("tls").connect(peer, () => { console.log("accepted"); socket.end(); });
socket.on("error", (error) => console.log("refused: " + error.code));
"""

WINDOWS = None


def setUpModule():
    global WINDOWS
    sys.path.insert(0, os.path.join(support.SOURCE, "test", "pki"))
    import pki
    pki.make_all(support.PKI, support.OPENSSL)
    WINDOWS = wine.Wine()
    if not wine.why_no_program("windows_store"):
        WINDOWS.add_certificate("CurrentUser", "ROOT", pem("root-a"))


def tearDownModule():
    WINDOWS.close()


def why_no_tool():
    for file in (TOOL, MODULE):
        if not os.path.isfile(file):
            return "no %s (the preset windows builds it)" % file
    return None


def openssl_of(host):
    return wine.path(wine.host(host, "openssl.exe"))


def is_wines(finding):
    """In Wine the enterprise's stores, which are not there, cannot be opened for no reason."""
    return finding["id"] == "source" and "LocalMachineEnterprise" in finding["text"]


class ToolTest(OstrustTest):

    def setUp(self):
        super().setUp()
        if why_no_tool():
            self.skipTest(why_no_tool())

    def need(self, *hosts):
        for host in hosts:
            if WINDOWS.why_no_host(host):
                self.skipTest(WINDOWS.why_no_host(host))

    def need_root(self):
        if wine.why_no_program("windows_store"):
            self.skipTest(wine.why_no_program("windows_store"))

    def tool(self, *arguments, cwd=None, tool=TOOL, **env):
        return WINDOWS.run(tool, *arguments, env=env, cwd=cwd or self.work)

    def configuration(self, keys=None, text=lambda text: text):
        """As Windows programs call it: one with ostrust, whose section says `keys`, too."""
        section = dict({"module": wine.path(MODULE)}, **(keys or {}))
        return wine.path(self.file("ostrust.cnf", text(configuration_text(section))))

    def status(self, program, **env):
        """The JSON object; text and exit status must tell the same."""
        done = self.tool("status", "--json", "--program", program, **env)
        self.assertTrue(done.out.startswith("{"), done)
        seen = json.loads(done.out)
        problems = [finding for finding in seen["findings"] if finding["level"] == "problem"]
        self.assertEqual((done.status, done.err), (1 if problems else 0, ""), done)
        text = self.tool("status", "--program", program, **env)
        self.assertEqual(text.status, done.status, text)
        for finding in seen["findings"]:
            self.assertIn(re.sub("[\x00-\x1f]", lambda found: "\\u{%x}" % ord(found.group()), finding["text"]), text.out)
        return seen

    def ids(self, seen):
        return [finding["id"] for finding in seen["findings"] if not is_wines(finding)]

    def next_of(self, seen):
        return [finding["fix"] for finding in seen["findings"] if not is_wines(finding)][0]


# --- status -----------------------------------------------------------------------------------------

class OpenSslStatus:

    def setUp(self):
        super().setUp()
        self.need(self.host)

    def seen(self, **env):
        return self.status(openssl_of(self.host), **env)

    def test_the_program_is_read(self):
        seen = self.seen()
        self.assertEqual(seen["program"]["openssl"], "shared", seen)
        self.assertEqual(seen["program"]["libcrypto"].replace("\\", "/"),
                         wine.path(wine.host(self.host, "libcrypto-3-x64.dll")))
        version = self.host.split("-")[1]
        self.assertTrue(seen["program"]["version"].startswith("OpenSSL %s." % version), seen)

    def test_without_ostrust(self):
        seen = self.seen()
        self.assertEqual((self.ids(seen), seen["module"]["loaded"]), (["no-configuration"], False), seen)
        seen = self.seen(OPENSSL_CONF=wine.path(self.stock()))
        self.assertEqual((self.ids(seen), seen["module"]["loaded"]), (["not-configured"], False), seen)
        self.assertEqual(seen["providers"], ["default"], seen)

    def test_with_ostrust(self):
        doubled = wine.path(MODULE).replace("/", r"\\")
        for keys in ({}, {"module": doubled}):
            seen = self.seen(OPENSSL_CONF=self.configuration(keys))
            self.assertEqual(self.ids(seen), [], seen)
            self.assertEqual(seen["module"]["file"].replace("\\", "/"), wine.path(MODULE))
            self.assertEqual((seen["module"]["loaded"], seen["module"]["binding"]), (True, "full"), seen)
            self.assertEqual(seen["module"]["version"], seen["tool"]["version"])
            self.assertGreater(seen["module"]["anchors"], 0, seen)
            self.assertIs(seen["default_paths_served"], True, seen)

    def test_single_backslashes(self):
        single = wine.path(MODULE).replace("/", "\\")
        seen = self.seen(OPENSSL_CONF=self.configuration({"module": single}))
        self.assertEqual((self.ids(seen), seen["module"]["loaded"]), (["module-backslashes"], False), seen)
        self.assertIn("module = " + wine.path(MODULE), self.next_of(seen))

    def test_an_include_with_single_backslashes(self):
        more = wine.path(self.file("more.cnf", ""))
        for include, expected in ((more.replace("/", "\\"), ["include-backslashes"]),
                                  (more.replace("/", r"\\"), []), (more, [])):
            seen = self.seen(OPENSSL_CONF=self.configuration(text=lambda text: text + ".include %s\n" % include))
            self.assertEqual(self.ids(seen), expected, (include, seen))

    def test_no_module(self):
        absent = wine.path(os.path.join(self.work, "absent.dll"))
        seen = self.seen(OPENSSL_CONF=self.configuration({"module": absent}))
        self.assertEqual(self.ids(seen), ["no-module"], seen)
        self.assertIn(wine.path(MODULE), self.next_of(seen))

    def test_a_module_that_does_not_load(self):
        garbage = wine.path(self.file("ostrust.dll", "this is no library\n"))
        seen = self.seen(OPENSSL_CONF=self.configuration({"module": garbage}))
        self.assertEqual(self.ids(seen), ["not-loaded"], seen)

    def test_a_bad_value(self):
        seen = self.seen(OPENSSL_CONF=self.configuration({"refresh": "often"}))
        self.assertEqual(self.ids(seen), ["bad-value"], seen)
        self.assertIn("refresh = often", seen["findings"][0]["text"])

    def test_a_variable_that_wins(self):
        seen = self.seen(OPENSSL_CONF=self.configuration(), SSL_CERT_FILE=wine.path(pem("root-b")))
        self.assertEqual(self.ids(seen), ["variable-wins"], seen)


class OpenSsl30Status(OpenSslStatus, ToolTest):
    host = "openssl-3.0"


class OpenSsl35Status(OpenSslStatus, ToolTest):
    host = "openssl-3.5"


class NodeStatus:

    def setUp(self):
        super().setUp()
        self.need(self.host, "openssl-3.5")  # the latter reads the configuration

    def seen(self, **env):
        return self.status(wine.path(wine.host(self.host, "node.exe")),
                           WINEPATH=wine.path(wine.host("openssl-3.5")), **env)

    def test_without_ostrust(self):
        seen = self.seen()
        self.assertEqual((self.ids(seen), seen["program"]["openssl"]), (["not-loaded"], "exported"), seen)
        self.assertRegex(seen["program"]["version"], r"^OpenSSL 3\.")
        seen = self.seen(OPENSSL_CONF=self.configuration())
        self.assertEqual(self.ids(seen), ["no-nodejs-conf"], seen)

    def test_with_ostrust(self):
        configuration = self.configuration(text=lambda text: "nodejs_conf = openssl_init\n" + text)
        seen = self.seen(OPENSSL_CONF=configuration, NODE_OPTIONS="--use-openssl-ca")
        self.assertEqual((self.ids(seen), seen["module"]["loaded"]), ([], True), seen)
        self.assertGreater(seen["module"]["anchors"], 0, seen)
        seen = self.seen(OPENSSL_CONF=configuration)
        self.assertEqual(self.ids(seen), ["node-uses-its-own-roots"], seen)


class Node20Status(NodeStatus, ToolTest):
    host = "node-20"


class Node22Status(NodeStatus, ToolTest):
    host = "node-22"


class Node24Status(NodeStatus, ToolTest):
    host = "node-24"


class Node26Status(NodeStatus, ToolTest):
    host = "node-26"


class OtherPrograms(ToolTest):

    def folder(self, libcrypto_of):
        """openssl.exe with the libcrypto of another host beside it."""
        self.need("openssl-3.5", libcrypto_of)
        folder = os.path.join(self.work, "folder")
        os.makedirs(folder, exist_ok=True)
        for name in ("openssl.exe", "libssl-3-x64.dll"):
            shutil.copy(wine.host("openssl-3.5", name), folder)
        shutil.copy(wine.host(libcrypto_of, "libcrypto-3-x64.dll"), folder)
        return wine.path(os.path.join(folder, "openssl.exe"))

    def test_an_openssl_that_loads_no_modules(self):
        program = self.folder("postgres")
        for configuration in (self.configuration(), wine.path(self.stock())):
            seen = self.status(program, OPENSSL_CONF=configuration)
            self.assertEqual(self.ids(seen), ["no-module-loading"], seen)
        done = self.tool("run", "--", program, "version")
        self.assertEqual((done.status, done.out), (125, ""), done)
        self.assertSays("without the loading of modules", done)

    def test_its_twin(self):
        program = self.folder("openssl-3.5")
        self.assertEqual(self.ids(self.status(program, OPENSSL_CONF=self.configuration())), [])
        self.assertEqual(self.ids(self.status(program, OPENSSL_CONF=wine.path(self.stock()))), ["not-configured"])

    def test_a_library_that_is_not_there(self):
        program = self.folder("openssl-3.5")
        os.unlink(os.path.join(self.work, "folder", "libcrypto-3-x64.dll"))
        seen = self.status(program)
        self.assertEqual((seen["program"]["openssl"], self.ids(seen)), ("unknown", ["openssl-unknown"]), seen)
        self.assertIn("libcrypto-3-x64.dll", seen["findings"][0]["text"])

    def test_openssl_inside_and_hidden(self):
        with open(TOOL, "rb") as file:  # some program without OpenSSL
            program = file.read()
        for words, expected in ((b"OpenSSL 3.0.13 30 Jan 2024\0", "hidden"), (b"OpenSSL 3.0.13\0", "unknown")):
            path = os.path.join(self.work, expected + ".exe")
            with open(path, "wb") as file:
                file.write(program + words)
            self.assertEqual(self.status(wine.path(path))["program"]["openssl"], expected)

    def test_nothing_in_the_working_directory_is_found(self):
        shutil.copy(TOOL, os.path.join(self.work, "planted.exe"))
        done = self.tool("status", "--program", "planted")
        self.assertEqual((done.status, done.out), (2, ""), done)
        done = self.tool("status", "--program", "planted", WINEPATH=wine.path(self.work))
        self.assertEqual(done.status, 1, done)
        done = self.tool("status", "--program", r".\planted")
        self.assertEqual(done.status, 1, done)

    def test_a_name_comes_through_whole(self):
        for name in ('no such "program"', "no\\such\\", "nö ☃"):
            self.assertIn("there is no program " + name, self.tool("status", "--program", name).err)


# --- run --------------------------------------------------------------------------------------------

class Run(ToolTest):

    def setUp(self):
        super().setUp()
        self.need("openssl-3.5")
        self.path = {"WINEPATH": wine.path(wine.host("openssl-3.5"))}

    def governed(self, *command, options=(), **env):
        return self.tool("run", *options, "--", *command, **dict(self.path, **env))

    def client(self, host, server="leaf-a"):
        return [openssl_of(host), "s_client", "-connect", "127.0.0.1:%d" % port_of(server), "-servername",
                "localhost", "-verify_return_error"]

    def test_openssl_trusts_what_windows_trusts(self):
        self.need("openssl-3.0")
        self.need_root()
        for host in ("openssl-3.0", "openssl-3.5"):
            with self.subTest(host):
                done = self.governed(*self.client(host))
                self.assertSays("Verify return code: 0 (ok)", done)
                self.assertEqual(done.status, 0, done)
                self.assertNotEqual(self.governed(*self.client(host, "leaf-b")).status, 0)
                self.assertNotEqual(self.tool(*self.client(host)[1:], tool=self.client(host)[0]).status, 0)

    def test_storeutl_lists_what_windows_trusts(self):
        self.need_root()
        listed = "".join(support.text_of("root-a").split("-----")[2].split())
        done = self.governed("openssl", "storeutl", "-certs", "os://")
        self.assertEqual(done.status, 0, done)
        self.assertIn(listed, "".join(done.out.split()))
        done = self.tool("storeutl", "-certs", "os://", tool=wine.host("openssl-3.5", "openssl.exe"))
        self.assertNotEqual(done.status, 0, done)

    def assertNodeIsGoverned(self, host):
        self.need_root()
        self.need(host)
        node = wine.path(wine.host(host, "node.exe"))
        for server, words in (("leaf-a", "accepted"), ("leaf-b", "refused")):
            done = self.governed(node, "-e", NODE_CONNECTS, str(port_of(server)))
            self.assertTrue(done.out.startswith(words), done)
        done = self.tool("-e", NODE_CONNECTS, str(port_of("leaf-a")), tool=wine.host(host, "node.exe"))
        self.assertTrue(done.out.startswith("refused"), done)

    def test_node_20_trusts_what_windows_trusts(self):
        self.assertNodeIsGoverned("node-20")

    def test_node_22_trusts_what_windows_trusts(self):
        self.assertNodeIsGoverned("node-22")

    def test_node_24_trusts_what_windows_trusts(self):
        self.assertNodeIsGoverned("node-24")

    def test_node_26_trusts_what_windows_trusts(self):
        self.assertNodeIsGoverned("node-26")

    def test_node_where_there_is_no_other_openssl(self):
        self.need("node-22")
        done = self.tool("run", "--", wine.path(wine.host("node-22", "node.exe")), "-p", "'started'")
        self.assertEqual((done.status, done.out), (0, "started\n"), done)

    def test_exit_status_and_arguments_are_handed_on(self):
        self.assertEqual(self.governed("cmd", "/c", "exit 7").status, 7)
        self.assertEqual(self.governed("cmd", "/c", "exit 0").status, 0)
        self.need("node-22")
        arguments = ["a b", "", 'a"b', "c\\", 'd\\"', "e f\\", "--set", "--", "%PATH% & | ^ ö"]
        done = self.governed(wine.path(wine.host("node-22", "node.exe")), "-p",
                             "JSON.stringify(process.argv.slice(1))", "--", *arguments)
        self.assertEqual(json.loads(done.out), arguments, done)

    def test_standard_input_is_the_commands(self):
        done = WINDOWS.run(TOOL, "run", "--", "openssl", "base64", env=self.path, stdin=b"given", cwd=self.work)
        self.assertEqual((done.status, done.out), (0, "Z2l2ZW4=\n"), done)

    def test_a_command_that_cannot_be_started(self):
        self.assertEqual(self.governed("no-such-command").status, 127)
        self.assertEqual(self.governed(wine.path(self.file("text", "no program\n"))).status, 126)
        done = self.governed(wine.path(self.file("file.bat", "@echo started\n")))
        self.assertEqual((done.status, done.out), (126, ""), done)
        self.assertSays("batch file", done)

    def test_the_environment(self):
        program = ("cmd", "/c", "echo %SSL_CERT_FILE%.%NODE_OPTIONS%")
        env = {"SSL_CERT_FILE": "C:/x.pem", "NODE_OPTIONS": "--x"}
        done = self.governed(*program, **env)
        self.assertEqual(done.out, "%SSL_CERT_FILE%.--x --use-openssl-ca\n", done)
        done = self.governed(*program, options=("--keep-environment",), **env)
        self.assertEqual(done.out, "C:/x.pem.--x\n", done)

    def test_the_configuration_that_was_there_stays_in_force(self):
        self.need_root()
        policy = configuration_text(init="ssl_conf = my_ssl", sections="[my_ssl]\nsystem_default = my_default\n"
                                    "[my_default]\nMaxProtocol = TLSv1.2\n")
        file = self.file("it's a policy.cnf", policy)
        for name in (wine.path(file), wine.path(file).replace("/", "\\"), os.path.basename(file)):
            done = self.governed(*self.client("openssl-3.5"), OPENSSL_CONF=name)
            self.assertSays("Protocol  : TLSv1.2", done)
            self.assertSays("Verify return code: 0 (ok)", done)

    def test_the_file_is_kept_in_the_profile_and_made_once(self):
        def made():
            return glob.glob(os.path.join(WINDOWS.directory, "prefix", "drive_c", "users", "*", "AppData", "Local",
                                          "ostrust", "*"))
        options = ("--set", "network-timeout=%d" % (os.getpid() % 50 + 4))
        before = made()
        for _ in range(2):
            done = self.governed("cmd", "/c", "echo %OPENSSL_CONF%", options=options)
            self.assertRegex(done.out, r"^C:\\users\\[^\\]+\\AppData\\Local\\ostrust\\run-[0-9a-f]{40}\.cnf\n$", done)
        new = set(made()) - set(before)
        self.assertEqual(len(new), 1, new)
        path, = new
        with open(path) as file:
            text = file.read()
        self.assertIn("module = %s\n" % wine.path(MODULE), text)
        with open(path, "w") as file:
            file.write("tampered with\n")
        self.assertEqual(self.governed("cmd", "/c", "exit 0", options=options).status, 0)
        with open(path) as file:
            self.assertEqual(file.read(), text)

    def test_a_folder_that_was_moved(self):
        for tool, module in (("ostrust.exe", "ostrust.dll"), ("bin/ostrust.exe", "lib/ostrust/ostrust.dll")):
            folder = os.path.join(self.work, "a moved folder")
            for name, source in ((tool, TOOL), (module, MODULE)):
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                shutil.copy(source, os.path.join(folder, name))
            done = self.tool("run", "--", "openssl", "list", "-providers", tool=os.path.join(folder, tool), **self.path)
            self.assertSays("name: ostrust", done)
            with open(os.path.join(folder, module), "w") as file:
                file.write("this is no library\n")
            done = self.tool("run", "--", "openssl", "version", tool=os.path.join(folder, tool), **self.path)
            self.assertEqual((done.status, done.out), (125, ""), done)
            shutil.rmtree(folder)


if __name__ == "__main__":
    support.skip_all_if(wine.why_not() or why_no_tool())
    support.main()
