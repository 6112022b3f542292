"""The guest SDKs of Rust, Go and AssemblyScript: their examples, built where the toolchain is
present and else skipped, do the same things with a real host (sdk_host.c)."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import unittest

import test_languages
from support import ENGINE, SOURCE, engine_features

HOST = os.environ.get("WSB_SDK_HOST", "sdk_host")
WORK = os.environ.get("WSB_SDK_WORK", "")  # in the build folder: guests, and what cargo keeps
SDK = os.path.join(os.path.abspath(SOURCE), "guest")


def fingerprint(folder):
    """Of all sources below a folder, and of how they are built."""
    found = hashlib.sha256()
    paths = [os.path.abspath(__file__)]
    for root, folders, files in os.walk(folder):
        folders[:] = set(folders) - {"target", "node_modules"}
        paths += [os.path.join(root, name) for name in files]
    for path in sorted(paths):
        with open(path, "rb") as file:
            found.update(path.encode() + b"\0" + file.read() + b"\0")
    return found.hexdigest()[:16]


def run(*command, cwd, **variables):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=170,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, **variables))
    if done.returncode != 0:
        raise AssertionError("%s:\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


class Sdk:
    """Builds guests once for all engines and as long as the sources stay the same."""

    folder = ""

    @classmethod
    def missing(cls):
        """Why it cannot be tested here, or None."""
        return None

    @classmethod
    def guests(cls):
        """Builds into WORK; the paths of what was built, by name."""
        raise NotImplementedError

    @classmethod
    def built(cls):
        os.makedirs(WORK, exist_ok=True)
        with open(os.path.join(WORK, cls.folder + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            out = os.path.join(WORK, "%s-%s" % (cls.folder, fingerprint(os.path.join(SDK, cls.folder))))
            if not os.path.isdir(out):
                part = out + ".part"
                shutil.rmtree(part, ignore_errors=True)
                os.mkdir(part)
                for name, path in cls.guests().items():
                    shutil.copy(path, os.path.join(part, name + ".wasm"))
                os.rename(part, out)
            return out


class Rust(Sdk):
    folder = "rust"
    bare = "wasm32-unknown-unknown"

    @classmethod
    def missing(cls):
        return test_languages.RustTest.missing() or (
            None if shutil.which("cargo") else "no cargo (https://rustup.rs)")

    @classmethod
    def guests(cls):
        target = os.path.join(WORK, "cargo")
        command = ["cargo", "build", "--quiet", "--locked", "--release", "--target", "wasm32-wasip1",
                   "--features", "serde_json", "--example", "shop", "--example", "plain"]
        offline = ["--offline"] if os.environ.get("WSB_OFFLINE") else []
        run(*command, *offline, cwd=os.path.join(SDK, "rust"), CARGO_TARGET_DIR=target, RUSTFLAGS="")
        built = os.path.join(target, "%s", "release", "examples", "%s.wasm")
        guests = {name: built % ("wasm32-wasip1", name) for name in ("shop", "plain")}
        if test_languages.RustTest.missing(cls.bare) is None:
            run("cargo", "build", "--quiet", "--locked", "--offline", "--release", "--target", cls.bare,
                "--example", "plain", cwd=os.path.join(SDK, "rust"), CARGO_TARGET_DIR=target, RUSTFLAGS="")
            guests["bare"] = built % (cls.bare, "plain")
        return guests


class Go(Sdk):
    folder = "go"

    @classmethod
    def missing(cls):
        return test_languages.GoTest.missing()

    @classmethod
    def guests(cls):
        folder = os.path.join(SDK, "go")
        shop, worker = (os.path.join(WORK, "go-%s.wasm" % name) for name in ("shop", "worker"))
        settings = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": ""}
        wasm = dict(settings, GOOS="wasip1", GOARCH="wasm")
        run("go", "build", "-buildmode=c-shared", "-o", shop, "./examples/shop", cwd=folder, **wasm)
        run("go", "build", "-o", worker, "./examples/worker", cwd=folder, **wasm)
        run("go", "run", "./cmd/wsb-declare", shop, "examples/shop", cwd=folder, **settings)
        return {"shop": shop, "worker": worker}


class AssemblyScript(Sdk):
    folder = "assemblyscript"

    @classmethod
    def project(cls):
        return os.path.join(WORK, "asc")

    @classmethod
    def missing(cls):
        cls.compiler, reason = test_languages.assemblyscript(cls.project())
        return reason

    @classmethod
    def guests(cls):
        source = os.path.join(SDK, "assemblyscript", "examples", "shop.ts")
        shutil.copy(source, cls.project())
        run("node", cls.compiler, "shop.ts", "-O", "--transform", "wasm-sandbox-guest/transform",
            "-o", "shop.wasm", cwd=cls.project())
        return {"shop": os.path.join(cls.project(), "shop.wasm")}


def answered(what):
    return '{"jsonrpc":"2.0",%s}' % what


INVALID = '"error":{"code":-32600,"message":"Invalid Request"},"id":'
UNREAD = '"error":{"code":-32700,"message":"Parse error"},"id":null'
UNKNOWN = '"error":{"code":-32601,"message":"Method not found"},"id":'

# What comes on the channel, and what a guest must answer.
FRAMES = (
    ('{"jsonrpc":"2.0","method":"refuse","id":1}',
     answered('"error":{"code":7,"message":"not today"},"id":1')),
    (' {"id":"\\u00e9\\"","method":"\\u006eone","jsonrpc":"2.0"}\n', answered(UNKNOWN + '"\\u00e9\\""')),
    ('{"jsonrpc":"2.0","method":"none","params":[[],{"a":[1.5e-3,true,false]}],"id":null}',
     answered(UNKNOWN + "null")),
    ('{"jsonrpc":"2.0","method":"none","params":1,"id":2}', answered(INVALID + "2")),
    ('{"jsonrpc":"1.0","method":"none","id":[]}', answered(INVALID + "null")),
    ('{"jsonrpc":"2.0","method":1,"id":2}', answered(INVALID + "2")),
    ("1", answered(INVALID + "null")),
    ("[]", answered(INVALID + "null")),
    ("", answered(UNREAD)),
    ('{"jsonrpc":"2.0"', answered(UNREAD)),
    ('{"jsonrpc":"2.0",}', answered(UNREAD)),
    ('["\\ud800"', answered(UNREAD)),
    ("[01]", answered(UNREAD)),
    ("[" * 100000, answered(UNREAD)),
    ('[{"jsonrpc":"2.0","method":"none","id":1},2,{"jsonrpc":"2.0","method":"none"}]',
     "[%s,%s]" % (answered(UNKNOWN + "1"), answered(INVALID + "null"))),
)
UNANSWERED = ('{"jsonrpc":"2.0","method":"none"}',
              '[{"jsonrpc":"2.0","method":"refuse"},{"jsonrpc":"2.0","method":"none"}]')

MALFORMED = ("", "[]", "{}", '{"id":1}', '{"result":1}', '{"result":1,"error":{},"id":1}',
             '{"error":{"code":1.5,"message":""},"id":1}', '{"error":{"code":1},"id":1}',
             '{"error":{"code":3000000000,"message":""},"id":1}', '{"error":"no","id":1}')


class SdkTest(unittest.TestCase):
    """What every SDK's example does. `plain` is the guest that works with bytes and channels."""

    sdk = None
    plain = "shop"
    mode = "direct"

    @classmethod
    def setUpClass(cls):
        if cls.sdk is None:
            raise unittest.SkipTest("what the SDKs have in common")
        missing = cls.sdk.missing()
        if missing:
            raise unittest.SkipTest(missing)
        cls.folder = cls.sdk.built()
        os.makedirs(os.path.join(WORK, "cache"), exist_ok=True)

    def steps(self, guest, *steps):
        path = os.path.join(self.folder, guest + ".wasm")
        done = subprocess.run([HOST, ENGINE or "wasmtime", self.mode, path, *steps],
                              capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, XDG_CACHE_HOME=os.path.join(WORK, "cache")))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split("\n")[:-1]

    def check(self, guest, *expected):
        """Pairs of a step and what came of it; None: whatever."""
        lines = self.steps(guest, *(step for step, _ in expected))
        for (step, want), line in zip(expected, lines, strict=True):
            self.assertTrue(want is None or line == want,
                            "%.200s\n gave %.500s\nwanted %s" % (step, line, want))

    def test_functions(self):
        self.check("shop", ('call greet "Ada \\u2603\\""', '"Hello, Ada \N{SNOWMAN}\\"!"'),
                   ('call greet ""', "WSB_ERROR_GUEST 22 greet takes a name"))
        self.check(self.plain, ("bytes reverse abc", "cba"),
                   ("bytes reverse", "WSB_ERROR_GUEST 22 nothing to reverse"))

    def test_calls_of_the_host(self):
        lines = self.steps("shop", 'call total ["apple","pear","apple"]')
        self.assertEqual(float(lines[0]), 5)
        self.check("shop", ('call total ["apple","plum"]', 'WSB_ERROR_GUEST 404 no price for "plum"'))
        # The host's answer is longer than the room that the guest has for it at first.
        self.check(self.plain, ("bytes checksum 9", None), ("bytes checksum 0", "48"))
        self.check(self.plain, ("bytes checksum 92", "9003 bytes, 0 to 7"))

    def test_messages_and_results(self):
        self.check(self.plain, ("send jobs one", ""), ("fill jobs 300000", ""), ("send jobs ", ""),
                   ("send jobs stop", ""), ("call work null", "3"), ("result jobs", "ONE"),
                   ("result jobs", "300000 bytes, X to X"), ("result jobs", ""))

    def test_waiting_for_a_message(self):
        self.check(self.plain, ("start work null", ""), ("send jobs one", ""), ("result jobs", "ONE"),
                   ("send jobs stop", ""), ("join", "1"))
        self.check(self.plain, ("start work null", ""), ("close jobs", ""),
                   ("join", "WSB_ERROR_GUEST -5 the channel is closed"))

    def test_waiting_for_several_channels(self):
        lines = self.steps(self.plain, "start listen null", "send jobs a", "send orders stop",
                           "send jobs b", "send jobs stop", "join")
        self.assertEqual(lines[-1].replace(" ", ""), "[3,1]")

    def test_errors_of_the_host_have_their_codes(self):
        # Not granted, nothing there, timed out, closed, no such function.
        lines = self.steps(self.plain, "call probe null")
        self.assertEqual(lines[0].replace(" ", ""), "[-2,-3,-4,-5,-2]")

    def test_serving_json_rpc(self):
        lines = self.steps("shop", "start serve null", "json add [1,2.5]", "json refuse",
                           'json add ["x"]', "json nothing [1]", "close rpc", "join")
        self.assertEqual(lines[1:3], ["3.5", "WSB_ERROR_REMOTE 7 not today"])
        self.assertTrue(lines[3].startswith("WSB_ERROR_REMOTE -32602 "), lines[3])
        self.assertEqual(lines[4:], ["WSB_ERROR_REMOTE -32601 Method not found", "", "4"])

    def test_calling_the_host_by_json_rpc(self):
        lines = self.steps("shop", "methods json", "call ask null")
        self.assertEqual(lines[1].replace(" ", ""), "[42,-32601]")

    def test_frames_of_json_rpc(self):
        steps = [("start serve null", "")]
        for frame, answer in FRAMES:
            steps += [("send rpc " + frame, ""), ("result rpc", answer)]
        for frame in UNANSWERED:
            steps += [("send rpc " + frame, "")]
        served = str(len(FRAMES) + len(UNANSWERED))
        self.check("shop", *steps, ("close rpc", ""), ("join", served))

    def test_answers_that_are_not_the_right_one(self):
        lines = self.steps("shop", "start ask null", "receive rpc",
                           'answer rpc {"jsonrpc":"2.0","result":7,"id":77}',
                           'answer rpc {"result":1,"id":"1"}',
                           'answer rpc { "id":1, "result":43,"jsonrpc":"2.0"}', "receive rpc",
                           'answer rpc {"jsonrpc":"2.0","error":{"code":-32700,"message":"\\u0078"},"id":null}',
                           "join")
        self.assertEqual(lines[1], '{"jsonrpc":"2.0","method":"double","params":[21],"id":1}')
        self.assertEqual(lines[5], '{"jsonrpc":"2.0","method":"missing","id":2}')
        self.assertEqual(lines[-1].replace(" ", ""), "[43,-32700]")

    def test_malformed_answers(self):
        for answer in MALFORMED:
            self.check("shop", ("start ask null", ""), ("receive rpc", None), ("answer rpc " + answer, ""),
                       ("join", "WSB_ERROR_GUEST -9 not well-formed"))


