"""`wasm-sandbox call`: values by signature, JSON, MessagePack, bytes."""

from support import *

# Echoes its data: a buffer function that declares nothing.
ECHO = """
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (func (export "wsb_alloc") (param i32) (result i32)
    (local i32)
    (local.set 1 (global.get $next))
    (global.set $next (i32.add (global.get $next) (local.get 0)))
    (local.get 1))
  (func (export "wsb_free") (param i32 i32))
  (func (export "echo") (param i32 i32) (result i64)
    (memory.copy (i32.const 32768) (local.get 0) (local.get 1))
    (i64.or (i64.const 0x800000000000) (i64.extend_i32_u (local.get 1))))
  (func (export "wild") (param i32 i32) (result i64) (i64.const -1)))
"""


class ValuesTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.math = self.wat("math.wat", MATH)

    def call(self, *args):
        return self.check(self.sandbox("call", self.math, *args), 0).text

    def test_results_are_json(self):
        self.assertEqual(self.call("add", "5", "3"), "8\n")
        self.assertEqual(self.call("add", "-5", "3"), "-2\n")
        self.assertEqual(self.call("add", "0x10", "-0x1"), "15\n")
        self.assertEqual(self.call("add", "4294967295", "0"), "-1\n")
        self.assertEqual(self.call("add64", "9007199254740993", "0"), "9007199254740993\n")
        self.assertEqual(self.call("add64", "-9223372036854775808", "0"),
                         "-9223372036854775808\n")
        self.assertEqual(self.call("half", "-1.5"), "-0.75\n")
        self.assertEqual(self.call("half", "10"), "5.0\n")
        self.assertEqual(self.call("half32", "0.2"), "0.1\n")
        self.assertEqual(self.call("half", "-inf"), '"-Infinity"\n')
        self.assertEqual(self.call("half", "nan"), '"NaN"\n')
        self.assertEqual(self.call("divmod", "17", "5"), "[3,2]\n")
        self.assertEqual(self.call("nothing"), "null\n")

    @needs("vectors")
    def test_vectors(self):
        outcome = self.sandbox("call", self.wat("vector.wat", VECTOR), "splat", "1")
        self.assertEqual(self.check(outcome, 0).text, '"0x00000001000000010000000100000001"\n')

    def test_values_that_do_not_fit(self):
        for value in ("4294967296", "-2147483649", "1.5", "x", "", "0x", "0xg", "1 ", " 1", "+-1",
                      "0x-1", "99999999999999999999"):
            self.check(self.sandbox("call", self.math, "add", value, "1"), 125, "argument 1", "i32")
        for value in ("", "one", "1e999", "1x"):
            self.check(self.sandbox("call", self.math, "half", value), 125, "argument 1", "f64")

    def test_wrong_count_shows_the_signature(self):
        self.check(self.sandbox("call", self.math, "add", "1"), 125, "takes 2 values, and got 1",
                   "add(i32, i32) -> i32")
        self.check(self.sandbox("call", self.math, "add", "1", "2", "3"), 125, "got 3")

    def test_unknown_function(self):
        self.check(self.sandbox("call", self.math, "ad", "1", "2"), 125, "ad")

    def test_options_may_follow_the_function(self):
        outcome = self.check(self.sandbox("call", self.math, "add", "--json", "[1, 2]"), 0)
        self.assertEqual(outcome.text, "3\n")

    def test_traps_and_time(self):
        self.check(self.sandbox("call", self.math, "divide", "1", "0"), 134)
        self.check(self.sandbox("call", "--timeout", "100ms", self.math, "forever"), 124,
                   "--timeout")
        outcome = self.check(self.sandbox("call", "--usage=json", self.math, "add", "1", "2"), 0)
        self.assertEqual(outcome.report["limits"]["max_wall_time_ns"], 30_000_000_000)
        self.assertEqual(outcome.report["limits"]["max_cpu_time_ns"], 30_000_000_000)

    def test_json(self):
        self.assertEqual(self.call("add", "--json=[5, 3]"), "8\n")
        self.assertEqual(self.call("half", "--json=3"), "1.5\n")
        self.assertEqual(self.call("divmod", "--json=[17, 5]"), "[3,2]\n")
        path = self.write("args.json", "[20, 22]")
        self.assertEqual(self.call("add", "--json-file", path), "42\n")
        outcome = self.sandbox("call", self.math, "add", "--json-file", "-", input="[1, 1]")
        self.assertEqual(self.check(outcome, 0).text, "2\n")

    def test_json_that_does_not_fit(self):
        for text in ("[1]", "[1, 2, 3]", '["1", 2]', "[1.5, 2]", "[4294967296, 1]", "[null, 1]",
                     "[1, 2", "", "[1, 2] x", "nan", '{"a": 1}', "[1, 2]\xff"):
            outcome = self.sandbox("call", "--json", text, self.math, "add")
            self.assertEqual(outcome.status, 125, outcome)
            self.assertEqual(outcome.out, b"")

    def test_msgpack(self):
        path = self.write("args.msgpack", b"\x92\x05\xfd")
        self.assertEqual(self.call("add", "--msgpack-file", path), "2\n")
        outcome = self.sandbox("call", "--raw", "--msgpack-file", "-", self.math, "add",
                               input=b"\x92\xcd\x01\x00\x01")
        self.assertEqual(self.check(outcome, 0).out, b"\xcd\x01\x01")
        for data in (b"", b"\x92\x05", b"\xc1", b"\x92\xa1x\x01", b"\xdd\xff\xff\xff\xff"):
            path = self.write("bad.msgpack", data)
            self.check(self.sandbox("call", "--msgpack-file", path, self.math, "add"), 125)


class BytesTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.echo = self.wat("echo.wat", ECHO)

    def test_raw_hands_over_what_it_is_given(self):
        data = bytes(range(256)) * 40
        outcome = self.sandbox("call", "--raw", "--json-file", "-", self.echo, "echo", input=data)
        self.assertEqual(self.check(outcome, 0).out, data)
        outcome = self.sandbox("call", "--raw", self.echo, "echo", "some text")
        self.assertEqual(self.check(outcome, 0).out, b"some text")
        outcome = self.sandbox("call", "--raw", self.echo, "echo")
        self.assertEqual(self.check(outcome, 0).out, b"")

    def test_an_answer_outside_of_its_memory(self):
        outcome = self.sandbox("call", "--raw", self.echo, "wild", "x")
        self.assertNotEqual(outcome.status, 0)
        self.assertEqual(outcome.out, b"")


class StreamsTest(CommandTest):
    def test_what_the_guest_prints_is_not_the_answer(self):
        guest = self.wat("talks.wat", hello("said\n").replace('"_start")', '"talk") (result i32)')
                         .replace("(i32.const 8)))", "(i32.const 8))) (i32.const 7)", 1))
        outcome = self.check(self.sandbox("call", guest, "talk"), 0)
        self.assertEqual(outcome.text, "7\n")
        self.assertEqual(outcome.messages, "said\n")

    def test_an_answer_that_cannot_be_written(self):
        guest = self.wat("math.wat", MATH)
        with open("/dev/full", "wb") as full:
            self.check(self.sandbox("call", guest, "add", "1", "2", stdout=full), 125,
                       "cannot be written")


if __name__ == "__main__":
    main()
