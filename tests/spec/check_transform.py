#!/usr/bin/env python3
"""Checks what the transform writes, with a validator of others' (wasm-tools).

    check_transform.py TESTS TRANSFORM random FIRST COUNT   random modules, seeds from FIRST
    check_transform.py TESTS TRANSFORM suite                all modules of the specification's tests
    check_transform.py TESTS TRANSFORM files FILE…          these modules, or all in a folder
    check_transform.py TESTS TRANSFORM marks FILE…          names, exports, segments, branch hints

TESTS is what scripts/fetch-spec-tests.py printed (77 where it is absent), TRANSFORM the program
spec_transform. A module that the validator takes with the features that are on must be taken by
the transform, and what the transform writes must be valid with the same features, its name and
metadata sections included. A module that the validator refuses must be refused.

A seed that fails is printed; `check_transform.py … random SEED 1` does it again.
"""
import concurrent.futures
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

from smith import smith

MEMORY, TABLE, COUNTDOWN, FUEL = 1, 2, 4, 8
# Fuel takes the countdown's place.
COMBINATIONS = [limits | counting for limits in (0, MEMORY, TABLE, MEMORY | TABLE)
                for counting in (0, COUNTDOWN, FUEL)]
BOTH = [MEMORY | TABLE | COUNTDOWN, MEMORY | TABLE | FUEL]
TAKEN, REFUSED_PROPOSAL, SKIPPED = 0, 3, 77
ON = ("-all,floats,mutable-global,saturating-float-to-int,sign-extension,reference-types,"
      "gc-types,multi-value,bulk-memory,simd,relaxed-simd,tail-call,extended-const,exceptions,"
      "memory64")


class Checker:
    def __init__(self, tests: str, transform: str, folder: str):
        self.tools = pathlib.Path(tests) / "wasm-tools"
        self.transform_program = transform
        self.folder = pathlib.Path(folder)
        self.taken = self.refused = self.outputs = 0
        self.problems = []

    def run(self, *command, **options):
        return subprocess.run([str(part) for part in command], capture_output=True, check=False,
                              **options)

    def validate(self, module: pathlib.Path, *flags):
        return self.run(self.tools, "validate", f"--features={ON}", *flags, module)

    def problem(self, label: str, text) -> None:
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        self.problems.append(f"{label}: {text.strip()}")

    def check(self, label: str, module: pathlib.Path, combinations) -> bool:
        """Whether the module was taken."""
        valid = self.validate(module).returncode == 0
        # Other tools write custom sections that are wrong already.
        custom = ["--validate-custom"]
        if valid and self.validate(module, *custom).returncode != 0:
            custom = []
        prefix = self.folder / re.sub(r"\W", "_", label)
        done = self.run(self.transform_program, module, prefix, *combinations)
        if not valid:
            self.refused += 1
            if done.returncode == TAKEN:
                self.problem(label, "the transform takes what the validator refuses")
            return False
        if done.returncode != TAKEN and b'may start with "wsb:"' in done.stderr:
            self.refused += 1
            return False
        if done.returncode != TAKEN:
            self.problem(label, f"refused ({done.returncode}): {(done.stdout + done.stderr)!r}")
            return False
        self.taken += 1
        for add in combinations:
            output = pathlib.Path(f"{prefix}.{add}.wasm")
            verdict = self.validate(output, *custom)
            if verdict.returncode != 0:
                self.problem(f"{label} with {add}", verdict.stderr)
            self.outputs += 1
            output.unlink()
        return True

    def random(self, seed: int) -> None:
        choice = random.Random(seed)
        module = self.folder / f"random{seed}.wasm"
        done = smith(self.tools, module, seed, [
            f"--generate-custom-sections={choice.choice(('true', 'false'))}",
            f"--export-everything={choice.choice(('true', 'false'))}"])
        if done.returncode != 0:  # "rarely; try again with a new input"
            self.refused += 1
            return
        self.check(f"seed {seed}", module, COMBINATIONS)
        module.unlink()

    def marks(self, source: pathlib.Path) -> None:
        """What must look the same before and after, in a module where everything has a name."""
        module = self.folder / f"{source.stem}.wasm"
        done = self.run(self.tools, "parse", source, "-o", module)
        if done.returncode != 0:
            self.problem(source.name, done.stderr)
            return
        before = marks_of(self.print(module))
        if not self.check(source.name, module, COMBINATIONS):
            self.problem(source.name, "is not taken")
            return
        for add in COMBINATIONS:
            prefix = self.folder / "marks"
            self.run(self.transform_program, module, prefix, add)
            after = marks_of(self.print(pathlib.Path(f"{prefix}.{add}.wasm")))
            for what, lines in before.items():
                lost = missing(lines, after[what])
                if lost:
                    self.problem(f"{source.name} with {add}", f"{what}: lost: {lost[0]}")

    def print(self, module: pathlib.Path) -> str:
        return self.run(self.tools, "print", module).stdout.decode()


