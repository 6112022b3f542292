"""Programs of real languages, compiled here when their toolchain is present, else skipped."""

import os
import re
import shutil
import subprocess
import unittest

from support import CLANG, SOURCE, CommandTest

GUESTS = os.path.join(os.path.abspath(SOURCE), "tests", "guests", "languages")


def has(*command):
    """Whether a toolchain is there and answers; its answer, if so."""
    if not shutil.which(command[0]):
        return None
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return found.stdout or " " if found.returncode == 0 else None


def assemblyscript(*project):
    """The compiler, installed where need be, and why it is missing: one of the two is empty."""
    script = os.path.join(os.path.abspath(SOURCE), "scripts", "assemblyscript.sh")
    found = subprocess.run([script, *project], capture_output=True, text=True, timeout=150)
    return found.stdout.strip(), found.stderr.strip() if found.returncode != 0 else ""


class LanguageTest(CommandTest):
    """Compiles what `sources` names, once for each class."""

    sources = ()

    @classmethod
    def setUpClass(cls):
        missing = cls.missing()
        if missing:
            raise unittest.SkipTest(missing)
        super().setUpClass()
        for source in cls.sources:
            built = cls.build(os.path.join(GUESTS, source), cls.guest(source))
            if built.returncode != 0:
                cls.tearDownClass()
                raise AssertionError("%s does not compile:\n%s" % (source, built.stderr))

    @classmethod
    def guest(cls, source):
        return os.path.join(cls.shared, source + ".wasm")

    @classmethod
    def compile(cls, *command, **variables):
        return subprocess.run(command, capture_output=True, text=True, timeout=170, cwd=cls.shared,
                              env=dict(os.environ, **variables))

    def call(self, source, *args, options=()):
        return self.sandbox("call", *options, self.guest(source), *args)

    def check_calls(self, source, *pairs):
        for args, expected in pairs:
            outcome = self.check(self.call(source, *args), 0)
            self.assertEqual(outcome.text, expected + "\n", outcome)

    def count_words(self, source):
        """Runs the word counter on a read-only directory."""
        self.write("data/a.txt", "the cat and\nthe dog\n")
        self.write("data/b.txt", "")
        return self.check(
            self.sandbox("run", "--dir", "data::/data", self.guest(source), "/data/a.txt"), 0)

    def check_stopped(self, source):
        """Endless loops and panics of functions of that name."""
        self.check(self.call(source, "spin", options=("--timeout", "200ms")), 124, "--timeout")
        self.check(self.call(source, "fail"), 134, "on purpose")


class GoTest(LanguageTest):
    sources = ("words.go", "reactor.go")

    @classmethod
    def missing(cls):
        version = re.search(r"go(\d+)\.(\d+)", has("go", "version") or "")
        if not version or tuple(map(int, version.groups())) < (1, 24):
            return "no Go 1.24 or newer (https://go.dev/dl)"
        return None

    @classmethod
    def build(cls, source, out):
        mode = ["-buildmode=c-shared"] if "reactor" in source else []
        return cls.compile("go", "build", *mode, "-o", out, source, GOOS="wasip1", GOARCH="wasm",
                           GO111MODULE="off", GOTOOLCHAIN="local", GOPROXY="off", GOFLAGS="")

    def test_a_command_reads_files_sleeps_and_prints(self):
        outcome = self.count_words("words.go")
        self.assertEqual(outcome.text.splitlines(), [
            "words 4, the 2", "files 2, first a.txt", "slept true, clock true"], outcome)

    def test_a_command_without_its_file_fails_by_itself(self):
        outcome = self.sandbox("run", self.guest("words.go"), "/data/a.txt")
        self.check(outcome, 3, "/data/a.txt")

    def test_exported_functions(self):
        self.check_calls("reactor.go", (("add", "5", "-3"), "2"), (("mean", "1", "2"), "1.5"),
                         (("count",), "1"), (("collect", "400"), "400"),
                         (("goroutines", "10"), "45"))

    def test_what_does_not_end_is_stopped(self):
        self.check_stopped("reactor.go")

    def test_a_hoarder_is_out_of_memory(self):
        outcome = self.call("reactor.go", "hoard", options=("--memory", "32MiB"))
        self.assertNotEqual(outcome.status, 0, outcome)
        self.assertIn("out of memory", outcome.messages)


