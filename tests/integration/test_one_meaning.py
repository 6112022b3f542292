"""Each case on every engine of the build: the same status, exit status, words and counts.

Only what is the engine's own may differ: its text for a trap, its backtrace, its name, times."""

import hashlib
import os
import re
import unittest

from support import *
from binary import body, joined, module

# The first is what the others are compared with.
ENGINE_IDS = [engine for engine in os.environ.get("WSB_TEST_ENGINES", "").split(",") if engine]

# Traps by the names of the specification's tests; each function takes nothing.
TRAPS = """
(module
  (type $none (func)) (type $one (func (result i32)))
  (memory 1 2) (table $t 4 funcref) (elem (i32.const 0) $one)
  (func $one (type $one) (i32.const 1))
  (func (export "unreachable") unreachable)
  (func (export "load") (drop (i32.load (i32.const 65533))))
  (func (export "store") (i64.store (i32.const -1) (i64.const 0)))
  (func (export "fill") (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)))
  (func (export "copy") (memory.copy (i32.const 0) (i32.const 1) (i32.const 65536)))
  (func (export "table_get") (drop (table.get $t (i32.const 4))))
  (func (export "table_set") (table.set $t (i32.const -1) (ref.null func)))
  (func (export "indirect_outside") (call_indirect (type $none) (i32.const 4)))
  (func (export "indirect_null") (call_indirect (type $none) (i32.const 1)))
  (func (export "indirect_type") (call_indirect (type $none) (i32.const 0)))
  (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
  (func (export "remainder") (drop (i64.rem_s (i64.const 1) (i64.const 0))))
  (func (export "overflow") (drop (i64.div_s (i64.const 0x8000000000000000) (i64.const -1))))
  (func (export "convert_nan") (drop (i32.trunc_f64_s (f64.const nan))))
  (func (export "convert_big") (drop (i64.trunc_f32_u (f32.const 1e30))))
  (func $deep (export "deep") (call $deep)))
"""
TRAP_NAMES = re.findall(r'\(export "(\w+)"', TRAPS)

# Completed work whose fuel must be the same: branches, calls, memory, tables, several results.
WORK = """
(module
  (type $binary (func (param i64 i64) (result i64)))
  (memory 1) (table 2 funcref) (elem (i32.const 0) $add $mul)
  (global $g (mut i32) (i32.const 0))
  (func $add (type $binary) (i64.add (local.get 0) (local.get 1)))
  (func $mul (type $binary) (i64.mul (local.get 0) (local.get 1)))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "indirect") (param i32) (result i64) (local $sum i64)
    (loop $l
      (local.set $sum (call_indirect (type $binary) (local.get $sum) (i64.const 3)
        (i32.and (local.get 0) (i32.const 1))))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $sum))
  (func (export "switch") (param i32) (result i32)
    (block $d (block $c (block $b (block $a (br_table $a $b $c $d (local.get 0)))
      (return (i32.const 10))) (return (i32.const 20)))
      (global.set $g (i32.const 5)) (nop) (br $d))
    (if (i32.eqz (global.get $g)) (then (nop)) (else (drop (memory.grow (i32.const 1)))))
    (select (i32.const 1) (memory.size) (local.get 0)))
  (func (export "bulk") (param i32)
    (memory.fill (i32.const 0) (i32.const 7) (local.get 0))
    (memory.copy (i32.const 100) (i32.const 0) (local.get 0)))
  (func (export "nothing"))
  (func (export "early") (param i32) (result i32)
    (block (br_if 0 (local.get 0)) (return (i32.const 1)) (unreachable))
    (i32.const 2)))
"""

