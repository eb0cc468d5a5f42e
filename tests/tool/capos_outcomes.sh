#!/bin/sh
# How a run ends: each outcome has its exit code, its words on standard error, and its --json. A
# stand-in for QEMU plays the machine.
set -eu
. tests/kit.sh
export CAPOS_QEMU="$PWD/build/tests/tool/fake-qemu"
program=build/demos/hello.elf
: >"$work/kernel"

fail() {
    echo "$script: $1"
    cat "$work/out" "$work/err"
    exit 1
}

# ends SCRIPT CODE PATTERN: what the machine does, the exit code, a pattern of standard error.
ends() {
    script=$1
    code=0
    FAKE_QEMU=$script build/capos run --accel tcg --kernel "$work/kernel" --timeout 5 \
        --json "$work/json" --grant console "$program" \
        >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$2" ] || fail "exit code $code instead of $2"
    grep -Eq -e "$3" "$work/err" || [ -z "$3" ] || fail "standard error lacks '$3'"
    [ -n "$3" ] || [ ! -s "$work/err" ] || fail "standard error is not empty"
    [ ! -s "$work/out" ] || fail "standard output is not empty"
}
# json PATTERN
json() {
    grep -Eq -e "$1" "$work/json" || { cat "$work/json"; fail "the JSON lacks '$1'"; }
}

ends 'report:exited:0 exit:33' 0 ''
json '"outcome": "exited"'
json '"peak_memory_bytes": 8192'
json '"instructions": null'
ends 'report:exited:42 exit:33' 42 ''
ends 'report:exited:123 exit:33' 123 ''
ends 'report:exited:124 exit:33' 123 'exit code 124 .* becomes 123'
json '"code": 124'
json '"exit_code": 123'
ends 'report:exited:18446744073709551615 exit:33' 123 'exit code -1 '
json '"code": -1'
# An orderly power-off is as good as the debug exit device.
ends 'report:exited:7 exit:0' 7 ''

main=$(llvm-nm-19 "$program" | sed -n 's/ [Tt] main$//p')
ends "report:faulted:e:4:0:$main:7000 exit:33" 142 \
    '^capos: hello.elf: page fault reading address 0x0 \(null pointer\); in main at .*hello\.c:[0-9]+'
json '"vector": 14'
json '"function": "main"'
json '"file": ".*hello\.c"'
json '"line": [0-9]+'
ends "report:faulted:e:6:6ff8:$main:7000 exit:33" 142 'writing address 0x6ff8 \(stack overflow\)'
ends "report:faulted:e:7:500000:$main:7000 exit:33" 142 'writing .*read-only'
ends "report:faulted:e:15:500000:$main:7000 exit:33" 142 'executing .*not executable'
ends "report:faulted:6:0:0:$main:7000 exit:33" 134 'invalid instruction'
ends 'report:faulted:e:4:0:ffffffffffff0000:7000 exit:33' 142 'in an unknown function'

ends 'report:unstarted:-22:2 exit:33' 125 'could not be started: badImage'
json '"outcome": "notStarted"'
ends 'report:unstarted:-11:0 exit:33' 125 'noMemory.*capos run --memory'
ends 'report:unstarted:-9999:0 exit:33' 125 'error -9999'

ends 'log:first log:PANIC exit:35' 126 '^PANIC$'
json '"outcome": "panic"'
# A panic after the report is a panic all the same.
ends 'report:exited:0 exit:35' 126 'kernel panicked'
ends 'log:so-far exit:33' 126 '^so-far$'
ends 'report:junk exit:33' 126 'without a report'
ends 'exit:0' 126 'without a report'
ends 'qemu:no-such-machine exit:1' 125 '^no-such-machine$'
ends 'qemu:words kill' 125 'killed by signal 9'

script=timeout
code=0
FAKE_QEMU='log:still hang' build/capos run --accel tcg --kernel "$work/kernel" --timeout 0.2 \
    --log "$work/log" --json "$work/json" --grant console "$program" \
    >"$work/out" 2>"$work/err" </dev/null || code=$?
[ "$code" = 124 ] || fail "exit code $code instead of 124"
grep -q 'did not end within 0.2 seconds' "$work/err" || fail "the time is not named"
grep -qx still "$work/log" || fail "the log is not in its file"
json '"outcome": "timeout"'
