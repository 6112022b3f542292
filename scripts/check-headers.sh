#!/usr/bin/env bash
# Every public header compiles on its own, as pedantic C99 and C11 and as C++11, with gcc and clang.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
count=0
try() {
    "$@" -Werror -Wall -Wextra -pedantic -fsyntax-only -Iinclude "$header" || {
        echo "check-headers: failed: $* $header" >&2
        failed=1
    }
}
compilers=(gcc clang-19)
while IFS= read -r header; do
    count=$((count + 1))
    for cc in "${compilers[@]}"; do
        command -v "$cc" >/dev/null || {
            echo "check-headers: $cc is not installed (make deps)" >&2
            exit 1
        }
        try "$cc" -std=c99 -x c -include "$PWD/$header"
        try "$cc" -std=c11 -Wstrict-prototypes -x c -include "$PWD/$header"
    done
    # clang always has its C++ side; g++ is not among what the project asks for.
    try clang-19 -std=c++11 -x c++ -include "$PWD/$header"
    # A header guards itself by its own name, so that two never hide each other.
    guard=$(printf %s "${header#include/}" | sed 's|^wasm_sandbox/wasm_sandbox\.h|wasm_sandbox.h|' |
        tr 'a-z/.' 'A-Z__')
    grep -q "^#ifndef $guard\$" "$header" || {
        echo "check-headers: $header: the guard should be $guard" >&2
        failed=1
    }
done < <(find include -name '*.h' | sort)
[ "$count" -gt 0 ] || { echo "check-headers: no headers found" >&2; exit 1; }
[ "$failed" -ne 0 ] || echo "check-headers: $count headers, each alone, C99 C11 C++11, gcc and clang"
exit "$failed"