# Ways not to end, and the proposals that they need.
SPINS = (
    ("(loop $l (br $l))", ()),
    ("(loop $l (br_table $l $l $l (i32.const 1)))", ()),
    ("(block $b (loop $l (br_if $l (i32.const 1)) (br $b))) unreachable", ()),
    ("(drop (call $fib (i32.const 60)))", ()),
    ("(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000)) (br 0))", ()),
    ("(loop (memory.copy (i32.const 1) (i32.const 0) (i32.const 1000)) (br 0))", ()),
    ("(loop (drop (memory.grow (i32.const 0))) (br 0))", ()),
    ("(loop (drop (table.grow $t (ref.null func) (i32.const 1))) (br 0))", ()),
    ("(loop (drop (call $random (i32.const 0) (i32.const 16))) (br 0))", ()),
    ("(return_call $spin)", ("tail_calls",)),
    ("(return_call_indirect $t (type $none) (i32.const 0))", ("tail_calls",)),
    ("(loop $l (block $h (try_table (catch $e $h) (throw $e))) (br $l))", ("exceptions",)),
)
SPINNING = """
(module (type $none (func))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1 60000) (table $t 1 funcref) (elem (table $t) (i32.const 0) func $spin)
  %s
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (i32.const 1))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $spin (export "_start") %s))
"""

# A proposal that no engine is asked for, each.
REFUSED_PROPOSALS = {
    "threads": "(module (memory 1 1 shared))",
    "atomics": "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
    "multi_memory": "(module (memory 1) (memory 1))",
    "gc": "(module (type (struct (field i32))) (func (drop (struct.new 0 (i32.const 1)))))",
    "function_references": "(module (type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0))))",
}


def without_engine(text):
    """A message without what is the engine's own."""
    text = re.sub(r"(?m)^    at .*\n?", "", text)
    text = re.sub(r"(?m)(the guest trapped: |tables were filled: ).*$", r"\1...", text)
    text = re.sub(r"stopped after [0-9.]+ m?s", "stopped after ...", text)
    text = re.sub(r"(?m)^\{.*\}\n?", "", text)  # the report is compared by itself
    return text


def comparable(outcome, ignore=()):
    """What must be the same on all engines, of one run."""
    found = {"status": outcome.status, "out": outcome.out[:200], "length": len(outcome.out),
             "digest": hashlib.sha256(outcome.out).hexdigest(),
             "messages": without_engine(outcome.messages)}
    lines = [line for line in outcome.messages.splitlines() if line.startswith('{"ended"')]
    if lines:
        report = outcome.report
        for name in ("engine", "engine_version"):
            report.pop(name, None)
        for name in ("cpu_time_ns", "wall_time_ns", *ignore):
            report.get("usage", {}).pop(name, None)
        if report["error"]:
            report["error"].pop("backtrace", None)
            report["error"]["message"] = without_engine(report["error"]["message"])
            if report["ended"] in ("timeout", "cpu_time"):
                report["error"].pop("used", None)
        found["report"] = report
    return found