def missing(wanted: list, lines: list) -> list:
    """What of `wanted` is not in `lines`, in that order."""
    rest = iter(lines)
    return [line for line in wanted if line not in rest]


def operators(body: list) -> list:
    """Each branch hint with the instruction that it is about, and where among its kind it is."""
    found = []
    for place, line in enumerate(body):
        if line.startswith("(@metadata.code.branch_hint"):
            # Labels are numbered anew, and their names go.
            found.append(f"{line} {body[place + 1].split()[0]}")
    return found


def marks_of(text: str) -> dict:
    """Of a module in text form: exports, segments, imports, and each function's name with its
    type, its branch hints, and all that it names: locals, functions, globals, tables …"""
    marks = {"export": [], "elem": [], "data": [], "import": [], "function": []}
    name, body = None, []
    for line in text.splitlines():
        stripped = line.strip()
        kind = re.match(r"\((\w+)", stripped)
        if line.startswith("  (func $"):
            name, body = stripped.split()[1], []
            # Without the type's index, which may move.
            body.append(re.sub(r"\(;\d+;\) |\(type [^)]*\) ?", "", stripped))
        elif line.startswith("  )"):
            if name is not None:
                kept = [one for one in body[1:]
                        if re.match(r"\(local|local\.|call|return_call|ref\.func|global\.|throw|"
                                    r"table\.(?!grow)|memory\.init|elem\.drop|data\.drop", one)
                        and "$" in one]
                marks["function"] += [f"{name}: {one}" for one in body[:1] + operators(body)]
                marks["function"] += [f"{name}: {one}" for one in kept]
            name = None
        elif name is not None and stripped.startswith("(local"):
            body += re.findall(r"\(local \$[^)]*\)", stripped)  # those added have no names
        elif name is not None:
            body.append(stripped)
        elif kind and kind.group(1) in marks and line.startswith("  ("):
            marks[kind.group(1)].append(re.sub(r"\(;\d+;\) |\(type [^)]*\) ?", "", stripped))
    return marks


def main() -> int:
    tests, transform, what, *rest = sys.argv[1:]
    if not pathlib.Path(tests).exists():
        print(f"SKIPPED: there is no {tests}: the specification tests could not be fetched "
              "(scripts/fetch-spec-tests.py says why)", file=sys.stderr)
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(tests, transform, folder)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            if what == "random":
                first, count = map(int, rest)
                list(pool.map(checker.random, range(first, first + count)))
            elif what == "suite":
                # Many are in several groups.
                modules = {one.read_bytes(): one
                           for one in sorted(pathlib.Path(tests).glob("*/*/*.wasm"))}.values()
                list(pool.map(lambda one: checker.check(
                    str(one.relative_to(tests)), one, BOTH), modules))
            elif what == "files":
                modules = [one for place in map(pathlib.Path, rest) for one in
                           (sorted(place.rglob("*.wasm")) if place.is_dir() else [place])]
                list(pool.map(lambda one: checker.check(str(one), one, COMBINATIONS), modules))
            else:
                for source in rest:
                    checker.marks(pathlib.Path(source))
    for problem in checker.problems:
        print("FAILED", problem)
    print(f"{what}: {checker.taken} modules taken, {checker.refused} refused, "
          f"{checker.outputs} outputs valid or told above")
    if checker.taken == 0:
        print("FAILED: no module was taken")
        return 1
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main())
