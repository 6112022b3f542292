#!/usr/bin/env bash
# Checks all tracked and new C files with clang-format-19 and .clang-format; --fix rewrites them.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" != --fix ] || mode=(-i)
git ls-files -z --cached --others --exclude-standard -- '*.c' '*.h' '*.cc' '*.cpp' |
    xargs -0 -I{} sh -c 'test -e "$1" && printf "%s\0" "$1"' _ {} |
    xargs -0 --no-run-if-empty clang-format-19 "${mode[@]}"
