"""What the tests of the command share: a folder and a cache of their own, guests, and running."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

COMMAND = os.environ.get("WSB_COMMAND", "wasm-sandbox")
SOURCE = os.environ.get("WSB_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
ENGINES = os.environ.get("WSB_ENGINES", "")
ENGINE = os.environ.get("WSB_TEST_ENGINE", "")  # empty: the default one
CLANG = os.environ.get("WSB_GUEST_CC", "clang-19")

# A sanitizer ends a program with a status of its own, which must not pass for one of ours.
SANITIZER_EXIT = "exitcode=99:detect_leaks=0:handle_segv=0:allow_user_segv_handler=1"


# The subcommands that run or compile for an engine.
ENGINE_COMMANDS = ("run", "call", "compile")


def with_engine(args, engine=None):
    """The arguments with --engine, where they leave the engine open."""
    engine = ENGINE if engine is None else engine
    chosen = any(str(arg).startswith("--engine") for arg in args)
    if not engine or chosen or not args or args[0] not in ENGINE_COMMANDS:
        return list(args)
    return [args[0], "--engine", engine, *args[1:]]


def engine_features(engine=None):
    """Id and features of the engine under test, as the command lists them."""
    listed = subprocess.run([COMMAND, "engines", "--json"], capture_output=True, check=True)
    engines = json.loads(listed.stdout)
    engine = engine or ENGINE or engines[0]["id"]
    return engine, next(entry["features"] for entry in engines if entry["id"] == engine)


def needs(*features):
    """A test that is skipped, with the reason, on an engine that lacks one of the features."""
    def decorate(test):
        @functools.wraps(test)
        def run(self, *args):
            engine, found = engine_features()
            missing = [feature for feature in features if feature not in found]
            if missing:
                self.skipTest("the engine %s lacks %s" % (engine, ", ".join(missing)))
            return test(self, *args)
        return run
    return decorate


class Outcome:
    """How one run of the command ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.out = out
        self.err = err

    @property
    def text(self):
        return self.out.decode()

    @property
    def messages(self):
        return self.err.decode()

    @property
    def report(self):
        """The report of --usage=json: the last line on standard error."""
        return json.loads(self.err.decode().strip().splitlines()[-1])


class CommandTest(unittest.TestCase):
    """One folder for each test; compiled modules are kept for the whole file."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="wsb-cli-")
        cls.home = os.path.join(cls.shared, "home")
        os.mkdir(cls.home)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared, ignore_errors=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.shared)
        self.maxDiff = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content):
        """Writes a file into the test's folder and returns its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self, **changes):
        """A small one, so that no variable of the tester's comes into it."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "XDG_CACHE_HOME": os.path.join(self.home, "cache"),
            "ASAN_OPTIONS": SANITIZER_EXIT,
        }
        for name in ("LD_LIBRARY_PATH", "LD_PRELOAD", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        env.update(changes)
        return {name: value for name, value in env.items() if value is not None}

    def start(self, *args, env=None, **options):
        """Starts the command; the caller ends it."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            [COMMAND, *with_engine(args)], cwd=self.folder, env=self.environment(**(env or {})), **options
        )

    def sandbox(self, *args, input=None, env=None, timeout=60, **options):
        """Runs the command to its end."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
            input = input if isinstance(input, bytes) else input.encode()
        process = self.start(*args, env=env, **options)
        try:
            out, err = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail("%r did not end" % (args,))
        return Outcome(process.returncode, out, err)

    def check(self, outcome, status, *in_messages):
        """Checks an exit status and that each text is among the messages."""
        self.assertEqual(outcome.status, status, outcome)
        for text in in_messages:
            self.assertIn(text, outcome.messages)
        return outcome

    def assertEqual(self, first, second, msg=None):
        if isinstance(msg, Outcome):
            msg = "\nstdout: %r\nstderr: %s" % ((msg.out or b"")[:2000], msg.err[:4000].decode(errors="replace"))
        super().assertEqual(first, second, msg)

    def wat(self, name, text):
        return self.write(name, text)

    def c_guest(self, name, source, *flags):
        """Compiles a C program for WASI."""
        path = self.write(name + ".c", source)
        out = self.path(name + ".wasm")
        subprocess.run(
            [CLANG, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", *flags, path, "-o", out],
            check=True,
        )
        return out


class ToolTest(CommandTest):
    """With tool.c as the guest; `self.tool` is its path."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tool = os.path.join(cls.shared, "tool.wasm")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tool.c")
        subprocess.run(
            [CLANG, "--target=wasm32-wasi", "--sysroot=/usr", "-O1", source, "-o", cls.tool],
            check=True,
        )

    def run_tool(self, options, *args, **more):
        return self.sandbox("run", *options, self.tool, *args, **more)


def program(body, imports="", data="", memory="1"):
    """A WASI command in text format: `body` are the instructions of _start."""
    return """
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  %s
  (memory (export "memory") %s)
  %s
  (func (export "_start") %s))
""" % (imports, memory, data, body)


def hello(text="hello\n"):
    """Prints a text."""
    escaped = "".join("\\%02x" % byte for byte in text.encode())
    return program(
        "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))",
        data='(data (i32.const 0) "\\10\\00\\00\\00%s\\00\\00\\00") (data (i32.const 16) "%s")'
        % ("\\%02x" % len(text.encode()), escaped),
    )


def exits(code):
    return program("(call $proc_exit (i32.const %d))" % code)


ENDLESS = program("(loop $l (br $l))")

# Says that it is there, and then only computes.
READY_AND_ENDLESS = hello("ready\n").replace(
    '(func (export "_start")', '(func $hello'
).rstrip()[:-1] + '(func (export "_start") (call $hello) (loop $l (br $l))))'

TRAP = program("unreachable")

# Grows until it is refused, and gives up.
MEMORY_BOMB = program(
    "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
)

# Waits for input that does not come.
READS_STDIN = program(
    "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))",
    data='(data (i32.const 0) "\\10\\00\\00\\00\\10\\00\\00\\00")',
)

MATH = """
(module
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "add64") (param i64 i64) (result i64)
    (i64.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64)
    (f64.div (local.get 0) (f64.const 2)))
  (func (export "half32") (param f32) (result f32)
    (f32.div (local.get 0) (f32.const 2)))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))
  (func (export "divmod") (param i32 i32) (result i32 i32)
    (i32.div_s (local.get 0) (local.get 1)) (i32.rem_s (local.get 0) (local.get 1)))
  (func (export "nothing"))
  (func (export "forever") (loop $l (br $l))))
"""

VECTOR = """
(module (func (export "splat") (param i32) (result v128) (i32x4.splat (local.get 0))))
"""


def main():
    unittest.main(verbosity=1, argv=[sys.argv[0], *sys.argv[1:]])


__all__ = [name for name in dir() if not name.startswith("_")] + ["signal", "subprocess"]
