#!/usr/bin/env python3
"""Checks what includes what.

    check-layers.py [ROOT]

- src/<layer>: itself, the layers before it, public and implementers' headers, and the C ABI of
  native/module (runtime) or native/template (templates).
- src/cli: itself and public headers only, and no implementers' headers.
- include/: public headers include public headers only; only include/**/plugin/ may include plugin/.
- engines/: public and implementers' headers, and their own; never src/.
- Layers core … host name no engine, channel or wrapper: they come through the factories.
"""
import pathlib
import re
import sys

LAYERS = ["core", "security", "runtime", "communication", "host", "sandbox", "wrappers",
          "templates"]
# sandbox carries the built-in registrations; wrappers and templates follow it.
NAMELESS = LAYERS[:LAYERS.index("sandbox")]
# The two last ones stand beside each other.
BESIDE = {"templates": {"wrappers"}}
NATIVE = {"wsb_native_module.h": {"runtime"}, "wsb_native_template.h": {"templates"}}
ENGINE_NAMES = re.compile(r"wasmtime|wasmer|wasmi(?![a-z])|wamr|wasm3(?![0-9])", re.IGNORECASE)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

problems: list[str] = []


def report(path: pathlib.Path, text: str, offset: int, message: str) -> None:
    line = text.count("\n", 0, offset) + 1
    problems.append(f"{path}:{line}: {message}")


def strip_comments(text: str) -> str:
    """Blanks comments, keeps lines and strings."""
    def blank(match: re.Match) -> str:
        token = match.group(0)
        return re.sub(r"[^\n]", " ", token) if token.startswith("/") else token
    return re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', blank, text,
                  flags=re.DOTALL)


def includes(root: pathlib.Path, folder: str):
    for path in sorted((root / folder).rglob("*.[ch]")):
        if "target" in path.parts:
            continue
        text = strip_comments(path.read_text(encoding="utf-8"))
        for match in INCLUDE.finditer(text):
            yield path, text, match.start(), match.group(1), match.group(2)


def is_ours(root: pathlib.Path, path: pathlib.Path, name: str) -> pathlib.Path | None:
    """The file of this repository that `name` means when included from `path`."""
    for base in (path.parent, root / "src", root / "include", root / "guest" / "include",
                 root / "native" / "module" / "include", root / "native" / "template" / "include",
                 root):
        candidate = (base / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root)
    return None


def check_source_layer(root: pathlib.Path, layer: str) -> None:
    index = LAYERS.index(layer)
    allowed = set(LAYERS[:index + 1]) - BESIDE.get(layer, set())
    for path, text, offset, _, name in includes(root, f"src/{layer}"):
        target = is_ours(root, path, name)
        where = path.relative_to(root)
        if target is None or target.parts[0] == "include":
            continue
        if target.name in NATIVE and target.parts[0] == "native":
            if layer not in NATIVE[target.name]:
                report(where, text, offset, f"layer {layer} must not include {name}")
        elif target.parts[0] == "src" and target.parts[1] in allowed:
            continue
        else:
            report(where, text, offset, f"layer {layer} must not include {target} (allowed: "
                                        f"{', '.join(sorted(allowed))})")


def check_names(root: pathlib.Path, layer: str) -> None:
    for path in sorted((root / "src" / layer).rglob("*.[ch]")):
        text = strip_comments(path.read_text(encoding="utf-8"))
        for match in ENGINE_NAMES.finditer(text):
            report(path.relative_to(root), text, match.start(),
                   f"layer {layer} names the engine {match.group(0)!r}; engines come through the "
                   "factory")


def check_cli(root: pathlib.Path) -> None:
    for path, text, offset, _, name in includes(root, "src/cli"):
        target = is_ours(root, path, name)
        if target is None:
            continue
        if target.parts[:2] == ("src", "cli"):
            continue
        if target.parts[0] == "include" and "plugin" not in target.parts:
            continue
        report(path.relative_to(root), text, offset,
               f"the command uses public headers only, not {target}")


def check_public(root: pathlib.Path) -> None:
    for path, text, offset, style, name in includes(root, "include"):
        where = path.relative_to(root)
        target = is_ours(root, path, name)
        if target is None:
            if style == '"' or "/" in name:
                report(where, text, offset, f"public headers include only each other and the C "
                                            f"library, not {name}")
        elif style == '"' or not name.startswith("wasm_sandbox/"):
            report(where, text, offset, f"write <wasm_sandbox/…>, not {name}")
        elif target.parts[0] != "include":
            report(where, text, offset, f"a public header must not include {target}")
        elif "plugin" in target.parts and "plugin" not in where.parts:
            report(where, text, offset, f"only plugin/ headers may include {target}")


def check_engines(root: pathlib.Path) -> None:
    for path, text, offset, _, name in includes(root, "engines"):
        target = is_ours(root, path, name)
        if target is None or target.parts[0] in ("include", "engines"):
            continue
        report(path.relative_to(root), text, offset,
               f"an engine needs nothing of the library but its headers, not {target}")


def main() -> None:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                        pathlib.Path(__file__).parent.parent).resolve()
    known = set(LAYERS) | {"cli"}
    for folder in sorted((root / "src").iterdir()):
        if folder.is_dir() and folder.name not in known:
            problems.append(f"src/{folder.name}: not a layer (known: {', '.join(sorted(known))})")
    for layer in LAYERS:
        check_source_layer(root, layer)
    for layer in NAMELESS:
        check_names(root, layer)
    check_cli(root)
    check_public(root)
    check_engines(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"check-layers: {len(problems)} problems")
    print("check-layers: every layer includes only itself and those before it")


main()
