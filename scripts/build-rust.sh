#!/usr/bin/env bash
# Builds one cargo package (an engine, or native/*) as a static archive and keeps the result
# outside the clone, so that a second checkout on the same machine does not build it again.
#
#   scripts/build-rust.sh PACKAGE-DIR [FEATURES]
#
# Prints the folder that holds lib<name>.a and, where the package has headers, include/.
# The cache is ${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm-sandbox-build}; its key is
# the package's files (with the lock file), the features, and the compiler.
set -euo pipefail

package=$(cd "$1" && pwd)
features=${2:-}
name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$package/Cargo.toml" | head -n 1)
archive="lib$(printf %s "$name" | tr - _).a"
cache=${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm-sandbox-build}

command -v cargo >/dev/null || {
    echo "build-rust: cargo is not installed; install Rust with rustup (https://rustup.rs)" >&2
    exit 1
}

key=$( (cd "$package" && find . -type f -not -path './target/*' -not -name '*.c' -not -name '*.h' \
            -not -name '*.map' -not -name CMakeLists.txt -print0 | LC_ALL=C sort -z |
            xargs -0 sha256sum
        rustc -vV
        echo "features=$features flags=${RUSTFLAGS:-}") | sha256sum | cut -c1-16)
out="$cache/$name-$key"

mkdir -p "$cache"
exec 9>"$cache/$name-$key.lock"
flock 9
if [ ! -f "$out/complete" ]; then
    work="$cache/$name-$key.build"
    rm -rf "$out"
    echo "building $name (kept in $out)" >&2
    (cd "$package" && CARGO_TARGET_DIR="$work" cargo build --release --locked \
        ${features:+--features "$features"} >&2)
    mkdir -p "$out"
    cp "$work/release/$archive" "$out/"
    # A C API crate generates its headers into its own build folder.
    headers=$(find "$work/release/build" -maxdepth 4 -type f -path '*/out/include/*.h' -print -quit 2>/dev/null || true)
    if [ -n "$headers" ]; then
        cp -r "${headers%/include/*}/include" "$out/"
    fi
    rm -rf "$work"
    : > "$out/complete"
fi
printf '%s\n' "$out"
