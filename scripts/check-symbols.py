#!/usr/bin/env python3
"""Checks what the built objects export.

    check-symbols.py BUILD-DIR

- libwasm_sandbox.so exports exactly the functions that the public headers declare with WSB_API:
  none is missing, none is extra.
- An engine's shared object exports wsb_engine_entry and nothing else.
- The library's thread-local storage stays within what the C library keeps for libraries that are
  loaded later (its accesses are compiled for that: see cmake/WsbFlags.cmake).
"""
import pathlib
import re
import subprocess
import sys

STATIC_TLS_LIMIT = 1024
ROOT = pathlib.Path(__file__).parent.parent


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(path: pathlib.Path) -> set[str]:
    lines = run("nm", "--dynamic", "--defined-only", "--format=posix", str(path)).splitlines()
    return {line.split()[0].split("@")[0] for line in lines if line.split()[1] in "TtDdBbRrWwVvi"}


def declared() -> set[str]:
    names: set[str] = set()
    for header in sorted((ROOT / "include").rglob("*.h")):
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*(?:\\\n[^\n]*)*", " ", header.read_text(),
                      flags=re.DOTALL | re.MULTILINE)
        for match in re.finditer(r"\bWSB_API\b([^;{]*)", text):
            name = re.search(r"\b(wsb_\w+)\s*\(", match.group(1))
            if name:
                names.add(name.group(1))
            else:
                sys.exit(f"check-symbols: {header}: cannot read: {match.group(0)}")
    return names


def tls_size(path: pathlib.Path) -> int:
    for line in run("readelf", "--segments", "--wide", str(path)).splitlines():
        fields = line.split()
        if fields and fields[0] == "TLS":
            return int(fields[5], 16)
    return 0


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1])
    problems: list[str] = []
    library = build / "libwasm_sandbox.so"
    actual, wanted = exported(library), declared()
    problems += [f"{name}: declared in a public header, not exported" for name in
                 sorted(wanted - actual)]
    problems += [f"{name}: exported, not declared in a public header" for name in
                 sorted(actual - wanted)]
    engines = sorted((build / "engines").glob("wsb_engine_*.so"))
    if not engines:
        problems.append(f"{build}/engines: no engine was built")
    for engine in engines:
        if exported(engine) != {"wsb_engine_entry"}:
            problems.append(f"{engine.name}: exports {', '.join(sorted(exported(engine))) or '-'};"
                            " only wsb_engine_entry is allowed")
    if tls_size(library) > STATIC_TLS_LIMIT:
        problems.append(f"{library.name}: {tls_size(library)} bytes of thread-local storage, at "
                        f"most {STATIC_TLS_LIMIT}")
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"check-symbols: {len(problems)} problems")
    print(f"check-symbols: {len(wanted)} functions exported, all declared; {len(engines)} engine; "
          f"{tls_size(library)} bytes of thread-local storage")


main()
