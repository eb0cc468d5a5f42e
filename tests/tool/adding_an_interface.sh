#!/bin/sh
# Follows docs/adding-an-interface.md in a copy of the tree: takes the three files from the page,
# adds them, edits nothing, and runs the test of the new interface.
set -eu
. tests/kit.sh
copy=$work/tree
mkdir "$copy"

# All files but what is built and git's own.
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$copy"

# The fences of the page name the file after the language.
awk -v tree="$copy" '
    /^```[a-z]+ [a-z_\/.]+$/ { file = tree "/" $2; count++; next }
    /^```/                   { file = "" }
    file != ""               { print >file }
    END                      { exit count != 3 }' docs/adding-an-interface.md || {
    echo "the page does not have three files"
    exit 1
}

cd "$copy"
make test ONLY=guest/tally >"$work/out" 2>&1 || {
    echo "the test of the new interface failed:"
    cat "$work/out"
    exit 1
}
grep -q '^ok  *guest/tally' "$work/out" || { cat "$work/out"; exit 1; }

build/capos run --grants >"$work/grants"
grep -q '^ *tally ' "$work/grants" || {
    echo "capos run --grants does not list it:"
    cat "$work/grants"
    exit 1
}
code=0
build/capos run --grant console,tally=read build/tests/guest/tally.elf >"$work/out" 2>&1 || code=$?
if [ "$code" != 1 ] || ! grep -q 'found notPermitted' "$work/out"; then
    echo "the facet allows too much, or something else is wrong ($code):"
    cat "$work/out"
    exit 1
fi
