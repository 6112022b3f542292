#!/usr/bin/env python3
"""Bounds on the size of C functions and files.

    check-sizes.py [ROOT]

A function: at most 80 lines, cyclomatic complexity 15, nesting 4; above 40 lines it is counted.
A file: at most 500 lines. Generated nothing, vendored nothing: all C below the listed folders.

Lines run from the opening to the closing brace. Complexity is one, plus one for each if, for,
while, ?:, && and ||, and for each branch of a switch (labels that share one count once). Nesting is the depth of blocks inside the function's own; braces of
initialisers and compound literals do not count, and an `else if` chain is one level.
"""
import pathlib
import re
import sys

FOLDERS = ["src", "engines", "include", "guest", "tests", "fuzz", "bench", "examples"]
MAX_LINES, AIM_LINES, MAX_COMPLEXITY, MAX_NESTING, MAX_FILE = 80, 40, 15, 4, 500

TOKEN = re.compile(r"""
    (?P<space>[ \t\r\f\v]+|\\\n) |
    (?P<newline>\n) |
    (?P<comment>//[^\n]*|/\*.*?\*/) |
    (?P<string>(?:u8|[LuU])?"(?:\\.|[^"\\])*"|[LuU]?'(?:\\.|[^'\\])*') |
    (?P<word>[A-Za-z_]\w*) |
    (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*) |
    (?P<operator>&&|\|\||->|<<=|>>=|\.\.\.|[-+*/%&|^=!<>]=|\+\+|--|<<|>>|.)
""", re.VERBOSE | re.DOTALL)
BRANCHES = {"if", "for", "while", "case", "&&", "||", "?"}
NOT_A_FUNCTION = {"if", "for", "while", "switch", "return", "sizeof", "else", "do"}


def tokens(text: str):
    """(text, line) of what the compiler would see; directives and comments are left out, and of
    #if … #else … #endif only the first branch is kept, so that braces stay balanced."""
    line, start_of_line = 1, True
    skipping: list[bool] = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        kind, value = match.lastgroup, match.group(0)
        if start_of_line and value == "#":
            end = position
            while True:
                end = text.find("\n", end)
                end = len(text) if end < 0 else end
                if end == len(text) or text[end - 1] != "\\":
                    break
                end += 1
            directive = text[position:end]
            name = re.match(r"#\s*(\w*)", directive).group(1)
            if name in ("if", "ifdef", "ifndef"):
                skipping.append(False)
            elif name in ("else", "elif") and skipping:
                skipping[-1] = True
            elif name == "endif" and skipping:
                skipping.pop()
            line += directive.count("\n")
            position = end
            continue
        if kind == "newline":
            start_of_line = True
        elif kind not in ("space", "comment"):
            start_of_line = False
            if not any(skipping):
                yield value, line
        line += value.count("\n")
        position = match.end()


class Function:
    def __init__(self, name: str, line: int):
        self.name, self.line, self.end = name, line, line
        self.complexity, self.nesting = 1, 0


def brace_is_block(previous: str) -> bool:
    """A block follows `)`, `;`, `{`, `}`, `else`, `do` or a label; an initialiser follows `=`, `,`,
    `(`, `return` or a literal's type, which ends in `)` too (told apart by the caller)."""
    return previous in (")", ";", "{", "}", "else", "do", ":")


def function_name(before: list[str]) -> str | None:
    """The name when the tokens before `{` at file level end a function's head, else None."""
    while before and before[-1] != ")":
        # Attributes and K&R heads are not ours: only `)` may come before the brace.
        return None
    depth, index = 0, len(before)
    while index:
        index -= 1
        depth += {")": 1, "(": -1}.get(before[index], 0)
        if depth == 0:
            break
    name = before[index - 1] if index else ""
    if name == "__attribute__":
        return function_name(before[:index - 1])
    if name in NOT_A_FUNCTION or not re.match(r"[A-Za-z_]\w*$", name) or "=" in before:
        return None
    return name


