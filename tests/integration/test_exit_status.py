"""Every exit status, and what tells a guest's own from the command's."""

import os

from support import *


class ExitStatusTest(CommandTest):
    def test_the_guests_own(self):
        for code in (0, 1, 2, 42, 124, 125, 126, 127, 130, 134, 137, 255):
            guest = self.wat("exit.wat", exits(code))
            outcome = self.check(self.sandbox("run", "--usage=json", guest), code)
            self.assertEqual(outcome.report["ended"], "exit")
            self.assertEqual(outcome.report["status"], code)
            self.assertEqual(outcome.report["exit_code"], code)
            self.assertIsNone(outcome.report["error"])

    def test_a_code_that_does_not_fit_is_never_success(self):
        for code in (256, -1, 65536):
            guest = self.wat("exit.wat", exits(code))
            outcome = self.check(self.sandbox("run", "--usage=json", guest), 255, str(code))
            self.assertEqual(outcome.report["exit_code"], code)

    def test_returning_is_success(self):
        self.check(self.sandbox("run", self.wat("a.wat", program(""))), 0)

    def ended(self, status, ended, *args):
        outcome = self.check(self.sandbox("run", "--usage=json", *args), status)
        self.assertEqual(outcome.report["ended"], ended)
        self.assertEqual(outcome.report["status"], status)
        self.assertIsNone(outcome.report["exit_code"])
        self.assertTrue(outcome.report["error"]["message"])
        return outcome

    def test_124_deadline(self):
        guest = self.wat("endless.wat", ENDLESS)
        outcome = self.ended(124, "timeout", "--timeout", "100ms", guest)
        self.assertIn("try: --timeout TIME, to allow more than 100 ms", outcome.messages)
        self.assertGreaterEqual(outcome.report["usage"]["wall_time_ns"], 90_000_000)

    def test_124_cpu_time(self):
        guest = self.wat("endless.wat", ENDLESS)
        outcome = self.ended(124, "cpu_time", "--cpu-time", "100ms", guest)
        self.assertIn("try: --cpu-time TIME", outcome.messages)

    def test_124_fuel(self):
        guest = self.wat("endless.wat", ENDLESS)
        outcome = self.ended(124, "out_of_fuel", "--fuel", "100000", guest)
        self.assertIn("try: --fuel N", outcome.messages)
        self.assertEqual(outcome.report["limits"]["fuel"], 100000)

    def test_124_deadline_while_it_waits_for_input(self):
        guest = self.wat("reads.wat", READS_STDIN)
        read_end, write_end = os.pipe()
        try:
            outcome = self.sandbox("run", "--timeout", "100ms", guest, stdin=read_end)
        finally:
            os.close(read_end)
            os.close(write_end)
        self.check(outcome, 124, "--timeout")

    def test_134_trap(self):
        guest = self.wat("trap.wat", TRAP)
        outcome = self.ended(134, "trap", guest)
        self.assertEqual(outcome.report["error"]["trap"], "unreachable")

    def test_134_stack_overflow(self):
        guest = self.wat("deep.wat", "(module (func $f (export \"_start\") (call $f)))")
        outcome = self.ended(134, "trap", guest)
        self.assertEqual(outcome.report["error"]["trap"], "stack_overflow")

    def test_137_out_of_memory(self):
        guest = self.wat("bomb.wat", MEMORY_BOMB)
        outcome = self.ended(137, "out_of_memory", "--memory", "4MiB", guest)
        self.assertIn("--memory", outcome.messages)
        self.assertGreater(outcome.report["usage"]["memory_refusals"], 0)
        self.assertLessEqual(outcome.report["usage"]["memory_peak"], 4 * 1024 * 1024)

    def test_125_memory_minimum_above_the_limit(self):
        guest = self.wat("big.wat", program("", memory="1000"))
        outcome = self.ended(125, "refused", "--memory", "4MiB", guest)
        self.assertIn("--memory", outcome.messages)
        self.check(self.sandbox("run", guest), 0)

    def test_126_not_a_module(self):
        for name, content in (("text", "hello"), ("empty", b""), ("cut", b"\0asm\1\0\0\0\1\xff"),
                              ("garbage", bytes(range(256)))):
            outcome = self.ended(126, "refused", self.write(name + ".wasm", content))
            self.assertRegex(outcome.messages, r"^wasm-sandbox: ")

    def test_126_component(self):
        path = self.write("component.wasm", b"\0asm\x0d\0\1\0")
        self.assertIn("component", self.ended(126, "refused", path).messages)

    def test_126_directory(self):
        os.mkdir(self.path("folder"))
        self.assertIn("directory", self.ended(126, "refused", self.path("folder")).messages)

    def test_126_unknown_imports_are_all_named(self):
        guest = self.wat("imports.wat", """
            (module (import "env" "first" (func)) (import "other" "second" (func (param i32)))
              (func (export "_start")))""")
        outcome = self.ended(126, "refused", guest)
        self.assertIn("first", outcome.messages)
        self.assertIn("second", outcome.messages)

    def test_126_library(self):
        outcome = self.ended(126, "refused", self.wat("lib.wat", MATH))
        self.assertIn("wasm-sandbox call", outcome.messages)

    def test_127_not_found(self):
        self.assertIn("nowhere.wasm", self.ended(127, "refused", "nowhere.wasm").messages)
        guest = self.wat("a.wat", program(""))
        self.check(self.sandbox("run", "--dir", "nowhere", guest), 127, "nowhere")
        self.check(self.sandbox("run", "--stdin", "nowhere", guest), 127, "nowhere")
        self.check(self.sandbox("call", "--json-file", "nowhere", guest, "f"), 127, "nowhere")
        self.check(self.sandbox("call", "nowhere.wasm", "f"), 127, "nowhere.wasm")
        self.check(self.sandbox("inspect", "nowhere.wasm"), 127)
        self.check(self.sandbox("compile", "nowhere.wasm", "-o", "x"), 127)

    @needs("backtraces")
    def test_a_trap_tells_where(self):
        guest = self.wat("trap.wat", """
            (module (func $inner unreachable) (func (export "_start") (call $inner)))""")
        self.check(self.sandbox("run", guest), 134, "    at ", "inner")

    def test_a_start_function_that_traps(self):
        guest = self.wat("start.wat", """
            (module (func $s unreachable) (start $s) (func (export "_start")))""")
        self.ended(134, "trap", guest)

    def test_a_start_function_that_never_ends(self):
        guest = self.wat("start.wat", """
            (module (func $s (loop $l (br $l))) (start $s) (func (export "_start")))""")
        self.ended(124, "timeout", "--timeout", "100ms", guest)

    def test_text_of_the_guest_reaches_the_terminal_escaped(self):
        guest = self.wat("names.wat", '(module (import "\\1b[31m" "x\\0ay" (func)) '
                                      '(func (export "_start")))')
        outcome = self.check(self.sandbox("run", guest), 126)
        self.assertNotIn("\x1b", outcome.messages)
        listing = self.check(self.sandbox("inspect", guest), 0)
        self.assertNotIn("\x1b", listing.text)
        self.assertIn("\\x1b[31m", listing.text)


if __name__ == "__main__":
    main()
