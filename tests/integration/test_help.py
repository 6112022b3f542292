"""--help, --version, man page and completions tell the same story as the parser."""

import os
import re

from support import *

COMMANDS = ["run", "call", "inspect", "compile", "engines"]


def options_of(text):
    return set(re.findall(r"^  (?:-\w, |    )--([a-z0-9-]+)", text, re.M))


class HelpTest(CommandTest):
    def test_overview(self):
        outcome = self.check(self.sandbox("--help"), 0)
        for command in COMMANDS:
            self.assertRegex(outcome.text, r"(?m)^  %s +\S" % command)
        self.assertEqual(self.sandbox("help").out, outcome.out)
        self.assertEqual(self.sandbox("-h").out, outcome.out)
        self.assertIn("Examples:", outcome.text)

    def test_no_command_is_an_error_that_helps(self):
        outcome = self.check(self.sandbox(), 125, "Usage:")
        self.assertEqual(outcome.out, b"")

    def test_version(self):
        outcome = self.check(self.sandbox("--version"), 0)
        self.assertRegex(outcome.text, r"^wasm-sandbox \d+\.\d+\.\d+\n$")

    def test_each_command_has_help_with_examples(self):
        for command in COMMANDS:
            outcome = self.check(self.sandbox(command, "--help"), 0)
            self.assertIn("Usage: wasm-sandbox " + command, outcome.text)
            self.assertIn("Examples:\n  wasm-sandbox " + command, outcome.text)
            self.assertEqual(self.sandbox("help", command).out, outcome.out)
            self.assertEqual(self.sandbox(command, "-h").out, outcome.out)
            self.assertTrue(options_of(outcome.text))
            for line in outcome.text.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_options_are_in_man_page_and_completions(self):
        def read(*parts):
            with open(os.path.join(SOURCE, *parts)) as file:
                return file.read()

        man = read("docs", "man", "wasm-sandbox.1").replace("\\-", "-")
        bash = read("completions", "wasm-sandbox.bash")
        zsh = read("completions", "_wasm-sandbox")
        everything = set()
        for command in COMMANDS:
            options = options_of(self.sandbox(command, "--help").text)
            everything |= options
            for option in options:
                self.assertRegex(man, r"(?m)Fl -%s\b" % option, command)
                self.assertRegex(bash, r"--%s\b" % option, command)
                self.assertRegex(zsh, r"--%s\b" % option, command)
        # And nothing that the parser does not know.
        everything |= {"version", "option"}
        self.assertLessEqual(set(re.findall(r"Fl -([a-z0-9-]+)", man)), everything)
        found = set(re.findall(r"(?<![\w-])--([a-z][a-z0-9-]*)(?!\w)(?!-\*)", bash))
        self.assertLessEqual({name.rstrip("-") for name in found}, everything | {"max"})

    def test_bash_completion_offers_each_command_its_options(self):
        script = os.path.join(SOURCE, "completions", "wasm-sandbox.bash")
        for command in COMMANDS:
            line = 'source "$1"; COMP_WORDS=(wasm-sandbox %s --); COMP_CWORD=2; _wasm_sandbox' % command
            done = subprocess.run(
                ["bash", "-c", line + '; printf "%s\\n" "${COMPREPLY[@]}"', "bash", script],
                capture_output=True, text=True, env=self.environment())
            offered = {word[2:].split("=")[0] for word in done.stdout.split()}
            self.assertEqual(offered, options_of(self.sandbox(command, "--help").text), done.stderr)


