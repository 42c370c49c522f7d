#!/usr/bin/env python3
"""The ostrust program: every finding of `status` and its twin, and what `run` does to a command."""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import unittest

import support
from support import (MARKER, MODULE, OPENSSL, OstrustTest, configuration_text, environment,
                     hashed_directory, pem, port_of)

TOOL = os.environ.get("OSTRUST_TOOL") or os.path.join(os.path.dirname(MODULE), "ostrust")
UNHOOKED = os.path.join(os.path.dirname(MODULE), "test", "ostrust-unhooked.so")

PYTHON_CONNECTS = """
import socket, ssl, sys
context = ssl.create_default_context()
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
        with context.wrap_socket(plain, server_hostname="localhost"):
            print("accepted")
except ssl.SSLError as error:
    print("refused:", error)
"""


class ToolTest(OstrustTest):

    def setUp(self):
        super().setUp()
        self.runtime = os.path.join(self.work, "runtime")
        os.mkdir(self.runtime, 0o700)

    def environment(self, configuration, **extra):
        """Like everybody's; `configuration` None: without OPENSSL_CONF."""
        # What this machine says to npm, pip and git is another matter.
        elsewhere = {"npm_config_globalconfig": os.devnull, "PIP_CONFIG_FILE": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        result = environment(configuration or "", **{"XDG_RUNTIME_DIR": self.runtime, **elsewhere, **extra})
        if configuration is None:
            del result["OPENSSL_CONF"]
        return result

    def tool(self, *arguments, configuration, tool=TOOL, cwd=None, **extra):
        return support.run([tool, *arguments], self.environment(configuration, **extra),
                           cwd=cwd or self.work)


class Status(ToolTest):

    def setUp(self):
        super().setUp()
        self.store("root-a", "root-b")

    def status(self, *arguments, configuration, cwd=None, **extra):
        """The JSON object; text and exit status must tell the same."""
        done = self.tool("status", "--json", *arguments, configuration=configuration, cwd=cwd,
                         **extra)
        seen = json.loads(done.out)
        text = self.tool("status", *arguments, configuration=configuration, cwd=cwd, **extra)
        problems = [finding for finding in seen["findings"] if finding["level"] == "problem"]
        for each in (done, text):
            self.assertEqual(each.status, 1 if problems else 0, each)
            self.assertEqual(each.err, "", each)
        self.assertEqual(seen["ok"], not problems)
        self.assertEqual(seen["next"], problems[0]["fix"] if problems else None)
        if problems:
            self.assertIn("\nnext: " + seen["next"] + "\n", text.out)
        for finding in seen["findings"]:
            self.assertIn(finding["text"], text.out)
        return seen

    def ids(self, seen, level=None):
        return [finding["id"] for finding in seen["findings"]
                if level is None or finding["level"] == level]

    def assertOnly(self, expected, seen):
        """This is the one finding, and its fix is the next thing to do."""
        self.assertEqual(self.ids(seen), [expected], seen)
        self.assertTrue(seen["next"], seen)

    def assertWell(self, seen):
        self.assertEqual((seen["ok"], seen["findings"], seen["next"]), (True, [], None), seen)

    # --- the healthy one, and its form

    def test_all_is_well(self):
        configuration = self.ostrust()
        seen = self.status(configuration=configuration)
        self.assertWell(seen)
        self.assertEqual(seen["configuration"]["file"], configuration)
        self.assertEqual(seen["configuration"]["openssl_conf"]["section"], "ostrust_sect")
        self.assertEqual(os.path.realpath(seen["module"]["file"]), os.path.realpath(MODULE))
        self.assertEqual(seen["module"]["version"], seen["tool"]["version"])
        self.assertEqual(seen["module"]["binding"], "full")
        self.assertEqual((seen["module"]["source"], seen["module"]["anchors"]), (self.bundle, 2))
        self.assertEqual(sorted(seen["providers"]), ["default", "ostrust"])
        self.assertIs(seen["default_paths_served"], True)
        version = subprocess.run([OPENSSL, "version"], stdout=subprocess.PIPE, check=True)
        self.assertTrue(version.stdout.decode().startswith(seen["program"]["version"]))

    def test_the_text_is_short_and_says_that_it_is_on(self):
        done = self.tool("status", configuration=self.ostrust())
        self.assertEqual(done.out.splitlines()[0].split(": ")[1], "on for openssl", done)
        self.assertLess(len(done.out.splitlines()), 15, done)
        self.assertNotIn("next:", done.out)
        for line in done.out.splitlines()[2:]:
            self.assertRegex(line, r"^  \w+ +\S", done)

    def test_the_keys_of_the_json_object_are_stable(self):
        entry = ["activated", "init", "keys", "providers", "section"]
        for configuration in (self.ostrust(), self.stock(), None):
            seen = self.status(configuration=configuration)
            self.assertEqual({key: sorted(value) if isinstance(value, dict) else None
                              for key, value in seen.items()}, {
                "format": None, "ok": None, "next": None,
                "tool": ["file", "version"],
                "program": ["because", "file", "libcrypto", "name", "openssl", "set_user_id",
                            "version"],
                "configuration": ["entry_point", "error", "exists", "file", "known",
                                  "nodejs_conf", "openssl_conf", "unknown_keys"],
                "module": ["anchors", "binding", "build_info", "error", "file", "intermediates",
                           "limited_by", "loaded", "revocation", "source", "verify", "version", "why_not_loaded"],
                "providers": None, "algorithms": None, "default_paths_served": None,
                "variables": None,
                "working_directory": ["os_directory", "os_file"],
                "settings": None, "python_bundles": None,
                "layers": seen["layers"] and ["caches", "crlite", "policy"],
                "findings": None,
            })
            self.assertEqual(seen["format"], 1)
            self.assertEqual(sorted(seen["configuration"]["openssl_conf"]), entry)
            self.assertEqual(sorted(seen["configuration"]["nodejs_conf"]), entry)

    def test_usage_errors(self):
        for arguments in ((), ("nothing",), ("status", "--nothing"), ("status", "more"),
                          ("status", "--", "openssl"), ("status", "--program"),
                          ("status", "--program", "no-such-program"),
                          ("status", "--program", self.bundle), ("run",), ("run", "--"),
                          ("run", "openssl"), ("run", "--nothing", "--", "true"),
                          ("run", "--set", "refersh=1", "--", "true"),
                          ("run", "--set", "refresh", "--", "true"),
                          ("run", "--set", "refresh=often", "--", "true"),
                          ("run", "--set", "refresh=1\nmodule=/x", "--", "true")):
            with self.subTest(arguments):
                done = self.tool(*arguments, configuration=self.ostrust())
                self.assertEqual((done.status, done.out), (2, ""), done)
                self.assertTrue(done.err, done)

    # --- why it is not loaded

    def test_not_configured(self):
        seen = self.status(configuration=self.stock())
        self.assertOnly("not-configured", seen)
        self.assertIs(seen["module"]["loaded"], False)
        self.assertEqual(seen["providers"], ["default"])

    def test_no_configuration_file(self):
        for configuration in (os.path.join(self.work, "absent.cnf"), ""):
            with self.subTest(configuration):
                self.assertOnly("no-configuration",
                                self.status(configuration=configuration or "", OPENSSL_CONF=configuration))

    def test_a_configuration_that_cannot_be_parsed(self):
        with open(self.ostrust()) as file:
            text = file.read()
        seen = self.status(configuration=self.file("bad.cnf", text + "this is no assignment\n"))
        self.assertOnly("configuration-error", seen)
        self.assertIn("line %d" % (text.count("\n") + 1), seen["configuration"]["error"])

    def test_openssl_conf_after_an_include_is_ignored(self):
        # The assignment lands in the included file's last section.
        with open(self.ostrust()) as file:
            text = file.read()
        included = self.file("included.cnf", "[last]\nkey = value\n")
        wrong = self.file("wrong.cnf", ".include %s\n" % included + text)
        seen = self.status(configuration=wrong)
        self.assertOnly("not-configured", seen)
        self.assertIn("before any .include", seen["next"])

    def test_a_section_that_does_not_activate(self):
        seen = self.status(configuration=self.ostrust({"activate": None}))
        self.assertOnly("not-activated", seen)

    def test_no_module(self):
        absent = os.path.join(self.work, "absent.so")
        seen = self.status(configuration=self.ostrust({"module": absent}))
        self.assertOnly("no-module", seen)
        # The next thing to do names the module that is there.
        self.assertIn(os.path.realpath(MODULE), seen["next"])

    def test_a_module_that_does_not_load(self):
        garbage = self.file("ostrust.so", "this is no shared library\n")
        seen = self.status(configuration=self.ostrust({"module": garbage}))
        self.assertOnly("not-loaded", seen)
        self.assertIn(garbage, seen["module"]["why_not_loaded"])

    def test_another_module_of_the_configuration_fails_first(self):
        configuration = self.ostrust(init="alg_section = algorithms",
                                     sections="[algorithms]\nno_such_key = 1\n")
        with open(configuration) as file:
            lines = file.read().replace("providers = provider_sect\n", "", 1)
        lines = lines.replace("alg_section = algorithms",
                              "alg_section = algorithms\nproviders = provider_sect")
        seen = self.status(configuration=self.file("order.cnf", lines))
        self.assertOnly("not-loaded", seen)
        self.assertIn("no_such_key", seen["module"]["why_not_loaded"])

    def test_another_version_of_the_module(self):
        with open(MODULE, "rb") as file:
            code = file.read()
        version = self.status(configuration=self.ostrust())["module"]["version"].encode()
        other = b"9" + version[1:]
        copy = os.path.join(self.work, "ostrust.so")
        with open(copy, "wb") as file:
            file.write(code.replace(b"\0" + version + b"\0", b"\0" + other + b"\0"))
        seen = self.status(configuration=self.ostrust({"module": copy}))
        self.assertOnly("version", seen)
        self.assertEqual(seen["module"]["version"], other.decode())

    # --- loaded, and yet

    def test_a_bad_value(self):
        seen = self.status(configuration=self.ostrust({"refresh": "often"}))
        self.assertOnly("bad-value", seen)
        self.assertIn("refresh = often", seen["findings"][0]["text"])

    def test_a_bad_value_where_the_module_is_not_loaded(self):
        absent = os.path.join(self.work, "absent.so")
        seen = self.status(configuration=self.ostrust({"module": absent, "refresh": "often"}))
        self.assertEqual(self.ids(seen), ["no-module", "bad-value"], seen)

    def test_unknown_keys(self):
        seen = self.status(configuration=self.ostrust({"refersh": "1", "trust-sauce": "x"}))
        self.assertOnly("unknown-key", seen)
        self.assertEqual(seen["configuration"]["unknown_keys"], ["refersh", "trust-sauce"])

    def test_no_anchors(self):
        absent = os.path.join(self.work, "absent.pem")
        seen = self.status(configuration=self.ostrust({"trust-source": absent}))
        self.assertOnly("no-anchors", seen)
        self.assertIn(absent, seen["findings"][0]["text"])
        self.assertIsNone(seen["module"]["anchors"])

    def test_no_default_provider(self):
        with open(self.ostrust()) as file:
            text = file.read().replace("default = default_sect\n", "", 1)
        seen = self.status(configuration=self.file("alone.cnf", text))
        self.assertIn("no-algorithms", self.ids(seen))
        self.assertEqual(seen["findings"][0]["id"], "no-algorithms")
        self.assertEqual(seen["providers"], ["ostrust"])
        self.assertIs(seen["algorithms"], False)

    @unittest.skipUnless(os.path.exists(UNHOOKED), "the module for this test was not built")
    def test_the_marker_file_only(self):
        seen = self.status(configuration=self.ostrust({"module": UNHOOKED}))
        self.assertOnly("marker-only", seen)
        self.assertEqual(seen["module"]["binding"], "marker")
        self.assertTrue(seen["module"]["limited_by"])

    def test_default_paths_off_is_a_note(self):
        seen = self.status(configuration=self.ostrust({"default-paths": "no"}))
        self.assertEqual((seen["ok"], self.ids(seen)), (True, ["default-paths-off"]), seen)
        self.assertIs(seen["default_paths_served"], False)

    # --- the environment

    def test_variables_that_win(self):
        for name, value in (("SSL_CERT_FILE", pem("root-b")), ("SSL_CERT_FILE", ""),
                            ("SSL_CERT_DIR", self.work),
                            ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")):
            with self.subTest(name=name, value=value):
                seen = self.status(configuration=self.ostrust(), **{name: value})
                self.assertOnly("variable-wins", seen)
                self.assertIn("unset " + name, seen["next"])
                self.assertIs(seen["default_paths_served"], False)

    def test_variables_that_name_the_system_store(self):
        for value in ("os://", MARKER):
            with self.subTest(value):
                self.assertWell(self.status(configuration=self.ostrust(), SSL_CERT_FILE=value))

    def test_variables_that_point_programs_elsewhere(self):
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
                     "GIT_SSL_CAINFO", "NIX_SSL_CERT_FILE"):
            with self.subTest(name):
                seen = self.status(configuration=self.ostrust(), **{name: pem("root-b")})
                self.assertOnly("variable-elsewhere", seen)
                self.assertIn(name, seen["next"])
                self.assertEqual(seen["variables"], [
                    {"name": name, "value": pem("root-b"), "served": False}])
                for value in (MARKER, "os://"):
                    self.assertWell(self.status(configuration=self.ostrust(), **{name: value}))

    def test_values_do_not_drive_the_terminal(self):
        variables = {"CURL_CA_BUNDLE": "/\x1b[31m\nx\u009b32m\u202e", "PIP_CERT": os.fsdecode(b"/\x9b")}
        done = self.tool("status", configuration=self.ostrust(), **variables)
        self.assertIn("CURL_CA_BUNDLE=/\\u{1b}[31m\\u{a}x\\u{9b}32m\\u{202e} ", done.out)
        self.assertIn("PIP_CERT=/\\x9b ", done.out)
        done = self.tool("status", "--json", configuration=self.ostrust(), **variables)
        self.assertTrue(done.out.isascii(), done)
        self.assertEqual(json.loads(done.out)["variables"][0]["value"], variables["CURL_CA_BUNDLE"])
        done = self.tool("status", "--program", "/no/such\x1b[31m\u009bprogram", configuration=self.ostrust())
        self.assertEqual((done.status, done.out), (2, ""), done)
        self.assertIn("/no/such\\u{1b}[31m\\u{9b}program", done.err)

    def test_standard_output_that_is_full(self):
        for more in ([], ["--json"], ["--help"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([TOOL, "status", *more], stdout=full, stderr=subprocess.PIPE,
                                      env=self.environment(self.ostrust()), cwd=self.work)
            self.assertEqual(done.returncode, 125)
            self.assertEqual(done.stderr, b"ostrust: standard output cannot be written: No space left on device\n")

    def test_a_program_whose_name_begins_as_an_interpreters_is_not_run(self):
        """Run as CPython is asked for its lists, this one, a shell, would run the command `import`."""
        commands = os.path.join(self.work, "commands")
        os.mkdir(commands)
        shutil.copy(shutil.which("sh"), os.path.join(commands, "python-server"))
        witness = os.path.join(self.work, "it was run")
        with open(os.path.join(commands, "import"), "w") as out:
            out.write("#!/bin/sh\n: >'%s'\n" % witness)
        os.chmod(os.path.join(commands, "import"), 0o755)
        path = commands + os.pathsep + os.environ.get("PATH", os.defpath)
        self.tool("status", "--program", "python-server", configuration=self.ostrust(), PATH=path)
        self.assertFalse(os.path.exists(witness))
        # It is one that would tell.
        subprocess.run([os.path.join(commands, "python-server"), "-I", "-c", "import os"], env={"PATH": path}, check=True)
        self.assertTrue(os.path.exists(witness))

    def test_a_directory_and_a_fifo_in_a_variable(self):
        fifo = os.path.join(self.work, "fifo")
        os.mkfifo(fifo)
        for value in (hashed_directory(os.path.join(self.work, "dir"), "root-b"), fifo):
            seen = self.status(configuration=self.ostrust(), CURL_CA_BUNDLE=value)
            self.assertOnly("variable-elsewhere", seen)

    def test_a_variable_that_adds_is_a_note(self):
        seen = self.status(configuration=self.ostrust(), NODE_EXTRA_CA_CERTS=pem("root-b"))
        self.assertEqual((seen["ok"], self.ids(seen)), (True, ["variable-adds"]), seen)

    def test_traps_in_the_working_directory(self):
        here = os.path.join(self.work, "here")
        os.mkdir(here)
        self.assertWell(self.status(configuration=self.ostrust(), cwd=here))
        os.mkdir(os.path.join(here, "os"))
        seen = self.status(configuration=self.ostrust(), cwd=here)
        self.assertEqual((seen["ok"], self.ids(seen)), (True, ["trap-directory"]), seen)
        hashed_directory(os.path.join(here, "os"), "root-b")
        seen = self.status(configuration=self.ostrust(), cwd=here)
        self.assertOnly("trap-directory", seen)
        shutil.rmtree(os.path.join(here, "os"))
        shutil.copyfile(pem("root-b"), os.path.join(here, "os:"))
        self.assertOnly("trap-file", self.status(configuration=self.ostrust(), cwd=here))

    # --- programs

    def test_cpython(self):
        seen = self.status("--program", sys.executable, configuration=self.ostrust())
        self.assertWell(seen)
        self.assertIn("libcrypto", seen["program"]["libcrypto"])
        self.assertOnly("not-configured",
                        self.status("--program", sys.executable, configuration=self.stock()))

    def test_a_script(self):
        script = self.file("application", "#!%s -E\nimport ssl\n" % sys.executable)
        os.chmod(script, 0o755)
        seen = self.status("--program", script, configuration=self.ostrust())
        self.assertWell(seen)
        self.assertEqual(seen["program"]["file"], sys.executable)

    def test_python_is_asked_in_isolation(self):
        # A module planted in the working directory is not imported.
        self.file("_ssl.py", "open(%r, 'w')\n" % os.path.join(self.work, "was-here"))
        self.assertWell(self.status("--program", sys.executable, configuration=self.ostrust()))
        self.assertFalse(os.path.exists(os.path.join(self.work, "was-here")))

    @unittest.skipUnless(shutil.which("node"), "Node.js is not installed")
    def test_node(self):
        def with_nodejs_conf(keys=None):
            with open(self.ostrust(keys)) as file:
                return self.file("node.cnf", "nodejs_conf = openssl_init\n" + file.read())

        def node(configuration, **extra):
            return self.status("--program", "node", configuration=configuration, **extra)

        seen = node(with_nodejs_conf(), NODE_OPTIONS="--use-openssl-ca")
        self.assertWell(seen)
        self.assertEqual(seen["configuration"]["entry_point"], "nodejs_conf")
        self.assertEqual((seen["module"]["binding"], seen["module"]["source"],
                          seen["module"]["anchors"]), ("full", self.bundle, 2))
        self.assertOnly("node-uses-its-own-roots", node(with_nodejs_conf()))
        seen = node(self.ostrust(), NODE_OPTIONS="--use-openssl-ca")
        self.assertOnly("no-nodejs-conf", seen)
        self.assertIn("nodejs_conf = openssl_init", seen["next"])
        self.assertWell(node(self.ostrust(),
                             NODE_OPTIONS="--use-openssl-ca --openssl-shared-config"))
        seen = node(with_nodejs_conf(), NODE_OPTIONS="--use-openssl-ca",
                    SSL_CERT_FILE=pem("root-b"))
        self.assertOnly("variable-wins", seen)
        seen = node(with_nodejs_conf({"refresh": "often"}), NODE_OPTIONS="--use-openssl-ca")
        self.assertOnly("bad-value", seen)
        seen = node(self.stock(), NODE_OPTIONS="--use-openssl-ca --openssl-shared-config")
        self.assertOnly("not-configured", seen)
        self.assertIs(seen["module"]["loaded"], False)

    def test_a_program_without_openssl(self):
        seen = self.status("--program", "/bin/sh", configuration=self.ostrust())
        self.assertOnly("openssl-unknown", seen)
        self.assertIsNone(seen["module"]["loaded"])
        self.assertEqual(seen["configuration"]["openssl_conf"]["section"], "ostrust_sect")

    def program(self, name, text):
        path = self.file(name, text)
        os.chmod(path, 0o755)
        return path

    def test_a_script_whose_first_line_has_no_end(self):
        script = self.file("endless", "#!/no/such/interpreter")
        os.truncate(script, 1 << 40)
        os.chmod(script, 0o755)
        seen = self.status("--program", script, configuration=self.ostrust())
        self.assertIn("is a script for /no/such/interpreter, which cannot be found", seen["program"]["because"])

    def test_hidden_openssl(self):
        python = self.program("python3", "#!/bin/sh\necho in 3.0.13\n")
        seen = self.status("--program", python, configuration=self.ostrust())
        self.assertEqual(self.ids(seen), ["openssl-hidden", "store-loader-only"], seen)
        self.assertEqual(seen["program"]["openssl"], "hidden")
        self.assertEqual(seen["program"]["version"], "OpenSSL 3.0.13")

    def test_set_user_id(self):
        program = os.path.join(self.work, "openssl-suid")
        shutil.copyfile(shutil.which(OPENSSL), program)
        os.chmod(program, 0o4755)
        seen = self.status("--program", program, configuration=self.ostrust())
        self.assertEqual(self.ids(seen, "note"), ["set-user-id"], seen)
        self.assertNotEqual(seen["configuration"]["file"], self.ostrust())
        done = self.tool("run", "--", program, "version", configuration=self.stock())
        self.assertEqual((done.status, done.out), (125, ""), done)

    def fake_libcrypto(self, code):
        """A program that links a libcrypto.so.3 made of `code`."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler or support.SANITIZER:
            self.skipTest("needs a C compiler, and no sanitizer")
        source = self.file("crypto.c", code + "\nint something(void) { return 0; }\n")
        main = self.file("main.c", "int something(void);\nint main(void) { return something(); }\n")
        library = os.path.join(self.work, "libcrypto.so.3")
        subprocess.run([compiler, "-shared", "-fPIC", "-Wl,-soname,libcrypto.so.3", "-o", library,
                        source], check=True)
        program = os.path.join(self.work, "program")
        subprocess.run([compiler, "-o", program, main, library, "-Wl,-rpath,$ORIGIN"], check=True)
        return program

    def test_an_old_openssl(self):
        program = self.fake_libcrypto(
            'const char *OpenSSL_version(int t) { return "OpenSSL 1.1.1w  11 Sep 2023"; }')
        seen = self.status("--program", program, configuration=self.ostrust())
        self.assertOnly("openssl-too-old", seen)
        self.assertEqual(seen["program"]["libcrypto"], os.path.join(self.work, "libcrypto.so.3"))
        self.assertIn("1.1.1w", seen["findings"][0]["text"])
        done = self.tool("run", "--trust-source", self.bundle, "--", program,
                         configuration=self.stock())
        self.assertEqual(done.status, 125, done)
        self.assertSays("1.1.1w", done)

    def test_a_libcrypto_that_crashes(self):
        program = self.fake_libcrypto(
            "#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }")
        seen = self.status("--program", program, configuration=self.ostrust())
        self.assertOnly("libcrypto-does-not-answer", seen)
        self.assertIn("signal 6", seen["findings"][0]["text"])

    def test_a_libcrypto_that_hangs(self):
        program = self.fake_libcrypto(
            "#include <unistd.h>\n__attribute__((constructor)) static void f(void) { sleep(600); }")
        done = self.tool("status", "--program", program, configuration=self.ostrust())
        self.assertEqual(done.status, 1, done)
        self.assertSays("did not answer in time", done)


class Run(ToolTest):

    def setUp(self):
        super().setUp()
        self.store("root-a")

    def governed(self, *command, configuration=None, options=(), **extra):
        return self.tool("run", "--trust-source", self.bundle, "--set", "refresh=0", *options,
                         "--", *command, configuration=configuration or self.stock(), **extra)

    def client(self, server="leaf-a"):
        return [OPENSSL, "s_client", "-connect", "127.0.0.1:%d" % port_of(server), "-servername",
                "localhost", "-verify_hostname", "localhost", "-verify_return_error"]

    def python_client(self, server="leaf-a"):
        return [sys.executable, "-c", PYTHON_CONNECTS, str(port_of(server))]

    def test_s_client(self):
        done = self.governed(*self.client())
        self.assertEqual(done.status, 0, done)
        self.assertSays("Verify return code: 0 (ok)", done)
        self.assertNotEqual(self.governed(*self.client("leaf-b")).status, 0)
        twin = support.run(self.client(), self.environment(self.stock()), cwd=self.work)
        self.assertNotEqual(twin.status, 0, twin)

    def test_cpython(self):
        self.assertEqual(self.governed(*self.python_client()).out, "accepted\n")
        self.assertIn("refused", self.governed(*self.python_client("leaf-b")).out)
        twin = support.run(self.python_client(), self.environment(self.stock()), cwd=self.work)
        self.assertIn("refused", twin.out)

    def test_grandchildren(self):
        # CPython's subprocess closes every descriptor before it starts a program.
        code = ("import subprocess, sys; "
                "subprocess.run(sys.argv[1:], close_fds=True, stdin=subprocess.DEVNULL)")
        done = self.governed(sys.executable, "-c", code, "/bin/sh", "-c", '"$@"', "sh",
                             *self.python_client())
        self.assertEqual(done.out, "accepted\n", done)

    def test_node(self):
        if not shutil.which("node"):
            self.skipTest("Node.js is not installed")
        program = """
const request = require("https").get(
    {host: "localhost", port: process.argv[1], family: 4}, () => { console.log("accepted"); process.exit(0); });
request.on("error", error => { console.log(error.code); process.exit(0); });
"""
        for options, expected in (((), "accepted"), (("--openssl-shared-config",), "accepted")):
            done = self.governed("node", *options, "-e", program, str(port_of("leaf-a")))
            self.assertEqual(done.out.strip(), expected, done)
        done = self.governed("node", "-e", program, str(port_of("leaf-b")))
        self.assertNotEqual(done.out.strip(), "accepted", done)
        twin = support.run(["node", "--use-openssl-ca", "-e", program, str(port_of("leaf-a"))],
                           self.environment(self.stock()), cwd=self.work)
        self.assertNotEqual(twin.out.strip(), "accepted", twin)

    def test_node_where_there_is_no_other_openssl(self):
        if not shutil.which("node"):
            self.skipTest("Node.js is not installed")
        programs = os.path.join(self.work, "bin")
        os.mkdir(programs)
        os.symlink(shutil.which("node"), os.path.join(programs, "node"))
        for name in ("libcrypto.so.3", "libcrypto.so.4"):
            self.file(name, "this is no shared library\n")
        extra = {"PATH": programs, "LD_LIBRARY_PATH": self.work}
        command = ("run", "--trust-source", self.bundle, "--", "node", "-p", "'started'")
        done = self.tool(*command, configuration=None, **extra)
        self.assertEqual((done.status, done.out), (0, "started\n"), done)
        # A file that cannot be read is not silently left out.
        done = self.tool(*command, configuration=self.stock(), **extra)
        self.assertEqual((done.status, done.out), (125, ""), done)

    def test_status_inside(self):
        for program in [OPENSSL, sys.executable] + (["node"] if shutil.which("node") else []):
            done = self.governed(TOOL, "status", "--json", "--program", program)
            self.assertEqual(done.status, 0, done)
            seen = json.loads(done.out)
            self.assertEqual((seen["module"]["source"], seen["module"]["anchors"]),
                             (self.bundle, 1), done)

    def test_exit_status_arguments_and_signals_pass_through(self):
        self.assertEqual(self.governed("/bin/sh", "-c", "exit 7").status, 7)
        done = self.governed("/bin/echo", "--", "--set", "a b", "")
        self.assertEqual(done.out, "-- --set a b \n")
        for number in (signal.SIGTERM, signal.SIGKILL):
            done = self.governed("/bin/sh", "-c", "kill -%d $$" % number)
            self.assertEqual(done.status, -number, done)
        # Exec, not a child: the process is the command itself.
        started = subprocess.Popen(
            [TOOL, "run", "--trust-source", self.bundle, "--", "/bin/sh", "-c", "echo $$; read x"],
            env=self.environment(self.stock()), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(int(started.stdout.readline()), started.pid)
        started.send_signal(signal.SIGTERM)
        started.communicate()
        self.assertEqual(started.returncode, -signal.SIGTERM)

    def test_closed_standard_streams(self):
        """As what a service manager may start; the command finds them closed, too."""
        code = "import os, sys; os.mkdir('done'); os._exit(sum(1 << fd for fd in range(3) if os.path.exists('/proc/self/fd/%d' % fd)))"
        for closed, status in (("<&- >&-", 4), ("<&- >&- 2>&-", 0), ("2>&-", 3), ("", 7)):
            done = support.run(["sh", "-c", 'exec "$@" ' + closed, "sh", TOOL, "run", "--", sys.executable, "-c", code],
                               self.environment(self.ostrust()), cwd=self.work)
            self.assertEqual(done.status, status, (closed, done))
            os.rmdir(os.path.join(self.work, "done"))

    def test_a_command_that_cannot_be_started(self):
        done = self.governed("no-such-command")
        self.assertEqual(done.status, 127, done)
        self.assertSays("no-such-command", done)
        self.assertEqual(self.governed("./no-such-command").status, 127)
        self.assertEqual(self.governed(self.bundle).status, 126)
        self.assertEqual(self.governed(self.work).status, 126)

    def test_the_environment(self):
        program = ("/bin/sh", "-c", "echo $SSL_CERT_FILE.$SSL_CERT_DIR.$NODE_OPTIONS")
        variables = {"SSL_CERT_FILE": pem("root-b"), "SSL_CERT_DIR": "/x", "NODE_OPTIONS": "--x"}
        done = self.governed(*program, **variables)
        self.assertEqual(done.out, "..--x --use-openssl-ca\n")
        done = self.governed(*program, options=("--keep-environment",), **variables)
        self.assertEqual(done.out, pem("root-b") + "./x.--x\n")
        self.assertEqual(self.governed(*self.python_client(), SSL_CERT_FILE=pem("root-b")).out,
                         "accepted\n")

    # --- the configuration that was there

    MAXIMUM = ("import ssl; print(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).maximum_version.name, "
               "end=' ')")

    def policy(self, text):
        return self.file("policy.cnf", text)

    def assertPolicyKept(self, configuration, **extra):
        done = self.governed(sys.executable, "-c", self.MAXIMUM + "\n" + PYTHON_CONNECTS,
                             str(port_of("leaf-a")), configuration=configuration, **extra)
        self.assertEqual(done.out, "TLSv1_2 accepted\n", done)

    POLICY = """{start}
[my_init]
ssl_conf = my_ssl
{more}
[my_ssl]
system_default = my_default
[my_default]
MaxProtocol = TLSv1.2
"""

    def test_the_policy_of_the_configuration_stays(self):
        providers = "providers = mine\n[mine]\ndefault = standard\n[standard]\n"
        for more in ("", providers, providers + "activate = 1\n",
                     "providers = mine\n[mine]\ndefault = standard\nbase = standard\n[standard]\n"
                     "activate = 1\n"):
            with self.subTest(more):
                self.assertPolicyKept(self.policy(
                    self.POLICY.format(start="openssl_conf = my_init", more=more)))

    def test_a_file_with_an_odd_name(self):
        text = self.POLICY.format(start="openssl_conf = my_init", more="")
        for name in ("a file.cnf", "a$HOME.cnf", "a#b;c.cnf", "it's.cnf", 'a"b.cnf', "a\\b.cnf"):
            with self.subTest(name):
                self.assertPolicyKept(self.file(name, text))

    def test_a_relative_file(self):
        self.policy(self.POLICY.format(start="openssl_conf = my_init", more=""))
        self.assertPolicyKept("policy.cnf")

    def test_ostrust_in_the_configuration_keeps_its_keys(self):
        absent = os.path.join(self.work, "absent.so")
        configuration = self.ostrust({"default-paths": "no", "module": absent})
        self.assertIn("refused", self.governed(*self.python_client(),
                                               configuration=configuration).out)
        self.assertEqual(self.governed(*self.python_client(), configuration=configuration,
                                       options=("--set", "default-paths=yes")).out, "accepted\n")

    def test_without_openssl_conf_the_default_file_is_included(self):
        done = self.tool("run", "--trust-source", self.bundle, "--", "/bin/sh", "-c",
                         'cat "$OPENSSL_CONF"', configuration=None)
        self.assertEqual(done.status, 0, done)
        default = subprocess.run([OPENSSL, "version", "-d"], stdout=subprocess.PIPE, check=True)
        directory = default.stdout.decode().split('"')[1]
        self.assertIn(".include %s/openssl.cnf\n" % directory, done.out)

    def test_only_base_stays_only_base(self):
        # Somebody who activates other providers than default does not get default by the way.
        text = configuration_text().replace("default = default_sect", "base = default_sect")
        done = self.governed(*self.python_client(), configuration=self.file("base.cnf", text))
        self.assertEqual(done.status, 125, done)
        self.assertSays("algorithms", done)

    def test_a_broken_configuration(self):
        broken = self.file("broken.cnf", "[x]\nthis is no assignment\n")
        done = self.governed(*self.python_client(), configuration=broken)
        self.assertEqual((done.status, done.out), (125, ""), done)
        self.assertSays(broken, done)

    def test_a_relative_trust_source(self):
        done = self.tool("run", "--trust-source", os.path.basename(self.bundle), "--",
                         *self.python_client(), configuration=self.stock())
        self.assertEqual(done.out, "accepted\n", done)

    def test_run_in_run(self):
        done = self.governed(TOOL, "run", "--", *self.python_client())
        self.assertEqual(done.out, "accepted\n", done)

    def test_nothing_to_serve(self):
        absent = os.path.join(self.work, "absent.pem")
        done = self.governed("/bin/echo", "started", options=("--trust-source", absent))
        self.assertNotEqual(done.status, 0, done)
        done = self.tool("run", "--trust-source", absent, "--", "/bin/echo", "started",
                         configuration=self.stock())
        self.assertEqual((done.status, done.out), (125, ""), done)
        self.assertSays(absent, done)

    # --- where things are

    def moved(self, tool, module):
        folder = os.path.join(self.work, "a [moved] folder")
        for name, source in ((tool, TOOL), (module, MODULE)):
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(source, path)
        return os.path.join(folder, tool), os.path.join(folder, module)

    def test_a_folder_that_was_moved(self):
        for layout in (("ostrust", "ostrust.so"), ("bin/ostrust", "lib/ostrust/ostrust.so"),
                       ("bin/ostrust", "lib/some-linux-gnu/ostrust/ostrust.so")):
            with self.subTest(layout):
                tool, module = self.moved(*layout)
                done = self.tool("run", "--trust-source", self.bundle, "--", tool, "status",
                                 "--json", tool=tool, configuration=self.stock())
                self.assertEqual(done.status, 0, done)
                self.assertEqual(json.loads(done.out)["module"]["file"], os.path.realpath(module))
                shutil.rmtree(os.path.join(self.work, "a [moved] folder"))

    def test_no_module(self):
        tool, module = self.moved("bin/ostrust", "lib/ostrust/ostrust.so")
        with open(module, "w") as file:
            file.write("this is no shared library\n")
        done = self.tool("run", "--", "/bin/echo", "started", tool=tool,
                         configuration=self.stock())
        self.assertEqual((done.status, done.out), (125, ""), done)
        self.assertSays(os.path.dirname(tool), done)

    def test_a_hostile_working_directory(self):
        here = os.path.join(self.work, "here")
        os.mkdir(here)
        names = ("os:", "os/x", "openssl.cnf", "ostrust.so", "lib/ostrust/ostrust.so", "os.pem",
                 "libcrypto.so.3", "_ssl.py", "ssl.py", "socket.py", "ostrust")
        for name in names:
            path = os.path.join(here, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(pem("root-b"), path)
        client = [sys.executable, "-I", "-c", PYTHON_CONNECTS]
        for server, words in (("leaf-a", "accepted"), ("leaf-b", "refused")):
            done = self.governed(*client, str(port_of(server)), cwd=here)
            self.assertTrue(done.out.startswith(words), done)

    def made(self):
        directory = os.path.join(self.runtime, "ostrust")
        return [os.path.join(directory, name) for name in os.listdir(directory)]

    def test_the_file_is_private_and_made_once(self):
        for _ in range(3):
            self.assertEqual(self.governed("/bin/true").status, 0)
        made = self.made()
        self.assertEqual(len(made), 1)
        self.assertEqual(stat.S_IMODE(os.stat(made[0]).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(made[0])).st_mode), 0o700)
        self.assertEqual(self.governed("/bin/true", options=("--set", "preload=no")).status, 0)
        self.assertEqual(len(self.made()), 2)

    def test_a_file_that_was_tampered_with_is_replaced(self):
        self.assertEqual(self.governed("/bin/true").status, 0)
        path, = self.made()
        with open(path) as file:
            text = file.read()
        for tamper in (lambda: open(path, "w").close(),
                       lambda: os.chmod(path, 0o666),
                       lambda: (os.unlink(path), os.symlink(self.stock(), path))):
            tamper()
            self.assertEqual(self.governed(*self.python_client()).out, "accepted\n")
            self.assertEqual(os.lstat(path).st_mode, stat.S_IFREG | 0o600)
            with open(path) as file:
                self.assertEqual(file.read(), text)

    def test_a_directory_that_others_can_write_to_is_not_used(self):
        directory = os.path.join(self.runtime, "ostrust")
        elsewhere = os.path.join(self.work, "elsewhere")
        os.mkdir(elsewhere)
        cache = os.path.join(self.work, "cache")
        os.mkdir(cache, 0o700)

        def planted_link():
            os.symlink(elsewhere, directory)

        def planted_directory():
            os.mkdir(directory)
            os.chmod(directory, 0o777)

        def open_parent():
            os.chmod(self.runtime, 0o777)

        for plant in (planted_link, planted_directory, open_parent):
            with self.subTest(plant.__name__):
                plant()
                done = self.governed("/bin/sh", "-c", "echo $OPENSSL_CONF", XDG_CACHE_HOME=cache)
                self.assertTrue(done.out.startswith(cache + "/ostrust/"), done)
                os.chmod(self.runtime, 0o700)
                if os.path.islink(directory):
                    os.unlink(directory)
                elif os.path.isdir(directory):
                    os.rmdir(directory)
        self.assertEqual(os.listdir(elsewhere), [])


if __name__ == "__main__":
    support.main()
