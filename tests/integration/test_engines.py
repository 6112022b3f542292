"""`wasm-sandbox engines`, and choosing an engine."""

import json
import os
import shutil

from support import *
from table_engine import *

BUILT_IN = ["wasmtime", "wasmer", "wasmi"]
COMMANDS = [["run"], ["call"], ["inspect"], ["compile", "-o", "out.cwasm"], ["engines"]]


BUILT = os.environ.get("WSB_TEST_ENGINES", "wasmtime").split(",")
FOLDER = os.path.join(os.path.dirname(COMMAND), "engines")


def built(id):
    return id in BUILT


class EnginesTest(TableEngines, CommandTest):
    def engines(self, *args):
        return json.loads(self.check(self.sandbox("engines", "--json", *args), 0).text)

    def engine(self, id, *args):
        return [e for e in self.engines(*args) if e["id"] == id][0]

    def section(self, text, id):
        """What the list says of one engine, with its lines joined."""
        block = [b for b in text.split("\n\n") if b.split()[0] == id][0]
        return " ".join(block.split())

    def test_all_built_in_engines_are_listed(self):
        found = self.engines()
        self.assertEqual([e["id"] for e in found], BUILT_IN)
        for engine in found:
            self.assertEqual(engine["available"], built(engine["id"]), engine)
        available = [e for e in found if e["available"]]
        self.assertEqual([e["default"] for e in available], [True] + [False] * (len(available) - 1))

    def test_a_missing_engine_says_how_to_get_it(self):
        for id in BUILT_IN:
            if not built(id):
                engine = self.engine(id)
                self.assertIn("-DWSB_ENGINE_%s=ON" % id.upper(), engine["problem"])
                self.assertIn("wsb_engine_%s.so" % id, engine["problem"])
                guest = self.wat("hello.wat", hello())
                self.check(self.sandbox("run", "--engine", id, guest), 125,
                           "engine '%s' is not available" % id,
                           "try: build it with -DWSB_ENGINE_%s=ON" % id.upper())

    def test_text(self):
        text = self.check(self.sandbox("engines"), 0).text
        for line in text.splitlines():
            if "/" not in line:
                self.assertLessEqual(len(line), 80, line)
        self.assertEqual(text.count("(default)"), 1 if any(map(built, BUILT_IN)) else 0)
        if built("wasmtime"):
            self.assertRegex(text, r"(?m)^wasmtime \d+\.\d+\.\d+ \(default\)$")
            self.assertIn("limits time and interruption, fuel, memory, tables, stack",
                          self.section(text, "wasmtime"))

    def test_every_limit_holds_on_every_engine(self):
        for engine in self.engines():
            if engine["available"]:
                for limit, by in engine["limits"].items():
                    self.assertIn(by, ("engine", "rewriting"), (engine["id"], limit))
                    own = limit in engine["own_features"]
                    self.assertEqual(by, "engine" if own else "rewriting")

    def test_who_enforces_what(self):
        path = self.table_engine("small", features=FUEL | SIMD | MEMORY64 | NO_SIGNALS)
        said = self.section(self.check(self.sandbox("engines", "--engine-path", path), 0).text,
                            "small")
        for text in ("small 1.2 limits fuel rewritten time and interruption, memory, tables runs",
                     "runs simd, memory64 can do without signal handlers cannot limit stack, run "
                     "relaxed_simd, run tail_calls, run exceptions, keep compiled modules",
                     "suspend guests without a thread"):
            self.assertIn(text, said)
        engine = self.engine("small", "--engine-path", path)
        self.assertEqual(engine["limits"], {
            "deadline": "rewriting", "fuel": "engine", "memory_limit": "rewriting",
            "table_limit": "rewriting", "stack_limit": None})
        self.assertEqual(engine["proposals"], ["simd", "memory64"])
        self.assertEqual(engine["own_features"], ["fuel", "simd", "memory64", "no_signals"])
        self.assertFalse(set(engine["features"]) & set(engine["lacks"]))
        self.assertLessEqual(set(
            "deadline fuel memory_limit table_limit stack_limit serialize pooling fibers simd "
            "references vectors relaxed_simd tail_calls exceptions memory64 no_signals".split()),
            set(engine["features"] + engine["lacks"]))

    def test_one_engine_only(self):
        self.assertEqual([e["id"] for e in self.engines("--engine", "wasmi")], ["wasmi"])
        path = self.table_engine("small")
        self.assertEqual([e["id"] for e in self.engines("--engine-path", path, "--engine", "small")],
                         ["small"])
        self.check(self.sandbox("engines", "--engine", "wasm"), 125, "'wasm'",
                   "wasmtime, wasmer, wasmi")

    def test_choosing_each(self):
        guest = self.wat("hello.wat", hello())
        for id in filter(built, BUILT_IN):
            outcome = self.check(self.sandbox("run", "--engine", id, "--usage=json", guest), 0)
            self.assertEqual(outcome.text, "hello\n")
            self.assertEqual(outcome.report["engine"], id)

    def test_an_unknown_engine_lists_those_there_are(self):
        guest = self.wat("hello.wat", hello())
        for command in COMMANDS:
            operands = [] if command == ["engines"] else [guest]
            operands += ["f"] if command == ["call"] else []
            outcome = self.sandbox(*command, "--engine", "none-such", *operands)
            self.check(outcome, 125, "there is no engine 'none-such'",
                       "try: one of the registered engines: wasmtime, wasmer, wasmi")

    def test_a_file_that_is_no_engine(self):
        guest = self.wat("hello.wat", hello())
        os.mkdir(self.path("folder.so"))
        cases = [
            (self.path("nowhere.so"), "No such file"),
            (self.path("folder.so"), "it is a directory"),
            (guest, "ELF"),
            (self.table_engine("a", entry="other"), "does not export wsb_engine_entry"),
            (self.table_engine("b", gives="0"), "gave no table"),
            (self.table_engine("c", abi=7), "version 7"),
            (self.table_engine("d", member="0"), "'global_set' is missing"),
            (self.table_engine("e", size="40"), "too short"),
            (self.table_engine("No Good", name="f"), "'No Good'"),
            (self.table_engine("wasmtime") if built("wasmtime") else None, "another engine"),
        ]
        for path, words in cases:
            for command in COMMANDS if path else []:
                operands = [] if command == ["engines"] else [guest]
                operands += ["f"] if command == ["call"] else []
                outcome = self.sandbox(*command, "--engine-path", path, *operands)
                lists = command[0] in ("engines", "inspect")
                missing = lists and "nowhere" in path
                self.check(outcome, 127 if missing else 125, words, os.path.basename(path)
                           if "another" not in words else "wasmtime")

    def test_an_engine_from_a_file_is_the_one_used(self):
        for id in filter(built, BUILT_IN):
            guest = self.wat("hello.wat", hello())
            path = os.path.join(FOLDER, "wsb_engine_%s.so" % id)
            outcome = self.check(
                self.sandbox("run", "--usage=json", "--engine-path", path, guest), 0)
            self.assertEqual(outcome.report["engine"], id)

    def test_a_module_that_the_engine_cannot_run(self):
        """The same status and words on every engine, and the engines that can."""
        modules = {
            "memory64": program("", memory="1").replace("(memory ", "(memory $m ", 1).replace(
                "(func (export \"_start\")",
                "(func (export \"_start\") (drop (i64.const 0))", 1),
            "simd": program("(drop (v128.const i64x2 0 0))"),
            "tail_calls": program("(return_call $x)", imports="").replace(
                '(func (export "_start")', '(func $x) (func (export "_start")', 1),
            "exceptions": program("").replace("(memory ", "(tag $t) (memory ", 1),
        }
        del modules["memory64"]
        found = [e for e in self.engines() if e["available"]]
        for proposal, text in modules.items():
            guest = self.wat(proposal + ".wat", text)
            for engine in found:
                outcome = self.sandbox("run", "--engine", engine["id"], guest)
                if proposal in engine["proposals"]:
                    self.check(outcome, 0)
                    continue
                able = [e["id"] for e in found if proposal in e["proposals"]]
                self.check(outcome, 126, proposal, "'%s'" % engine["id"],
                           "try: --engine " + " or ".join(able) if able else "try: ")

    def test_values_that_an_engine_cannot_pass(self):
        found = [e for e in self.engines() if e["available"]]
        guest = self.wat("pass.wat", """(module
            (func (export "references") (result externref) (ref.null extern))
            (func (export "vectors") (result v128) (v128.const i64x2 1 2)))""")
        for feature, status in (("references", 125), ("vectors", 0)):
            able = [e["id"] for e in found if feature in e["features"]]
            for engine in found:
                if "simd" not in engine["proposals"]:
                    continue
                outcome = self.sandbox("call", "--engine", engine["id"], guest, feature)
                if engine["id"] in able:
                    self.check(outcome, status)
                else:
                    self.check(outcome, 125, "engine '%s' cannot pass" % engine["id"],
                               "try: --engine " + " or ".join(able) if able else "try: ")

    def test_a_module_compiled_for_another_engine(self):
        found = [e for e in self.engines() if e["available"]]
        guest = self.wat("hello.wat", hello())
        for maker in (e["id"] for e in found if "serialize" in e["features"]):
            made = self.path(maker + ".cwasm")
            self.check(self.sandbox("compile", "--engine", maker, guest, "-o", made), 0)
            self.check(self.sandbox("run", "--engine", maker, made), 0)
            for other in (e["id"] for e in found if e["id"] != maker):
                outcome = self.sandbox("run", "--engine", other, made)
                self.check(outcome, 126, "engine '%s'" % other if other == "wasmi" else maker)

    def test_compiling_ahead_where_there_is_nothing_to_keep(self):
        found = [e for e in self.engines() if e["available"]]
        able = [e["id"] for e in found if "serialize" in e["features"]]
        guest = self.wat("hello.wat", hello())
        for engine in found:
            outcome = self.sandbox("compile", "--engine", engine["id"], guest, "-o", "out.cwasm")
            if engine["id"] in able:
                self.check(outcome, 0)
            else:
                self.check(outcome, 125, "engine '%s' cannot keep" % engine["id"],
                           "try: --engine " + " or ".join(able) if able else "try: ")

    def test_nothing_else_is_loaded(self):
        """A start must not pay for engines that it does not use."""
        strace = shutil.which("strace")
        if not strace or not built("wasmtime"):
            self.skipTest("needs strace and Wasmtime")
        guest = self.wat("hello.wat", hello())
        trace = self.path("trace")
        done = subprocess.run([strace, "-f", "-o", trace, "-e", "trace=%file", COMMAND, "run", guest],
                              capture_output=True, env=self.environment())
        if done.returncode != 0 and b"ptrace" in done.stderr:
            self.skipTest("strace may not trace here")
        seen = self.read("trace").decode(errors="replace")
        self.assertIn("wsb_engine_wasmtime.so", seen)
        self.assertNotIn("wsb_engine_wasmer", seen)
        self.assertNotIn("wsb_engine_wasmi.so", seen)
        if "libsodium" not in seen:  # else nothing is linked statically, as with a sanitizer
            self.assertNotIn("libyaml", seen)


if __name__ == "__main__":
    main()
