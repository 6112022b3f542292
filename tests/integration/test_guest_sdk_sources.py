"""The guest SDKs' own tests and formats, natively, where the toolchain is present."""

import os
import subprocess
import unittest

from test_guest_sdk import SDK, WORK, Go, Rust, run


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


if __name__ == "__main__":
    unittest.main(verbosity=2)