class RustSdkTest(SdkTest):
    sdk = Rust
    plain = "plain"

    def test_messagepack_rpc(self):
        self.check("plain", ("start serve null", ""), ("msgpack add 920102", "03"),
                   ("msgpack add 9101", "WSB_ERROR_REMOTE -32602 add takes two numbers"),
                   ("msgpack nothing 90", "WSB_ERROR_REMOTE -32601 Method not found"),
                   ("close rpc", ""), ("join", '"closed"'))
        self.check("plain", ("methods msgpack", ""), ("call ask null", "[42, -32601]"))

    def test_without_wasi_and_dependencies(self):
        if not os.path.exists(os.path.join(self.folder, "bare.wasm")):
            self.skipTest(test_languages.RustTest.missing(self.sdk.bare) or
                          "Rust for %s came after the guests were built" % self.sdk.bare)
        self.check("bare", ("bytes reverse abc", "cba"), ("send jobs one", ""), ("send jobs stop", ""),
                   ("call work null", "1"), ("result jobs", "ONE"))


class GoSdkTest(SdkTest):
    sdk = Go

    def test_a_program_serves_messagepack_rpc(self):
        self.check("worker", ("run", ""), ("msgpack add 920102", "03"),
                   ("msgpack add 9101", "WSB_ERROR_REMOTE -32602 add takes two numbers"),
                   ("msgpack nothing 90", "WSB_ERROR_REMOTE -32601 Method not found"),
                   ("close rpc", ""), ("join", "WSB_OK, exit code 0"))


class AssemblyScriptSdkTest(SdkTest):
    sdk = AssemblyScript


def on_fibers(tests):
    """The same on stacks of their own, where the engine has them."""
    class OnFibers(tests):
        mode = "fiber"

        @classmethod
        def setUpClass(cls):
            engine, features = engine_features()
            if "fibers" not in features:
                raise unittest.SkipTest("the engine %s has no fibers" % engine)
            super().setUpClass()

    OnFibers.__name__ = OnFibers.__qualname__ = tests.__name__.replace("Test", "OnFibersTest")
    return OnFibers


RustSdkOnFibersTest = on_fibers(RustSdkTest)
GoSdkOnFibersTest = on_fibers(GoSdkTest)
AssemblyScriptSdkOnFibersTest = on_fibers(AssemblyScriptSdkTest)

if __name__ == "__main__":
    unittest.main(verbosity=2)