def literal_paren(before: list[str]) -> bool:
    """Whether `) {` opens a compound literal: the word before its `(` starts no statement."""
    depth, index = 0, len(before)
    while index:
        index -= 1
        depth += {")": 1, "(": -1}.get(before[index], 0)
        if depth == 0:
            break
    word = before[index - 1] if index else ""
    if word in ("if", "for", "while", "switch"):
        return False
    # A loop macro: `WSB_EACH(x) {` starts a statement.
    return not (re.match(r"[A-Za-z_]\w*$", word) and word not in ("return", "sizeof") and
                index >= 2 and before[index - 2] in (";", "{", "}", ")", "else", "do"))


def case_continues(before: list[str]) -> bool:
    """Whether a `case` comes directly after another label, `case …:`."""
    if before[-1:] != [":"]:
        return False
    for value in reversed(before[:-1]):
        if value in ("case", "default"):
            return True
        if value in (";", "{", "}", ":", "?"):
            return False
    return False


def functions(text: str) -> list[Function]:
    found: list[Function] = []
    before: list[str] = []  # tokens since the last `;` or `}` at file level, or in the function
    braces: list[str] = []  # "function", "block", "data"
    current: Function | None = None
    for value, line in tokens(text):
        if value == "{":
            kind = "data"
            if not any(brace == "function" for brace in braces):
                name = function_name(before)
                if name and all(brace == "extern" for brace in braces):
                    kind = "function"
                    current = Function(name, line)
                elif before[-2:-1] == ["extern"] or before[-1:] == ['"C"']:
                    kind = "extern"
            elif braces[-1] != "data" and before and brace_is_block(before[-1]) and not (
                    before[-1] == ")" and literal_paren(before)):
                kind = "block"
                depth = braces.count("block") + 1
                current.nesting = max(current.nesting, depth)
            braces.append(kind)
            before.append(value)
            if kind in ("function", "extern"):
                before = ["{"]
        elif value == "}":
            kind = braces.pop() if braces else "data"
            before.append(value)
            if kind == "function":
                current.end = line
                found.append(current)
                current = None
            if not any(brace == "function" for brace in braces) and kind != "data":
                before = []
        else:
            if current and value in BRANCHES and not (value == "case" and case_continues(before)):
                current.complexity += 1
            before.append(value)
            if value == ";" and not any(brace in ("function", "data") for brace in braces):
                before = []
            elif current and len(before) > 400:
                del before[:200]
    return found


def check(path: pathlib.Path, where: pathlib.Path, problems: list[str], counts: dict) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    counts["files"] += 1
    if lines > MAX_FILE:
        problems.append(f"{where}: {lines} lines, at most {MAX_FILE}")
    for function in functions(text):
        counts["functions"] += 1
        length = function.end - function.line + 1
        if length > AIM_LINES:
            counts["long"].append((length, f"{where}:{function.line}: {function.name}"))
        at = f"{where}:{function.line}: {function.name}"
        if length > MAX_LINES:
            problems.append(f"{at}: {length} lines, at most {MAX_LINES}")
        if function.complexity > MAX_COMPLEXITY:
            problems.append(f"{at}: complexity {function.complexity}, at most {MAX_COMPLEXITY}")
        if function.nesting > MAX_NESTING:
            problems.append(f"{at}: nesting {function.nesting}, at most {MAX_NESTING}")


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--long"]
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent)
    root = root.resolve()
    problems: list[str] = []
    counts: dict = {"files": 0, "functions": 0, "long": []}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "target" not in path.parts:
                check(path, path.relative_to(root), problems, counts)
    for problem in problems:
        print(problem, file=sys.stderr)
    if "--long" in sys.argv:
        for length, function in sorted(counts["long"], reverse=True):
            print(f"{length:4} lines  {function}")
    print(f"check-sizes: {counts['functions']} functions in {counts['files']} files, "
          f"{len(counts['long'])} of them above {AIM_LINES} lines")
    if problems:
        sys.exit(f"check-sizes: {len(problems)} problems")


main()
