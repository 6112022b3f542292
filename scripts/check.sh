#!/usr/bin/env bash
# All checks that need no test run. The last two need the build of `make build`.
#
#   scripts/check.sh [--source-only]
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
step() {
    "$@" || failed+=("$1")
}
step scripts/check-layers.py
step scripts/check-sizes.py
step scripts/check-words.sh
step scripts/check-headers.sh
step scripts/check-format.sh
step scripts/tidy.sh
if [ "${1:-}" != --source-only ]; then
    step scripts/check-symbols.py build/release
    step scripts/check-docs.py build/release
fi
if [ ${#failed[@]} -gt 0 ]; then
    echo "check: failed: ${failed[*]}" >&2
    exit 1
fi
echo "check: all passed"
