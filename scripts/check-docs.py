#!/usr/bin/env python3
"""Runs what the documentation shows.

    check-docs.py BUILD-DIR [FILE…]

In README.md and docs/guide/*.md, fenced blocks are marked by what follows the language:

    ```c file=add.c          written as that file
    ```sh run                run by bash -eu, with the built command and `wasm-sandbox-cc` on PATH
    ```sh run exit=124       the same, must end with that status
    ```sh run needs=go       the same where Go for guests is installed, else left out, and said so;
                             also rust and assemblyscript (which puts node_modules into the folder)
    ```c run                 compiled against the library and run
    ```c from=examples/x.c   lines of that file, which tests compile and run; a line `…` stands for
                             lines left out, indentation does not count
    ```text output           what the block before must have printed (stdout, then stderr);
                             a line `…` stands for any lines, `…` inside a line for any text

$WSB_GUEST is the folder of the guest SDKs. Blocks of one file run in order in one empty folder. Any other block is only shown. Relative links
to files of the repository are checked too. `wasm-sandbox-cc` compiles guest C against the guest SDK;
`clang-19` finds the SDK's header, and any compiler the library's, as if they were installed.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^( *)(`{3,})(\S*)[ \t]*([^\n]*)\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# What a block can need: a probe, and what to do where it fails.
NEEDS = {
    "rust": ('test -d "$(rustc --target wasm32-wasip1 --print target-libdir)" && cargo --version',
             "rustup target add wasm32-wasip1"),
    "go": ("[[ $(go env GOVERSION) =~ ^go1\\.([0-9]+) ]] && (( BASH_REMATCH[1] >= 24 ))",
           "Go 1.24 or newer, https://go.dev/dl"),
    "assemblyscript": (f"'{ROOT}/scripts/assemblyscript.sh' .", "scripts/assemblyscript.sh says"),
}
GUEST_CC = """#!/bin/sh
exec clang-19 --target=wasm32-wasi --sysroot=/usr -O2 -I'{root}/guest/include' "$@"
"""


INSTALLED_CLANG = """#!/bin/sh
exec '{clang}' "$@" -I'{root}/guest/include'
"""


class Failure(Exception):
    pass


def matches(pattern: str, actual: str) -> bool:
    parts = []
    for line in pattern.strip("\n").split("\n"):
        parts.append("(?:.*\n)*?" if line.strip() == "…" else
                     ".*?".join(re.escape(part) for part in line.rstrip().split("…")) + "[ ]*\n")
    return re.fullmatch("".join(parts), actual.strip("\n") + "\n") is not None


def excerpt(text: str, path: pathlib.Path) -> None:
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    position = 0
    for part in re.split(r"^\s*…\s*$", text, flags=re.MULTILINE):
        wanted = [line.strip() for line in part.strip("\n").split("\n")]
        starts = range(position, len(lines) - len(wanted) + 1)
        found = next((at for at in starts if lines[at:at + len(wanted)] == wanted), None)
        if found is None:
            raise Failure(f"these lines are not in {path.relative_to(ROOT)}:\n{part.strip()}")
        position = found + len(wanted)


class Document:
    def __init__(self, path: pathlib.Path, build: pathlib.Path, work: pathlib.Path):
        self.path, self.build, self.work, self.output, self.ran = path, build, work, None, 0
        self.skipped: dict[str, int] = {}  # blocks by what they would have needed
        self.output_skipped = False

    def has(self, need: str) -> bool:
        if need not in self.skipped:
            if subprocess.run(["bash", "-c", NEEDS[need][0]], cwd=self.work, capture_output=True,
                              check=False).returncode == 0:
                return True
            self.skipped[need] = 0
        self.skipped[need] += 1
        return False

    def execute(self, command: list[str], expected: int) -> None:
        tools = self.work.parent / "tools"
        environment = dict(os.environ, PATH=f"{tools}:{self.build}:{os.environ['PATH']}",
                           XDG_CACHE_HOME=str(self.work.parent / "cache"), LC_ALL="C.UTF-8",
                           PKG_CONFIG_PATH=str(self.build), CPATH=str(ROOT / "include"),
                           WSB_GUEST=str(ROOT / "guest"))
        environment.pop("CARGO_TARGET_DIR", None)
        result = subprocess.run(command, cwd=self.work, env=environment, timeout=120,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                errors="replace", check=False)
        self.output = result.stdout + result.stderr
        self.ran += 1
        if result.returncode != expected:
            raise Failure(f"ended with {result.returncode}, expected {expected}\n{self.output}")

    def compile(self, text: str) -> None:
        source, program = self.work / "doc_example.c", self.work / "doc_example"
        source.write_text(text)
        self.execute(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include",
                      str(source), "-o", str(program), f"-L{self.build}", "-lwasm_sandbox",
                      f"-Wl,-rpath,{self.build}"], 0)

    def block(self, language: str, words: list[str], text: str) -> None:
        options = dict(word.split("=", 1) for word in words if "=" in word)
        if "file" in options:
            target = (self.work / options["file"]).resolve()
            if not target.is_relative_to(self.work):
                raise Failure("file= leaves the folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        if "from" in options:
            excerpt(text, ROOT / options["from"])
        if "run" in words:
            self.output_skipped = "needs" in options and not self.has(options["needs"])
        if self.output_skipped and ("run" in words or "output" in words):
            return
        if "run" in words and language in ("sh", "bash"):
            self.execute(["bash", "-euo", "pipefail", "-c", text], int(options.get("exit", "0")))
        elif "run" in words and language == "c":
            self.compile(text)
            self.execute([str(self.work / "doc_example")], int(options.get("exit", "0")))
        elif "output" in words:
            if self.output is None:
                raise Failure("no block ran before this output")
            if not matches(text, self.output):
                raise Failure(f"the block before printed something else:\n{self.output}")

    def check(self) -> int:
        text, failures = self.path.read_text(encoding="utf-8"), 0
        where = self.path.relative_to(ROOT)
        for match in FENCE.finditer(text):
            indent = len(match.group(1))
            body = "".join(line[indent:] if line.startswith(" " * indent) else line
                           for line in match.group(5).splitlines(keepends=True))
            try:
                self.block(match.group(3), match.group(4).split(), body)
            except (Failure, subprocess.TimeoutExpired, ValueError, OSError, KeyError) as error:
                line = text.count("\n", 0, match.start()) + 1
                print(f"{where}:{line}: {error}", file=sys.stderr)
                failures += 1
        return failures


def check_links(path: pathlib.Path) -> int:
    failures = 0
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        target = match.group(1)
        if re.match(r"[a-z]+:", target):
            continue
        if not (path.parent / target).exists():
            print(f"{path.relative_to(ROOT)}: link to {target}, which is not there",
                  file=sys.stderr)
            failures += 1
    return failures


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    given = [pathlib.Path(name).resolve() for name in sys.argv[2:]]
    documents = given or [path for path in [ROOT / "README.md"] if path.exists()] + sorted(
        (ROOT / "docs" / "guide").glob("*.md"))
    failures = ran = 0
    for path in documents:
        with tempfile.TemporaryDirectory(prefix="wsb-docs-") as folder:
            work, tools = pathlib.Path(folder) / "work", pathlib.Path(folder) / "tools"
            work.mkdir()
            tools.mkdir()
            for name, text in (("wasm-sandbox-cc", GUEST_CC), ("clang-19", INSTALLED_CLANG)):
                (tools / name).write_text(text.format(root=ROOT, clang=shutil.which("clang-19")))
                (tools / name).chmod(0o755)
            document = Document(path, build, work.resolve())
            failures += document.check()
            ran += document.ran
            for need, blocks in document.skipped.items():
                print(f"{path.relative_to(ROOT)}: {blocks} blocks were not run, they need {need} "
                      f"({NEEDS[need][1]})", file=sys.stderr)
    linked = given or [ROOT / name for name in subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "*.md"], check=True, capture_output=True,
        text=True).stdout.split() if (ROOT / name).exists()]
    failures += sum(check_links(path) for path in linked)
    if failures:
        sys.exit(f"check-docs: {failures} problems")
    print(f"check-docs: {ran} commands of {len(documents)} documents ran as shown; links of "
          f"{len(linked)} files lead somewhere")


main()
