#!/bin/sh
# However capos ends, the machine ends with it: by a signal, by its own death, by a timeout.
set -eu
. tests/kit.sh
: >"$work/kernel"
# A name of its own, so that other tests' machines are not taken for this one.
CAPOS_QEMU=$work/fake-machine-$$
ln -s "$PWD/build/tests/tool/fake-qemu" "$CAPOS_QEMU"
export CAPOS_QEMU

machine_runs() {
    # A dead process whose parent has not asked for it yet has no command line.
    for commands in /proc/[0-9]*/cmdline; do
        case $(tr '\0' ' ' 2>/dev/null <"$commands") in "$CAPOS_QEMU "*) return 0 ;; esac
    done
    return 1
}
wait_until() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}
machine_is_gone() { ! machine_runs; }

# A command that a shell starts in the background has SIGINT ignored: env gives it back.
start() {
    FAKE_QEMU='hang' env --default-signal=INT build/capos run --accel tcg --kernel "$work/kernel" \
        --json "$work/json" --grant console build/demos/hello.elf </dev/null 2>"$work/err" &
    tool=$!
    wait_until machine_runs || fail "the machine did not start"
}
for signal in INT TERM HUP KILL; do
    start
    kill -s "$signal" "$tool"
    code=0
    wait "$tool" || code=$?
    [ "$code" -gt 128 ] ||
        fail "after SIG$signal the exit code is $code"
    wait_until machine_is_gone || fail "after SIG$signal the machine still runs"
    [ "$signal" = KILL ] || grep -q '"outcome": "interrupted"' "$work/json" ||
        fail "after SIG$signal the JSON does not say so"
done
