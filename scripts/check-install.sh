#!/usr/bin/env bash
# Installs a build into an empty folder, moves it, and uses it as a stranger would: through
# pkg-config (shared and static), through CMake, and through the command.
#
#   scripts/check-install.sh BUILD-DIR
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:?usage: scripts/check-install.sh BUILD-DIR}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR="$work/staged" cmake --install "$build" >"$work/install.log" || {
    cat "$work/install.log" >&2
    exit 1
}
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")
# Nothing in it may depend on where it was built or staged.
moved="$work/moved tree"
mv "$work/staged$prefix" "$moved"

pc=$(find "$moved" -name wasm-sandbox.pc)
libdir=$(dirname "$(dirname "$pc")")
for file in "$moved/bin/wasm-sandbox" "$libdir/libwasm_sandbox.so" "$libdir/libwasm_sandbox.a" \
    "$moved/include/wasm_sandbox/wasm_sandbox.h" "$moved/include/wasm_sandbox/plugin/engine.h" \
    "$moved/include/wasm_sandbox_guest.h" "$libdir/wasm-sandbox/engines/wsb_engine_wasmtime.so" \
    "$moved/include/wasm_sandbox_guest_rpc.h" "$moved/share/wasm-sandbox/guest/rust/Cargo.toml" \
    "$moved/share/wasm-sandbox/guest/go/go.mod" \
    "$moved/share/wasm-sandbox/guest/assemblyscript/package.json" \
    "$moved/share/man/man1/wasm-sandbox.1" \
    "$moved/share/bash-completion/completions/wasm-sandbox" \
    "$moved/share/zsh/site-functions/_wasm-sandbox"; do
    [ -e "$file" ] || { echo "check-install: not installed: ${file#"$moved"/}" >&2; missing=1; }
done
[ -z "${missing:-}" ] || exit 1
if grep -rlIF -e "$root" -e "$work" "$libdir/pkgconfig" "$libdir/cmake" "$moved/include"; then
    echo "check-install: these name the build's folder (above)" >&2
    exit 1
fi

# A blank in the path is kept apart by pkg-config with a backslash, hence eval.
export PKG_CONFIG_PATH="$libdir/pkgconfig"
eval "gcc -std=c99 -Wall -Wextra -Werror $(pkg-config --cflags wasm-sandbox) \
    '$root/cmake/consumer/main.c' -o '$work/by-pkg-config' $(pkg-config --libs wasm-sandbox)"
LD_LIBRARY_PATH="$libdir" "$work/by-pkg-config"

eval "gcc -std=c99 -Wall -Wextra -Werror $(pkg-config --cflags wasm-sandbox) \
    '$root/cmake/consumer/main.c' -o '$work/static' '$libdir/libwasm_sandbox.a' \
    $(pkg-config --static --libs wasm-sandbox | sed 's/-lwasm_sandbox//')"
if ldd "$work/static" | grep -q libwasm_sandbox; then
    echo "check-install: the static program uses the shared library" >&2
    exit 1
fi
# It is no part of the tree, so engines beside the library are beside this program.
ln -s "$libdir/wasm-sandbox/engines" "$work/engines"
"$work/static"

cmake -S "$root/cmake/consumer" -B "$work/by-cmake" -DCMAKE_PREFIX_PATH="$moved" \
    >"$work/cmake.log" 2>&1 && cmake --build "$work/by-cmake" >>"$work/cmake.log" 2>&1 || {
    cat "$work/cmake.log" >&2
    exit 1
}
"$work/by-cmake/consumer"

# The examples are a project of their own, too.
{
    cmake -S "$root/examples" -B "$work/examples" -DCMAKE_PREFIX_PATH="$moved" &&
        cmake --build "$work/examples" --parallel "$(nproc)" &&
        ctest --test-dir "$work/examples" --output-on-failure --no-tests=error
} >"$work/examples.log" 2>&1 || {
    cat "$work/examples.log" >&2
    exit 1
}

# An engine of somebody else's, and the suite that it must pass: both take the headers alone.
{
    cmake -S "$root/examples/engine" -B "$work/pebble" -DCMAKE_PREFIX_PATH="$moved" &&
        cmake --build "$work/pebble" --parallel "$(nproc)" &&
        cmake -S "$root/tests/conformance/engine" -B "$work/suite" -DCMAKE_PREFIX_PATH="$moved" &&
        cmake --build "$work/suite" --parallel "$(nproc)" &&
        "$work/suite/engine_conformance" "$work/pebble/pebble.so"
} >"$work/pebble.log" 2>&1 || {
    cat "$work/pebble.log" >&2
    exit 1
}
if ldd "$work/pebble/pebble.so" | grep -q wasm_sandbox; then
    echo "check-install: the engine built against the installed headers uses the library" >&2
    exit 1
fi

"$moved/bin/wasm-sandbox" engines
echo '(module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))' >"$work/add.wat"
answer=$(XDG_CACHE_HOME="$work/cache" "$moved/bin/wasm-sandbox" call "$work/add.wat" add 5 3)
[ "$answer" = 8 ] || { echo "check-install: the installed command answered: $answer" >&2; exit 1; }
answer=$("$moved/bin/wasm-sandbox" call --engine-path "$work/pebble/pebble.so" "$work/add.wat" add 5 3)
[ "$answer" = 8 ] || { echo "check-install: pebble answered: $answer" >&2; exit 1; }
echo "check-install: shared, static, CMake, examples, an engine and command work from a moved installation"
