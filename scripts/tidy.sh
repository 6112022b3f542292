#!/usr/bin/env bash
# clang-tidy-19 over src/, engines/ and fuzz/, with the checks of .clang-tidy. A file is looked at
# again only when it, a header, the checks or the flags have changed.
#
#   scripts/tidy.sh [FILE…]
set -euo pipefail
cd "$(dirname "$0")/.."
build=build/tidy
cmake --preset tidy --log-level=WARNING >/dev/null
# Names of other folders' headers differ between clones: sums are of contents.
environment=$( (sha256sum .clang-tidy CMakePresets.json cmake/WsbFlags.cmake
    find include src engines native tests fuzz guest -name '*.h' -not -path '*/target/*' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum
    clang-tidy-19 --version) | sha256sum | cut -c1-32)
clean=$build/tidy-clean
mkdir -p "$clean"

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
    mapfile -t files < <(git ls-files --cached --others --exclude-standard \
        'src/*.c' 'engines/*.c' 'fuzz/*.c')
fi
todo=()
for file in "${files[@]}"; do
    [ -f "$file" ] || continue
    sum=$( (echo "$environment"; sha256sum "$file") | sha256sum | cut -c1-32)
    [ -f "$clean/$sum" ] || todo+=("$sum" "$file")
done
check() {
    if clang-tidy-19 --quiet -p "$build" "$2" >"$clean/$1.log" 2>&1; then
        : > "$clean/$1"
        rm -f "$clean/$1.log"
    else
        # One line a finding; the analyzer's way there is in the log.
        grep -E 'error:' "$clean/$1.log" | sed "s|^$PWD/||" >&2
        echo "    $2: details in $clean/$1.log" >&2
        return 1
    fi
}
export -f check
export build clean
status=0
if [ ${#todo[@]} -gt 0 ]; then
    printf '%s\0' "${todo[@]}" |
        xargs -0 -n 2 -P "${JOBS:-$(nproc)}" bash -c 'check "$1" "$2"' _ || status=1
fi
[ $status -ne 0 ] || echo "tidy: ${#files[@]} files clean ($((${#todo[@]} / 2)) looked at now)"
exit $status
