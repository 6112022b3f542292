#!/usr/bin/env bash
# After the tests of the preset "coverage": lines reached in each file of src/, the least first.
#
#   scripts/coverage.sh BUILD-DIR
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "${1:?usage: scripts/coverage.sh BUILD-DIR}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
find "$build" -name '*.gcda' -path '*wsb_*' -print0 |
    xargs -0 --no-run-if-empty gcov --no-output --source-prefix "$root" 2>/dev/null |
    awk -v root="$root/" '
        /^File / { file = substr($0, 7, length($0) - 7); sub("^" root, "", file) }
        /^Lines executed/ && file ~ /^src\/.*\.c$/ {
            split($0, a, /[:%]| of /)
            printf "%6.1f %% of %5d  %s\n", a[2], a[4], file
            hit += a[2] * a[4] / 100; all += a[4]; file = ""
        }
        END { if (all) printf "%6.1f %% of %5d  total\n", 100 * hit / all, all }' | sort -n
