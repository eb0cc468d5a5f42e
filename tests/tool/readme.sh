#!/bin/sh
# Runs what README.md and docs/c.md tell their readers to type: each block fenced as sh, in order,
# from the root of the tree. `sh exit N` says that the block ends with that code.
set -eu
. tests/kit.sh

# run_page PAGE AT-LEAST: leaves the output of block N in out-N and err-N.
run_page() {
    page=$1
    # Writes block-N.sh and block-N.code for each block, and prints how many there are.
    count=$(awk -v work="$work" '
        /^```sh/ {
            n++
            block = work "/block-" n ".sh"
            print ($2 == "exit" ? $3 : 0) >(work "/block-" n ".code")
            printf "" >block
            inside = 1
            next
        }
        /^```/ { inside = 0 }
        inside { print >block }
        END { print n + 0 }' "$page")
    [ "$count" -ge "$2" ] || { echo "$page has only $count blocks of commands" && exit 1; }
    n=0
    while [ "$n" -lt "$count" ]; do
        n=$((n + 1))
        code=0
        sh -eu "$work/block-$n.sh" >"$work/out" 2>"$work/err" </dev/null || code=$?
        want=$(cat "$work/block-$n.code")
        if [ "$code" != "$want" ]; then
            echo "this block of $page ended with $code instead of $want:"
            cat "$work/block-$n.sh" "$work/out" "$work/err"
            exit 1
        fi
        cp "$work/out" "$work/out-$n"
        cp "$work/err" "$work/err-$n"
    done
}

# What the text around the blocks says of their output.
expect() {
    grep -q -e "$2" "$work/$1" || { echo "$1 of $page has no line like: $2"; exit 1; }
}

run_page README.md 5
expect out-1 '^Hello, capOS$'
expect err-2 '--grant console'
expect out-3 'console'
expect out-4 '^1000$'
expect err-5 'fault\.c:[0-9]'

run_page docs/c.md 1
expect out-1 '^1 + \.\.\. + 10 = 55$'
expect out-1 '^1 + \.\.\. + 100 = 5050$'
