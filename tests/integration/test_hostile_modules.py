"""Modules made to cost the host time and memory beyond what their size suggests."""

import os

from support import *
from binary import body, joined, module, number, section


class HostileModuleTest(CommandTest):
    def refused(self, content, bound):
        path = self.write("hostile.wasm", content)
        outcome = self.sandbox("run", "--no-cache", path)
        self.check(outcome, 125, bound)

    def test_values_that_meet_at_branches(self):
        self.refused(module([joined(10000)]), "max_function_merges")

    def test_handlers_around_calls(self):
        depth = 400
        nested = b"\x02\x40\x1f\x40\x01\x02\x00" * depth + b"\x10\x00" * 2000 + b"\x0b\x0b" * depth
        self.refused(module([body(nested)]), "max_function_handlers")

    def test_locals_of_many_functions(self):
        self.refused(module([body(b"", 50000)] * 1000), "max_total_locals")

    def test_an_endless_name_is_not_copied_for_each_frame(self):
        size = 20_000_000
        names = number(1) + number(0) + number(size) + b"n" * size
        content = b"\x04name\x01" + number(len(names)) + names
        path = self.write("named.wasm", module([body(b"\x10\x00")], section(0, content)))
        process = self.start("run", "--no-cache", path, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        self.assertEqual(process.returncode, 134)
        self.assertLess(usage.ru_maxrss, 450 * 1024)  # 600 MB and more if it were

    @needs("exceptions")
    def test_exceptions_that_are_kept_count_as_memory(self):
        path = self.wat("exceptions.wat", """
(module (memory 16) (tag $t (param i64 i64 i64 i64)) (table $kept 100000 exnref)
 (func $make (result exnref) (local $e exnref)
  (block $caught (result i64 i64 i64 i64 exnref)
   (try_table (catch_ref $t $caught)
    (throw $t (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))
   unreachable)
  (local.set $e) drop drop drop drop (local.get $e))
 (func (export "_start") (local $i i32)
  (loop $l (table.set $kept (local.get $i) (call $make))
   (local.set $i (i32.add (local.get $i) (i32.const 1)))
   (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))))
""")
        self.check(self.sandbox("run", path), 0)
        outcome = self.sandbox("run", "--memory", "2MiB", path)
        self.assertIn(outcome.status, (134, 137), outcome)

    def test_names_that_command_terminals(self):
        path = self.wat("names.wat", r"""
(module (import "e\1b[2Jnv" "x\1b]0;t\07\00" (func)) (func (export "_start")))
""")
        for args in (("run", path), ("inspect", path), ("call", path, "f\x1b[2J")):
            outcome = self.sandbox(*args)
            for text in (outcome.out, outcome.err):
                self.assertFalse(any(b < 32 and b != 10 or b == 127 for b in text), outcome)


if __name__ == "__main__":
    main()
