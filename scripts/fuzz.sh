#!/usr/bin/env bash
# Fuzzes every target (or those named) for some seconds each, starting from the committed seeds.
# What it finds goes to build/fuzz/findings/<target>/; inputs that reach new code are kept in
# build/fuzz/corpus-grown/<target>/.
#
#   scripts/fuzz.sh SECONDS [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET…]}
shift
build=build/fuzz
cmake --preset fuzz --log-level=WARNING
cmake --build --preset fuzz --parallel "$(nproc)" --target fuzz-targets

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for source in fuzz/fuzz_*.c; do
        targets+=("$(basename "$source" .c)")
    done
fi
export ASAN_OPTIONS=detect_stack_use_after_return=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
failed=()
for target in "${targets[@]}"; do
    mkdir -p "$build/corpus-grown/$target" "$build/findings/$target"
    log="$build/findings/$target.log"
    echo "== $target: $(find "$build/fuzz/corpus/$target" -type f | wc -l) seeds, $seconds s"
    # Every seed once, then on from there.
    if "$build/$target" -runs=0 "$build/fuzz/corpus/$target" >"$log" 2>&1 &&
        "$build/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 \
            -print_final_stats=1 -artifact_prefix="$build/findings/$target/" \
            "$build/corpus-grown/$target" "$build/fuzz/corpus/$target" >"$log" 2>&1; then
        grep -E 'number_of_executed_units|peak_rss_mb' "$log" || true
    else
        tail -n 40 "$log"
        failed+=("$target")
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "fuzz: failed: ${failed[*]}" >&2
    exit 1
fi
