#!/bin/sh
# ./run without a terminal runs the demos, prints their output and nothing else on standard output,
# and exits 0; also where the environment is empty, as in a chroot or a container.
set -eu
. tests/kit.sh

env -i PATH="$PATH" ./run </dev/null >"$work/out" 2>"$work/err" || {
    echo "./run ended with $?"
    cat "$work/out" "$work/err"
    exit 1
}
grep -q '^Hello from capOS$' "$work/out" || { echo "no demo was run:"; cat "$work/out"; exit 1; }
if grep -E '^  [A-Z]+ +|^make|^capos: ' "$work/out"; then
    echo "that is not output of a program, and stands on standard output"
    exit 1
fi
