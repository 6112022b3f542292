"""The guest SDKs' own tests and formats, natively, where the toolchain is present."""

import os
import shutil
import subprocess
import tempfile
import unittest

from test_guest_sdk import SDK, WORK, AssemblyScript, Go, Rust, run


class RustSourcesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if Rust.missing():
            raise unittest.SkipTest(Rust.missing())
        os.makedirs(WORK, exist_ok=True)

    def cargo(self, *args):
        offline = ["--offline"] if os.environ.get("WSB_OFFLINE") else []
        run("cargo", *args, "--quiet", "--locked", *offline, cwd=os.path.join(SDK, "rust"),
            CARGO_TARGET_DIR=os.path.join(WORK, "cargo"), RUSTFLAGS="-D warnings", CARGO_PROFILE_TEST_DEBUG="0",
            CARGO_PROFILE_DEV_DEBUG="0")

    def test_unit_tests(self):
        self.cargo("test", "--lib")

    def test_unit_tests_with_serde(self):
        self.cargo("test", "--lib", "--features", "serde_json")

    def test_format(self):
        if subprocess.run(["cargo", "fmt", "--version"], capture_output=True).returncode != 0:
            self.skipTest("no rustfmt (rustup component add rustfmt)")
        run("cargo", "fmt", "--check", cwd=os.path.join(SDK, "rust"))


class GoSourcesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if Go.missing():
            raise unittest.SkipTest(Go.missing())

    def go(self, *args, **variables):
        return run("go", *args, cwd=os.path.join(SDK, "go"), GOTOOLCHAIN="local", GOPROXY="off",
                   GOFLAGS="", **variables)

    def test_unit_tests(self):
        self.go("test", "./...")

    def test_vet(self):
        self.go("vet", "./...", GOOS="wasip1", GOARCH="wasm")

    def test_format(self):
        formatter = os.path.join(self.go("env", "GOROOT").strip(), "bin", "gofmt")
        self.assertEqual(run(formatter, "-l", ".", cwd=os.path.join(SDK, "go")), "")


class AssemblyScriptTransformTest(unittest.TestCase):
    """What the transform refuses, and says so."""

    @classmethod
    def setUpClass(cls):
        missing = AssemblyScript.missing()
        if missing:
            raise unittest.SkipTest(missing)

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=WORK)
        self.addCleanup(shutil.rmtree, self.folder)
        os.symlink(os.path.join(AssemblyScript.project(), "node_modules"),
                   os.path.join(self.folder, "node_modules"))

    def refused(self, source, reason):
        with open(os.path.join(self.folder, "guest.ts"), "w") as file:
            file.write("// @ts-ignore: decorator\n" + source)
        done = subprocess.run(["node", AssemblyScript.compiler, "guest.ts", "--transform",
                               "wasm-sandbox-guest/transform", "-o", "guest.wasm"],
                              cwd=self.folder, capture_output=True, text=True, timeout=120)
        self.assertNotEqual(done.returncode, 0, source)
        self.assertIn("guest.ts:2: ", done.stderr)
        self.assertIn(reason, done.stderr)

    def test_functions_that_cannot_be_exported(self):
        body = "f(a: string): string { return a; }"
        for source, reason in (
                ('@exported("xml") function ' + body, "without one of json, msgpack, bytes"),
                ("@exported function " + body, "without one of json, msgpack, bytes"),
                ('@exported("json") export function ' + body, "without `export`"),
                ('@exported("json") function f(a: i32): string { return ""; }', "must take one"),
                ('@exported("json") function f(a: string): i32 { return 0; }', "must take one"),
                ('@exported("json") class f {}', "for functions"),
                ('class C { @exported("json") %s }' % body, "by themselves"),
                ('namespace N { @exported("json") function %s }' % body, "by themselves")):
            self.refused(source, reason)


if __name__ == "__main__":
    unittest.main(verbosity=2)
