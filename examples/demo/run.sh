#!/usr/bin/env bash
# Shows the sandbox on real input: a C program at work, functions called in three ways, and five
# kinds of misbehaviour being stopped. Fails where one of them is not.
#
#   examples/demo/run.sh [BUILD-FOLDER]
set -euo pipefail

demo=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$demo/../.." && pwd)
build=$(cd "${1:-$root/build/release}" && pwd)
sandbox=$build/wasm-sandbox
compiler=${WSB_GUEST_CC:-clang-19}

[ -x "$sandbox" ] || {
    echo "demo: $sandbox is not there; run 'make demo' or 'make build' first" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
failures=0

if [ -t 1 ]; then
    bold=$(tput bold 2>/dev/null || true)
    plain=$(tput sgr0 2>/dev/null || true)
else
    bold='' plain=''
fi

heading() {
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

# Prints a command the way somebody would type it, then runs it in the demo's folder. The status
# goes to $status.
show() {
    local word line='$'
    for word in "$@"; do
        word=${word/#"$sandbox"/wasm-sandbox}
        case $word in
            *[[:space:]\[\]{}\"\'\\]*) line+=" '$word'" ;;
            *) line+=" $word" ;;
        esac
    done
    printf '%s\n' "$line"
    status=0
    (cd "$work" && "$@") 2>&1 || status=$?
}

# Checks the status of what was shown last.
expect() {
    if [ "$status" -eq "$1" ]; then
        printf -- '-> exit status %d: %s\n' "$status" "$2"
    else
        printf -- '-> exit status %d, but it should be %d: %s\n' "$status" "$1" "$2"
        failures=$((failures + 1))
    fi
}

unharmed() {
    if [ "$(cat "$work/precious.txt")" = "precious" ]; then
        echo "-> precious.txt is as it was"
    else
        echo "-> precious.txt was changed!"
        failures=$((failures + 1))
    fi
}

# How long a start takes, in milliseconds.
start_time() {
    local begin
    begin=$(date +%s%N)
    (cd "$work" && "$sandbox" run "$@" words.wasm < /dev/null > /dev/null)
    echo "$((($(date +%s%N) - begin) / 100000))" | sed 's/.$/.&/'
}

echo precious > "$work/precious.txt"
mkdir "$work/box"
cp -r "$demo/texts" "$work/texts"
cp "$root/README.md" "$work/texts/" 2>/dev/null || true

heading "Compile ordinary C to WebAssembly, with clang and wasi-libc"
wasm="--target=wasm32-wasi --sysroot=/usr -O2"
for name in words hostile; do
    echo "\$ $compiler $wasm $name.c -o $name.wasm"
    # shellcheck disable=SC2086 # the flags are several words
    "$compiler" $wasm "$demo/$name.c" -o "$work/$name.wasm"
done
echo "\$ $compiler $wasm -mexec-model=reactor tools.c -o tools.wasm"
# shellcheck disable=SC2086
"$compiler" $wasm -mexec-model=reactor -I"$root/guest/include" "$demo/tools.c" -o "$work/tools.wasm"

heading "What does it want? Its imports tell, before anything runs"
show "$sandbox" inspect words.wasm | sed '/^imports/,$d'

heading "Run it with one directory, read-only"
show "$sandbox" run --dir texts words.wasm -n 8 -m 4 texts/harbour.txt
expect 0 "it did its work"
show "$sandbox" run --dir texts --usage words.wasm -n 3 texts/harbour.txt
expect 0 "the same program again, and what it cost"
echo "-> a start that compiles took $(start_time --no-cache) ms;" \
    "one that finds the compiled module $(start_time) ms"

heading "Without the directory there are no files at all"
show "$sandbox" run words.wasm texts/harbour.txt
expect 1 "the guest has no way to even name a file"

heading "Call functions: with numbers, with JSON, with MessagePack"
show "$sandbox" call tools.wasm add 40 2
expect 0 "typed: i32, i32 -> i32"
show "$sandbox" call --json '[3, 1, 4, 1, 5, 9, 2, 6]' tools.wasm statistics
expect 0 "JSON in, JSON out"
show "$sandbox" call --json '["three"]' tools.wasm statistics
expect 1 "an error of the guest's own reaches the caller"
printf '\x95\x08\x2a\x07\x11\x63' > "$work/numbers.msgpack"
show "$sandbox" call --msgpack-file numbers.msgpack tools.wasm range
expect 0 "MessagePack in and out, shown as JSON"
show "$sandbox" call --json '[8, 42, 7, 17, 99]' tools.wasm range
expect 0 "the same function called with JSON"

heading "An infinite loop"
show "$sandbox" run --timeout 500ms --usage hostile.wasm loop
expect 124 "stopped at its deadline"

heading "The same, by counting instructions instead of time"
show "$sandbox" run --fuel 5000000 hostile.wasm loop
expect 124 "stopped at the same instruction each time"

heading "A memory bomb"
show "$sandbox" run --memory 16MiB --usage hostile.wasm memory
expect 137 "stopped at its memory limit"

heading "A write outside of its directory"
show "$sandbox" run --dir-rw box::/box --usage hostile.wasm write /box/../precious.txt
expect 1 "the guest's open failed, and it gave up"
unharmed

heading "An escape through a symbolic link"
show "$sandbox" run --dir-rw box::/box --usage hostile.wasm link "$work/precious.txt"
expect 1 "the link leads nowhere"
unharmed
rm -f "$work/box/link"
ln -s ../precious.txt "$work/box/link"
show "$sandbox" run --dir-rw box::/box hostile.wasm write /box/link
expect 1 "neither does one that was there before"
unharmed

heading "A guest that sleeps for an hour"
show "$sandbox" run --timeout 300ms --usage hostile.wasm sleep
expect 124 "woken and stopped: the deadline covers waiting too"

if [ "$failures" -gt 0 ]; then
    heading "$failures of these did not end as they should"
    exit 1
fi
heading "Everything worked, and everything hostile was stopped"
