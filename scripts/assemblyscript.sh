#!/usr/bin/env bash
# Installs the AssemblyScript compiler that guest/assemblyscript/package-lock.json names, and keeps it
# outside the clone, beside the engines.
#
#   scripts/assemblyscript.sh [PROJECT-FOLDER]
#
# Prints the path of the compiler. In PROJECT-FOLDER, where given, it makes node_modules with the
# compiler and the guest SDK. Where it cannot be had (no node, no network the first time), it says
# why and fails. WSB_OFFLINE=1 forbids the network.
set -euo pipefail

fail() {
    printf 'assemblyscript: %s\n' "$*" >&2
    exit 1
}

sdk=$(cd "$(dirname "$0")/../guest/assemblyscript" && pwd)
command -v node >/dev/null && command -v npm >/dev/null ||
    fail "node and npm are not installed (https://nodejs.org, version 20 or newer)"
version=$(node --version)
[[ $version =~ ^v([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 20 ] ||
    fail "it needs node 20 or newer, this is $version"

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
cache=${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$home/.cache}/wasm-sandbox-build}
out=$cache/assemblyscript-$(sha256sum < "$sdk/package-lock.json" | cut -c1-16)

mkdir -p "$cache" || fail "cannot create the cache $cache; set WSB_CACHE_DIR to a writable folder"
exec 9>"$out.lock"
flock 9
if [ ! -f "$out/complete" ]; then
    rm -rf "$out.part"
    mkdir "$out.part"
    cp "$sdk/package.json" "$sdk/package-lock.json" "$out.part/"
    log=$(cd "$out.part" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund \
        ${WSB_OFFLINE:+--offline} --fetch-retries=0 2>&1) ||
        fail "npm cannot install the compiler (it needs registry.npmjs.org the first time):" \
            "$(tail -n 3 <<<"$log" | tr '\n' ' ')"
    : > "$out.part/complete"
    rm -rf "$out"
    mv "$out.part" "$out"
fi
touch "$out/complete"
flock -u 9

if [ $# -gt 0 ]; then
    mkdir -p "$1/node_modules"
    for package in assemblyscript binaryen long; do
        ln -sfn "$out/node_modules/$package" "$1/node_modules/$package"
    done
    ln -sfn "$sdk" "$1/node_modules/wasm-sandbox-guest"
    mkdir -p "$1/node_modules/.bin"
    ln -sfn ../assemblyscript/bin/asc.js "$1/node_modules/.bin/asc"
fi
printf '%s\n' "$out/node_modules/assemblyscript/bin/asc.js"
