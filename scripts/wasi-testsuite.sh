#!/usr/bin/env bash
# Runs the public WebAssembly/wasi-testsuite (preview 1) through the command: its C and
# AssemblyScript programs, and its Rust programs where rustc knows wasm32-wasip1. They are built
# in a folder of their own; nothing is written into the checkout.
#
#   scripts/wasi-testsuite.sh CHECKOUT [BUILD_FOLDER]
#
#   WSB_COMMAND   the wasm-sandbox to test [build/wasm-sandbox or the one in PATH]
#   WSB_GUEST_CC  the compiler of the C programs [clang-19]
#
# Prints a line a test and ends with "N passed, N failed, N skipped"; fails where one failed.
set -euo pipefail
checkout=$(realpath "${1:?usage: scripts/wasi-testsuite.sh CHECKOUT [BUILD_FOLDER]}")
work=${2:-${TMPDIR:-/tmp}/wsb-wasi-testsuite-$(id -u)}
cd "$(dirname "$0")/.."
command=${WSB_COMMAND:-}
for candidate in build/wasm-sandbox build/release/wasm-sandbox build/dev/wasm-sandbox; do
    if [ -z "$command" ] && [ -x "$candidate" ]; then
        command=$(realpath "$candidate")
    fi
done
command=${command:-$(command -v wasm-sandbox)}
mkdir -p "$work"
work=$(realpath "$work")
rm -rf "$work/c" "$work/assemblyscript" "$work/rust"
mkdir -p "$work/c" "$work/assemblyscript" "$work/rust"
export XDG_CACHE_HOME=$work/cache

build_c() {
    local source
    for source in "$checkout"/tests/c/src/*.c; do
        "${WSB_GUEST_CC:-clang-19}" --target=wasm32-wasi --sysroot="${WSB_WASI_SYSROOT:-/usr}" -O1 \
            "$source" -o "$work/c/$(basename "$source" .c).wasm" 2>"$work/c/log" || true
    done
}

build_assemblyscript() {
    local source name folder=$work/as-tools
    command -v npm >/dev/null || return 0
    mkdir -p "$folder"
    (cd "$folder" && [ -d node_modules/assemblyscript ] ||
        npm install --silent --no-audit --no-fund --prefix "$folder" assemblyscript@0.27 \
            @assemblyscript/wasi-shim@0.1 >"$folder/log" 2>&1) || return 0
    cp "$checkout"/tests/assemblyscript/wasm32-wasip1/src/*.ts "$folder"
    for source in "$folder"/*.ts; do
        name=$(basename "$source" .ts)
        (cd "$folder" && npx --no-install asc "$name.ts" \
            --config node_modules/@assemblyscript/wasi-shim/asconfig.json -O \
            -o "$work/assemblyscript/$name.wasm" >"$folder/log" 2>&1) || true
    done
}

build_rust() {
    local folder=$work/rust-package
    [ -d "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/wasm32-wasip1" ] || return 0
    mkdir -p "$folder"
    rm -rf "$folder/src"
    cp -r "$checkout/tests/rust/wasm32-wasip1/src" "$folder/src"
    cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "wasi_tests"
version = "0.0.0"
edition = "2021"
[lib]
path = "src/lib.rs"
[dependencies]
wasip1 = "1"
libc = "0.2"
once_cell = "1"
TOML
    (cd "$folder" && cargo build -q --target wasm32-wasip1 >"$folder/log" 2>&1) || true
    cp "$folder"/target/wasm32-wasip1/debug/*.wasm "$work/rust/" 2>/dev/null || true
}

echo "building the programs in $work"
build_c
build_assemblyscript
build_rust
python3 -B - "$command" "$checkout" "$work" <<'PYTHON'
import json, os, shutil, subprocess, sys

command, checkout, work = sys.argv[1:4]
counts = {"passed": 0, "failed": 0, "skipped": 0}
SUITES = {
    "c": ("tests/c/src", ".c"),
    "assemblyscript": ("tests/assemblyscript/wasm32-wasip1/src", ".ts"),
    "rust": ("tests/rust/wasm32-wasip1/src/bin", ".rs"),
}


def report(outcome, suite, name, why=""):
    counts[outcome] += 1
    print(f"{outcome[:4]}  {suite}/{name}" + (f": {why}" if why else ""))


def options_of(spec, folder, scratch):
    options = []
    for name, value in spec.get("env", {}).items():
        options += ["--env", f"{name}={value}"]
    if spec.get("root"):
        root = os.path.join(scratch, "root")
        shutil.rmtree(root, ignore_errors=True)
        source = os.path.join(folder, spec["root"])
        shutil.copytree(source, root) if os.path.isdir(source) else os.mkdir(root)
        options += ["--dir-rw", root + "::/"]
    return options


def run(suite, name, wasm, folder):
    specification = os.path.join(folder, name + ".json")
    spec = json.load(open(specification)) if os.path.exists(specification) else {}
    options = options_of(spec, folder, work)
    outcome = subprocess.run(
        [command, "run", "--timeout", "60s", *options, wasm, *spec.get("args", [])],
        stdin=subprocess.DEVNULL, capture_output=True)
    problems = []
    if outcome.returncode != spec.get("exit_code", 0):
        problems.append(f"exit status {outcome.returncode}, not {spec.get('exit_code', 0)}")
    for stream, got in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        if stream in spec and got.decode(errors="replace") != spec[stream]:
            problems.append(f"{stream} is {got[:80]!r}, not {spec[stream]!r}")
    if problems:
        text = outcome.stderr.decode(errors="replace").strip().splitlines()
        report("failed", suite, name, "; ".join(problems) + (" | " + " / ".join(text[:3]) if text else ""))
    else:
        report("passed", suite, name)


for suite, (folder, suffix) in SUITES.items():
    folder = os.path.join(checkout, folder)
    for name in sorted(f[:-len(suffix)] for f in os.listdir(folder) if f.endswith(suffix)):
        wasm = os.path.join(work, suite, name + ".wasm")
        if os.path.exists(wasm):
            run(suite, name, wasm, folder)
        else:
            report("skipped", suite, name, "it could not be built here")
print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(counts["failed"] > 0)
PYTHON
