#!/bin/sh
# What capos refuses before anything is booted, and with which words: the thing, the reason, the
# remedy; exit code 125; one line, and nothing on standard output.
set -eu
. tests/kit.sh
# Nothing here may start a machine.
export CAPOS_QEMU=/bin/false
hello=build/demos/hello.elf

# refuses PATTERN ARGUMENT...
refuses() {
    pattern=$1
    shift
    code=0
    build/capos "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
    if [ "$code" != 125 ] || [ -s "$work/out" ] || [ "$(wc -l <"$work/err")" != 1 ] ||
        ! grep -Eq -e "^capos: $pattern" "$work/err"; then
        echo "capos $*: exit code $code, wanted 125 and: $pattern"
        cat "$work/out" "$work/err"
        exit 1
    fi
}

refuses "hello.elf: requires 'console' \(Console: .*write.*\).*; add --grant console" run "$hello"
refuses "hello.elf: requires 'console'" run --grant timer,memory "$hello"
refuses "--grant: no grant is named 'consol'; the names are default, .*console" \
    run --grant consol "$hello"
refuses "--grant: 'console' is given twice" run --grant console,console "$hello"
refuses "--grant: 'timer' is given twice" run --grant timer --grant console,timer "$hello"
refuses "--grant: console has no facet 'loud'; its facets are output, input" \
    run --grant console=loud "$hello"
refuses "--grant: entropy has no facet 'x'; write --grant entropy" run --grant entropy=x "$hello"
refuses "--grant: memory=1 is not an amount of memory" run --grant memory=1 "$hello"
refuses "--grant: memory=128M is more than the machine has \(64M\); raise --memory" \
    run --grant console,memory=128M "$hello"
refuses "--cpus: '0'" run --cpus 0 "$hello"
refuses "--memory: '4M'" run --memory 4M "$hello"
refuses "--timeout: 'soon'" run --timeout soon "$hello"
refuses "--nothing: no such option" run --nothing "$hello"
refuses "run: no program is named" run --grant console
refuses "$work/none.elf: cannot be read: No such file" run "$work/none.elf"
refuses "/: cannot be read: Is a directory" run /
refuses "Makefile: not an ELF file" run Makefile
refuses "/bin/sh: " run /bin/sh
: >"$work/kernel"
refuses "$work/no/log: cannot be written" run --kernel "$work/kernel" --log "$work/no/log" --grant console "$hello"
refuses "$work/no/json: cannot be written" run --kernel "$work/kernel" --json "$work/no/json" --grant console "$hello"
refuses "$work/none: cannot be read.*make" run --kernel "$work/none" --grant console "$hello"
refuses "$work/init: cannot be read" run --init "$work/init" --grant console "$hello"
refuses "image: no file to write is named" image
refuses "twist: no such verb" twist
cp "$hello" "$work/manifest"
refuses "manifest: the boot package has a file of this name" run --grant console "$work/manifest"
CAPOS_QEMU=$work/qemu
refuses "$work/qemu: cannot be started: No such file.*capos doctor" \
    run --accel tcg --kernel "$work/kernel" --grant console "$hello"
