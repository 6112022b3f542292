"""Settings from a file: --config."""

import json

from support import *

COMMANDS = ["run", "call", "inspect", "compile", "engines"]


class ConfigTest(CommandTest):
    def config(self, text, name="c.yaml"):
        return self.write(name, text)

    def run_with(self, text, *args, options=(), **more):
        guest = self.wat("hello.wat", hello())
        return self.sandbox("run", "--config", self.config(text), *options, guest, *args, **more)

    def report(self, text, *options):
        outcome = self.check(self.run_with(text, options=("--usage=json", *options)), 0)
        return outcome.report

    def refused(self, text, line, *words):
        return self.check(self.run_with(text), 125, "c.yaml:%d: " % line, *words)

    def test_names_are_those_of_the_options(self):
        report = self.report("engine: wasmtime\nmemory: 3MiB\ntimeout: 7s\nfuel: 1000000\n"
                             "max-files: 5\nstack: 1MiB\n")
        self.assertEqual(report["engine"], "wasmtime")
        limits = report["limits"]
        self.assertEqual(limits["max_memory"], 3 << 20)
        self.assertEqual(limits["max_wall_time_ns"], 7 * 10**9)
        self.assertEqual(limits["fuel"], 1000000)
        self.assertEqual(limits["max_file_descriptors"], 5)
        self.assertEqual(limits["max_stack"], 1 << 20)

    def test_json_is_yaml(self):
        report = self.report(json.dumps({"memory": "3MiB", "fuel": 1000000, "no-cache": True,
                                         "dir": [".::/a"]}))
        self.assertEqual(report["limits"]["max_memory"], 3 << 20)
        self.assertEqual(report["limits"]["fuel"], 1000000)

    def test_files_that_set_nothing(self):
        for text in ("", "\n", "# nothing\n", "---\n", "---\n...\n", "{}", "\ufeff# mark\n"):
            self.check(self.run_with(text), 0)

    def test_the_command_line_comes_first(self):
        report = self.report("memory: 3MiB\nengine: none-such\nusage: true\n",
                             "--memory", "5MiB", "--engine=wasmtime")
        self.assertEqual(report["limits"]["max_memory"], 5 << 20)
        guest = self.wat("hello.wat", hello())
        config = self.config("memory: 3MiB\nbound: [max_functions=1, max_types=1000]\n")
        outcome = self.check(self.sandbox(
            "run", "--memory=5MiB", "--bound", "max_functions=9", "--config=" + config,
            "--usage=json", guest, "--memory", "7MiB"), 0)
        self.assertEqual(outcome.report["limits"]["max_memory"], 5 << 20)

    def test_lists_are_added_to(self):
        config = self.config("dir: [one::/one, nowhere::/two]\nenv: [A=file, B=file]\n")
        self.write("one/x", "1")
        self.write("two/x", "2")
        guest = self.c_guest("show", """
            #include <stdio.h>
            #include <stdlib.h>
            int main(void) {
                FILE *one = fopen("/one/x", "r"), *two = fopen("/two/x", "r");
                printf("%c%c %s %s\\n", one ? fgetc(one) : '-', two ? fgetc(two) : '-',
                       getenv("A"), getenv("B"));
            }""")
        outcome = self.check(self.sandbox("run", "--config", config, "--dir", "two::/two",
                                          "--env", "B=line", guest), 0)
        self.assertEqual(outcome.text, "12 file line\n")
        # One value serves as well.
        config = self.config("dir: two::/two\ndir-rw:\n  - one::/one\nenv: A=1\n")
        outcome = self.check(self.sandbox("run", "--config", config, "--env=B=2", guest), 0)
        self.assertEqual(outcome.text, "12 1 2\n")

    def test_switches(self):
        self.check(self.run_with("no-cache: true\nverbose: false\n"), 0)
        self.assertIn("usage of", self.run_with("usage: true\n").messages)
        self.assertEqual(self.run_with("usage: false\n").messages, "")
        self.assertEqual(self.run_with("usage: json\n").report["ended"], "exit")
        self.refused("no-cache: yes\n", 1, "'no-cache' is a switch", "try: no-cache: true")
        self.refused('no-cache: "true"\n', 1, "'no-cache' is a switch")
        self.refused("no-cache: [true]\n", 1, "not a list")

    def test_unknown_names(self):
        self.refused("memory: 1MiB\nmemry: 1MiB\n", 2, "'memry'", "try: memory: SIZE")
        self.refused("Engine: wasmtime\n", 1, "'Engine'", "try: engine: ID")
        self.refused("zzzzzz: 1\n", 1, "'zzzzzz'", "--help")
        self.refused("--memory: 1MiB\n", 1, "'--memory'", "without the dashes")
        self.refused("max_memory: 1MiB\n", 1, "'max_memory'")
        self.refused("config: x\n", 1, "'config'", "command line only")
        self.refused("help: true\n", 1, "'help'", "command line only")
        self.refused('"a\\x1b[31m": 1\n', 1, "\\x1b")

    def test_wrong_types(self):
        self.refused("memory: [1MiB]\n", 1, "'memory' takes one value", "try: memory: SIZE")
        self.refused("memory: true\n", 1, "'memory' is no switch")
        self.refused("engine: false\n", 1, "'engine' is no switch")
        for nothing in ("", " ~", " null"):
            self.refused("fuel: 1000\nmemory:%s\n" % nothing, 2, "'memory' has no value")
        self.refused("dir: [a::/a, ]\nenv:\n  - A=1\n  -\n", 4, "'env' has no value")
        self.refused("memory:\n  least: 1MiB\n", 2, "a value is")
        self.refused("dir: [[a]]\n", 1, "a value is")
        self.refused("- memory\n", 1, "`name: value`")
        self.refused("memory\n", 1, "`name: value`")
        self.refused("? [a]\n: b\n", 1, "a name is expected")

    def test_wrong_values(self):
        self.refused("fuel: 1\n\nmemory: 64\n", 3, "--memory", "'64'")
        self.refused("timeout: 0s\n", 1, "--timeout")
        self.refused("fuel: 1e3\n", 1, "--fuel '1e3'")
        self.refused("env:\n  - A=1\n  - =x\n", 3, "names no variable")
        self.refused("bound:\n  max_functions=0\n", 2, "--bound")
        self.refused('memory: "1MiB\\0"\n', 1, "NUL")

    def test_what_else_yaml_has_is_refused(self):
        self.refused("memory: &m 1MiB\n", 1, "anchors")
        self.refused("memory: 1MiB\nstack: *m\n", 2, "anchors and aliases")
        self.refused("dir: &d [a]\n", 1, "anchors")
        self.refused("memory: !!str 1MiB\n", 1, "tags")
        self.refused("memory: 1MiB\n---\nmemory: 2MiB\n", 2, "second document")
        self.refused("memory: 1MiB\nstack: 1MiB\nmemory: 2MiB\n", 3, "'memory'", "line 1")
        self.refused("<<: {memory: 1MiB}\n", 1)
        self.refused("memory: [\n", 2, "not YAML")
        self.refused("memory: \x01\n", 1, "not YAML")
        self.refused(b"memory: \xff\n", 1, "not YAML")

    def test_size_and_depth_are_bounded(self):
        self.check(self.run_with("#" * 65536), 0)
        self.check(self.run_with("#" * 65537), 125, "c.yaml", "64 KiB")
        self.check(self.run_with("[" * 65000), 125, "c.yaml:1: ")
        self.check(self.run_with("a: " + "{a: " * 16000), 125, "c.yaml:1: ")
        self.check(self.run_with("- " * 32000), 125, "c.yaml:1: ")
        self.check(self.run_with("dir: [" + "a," * 2000 + "]"), 125, "1,024")
        self.check(self.run_with("".join("a%d: 1\n" % i for i in range(300))), 125)

    def test_one_file_serves_all_commands(self):
        config = self.config("memory: 64MiB\nargv0: x\njson-file: y\noutput: out.cwasm\n"
                             "engine: wasmtime\nno-cache: true\n")
        hello_guest = self.wat("hello.wat", hello())
        self.check(self.sandbox("run", "--config", config, hello_guest), 0)
        self.check(self.sandbox("inspect", "--config", config, hello_guest), 0)
        self.check(self.sandbox("compile", "--config", config, hello_guest), 0)
        self.assertTrue(self.read("out.cwasm"))
        shown = self.check(self.sandbox("engines", "--config", config), 0).text
        self.assertNotIn("wasmer", shown)
        config = self.config("engine: wasmtime\njson: [1, 2]\n")
        self.check(self.sandbox("call", "--config", config, hello_guest, "f"), 125, "c.yaml:2")

    def test_the_file_itself(self):
        guest = self.wat("hello.wat", hello())
        for command in COMMANDS:
            self.check(self.sandbox(command, "--config", self.path("none.yaml"), guest), 127,
                       "--config", "none.yaml")
            self.check(self.sandbox(command, "--config", self.folder, guest), 125, "directory")
        outcome = self.check(self.sandbox("run", "--config", "-", "--usage=json", guest,
                                          input="memory: 3MiB\n"), 0)
        self.assertEqual(outcome.report["limits"]["max_memory"], 3 << 20)

    def test_what_follows_the_program_is_the_guests(self):
        self.check(self.sandbox("run", self.wat("hello.wat", hello()), "--config", "none.yaml"), 0)


if __name__ == "__main__":
    main()