class RustTest(LanguageTest):
    sources = ("words.rs", "reactor.rs")

    @classmethod
    def missing(cls, target="wasm32-wasip1"):
        library = has("rustc", "--target", target, "--print", "target-libdir")
        if not library or not os.path.isdir(library.strip()):
            return "no Rust for %s (rustup target add %s)" % (target, target)
        return None

    @classmethod
    def build(cls, source, out):
        kind = ["--crate-type=cdylib"] if "reactor" in source else []
        return cls.compile("rustc", "--edition=2021", "--target=wasm32-wasip1", "-O",
                           "-Cstrip=debuginfo", *kind, source, "-o", out)

    def test_a_command_reads_files_sleeps_and_prints(self):
        outcome = self.count_words("words.rs")
        self.assertEqual(outcome.text.splitlines(), [
            "words 4, the 2", "files 2, first a.txt", "slept true, clock true"], outcome)

    def test_a_command_without_its_file_fails_by_itself(self):
        outcome = self.sandbox("run", self.guest("words.rs"), "/data/a.txt")
        self.check(outcome, 1, "No such file")

    def test_exported_functions(self):
        self.check_calls("reactor.rs", (("add", "5", "-3"), "2"), (("mean", "1", "2"), "1.5"))

    def test_bytes_through_the_buffer_convention(self):
        self.write("in", "hello \N{SNOWMAN}")
        outcome = self.sandbox("call", "--raw", "--json-file", "in", self.guest("reactor.rs"),
                               "upper")
        self.assertEqual(self.check(outcome, 0).text, "HELLO \N{SNOWMAN}", outcome)

    def test_what_does_not_end_is_stopped(self):
        self.check_stopped("reactor.rs")

    def test_a_hoarder_is_out_of_memory(self):
        outcome = self.call("reactor.rs", "hoard", options=("--memory", "32MiB"))
        self.check(outcome, 137, "--memory")


class CxxTest(LanguageTest):
    sources = ("words.cpp",)
    flags = ("--target=wasm32-wasi", "--sysroot=/usr", "-x", "c++", "-std=c++17",
             "-fno-exceptions", "-O1")

    @classmethod
    def missing(cls):
        found = has(CLANG, "--version") and subprocess.run(
            [CLANG, *cls.flags, "-fsyntax-only", "-"], input="#include <iostream>\n",
            capture_output=True, text=True)
        if not found or found.returncode != 0:
            return "no C++ library for WASI (apt install libc++-19-dev-wasm32)"
        return None

    @classmethod
    def build(cls, source, out):
        return cls.compile(CLANG, *cls.flags, source, "-o", out, "-lc++", "-lc++abi")

    def test_a_command_reads_files_and_prints(self):
        outcome = self.count_words("words.cpp")
        self.assertEqual(outcome.text.splitlines(),
                         ["words 4, the 2", "steady 1, clock 1"], outcome)


class AssemblyScriptTest(LanguageTest):
    sources = ("functions.ts",)

    @classmethod
    def missing(cls):
        cls.compiler, reason = assemblyscript()
        return reason

    @classmethod
    def build(cls, source, out):
        # It wants sources below its base folder.
        shutil.copy(source, cls.shared)
        return cls.compile("node", cls.compiler, os.path.basename(source), "--optimize", "--use", "abort=",
                           "--outFile", os.path.basename(out))

    def test_exported_functions(self):
        self.check_calls("functions.ts", (("add", "5", "-3"), "2"), (("mean", "1", "2"), "1.5"),
                         (("fill", "100000"), "100000"))

    def test_what_does_not_end_is_stopped(self):
        outcome = self.call("functions.ts", "spin", options=("--timeout", "200ms"))
        self.check(outcome, 124, "--timeout")


if __name__ == "__main__":
    unittest.main(verbosity=2)