class UsageErrorTest(CommandTest):
    def test_unknown_option_suggests_the_nearest(self):
        self.check(self.sandbox("run", "--tmeout", "5s", "x.wasm"), 125, "'--tmeout'",
                   "try: --timeout TIME")
        self.check(self.sandbox("run", "--mem", "5s", "x.wasm"), 125, "try: --memory SIZE")
        self.check(self.sandbox("run", "--zzzzzz", "x.wasm"), 125, "try: wasm-sandbox run --help")
        self.check(self.sandbox("run", "-z", "x.wasm"), 125, "'-z'")

    def test_unknown_command_suggests_the_nearest(self):
        self.check(self.sandbox("rum", "x.wasm"), 125, "'rum'", "try: wasm-sandbox run")
        self.check(self.sandbox("hello.wasm"), 125, "try: wasm-sandbox run hello.wasm")
        self.check(self.sandbox("--memory", "1MiB"), 125, "try: wasm-sandbox run --memory")
        self.check(self.sandbox("help", "nothing"), 125, "'nothing'")

    def test_missing_operands_and_values(self):
        self.check(self.sandbox("run"), 125, "which PROGRAM?")
        self.check(self.sandbox("call"), 125, "which MODULE and FUNCTION?")
        self.check(self.sandbox("call", "x.wasm"), 125, "which FUNCTION?")
        self.check(self.sandbox("inspect"), 125, "which MODULE?")
        self.check(self.sandbox("inspect", "a", "b"), 125, "one MODULE")
        self.check(self.sandbox("compile", "a"), 125, "-o FILE.cwasm")
        self.check(self.sandbox("engines", "a"), 125, "'a'")
        self.check(self.sandbox("run", "--memory"), 125, "--memory needs a value", "--memory SIZE")
        self.check(self.sandbox("run", "--dir", "--usage", "x"), 125, "--dir needs a value")
        self.check(self.sandbox("run", "--no-cache=yes", "x"), 125, "takes no value")
        self.check(self.sandbox("run", "--usage=xml", "x"), 125, "--usage=json")

    def test_numbers_need_units_and_units_need_numbers(self):
        for option in ("--memory", "--stack", "--max-output", "--max-read", "--max-write"):
            self.check(self.sandbox("run", option, "64", "x.wasm"), 125, option, "'64'",
                       "try: %s 64MiB" % option)
            self.check(self.sandbox("run", option, "lots", "x.wasm"), 125, "'lots'")
            self.check(self.sandbox("run", option + "=-1MiB", "x.wasm"), 125, "'-1MiB'")
        for option in ("--timeout", "--cpu-time"):
            self.check(self.sandbox("run", option, "5", "x.wasm"), 125, option, "try: %s 5s" % option)
            self.check(self.sandbox("run", option, "0s", "x.wasm"), 125, "'0s'")
            self.check(self.sandbox("run", option, "none", "x.wasm"), 125, "nothing run")
        for option in ("--fuel", "--max-files", "--max-table"):
            self.check(self.sandbox("run", option, "5s", "x.wasm"), 125, option, "whole number")
            self.check(self.sandbox("run", option + "=-1", "x.wasm"), 125, "whole number")
            self.check(self.sandbox("run", option, "18446744073709551615", "x.wasm"), 125)
            self.check(self.sandbox("run", option, "99999999999999999999", "x.wasm"), 125)
        self.check(self.sandbox("run", "--fuel", "0", "x.wasm"), 125, "nothing run")
        self.check(self.sandbox("run", "--seed", "x", "x.wasm"), 125, "--seed")

    def test_directories_and_variables(self):
        self.check(self.sandbox("run", "--dir", "", "x.wasm"), 125, "names no directory")
        self.check(self.sandbox("run", "--dir", "::/x", "x.wasm"), 125, "names no directory")
        self.check(self.sandbox("run", "--dir", "a::", "x.wasm"), 125, "names no directory")
        self.check(self.sandbox("run", "--env", "=x", "x.wasm"), 125, "names no variable")
        self.check(self.sandbox("run", "--env", "NOT_THERE", "x.wasm"), 125, "NOT_THERE",
                   "--env NOT_THERE=VALUE")

    def test_only_one_way_to_give_data(self):
        self.check(self.sandbox("call", "--json", "1", "--json-file", "x", "m", "f"), 125, "only one")
        self.check(self.sandbox("call", "--json", "1", "m", "f", "2"), 125, "only one")
        self.check(self.sandbox("call", "--raw", "m", "f", "1", "2"), 125, "one VALUE")


if __name__ == "__main__":
    main()
