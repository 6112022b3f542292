#!/usr/bin/env python3
"""Expands the committed seeds of one fuzz target.

    fuzz-corpus.py SEEDS OUTPUT STAMP

`x.hex` (hexadecimal digits, blanks, `#` to the end of the line for comments) becomes the bytes;
any other file is copied as it is. Binaries are not committed.
"""
import pathlib
import re
import shutil
import sys


def expand(path: pathlib.Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".hex":
        return data
    digits = re.sub(r"#.*|\s", "", data.decode("ascii"))
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        sys.exit(f"{path}: {error}")


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    seeds, output, stamp = map(pathlib.Path, sys.argv[1:])
    files = sorted(path for path in seeds.rglob("*") if path.is_file())
    if not files:
        sys.exit(f"{seeds}: no seeds")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    for path in files:
        name = "_".join(path.relative_to(seeds).parts)
        (output / name.removesuffix(".hex")).write_bytes(expand(path))
    stamp.write_text(f"{len(files)}\n")


main()
