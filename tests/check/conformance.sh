#!/bin/sh
# docs/conformance.md is what tests/conformance makes of it; what it and docs/targets.md name exists
# (tests, methods, functions); and docs/targets.md has all options that clang and lld are given.
# Prints TAP.
#
#   conformance.sh         checks
#   conformance.sh write   writes docs/conformance.md
set -u
suite=conformance
. tests/check/tap.sh
. tests/check/test_names.sh

page=docs/conformance.md
targets=docs/targets.md

# make_page WANT: see page.awk.
make_page() {
    LC_ALL=C awk -v want="$1" -v head=tests/conformance/head.md -f tests/conformance/page.awk \
        tests/conformance/*.txt
}

# quoted FILE PATTERN: what stands in backquotes there, or alone on a line, and matches as a whole.
quoted() {
    tr '`' '\n' <"$1" | grep -xE -e "$2" | sort -u
}

unknown_tests() {
    make_page tests | while read -r place name; do
        test_complaint "$name" | sed "s|^|$place: |"
    done
    quoted $targets '(guest|faults|rust|demo|tool|image|host|check|model)/[^ ]+' |
        while read -r name; do
            test_complaint "$name" | sed "s|^|$targets: |"
        done
}

# What looks like `Timer.sleep`, not like a file: the interface has that method.
unknown_methods() {
    for file in $targets tests/conformance/*.txt; do
        quoted "$file" '[A-Z][A-Za-z]+\.[a-z][A-Za-z]*' | grep -vE '\.(c|cc|cpp|h|hpp|rs|go)$' |
            while read -r name; do
                schema=$(grep -lE "^interface ${name%.*}( |\$)" schema/*.capnp)
                grep -qE "^  ${name#*.} @[0-9]+ " ${schema:-/dev/null} ||
                    echo "$file: $name: the schema has no such method"
            done
    done
}

unknown_functions() {
    for file in $targets tests/conformance/*.txt; do
        quoted "$file" 'capos_[a-z_]+' | while read -r name; do
            grep -rqwF "$name" include user/libcapos/include build/gen/include ||
                echo "$file: $name: no header of libcapos has it"
        done
    done
}

stale_page() {
    make_page page | cmp -s - $page ||
        echo "$page is not what tests/conformance says; write it with: make conformance"
}

# table HEADING: the first cells of the rows below that heading of the page that begin with `-`.
table() {
    sed -n "/^#* *$1\$/,/^#/s/^| \`\(-[^\`]*\)\` | .*/\1/p" $targets
}

# same_options FILE HEADING: standard input, the options that the file has, and the table agree.
same_options() {
    sort -u >build/options-of-file
    table "$2" | sort -u >build/options-of-page
    comm -23 build/options-of-file build/options-of-page |
        sed "s|^|$targets: the table in \"$2\" lacks |"
    comm -13 build/options-of-file build/options-of-page | sed "s|^|$1 does not have |"
    rm -f build/options-of-file build/options-of-page
}

clang_options() {
    file=targets/x86_64-unknown-capos.cfg
    grep -v '^\(#.*\)*$' $file | same_options $file 'clang: programs'
}

linker_options() {
    file=ports/clang/capos-ld.sh
    sed -n '/^said=/,/[^\\]$/p' $file | grep -oE -e ' -(z [a-z0-9=-]+|-?[a-zA-Z][a-zA-Z0-9=_-]*)' |
        sed 's/^ //' | same_options $file 'The link step'
}

if [ "${1-}" = write ]; then
    errors=$(make_page errors)
    [ -z "$errors" ] || { printf '%s\n' "$errors" >&2 && exit 1; }
    make_page page >$page
    exit
fi

rule "the records are whole" "$(make_page errors)"
rule "every test that is named exists" "$(unknown_tests)"
rule "every method that is named exists" "$(unknown_methods)"
rule "every function that is named exists" "$(unknown_functions)"
rule "the page is up to date" "$(stale_page)"
rule "clang's options are those of the page" "$(clang_options)"
rule "lld's options are those of the page" "$(linker_options)"
finish
