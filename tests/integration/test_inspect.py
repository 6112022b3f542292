"""`wasm-sandbox inspect`."""

import json
import os

from support import *
from table_engine import *


class InspectTest(TableEngines, ToolTest):
    def test_program(self):
        outcome = self.check(self.sandbox("inspect", self.tool), 0)
        for text in ("kind         command", "--dir HOST", "--env NAME", "clocks", "random numbers",
                     "wasi_snapshot_preview1.path_open(i32, i32, i32, i32, i32, i64, i64, i32, i32)"
                     " -> i32", "function _start()", "memory   memory:"):
            self.assertIn(text, outcome.text)
        self.assertNotIn("host function", outcome.text)

    def test_program_as_json(self):
        info = json.loads(self.check(self.sandbox("inspect", self.tool, "--json"), 0).text)
        self.assertEqual(info["kind"], "command")
        for need in ("files", "arguments", "environment", "clocks", "random", "streams"):
            self.assertIn(need, info["needs"])
        self.assertNotIn("host_functions", info["needs"])
        path_open = [i for i in info["imports"] if i["name"] == "path_open"][0]
        self.assertEqual(path_open["module"], "wasi_snapshot_preview1")
        self.assertEqual(path_open["results"], ["i32"])
        self.assertTrue(path_open["provided"])
        start = [e for e in info["exports"] if e["name"] == "_start"][0]
        self.assertEqual((start["params"], start["results"]), ([], []))
        self.assertGreater(info["memory"]["minimum"], 0)

    def test_library_needs_nothing(self):
        guest = self.wat("math.wat", MATH)
        outcome = self.check(self.sandbox("inspect", guest), 0)
        self.assertIn("kind         library", outcome.text)
        self.assertIn("nothing but computing", outcome.text)
        self.assertIn("function divmod(i32, i32) -> i32, i32", outcome.text)
        info = json.loads(self.check(self.sandbox("inspect", "--json", guest), 0).text)
        self.assertEqual(info["needs"], [])
        self.assertIsNone(info["memory"])

    def test_unknown_imports_are_flagged(self):
        guest = self.wat("imports.wat", """
            (module (import "env" "log" (func (param i32)))
              (import "wasi_snapshot_preview1" "sock_send"
                (func (param i32 i32 i32 i32 i32) (result i32)))
              (global (export "g") (mut i64) (i64.const 1)))""")
        outcome = self.check(self.sandbox("inspect", guest), 0)
        self.assertIn("env.log(i32)  (needs a host function)", outcome.text)
        self.assertIn("sockets: not supported", outcome.text)
        self.assertIn("global   g: mutable i64", outcome.text)
        info = json.loads(self.check(self.sandbox("inspect", "--json", guest), 0).text)
        self.assertIn("host_functions", info["needs"])
        self.assertFalse(info["imports"][0]["provided"])
        self.assertTrue(info["imports"][1]["provided"])

    def test_nothing_runs(self):
        guest = self.wat("start.wat", "(module (func $s unreachable) (start $s))")
        self.check(self.sandbox("inspect", guest), 0)

    def test_not_a_module(self):
        outcome = self.check(self.sandbox("inspect", self.write("a.wasm", "text")), 126)
        self.assertEqual(outcome.out, b"")

    def test_says_which_engines_can_run_it(self):
        guest = self.wat("wide.wat", """
            (module (memory i64 1) (func $f (return_call $f))
              (func (export "splat") (param i32) (result v128) (i32x4.splat (local.get 0)))
              (func (export "other")))""")
        plain = self.table_engine("plain", features=DEADLINE | STACK_LIMIT)
        wide = self.table_engine("wide", features=STACK_LIMIT | SIMD | TAIL_CALLS | MEMORY64)
        outcome = self.check(self.sandbox("inspect", "--engine-path", plain, guest), 0)
        self.assertRegex(outcome.text, r"(?m)^proposals +simd, tail_calls, memory64$")
        self.assertRegex(outcome.text,
                         r"(?m)^  plain +cannot run it: it lacks simd, tail_calls, memory64$")
        outcome = self.check(self.sandbox("inspect", "--engine-path", wide, guest), 0)
        self.assertRegex(outcome.text,
                         r"(?m)^  wide +runs it, but cannot be asked to call splat$")

        info = json.loads(self.check(self.sandbox(
            "inspect", "--json", "--engine-path", plain, guest), 0).text)
        self.assertEqual(info["proposals"], ["simd", "tail_calls", "memory64"])
        engine = [e for e in info["engines"] if e["id"] == "plain"][0]
        self.assertEqual((engine["available"], engine["runs"]), (True, False))
        self.assertEqual(engine["lacks"], ["simd", "tail_calls", "memory64"])
        info = json.loads(self.check(self.sandbox(
            "inspect", "--json", "--engine-path", wide, guest), 0).text)
        engine = [e for e in info["engines"] if e["id"] == "wide"][0]
        self.assertEqual((engine["runs"], engine["lacks"], engine["uncallable"]),
                         (True, [], ["splat"]))

    def test_imports_that_an_engine_cannot_be_handed(self):
        guest = self.wat("ref.wat", '(module (import "env" "f" (func (param externref v128))))')
        plain = self.table_engine("plain", features=STACK_LIMIT | SIMD)
        outcome = self.check(self.sandbox("inspect", "--engine-path", plain, guest), 0)
        self.assertRegex(outcome.text, r"(?m)^  plain +cannot run it: it lacks references, vectors$")

    def test_one_engine_only(self):
        guest = self.wat("math.wat", MATH)
        outcome = self.check(self.sandbox("inspect", "--engine", "wasmtime", guest), 0)
        self.assertRegex(outcome.text, r"(?m)^  wasmtime +runs it")
        self.assertNotRegex(outcome.text, r"(?m)^  wasmer ")
        self.check(self.sandbox("inspect", "--engine", "none-such", guest), 125, "'none-such'",
                   "wasmtime, wasmer, wasmi")

    def test_nothing_is_compiled(self):
        guest = self.wat("math.wat", MATH)
        home = self.path("fresh-home")
        self.check(self.sandbox("inspect", guest, env={"HOME": home, "XDG_CACHE_HOME": home}), 0)
        self.assertFalse(os.path.exists(home))

    def test_compiled_module(self):
        guest = self.wat("math.wat", MATH)
        made = self.path("math.cwasm")
        self.check(self.sandbox("compile", guest, "-o", made), 0)
        outcome = self.check(self.sandbox("inspect", made), 0)
        self.assertIn("function divmod(i32, i32) -> i32, i32", outcome.text)

    def test_bounds(self):
        guest = self.wat("math.wat", MATH)
        self.check(self.sandbox("inspect", "--bound", "max_functions=2", guest), 125,
                   "max_functions")

    def test_missing(self):
        self.check(self.sandbox("inspect", self.path("nowhere.wasm")), 127, "nowhere.wasm")
        self.check(self.sandbox("inspect", self.folder), 126)


if __name__ == "__main__":
    main()
