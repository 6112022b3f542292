#!/usr/bin/env bash
# Installs what this project is built with, on Debian 12 or a relative, when something is missing.
# Does nothing (and needs no root) when everything is there.
#
#   scripts/install-dependencies.sh
set -euo pipefail

packages=(
    gcc libc6-dev make cmake ninja-build pkg-config git ca-certificates # to build
    libjansson-dev libmsgpack-dev libsodium-dev libuv1-dev libyaml-dev # libraries it stands on
    libcmocka-dev wabt python3 python3-pip                           # tests and checks
    clang-19 lld-19 llvm-19 libclang-rt-19-dev                       # second compiler, sanitizers
    libclang-rt-19-dev-wasm32 wasi-libc                              # guests in C
    clang-tidy-19 clang-format-19                                    # checks
)

fail() {
    printf 'install-dependencies: %s\n' "$@" >&2
    exit 1
}

home=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
if ! command -v cargo >/dev/null && [ ! -x "${CARGO_HOME:-$home/.cargo}/bin/cargo" ]; then
    fail "Rust is not installed, and the engine is built with it." \
         "Install it with rustup (https://rustup.rs), then run this again."
fi

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this is not a Debian system; install the equivalents of:" "${packages[*]}"

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}" >&2
root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
        fail "these packages are missing, and there is neither root nor sudo:" "${missing[*]}"
    root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
apt() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        -o Acquire::Retries=3 "$@" </dev/null >&2
}
apt update || fail "apt-get update failed (its output is above)"
apt install --yes --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}" \
         "On a Debian older than 12, clang-19 is to be had from https://apt.llvm.org."