@unittest.skipIf(len(ENGINE_IDS) < 2, "this build has one engine; configure -DWSB_ALL_ENGINES=ON")
class OneMeaningTest(ToolTest):
    def same(self, *args, expect=None, engines=None, ignore=(), prepare=None, **options):
        """Runs the command on each engine and compares; gives the first outcome."""
        first = None
        for engine in ENGINE_IDS if engines is None else engines:
            if prepare:
                prepare()
            outcome = self.sandbox(*with_engine(args, engine), **options)
            if expect is not None:
                self.assertEqual(outcome.status, expect, outcome)
            found = comparable(outcome, ignore)
            first = first or (engine, found, outcome)
            self.assertEqual(found, first[1],
                             "%r on %s, and on %s before" % (args, engine, first[0]))
        return first[2] if first else None

    def run_same(self, guest, *options, **more):
        return self.same("run", "--usage=json", *options, guest, **more)

    def call_same(self, guest, *args, **more):
        return self.same("call", "--usage=json", guest, *args, **more)

    def engines_with(self, *features):
        return [engine for engine in ENGINE_IDS
                if set(features) <= set(engine_features(engine)[1])]

    def test_engines_are_all_there(self):
        listed = json.loads(self.check(self.sandbox("engines", "--json"), 0).text)
        available = [engine["id"] for engine in listed if engine["available"]]
        self.assertEqual([engine for engine in ENGINE_IDS if engine not in available], [])

    def test_exits(self):
        for code in (0, 1, 124, 137, 255, 256, -1):
            self.run_same(self.wat("exit.wat", exits(code)))
        self.run_same(self.wat("returns.wat", program("")), expect=0)
        self.assertEqual(self.run_same(self.wat("hello.wat", hello()), expect=0).text, "hello\n")

    def test_traps(self):
        guest = self.wat("traps.wat", TRAPS)
        for name in TRAP_NAMES:
            outcome = self.call_same(guest, name, expect=134)
            self.assertNotEqual(outcome.report["error"]["trap"], "unknown", outcome)
        for name in ("unreachable", "load", "deep"):
            start = TRAPS.replace('(export "%s")' % name, '(export "_start")')
            self.run_same(self.wat("trap.wat", start), expect=134)

    def test_exceptions(self):
        engines = self.engines_with("exceptions")
        if not engines:
            self.skipTest("no engine has exceptions")
        guest = self.wat("throw.wat", """
            (module (tag $t (param i32)) (func (export "throw") (throw $t (i32.const 1)))
              (func (export "null") (throw_ref (ref.null exn))))""")
        outcome = self.call_same(guest, "throw", expect=134, engines=engines)
        self.assertEqual(outcome.report["error"]["trap"], "uncaught_exception")
        outcome = self.call_same(guest, "null", expect=134, engines=engines)
        self.assertEqual(outcome.report["error"]["trap"], "null_reference")

    def test_time_and_fuel(self):
        endless = self.wat("endless.wat", ENDLESS)
        start = self.wat("start.wat", "(module (func $s (loop (br 0))) (start $s)"
                                      ' (func (export "_start")))')
        for guest in (endless, start):
            self.run_same(guest, "--timeout", "50ms", expect=124, ignore=("fuel",))
            self.run_same(guest, "--cpu-time", "50ms", expect=124, ignore=("fuel",))
            self.run_same(guest, "--fuel", "100000", expect=124)
        self.run_same(self.tool, "--timeout", "50ms", expect=99)
        self.same("run", "--usage=json", "--timeout", "50ms", self.tool, "sleep", "60000",
                  expect=124)

    def test_every_way_to_spin(self):
        for code, proposals in SPINS:
            tag = "(tag $e)" if "exceptions" in proposals else ""
            guest = self.wat("spin.wat", SPINNING % (tag, code))
            able = self.engines_with(*proposals)
            self.run_same(guest, "--timeout", "40ms", expect=124, engines=able,
                          ignore=("fuel", "memory", "memory_peak", "memory_refusals", "host_calls"))
            self.run_same(guest, "--fuel", "100000", expect=124, engines=able)

    def test_wide_memories_and_tables(self):
        guest = self.wat("wide.wat", """
            (module (memory i64 1) (table $t i64 1 funcref)
              (func (export "memory") (param i64) (result i64) (memory.grow (local.get 0)))
              (func (export "load") (param i64) (result i64) (i64.load (local.get 0)))
              (func (export "table") (param i64) (result i64)
                (table.grow $t (ref.null func) (local.get 0))))""")
        able = self.engines_with("memory64")
        for size in ("0", "1", "1023", "1024", "4294967296", "281474976710656", "-1"):
            for function in ("memory", "table", "load"):
                self.call_same(guest, function, size, engines=able)

    def test_waiting_for_input(self):
        guest = self.wat("reads.wat", READS_STDIN)
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        self.addCleanup(os.close, write_end)
        self.run_same(guest, "--timeout", "50ms", expect=124, stdin=read_end)

    def test_memory(self):
        bomb = self.wat("bomb.wat", MEMORY_BOMB)
        self.run_same(bomb, "--memory", "4MiB", expect=137)
        self.run_same(bomb, "--memory", "4000000B", expect=137)
        self.run_same(bomb, expect=137)
        big = self.wat("big.wat", program("", memory="1000"))
        self.run_same(big, "--memory", "4MiB", expect=125)
        self.run_same(big, expect=0)
        # A refusal that the guest survives.
        copes = self.wat("copes.wat", program("""
            (if (i32.ne (memory.grow (i32.const 15)) (i32.const 1)) (then unreachable))
            (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
            (if (i32.ne (memory.grow (i32.const 0)) (i32.const 16)) (then unreachable))
            (if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))"""))
        outcome = self.run_same(copes, "--memory", "1MiB", expect=0)
        self.assertEqual(outcome.report["usage"]["memory"], 1024 * 1024)
        self.assertEqual(outcome.report["usage"]["memory_refusals"], 2)
        # The module's own maximum is not the limit's doing.
        own = self.wat("own.wat", program("""
            (if (i32.ne (memory.grow (i32.const 3)) (i32.const -1)) (then unreachable))
            unreachable""", memory="1 2"))
        self.run_same(own, expect=None)

    def test_tables(self):
        guest = self.wat("table.wat", program("""
            (if (i32.ne (table.grow $a (ref.null func) (i32.const 900)) (i32.const 50))
              (then unreachable))
            (if (i32.ne (table.grow $b (ref.null extern) (i32.const 1)) (i32.const -1))
              (then unreachable))
            (if (i32.ne (table.grow $b (ref.null extern) (i32.const -1)) (i32.const -1))
              (then unreachable))
            (if (i32.ne (table.size $a) (i32.const 950)) (then unreachable))""",
            imports="(table $a 50 funcref) (table $b 50 externref)"))
        self.run_same(guest, "--max-table", "1000", expect=0)
        self.run_same(guest, "--max-table", "99", expect=125)
        self.run_same(guest, expect=134)

    def test_stack(self):
        guest = self.wat("deep.wat", """(module
            (func $f (param i32) (if (local.get 0)
                (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "_start") (call $f (i32.const 2000))))""")
        self.run_same(guest, "--stack", "1MiB", expect=0)
        guest = self.wat("bottomless.wat", '(module (func $f (export "_start") (call $f)))')
        for size in ("64KiB", "1MiB"):
            outcome = self.run_same(guest, "--stack", size, expect=134)
            self.assertEqual(outcome.report["error"]["subject"], "max_stack")

    def test_fuel_of_completed_calls(self):
        guest = self.wat("work.wat", WORK)
        for call in (("fib", "15"), ("indirect", "1000"), ("switch", "0"), ("switch", "1"),
                     ("switch", "2"), ("switch", "7"), ("bulk", "1000"), ("nothing",),
                     ("early", "0"), ("early", "1")):
            outcome = self.same("call", "--usage=json", "--fuel", "10000000", guest, *call, expect=0)
            self.assertGreater(outcome.report["usage"]["fuel"], 0)
        # Enough is enough, and one less is not.
        for call in (("fib", "12"), ("indirect", "50")):
            used = self.same("call", "--usage=json", "--fuel", "1000000", guest, *call,
                             expect=0).report["usage"]["fuel"]
            self.same("call", "--usage=json", "--fuel", str(used + 1), guest, *call, expect=0)
            self.same("call", "--usage=json", "--fuel", str(used // 2), guest, *call, expect=124)

    def test_fuel_of_a_program(self):
        self.write("data/a.txt", "some text\n" * 1000)
        for args in (("args", "x"), ("cat", "/data/a.txt"), ("list", "/data"), ("env",)):
            outcome = self.same("run", "--usage=json", "--fuel", "100000000", "--dir",
                                self.path("data") + "::/data", "--argv0", "tool", self.tool, *args,
                                expect=0)
            self.assertGreater(outcome.report["usage"]["fuel"], 1000)

    def test_what_is_no_program(self):
        contents = {"text": b"hello", "empty": b"", "cut": b"\0asm\1\0\0\0\1\xff",
                    "garbage": bytes(range(256)), "component": b"\0asm\x0d\0\1\0"}
        for name, content in contents.items():
            self.run_same(self.write(name + ".wasm", content), expect=126)
        os.mkdir(self.path("folder"))
        self.run_same(self.path("folder"), expect=126)
        self.run_same(self.path("nowhere.wasm"), expect=127)
        self.run_same(self.wat("lib.wat", MATH), expect=126)

    def test_imports(self):
        wasi = '"wasi_snapshot_preview1"'
        for imports in ('(import "env" "a" (func)) (import "o" "b" (func (param i32)))',
                        '(import "env" "m" (memory 1))', '(import "env" "t" (table 1 funcref))',
                        '(import "env" "g" (global i32))', '(import %s "fd_write" (func))' % wasi,
                        '(import %s "no_such" (func))' % wasi,
                        '(import "wsb" "tick" (func (param i64) (result i64)))',
                        r'(import "\1b[31m" "x\00ay" (func))'):
            outcome = self.run_same(
                self.wat("imports.wat", '(module %s (func (export "_start")))' % imports))
            self.assertIn(outcome.status, (125, 126), outcome)
        guest = self.wat("r.wat", '(module (import "env" "r" (func (param externref)))'
                                  ' (func (export "_start")))')
        able = self.engines_with("references")
        self.run_same(guest, engines=able, expect=126)
        for engine in ENGINE_IDS:
            if engine not in able:
                self.check(self.sandbox("run", "--engine", engine, guest), 125, "externref", engine)

    def test_reserved_names(self):
        """A guest that exports what the library adds is told so, or is not disturbed by it."""
        for name in ("wsb:budget", "wsb:memory_limit", "wsb:table_limit", "wsb:memory",
                     "wsb:start"):
            self.run_same(self.wat("names.wat", """(module
                (global (export "%s") (mut i64) (i64.const -1)) (memory 1)
                (func (export "_start") (loop (br_if 0 (i32.const 0)))))""" % name))

    def test_proposals_that_are_off(self):
        for name, text in REFUSED_PROPOSALS.items():
            outcome = self.run_same(self.wat(name + ".wat", text))
            self.assertEqual(outcome.status, 126, (name, outcome))

    def test_bounds(self):
        nested = b"\x02\x40\x1f\x40\x01\x02\x00" * 400 + b"\x10\x00" * 2000 + b"\x0b\x0b" * 400
        for content in (module([joined(10000)]), module([body(nested)]),
                        module([body(b"", 50000)] * 1000), module([body(b"")] * 200000),
                        module([body(b"\x02\x40" * 3000 + b"\x0b" * 3000)])):
            path = self.write("hostile.wasm", content)
            self.same("run", "--no-cache", "--usage=json", path)

    def test_segments_that_do_not_fit(self):
        for text in ('(memory 1) (data (i32.const 65536) "x")', '(memory 0) (data (i32.const 0) "x")',
                     "(table 1 funcref) (func $f) (elem (i32.const 1) $f)",
                     "(table 1 funcref) (func $f) (elem (i32.const -1) $f)"):
            self.run_same(self.wat("segments.wat",
                                   '(module %s (func (export "_start")))' % text), expect=134)

    def test_escapes(self):
        self.write("secret/key", "SECRET")
        self.write("data/a.txt", "allowed")
        os.symlink("../secret", self.path("data", "up"))
        for access in ("--dir", "--dir-rw"):
            for args in (("cat", "/data/a.txt"), ("cat", "/data/../secret/key"), ("cat", "/data/up/key"),
                         ("cat", self.path("secret/key")), ("write", "/data/up/key", "x"),
                         ("delete", "/data/up/key"), ("rename", "/data/none", "/data/../x"),
                         ("link", "/data/up/key", "/data/stolen"), ("mkdir", "/data/../new"),
                         ("symlink", "/etc", "/x"), ("stat", "/data/up/key"), ("list", "/data/up"),
                         ("cat", "/data/" + "../" * 2000), ("cat", "/data/" + "x" * 300)):
                outcome = self.same("run", "--usage=json", access, self.path("data") + "::/data",
                                    self.tool, *args)
                self.assertNotIn(b"SECRET", outcome.out)

    def test_limits_of_files_and_output(self):
        self.write("data/a", "x" * 5000)
        directory = ["--dir", "data"]
        for options, args in ((["--max-files", "5"], ("many", "data/a", "10")),
                              (["--max-files", "0"], ("many", "data/a", "1")),
                              (["--max-read", "1KB"], ("cat", "data/a")),
                              (["--max-output", "100B"], ("cat", "data/a"))):
            self.same("run", "--usage=json", *directory, *options, self.tool, *args, expect=1)
        # How much a pipe takes at once depends on its reader.
        self.same("run", "--usage=json", "--max-output", "100KB", self.tool, "flood", "1000000",
                  expect=1, ignore=("host_calls",))
        self.same("run", "--usage=json", "--dir-rw", "data", "--max-write", "3B", self.tool, "write",
                  "data/b", "too much", expect=1, prepare=lambda: self.write("data/b", ""))

    def test_calls(self):
        guest = self.wat("math.wat", MATH)
        for args in (("add", "5", "3"), ("add64", "-9223372036854775808", "0"), ("half", "-inf"),
                     ("half", "nan"), ("half32", "0.1"), ("divmod", "17", "5"), ("nothing",),
                     ("add", "--json=[5, 3]"), ("half", "--json=3")):
            self.call_same(guest, *args, expect=0)
        for args in (("add", "1"), ("add", "1", "2", "3"), ("add", "x", "1"), ("add", "1.5", "1"),
                     ("half", ""), ("ad", "1", "2"), ("add", "--json=[1"), ("add", '--json=["1", 2]'),
                     ("add", "--json=[1.5, 2]"), ("half", "--json=[9007199254740993]")):
            self.call_same(guest, *args, expect=125)
        for content in (b"", b"\x92\x05", b"\xc1", b"\x92\xa1x\x01", b"\xdd\xff\xff\xff\xff"):
            path = self.write("bad.msgpack", content)
            self.call_same(guest, "add", "--msgpack-file", path, expect=125)
        self.call_same(guest, "divide", "1", "0", expect=134)

    def test_buffers(self):
        guest = self.wat("echo.wat", """
(module (memory (export "memory") 1) (global $next (mut i32) (i32.const 1024))
  (func (export "wsb_alloc") (param i32) (result i32) (local i32)
    (local.set 1 (global.get $next))
    (global.set $next (i32.add (global.get $next) (local.get 0))) (local.get 1))
  (func (export "wsb_free") (param i32 i32))
  (func (export "echo") (param i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
      (i64.extend_i32_u (local.get 1))))
  (func (export "wild") (param i32 i32) (result i64) (i64.const -1))
  (func (export "past") (param i32 i32) (result i64) (i64.const 0xffff00000002))
  (func (export "dies") (param i32 i32) (result i64) unreachable))""")
        for function in ("echo", "wild", "past", "dies"):
            for data in ("", "x", "x" * 5000, "x" * 70000):
                self.same("call", "--usage=json", "--raw", guest, function, data)
            self.same("call", "--usage=json", guest, function, "--json={}")

    def test_an_allocator_that_lies(self):
        for answer in ("-1", "65535", "0"):
            guest = self.wat("lies.wat", """(module (memory (export "memory") 1)
              (func (export "wsb_alloc") (param i32) (result i32) (i32.const %s))
              (func (export "wsb_free") (param i32 i32))
              (func (export "f") (param i32 i32) (result i64) (i64.const 0)))""" % answer)
            self.same("call", "--usage=json", "--raw", guest, "f", "some text")

    def test_what_an_engine_lacks_is_said(self):
        """A module that needs a proposal runs, or is refused in words that name both."""
        needing = {
            "simd": "(func (drop (v128.const i64x2 0 0)))",
            "relaxed_simd": "(func (drop (i8x16.relaxed_swizzle (v128.const i64x2 0 0)"
                            " (v128.const i64x2 0 0))))",
            "tail_calls": "(func $f (return_call $f))",
            "exceptions": "(tag $t) (func (throw $t))",
            "memory64": "(memory i64 1)",
        }
        for proposal, text in needing.items():
            guest = self.wat(proposal + ".wat", '(module %s (func (export "_start")))' % text)
            able = self.engines_with(proposal)
            if able:
                self.run_same(guest, engines=able, expect=0)
            for engine in ENGINE_IDS:
                if engine in able:
                    continue
                outcome = self.sandbox("run", "--usage=json", "--engine", engine, guest)
                self.check(outcome, 126, engine)
                self.assertEqual(outcome.report["error"]["code"], "WSB_ERROR_UNSUPPORTED")
                for other in able:
                    self.assertIn(other, outcome.messages)


if __name__ == "__main__":
    main()
