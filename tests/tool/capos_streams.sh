#!/bin/sh
# The streams between host and machine: apart, binary-clean, with backpressure; an early close of
# either end does no harm. A stand-in for QEMU plays the machine.
set -eu
. tests/kit.sh
export CAPOS_QEMU="$PWD/build/tests/tool/fake-qemu"
: >"$work/kernel"

# run SCRIPT [OPTION...]
run() {
    script=$1
    shift
    FAKE_QEMU=$script build/capos run --accel tcg --kernel "$work/kernel" --timeout 20 \
        --grant console "$@" build/demos/cat.elf
}

run 'out:one err:two log:three qemu:four report:exited:0 exit:33' --log "$work/log" \
    >"$work/out" 2>"$work/err" </dev/null
[ "$(cat "$work/out")" = one ] || fail "standard output is not the program's output alone"
[ "$(cat "$work/err")" = two ] || fail "standard error is not the program's error output alone"
[ "$(cat "$work/log")" = three ] || fail "the log file is not the kernel's log alone"

head -c 16777216 /dev/urandom >"$work/random"
run 'echo report:exited:0 exit:33' <"$work/random" >"$work/out"
cmp "$work/random" "$work/out" || fail "16 MiB from a file come back changed"
# shellcheck disable=SC2002 # a pipe is what is tested
cat "$work/random" | run 'echo report:exited:0 exit:33' | cmp - "$work/random" ||
    fail "16 MiB through pipes come back changed"
printf '\000\001\r\n\004\377' >"$work/odd"
run 'echo report:exited:0 exit:33' <"$work/odd" >"$work/out"
cmp "$work/odd" "$work/out" || fail "odd bytes are changed"

# Output that stands when the machine is gone still arrives, however slowly it is read.
count=$(run 'flood:5000000 report:exited:0 exit:33' </dev/null | { sleep 0.3; wc -c; })
[ "$count" -eq 5000000 ] || fail "$count of 5000000 bytes arrived at a slow reader"

# The reader of the output goes early: the program goes on and its exit code counts.
{
    code=0
    run 'flood:50000000 report:exited:3 exit:33' </dev/null 2>"$work/err" || code=$?
    echo "$code" >"$work/code"
} | head -c 10 >/dev/null
[ "$(cat "$work/code")" = 3 ] || fail "exit code $(cat "$work/code") when the reader goes early"

# The program goes early and leaves its input unread: the writer, here this shell, is not waited for.
mkfifo "$work/fifo"
exec 3<>"$work/fifo"
code=0
run 'report:exited:4 exit:33' <"$work/fifo" || code=$?
exec 3>&-
[ "$code" = 4 ] || fail "exit code $code with an input that does not end"

# Without standard files at all.
code=0
run 'flood:100000 err:x report:exited:5 exit:33' <&- >&- 2>&- || code=$?
[ "$code" = 5 ] || fail "exit code $code with all standard files closed"

# A program that may not read leaves the input to the next command.
printf 'one\ntwo\n' >"$work/lines"
{
    FAKE_QEMU='report:exited:0 exit:33' build/capos run --accel tcg --kernel "$work/kernel" \
        --grant console=output build/demos/hello.elf
    read -r line
} <"$work/lines"
[ "$line" = one ] || fail "input was taken for a program without it"
