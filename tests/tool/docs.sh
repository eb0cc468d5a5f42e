#!/bin/sh
# What the documents point at exists: links, and the tests that docs/security.md gives as evidence.
set -eu
. tests/kit.sh

for page in ./*.md docs/*.md; do
    grep -o ']([^)]*)' "$page" | sed 's/](\(.*\))/\1/; s/#.*//' | grep -v '^https\{0,1\}:' |
        sed "s|^|$(dirname "$page")/|"
done >"$work/names"
tr '`' '\n' <docs/security.md | grep -E '^(tests|demos)/[^ ]+$' >>"$work/names"

[ "$(wc -l <"$work/names")" -gt 20 ] || { echo "hardly any links were found" && exit 1; }
sort -u "$work/names" | while read -r name; do
    [ -e "$name" ] || echo "$name is pointed at and does not exist"
done >"$work/missing"
cat "$work/missing"
[ ! -s "$work/missing" ]
