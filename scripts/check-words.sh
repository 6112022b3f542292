#!/usr/bin/env bash
# What must not be in tracked files: paths of somebody's machine, tracker numbers, notes to self,
# binaries, and trailing blanks.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
refuse() { # MESSAGE PATTERN [git grep options]
    local message=$1 pattern=$2
    shift 2
    if git grep -nIE "$@" -e "$pattern" -- . ':!scripts/check-words.sh' ':!LICENSE' ':!*.lock'; then
        echo "check-words: $message (above)" >&2
        failed=1
    fi
}
refuse "a path of somebody's machine" '(^|[^A-Za-z0-9_.])/(home|Users)/[a-z]|(^|[^A-Za-z0-9_.])/root/|(^|[ "=(`])/work/'
refuse "a tracker's number belongs into the commit, if anywhere" \
    '\b([Ii]ssue|[Pp]ull request|PR) #?[0-9]+|(^|[ (])#[0-9]+\b[^;]*(fix|clos|see)' 
refuse "an open note: do it, or open an issue" '\b(TODO|FIXME|XXX|HACK)\b'
refuse "trailing blanks" '[[:blank:]]+$' --no-color
binaries=$(git ls-files -z | xargs -0 -I{} sh -c 'test -s "$1" && ! grep -Iq . "$1" && echo "$1"' _ {})
if [ -n "$binaries" ]; then
    printf '%s\n' "$binaries" "check-words: binaries are built, not committed (above)" >&2
    failed=1
fi
[ "$failed" -ne 0 ] || echo "check-words: no machine paths, tracker numbers, open notes or binaries"
exit "$failed"
