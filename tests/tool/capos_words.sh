#!/bin/sh
# help, version, explain, inspect, doctor, run --grants: what they say, and their exit codes.
set -eu
. tests/kit.sh

# says PATTERN ARGUMENT...
says() {
    pattern=$1
    shift
    code=0
    build/capos "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    if [ "$code" != 0 ] || [ -s "$work/err" ] || ! grep -Eq -e "$pattern" "$work/out"; then
        echo "capos $*: exit code $code, wanted 0 and: $pattern"
        cat "$work/out" "$work/err"
        exit 1
    fi
}

says '^capos [0-9]+\.[0-9]+ \(ABI [0-9]+\)$' --version
for file in tools/capos/verbs/*.c; do
    verb=$(basename "$file" .c)
    says "^  $verb " --help
    says "^usage: capos $verb" "$verb" --help
    says '^capos [0-9]' "$verb" --version
done

says '^badAddress \(-6\)$' explain 6
says '^badAddress \(-6\)$' explain -6
for name in badAddress E_BAD_ADDRESS CAPOS_E_BAD_ADDRESS bad_address; do
    says '^badAddress \(-6\)$' explain $name
done
says 'remedy ' explain closed
says 'remedy ' explain 125
says 'kernel panicked' explain 126
says 'page fault' explain 142
for wrong in 57 -1000 127 160 nonsense ''; do
    code=0
    build/capos explain "$wrong" >"$work/out" 2>"$work/err" || code=$?
    if [ "$code" != 125 ] || ! grep -q 'no such code; the names are ok, bad' "$work/err"; then
        echo "explain '$wrong': exit code $code"
        cat "$work/err"
        exit 1
    fi
done

# The errors of the schema are all there, and nothing else is.
sed -n 's/^  \([a-zA-Z]*\) @\([0-9]*\).*/\2 \1/p' schema/errors.capnp | while read -r number name; do
    says "^$name \(-?$number\)\$" explain "$number"
done

says '^  console +required +Console: write$' inspect build/demos/hello.elf
says '^run it +capos run --grant console build/demos/hello.elf$' inspect build/demos/hello.elf
says '^TLS +[1-9][0-9]* bytes' inspect build/demos/tls.elf
says '"required_grant_line": "console"' inspect --json build/demos/hello.elf

says '^console +yes +output, input' run --grants
says '^spawner    ' run --grants
grep -c 'Capos\.grant(' schema/*.capnp | awk -F: '{ n += $2 } END { print n }' >"$work/declared"
build/capos run --grants | sed '1d;/^$/,$d' | wc -l >"$work/listed"
[ "$(($(cat "$work/declared")))" = "$(($(cat "$work/listed")))" ] ||
    { echo "run --grants does not list each grant of the schema"; exit 1; }

says '^ok +qemu-system-x86_64 +QEMU' doctor
says '^(ok|absent) +KVM' doctor
# Without its tools the host is not fit, and each missing one is named with its package.
code=0
PATH=/nowhere build/capos doctor >"$work/out" 2>"$work/err" || code=$?
[ "$code" = 1 ] || { echo "doctor without tools: exit code $code"; exit 1; }
grep -Eq '^MISSING +qemu-system-x86_64 .*apt-get install qemu-system-x86$' "$work/out" ||
    { echo "doctor does not name the package of QEMU"; cat "$work/out"; exit 1; }
