#!/usr/bin/env bash
# Builds one cargo package (an engine, or native/*) as a static archive and keeps the result
# outside the clone, so that a second checkout on the same machine does not build it again.
#
#   scripts/build-rust.sh PACKAGE-DIR [FEATURES]
#
# Prints the folder that holds lib<name>.a and, where the package has headers, include/. Progress
# and errors go to stderr.
#
# The cache is ${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm-sandbox-build}; its key is the
# files of the package (with the lock file) and of packages in this repository that it names, the
# features, the compiler and RUSTFLAGS. Several builds may run at once: each key has a lock.
# WSB_OFFLINE=1 forbids the network. Compiled dependencies are kept too (*.build/target: a name that
# some build scripts insist on), so that an edit of the package's own Rust takes seconds. What no
# build has asked for in 60 days is removed.
set -euo pipefail

fail() {
    printf 'build-rust: %s\n' "$@" >&2
    exit 1
}

[ $# -ge 1 ] || fail "usage: scripts/build-rust.sh PACKAGE-DIR [FEATURES]"
[ -f "$1/Cargo.toml" ] || fail "$1 has no Cargo.toml"
[ -f "$1/Cargo.lock" ] || fail "$1 has no Cargo.lock; versions are pinned, so it must be committed"

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
export HOME=$home
# rustup's folder is on the path of login shells only.
[ -d "${CARGO_HOME:-$home/.cargo}/bin" ] && PATH="$PATH:${CARGO_HOME:-$home/.cargo}/bin"
command -v cargo >/dev/null && command -v rustc >/dev/null ||
    fail "cargo is not installed; install Rust with rustup (https://rustup.rs), then run this again"

package=$(cd "$1" && pwd)
features=${2:-}
name=$(sed -n 's/^name = "\(.*\)"/\1/p' "$package/Cargo.toml" | head -n 1)
archive="lib$(printf %s "$name" | tr - _).a"
cache=${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$home/.cache}/wasm-sandbox-build}
compiler=$(rustc -vV)

hash_of() {
    sha256sum | cut -c1-16
}

# What the result depends on. The C beside an engine's package is not part of it.
mapfile -t folders < <(sed -n 's/.*{ *path = "\([^"]*\)".*/\1/p' "$package/Cargo.toml")
key=$( (cd "$package" && find . "${folders[@]}" -type f -not -path './target/*' -not -path './tests/*' \
            -not -path './examples/*' -not -path './fuzz/*' -not -name '*.[ch]' \
            -not -name '*.map' -not -name '*.md' -not -name CMakeLists.txt -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
        echo "$compiler"
        echo "features=$features flags=${RUSTFLAGS:-}") | hash_of)
# What its dependencies depend on: the package's own sources may change without rebuilding them.
work_key=$( (sha256sum < "$package/Cargo.lock"
             sha256sum < "$package/Cargo.toml"
             echo "$compiler"
             echo "features=$features flags=${RUSTFLAGS:-}") | hash_of)
out="$cache/$name-$key"
work="$cache/$name-$work_key.build"

mkdir -p "$cache" || fail "cannot create the cache $cache; set WSB_CACHE_DIR to a writable folder"
exec 8>"$cache/$name-$work_key.build.lock" 9>"$cache/$name-$key.lock"
flock -n 9 || {
    echo "waiting for another build of $name" >&2
    flock 9
}

# Others have the standard's header among their sources.
copy_header() {
    local host manifests manifest found
    host=$(sed -n 's/^host: //p' <<<"$compiler")
    manifests=$(cd "$package" && cargo metadata --format-version 1 --locked \
            --filter-platform "$host" ${WSB_OFFLINE:+--offline} |
        { grep -o '"manifest_path":"[^"]*c[-_]api[^"]*"' || true; } | cut -d'"' -f4)
    for manifest in $manifests; do
        for found in "${manifest%/*}"/wasm.h "${manifest%/*}"/include/wasm.h; do
            [ ! -f "$found" ] || install -D -m 644 "$found" "$1/wasm.h"
        done
    done
}

build() {
    flock 8
    free_kib=$(df -Pk "$cache" | awk 'NR == 2 { print $4 }')
    [ "${free_kib:-0}" -gt 2097152 ] ||
        echo "build-rust: less than 2 GiB free in $cache; the build may fail" >&2
    echo "building $name${features:+ with $features} (once; kept in $out)" >&2
    local started=$SECONDS
    # C parts of crates are compiled by the default compiler, whatever builds the rest.
    (cd "$package" && env -u CC -u CXX -u CFLAGS -u CXXFLAGS -u AR -u LDFLAGS -u MAKEFLAGS \
        CARGO_TARGET_DIR="$work/target" cargo build --release --locked ${WSB_OFFLINE:+--offline} \
        ${features:+--features "$features"} >&2) ||
        fail "cargo could not build $name (its output is above)." \
             "It needs crates.io or a filled cargo cache the first time, and about 2 GiB of disk."
    [ -f "$work/target/release/$archive" ] ||
        fail "cargo built no $archive; is crate-type staticlib set?"

    # Complete or absent: filled under another name, then renamed.
    local part="$out.part"
    rm -rf "$part" "$out"
    mkdir -p "$part"
    cp "$work/target/release/$archive" "$part/"
    # A C API crate generates its headers into its own build folder.
    local headers
    headers=$(find "$work/target/release/build" -maxdepth 4 -type f -path '*/out/include/*.h' \
        -printf '%T@ %p\n' 2>/dev/null | sort -rn | head -n 1 | cut -d' ' -f2-)
    if [ -n "$headers" ]; then
        cp -r "${headers%/include/*}/include" "$part/"
    else
        copy_header "$part/include"
    fi
    : > "$part/complete"
    mv "$part" "$out"
    echo "built $name in $((SECONDS - started)) s" >&2
}

[ -f "$out/complete" ] || build
touch "$out/complete"
[ ! -d "$work" ] || touch "$work"
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +60 -print0 2>/dev/null |
    while IFS= read -r -d '' old; do
        [ -f "$old/complete" ] && [ -n "$(find "$old/complete" -mtime -60)" ] || rm -rf "$old"
    done
printf '%s\n' "$out"
