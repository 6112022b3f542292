#!/usr/bin/env python3
"""Makes random modules that end by themselves, and hands them to spec_compare.

    compare_random.py TESTS FIRST COUNT COMMAND…

TESTS is what scripts/fetch-spec-tests.py printed; without it this ends with 77. COMMAND gets the
modules' paths, which end in the seed. With WSB_KEEP=FOLDER they are kept there.
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

from smith import smith

SKIPPED = 77
IMPORTS = pathlib.Path(__file__).resolve().parent / "imports.wat"


def make(tools: pathlib.Path, folder: pathlib.Path, imports: pathlib.Path, seed: int):
    module = folder / f"{seed}.wasm"
    done = smith(tools, module, seed, [
        # Engines may differ in what relaxed instructions and NaNs give, by design.
        "--relaxed-simd-enabled=false", "--canonicalize-nans=true", "--ensure-termination",
        "--fuel=300", "--export-everything=true", "--min-funcs=3",
        f"--available-imports={imports}", f"--disallow-traps={'true' if seed % 2 else 'false'}"])
    return module if done.returncode == 0 else None


def main() -> int:
    tests, first, count, *command = sys.argv[1:]
    tools = pathlib.Path(tests) / "wasm-tools"
    if not tools.exists():
        print(f"SKIPPED: there is no {tests}: the specification tests could not be fetched "
              "(scripts/fetch-spec-tests.py says why)", file=sys.stderr)
        return SKIPPED
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(os.environ.get("WSB_KEEP", temporary))
        imports = pathlib.Path(temporary) / "imports"
        subprocess.run([tools, "parse", IMPORTS, "-o", imports], check=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            made = list(pool.map(lambda seed: make(tools, folder, imports, seed),
                                 range(int(first), int(first) + int(count))))
        modules = [str(module) for module in made if module is not None]
        sys.stdout.flush()
        return subprocess.run(command + modules, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
