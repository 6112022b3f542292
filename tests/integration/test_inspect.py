"""`wasm-sandbox inspect` and `engines`."""

import json

from support import *


class InspectTest(ToolTest):
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


class EnginesTest(CommandTest):
    def test_table(self):
        outcome = self.check(self.sandbox("engines"), 0)
        self.assertRegex(outcome.text, r"(?m)^wasmtime \d+\.\d+\.\d+ \(default\)$")
        self.assertRegex(outcome.text, r"enforces +time limits.*fuel.*memory.*tables.*stack")

    def test_json(self):
        engines = json.loads(self.check(self.sandbox("engines", "--json"), 0).text)
        wasmtime = [e for e in engines if e["id"] == "wasmtime"][0]
        self.assertTrue(wasmtime["available"])
        for feature in ("deadline", "fuel", "memory_limit", "stack_limit", "serialize"):
            self.assertIn(feature, wasmtime["features"])

    def test_choosing_one(self):
        guest = self.wat("hello.wat", hello())
        self.check(self.sandbox("run", "--engine", "wasmtime", guest), 0)
        self.check(self.sandbox("run", "--engine", "none-such", guest), 125, "none-such")

    def test_engine_from_a_file(self):
        guest = self.wat("hello.wat", hello())
        self.check(self.sandbox("run", "--engine-path", self.path("nowhere.so"), guest), 125,
                   "nowhere.so")
        self.check(self.sandbox("run", "--engine-path", guest, guest), 125)


if __name__ == "__main__":
    main()
