#!/bin/sh
# gdb attaches to a machine that `make debug` started, stops in the program's main, and its
# backtrace ends at _start without a complaint.
set -eu
. tests/kit.sh
machine=
finish() {
    [ -z "$machine" ] || kill "$machine" 2>/dev/null || :
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "$1"
    cat "$work"/gdb "$work/out" "$work/err"
    exit 1
}

: >"$work/gdb"
make -s debug PROGRAM=build/demos/hello.elf GRANT=console PORT=$((40000 + $$ % 20000)) \
    >"$work/out" 2>"$work/err" </dev/null &
machine=$!
turns=0
until grep -q 'waiting for gdb' "$work/err"; do
    turns=$((turns + 1))
    [ "$turns" -lt 200 ] || fail "make debug does not come to wait for gdb"
    sleep 0.3
done

cat >"$work/commands" <<'END'
set tcp connect-timeout 30
source build/debug.gdb
break hello.c:main
continue
echo -- main --\n
bt
delete
continue
END
timeout 120 gdb -batch -nx -x "$work/commands" >"$work/gdb" 2>&1 || :
status=0
wait "$machine" || status=$?
machine=

sed -n '/^-- main --$/,$p' "$work/gdb" >"$work/stack"
grep -Eq '^#0 .*main .*hello\.c:[0-9]+' "$work/stack" || fail "gdb did not stop in main"
grep -Eq '^#[1-9].* _start ' "$work/stack" || fail "the backtrace does not reach _start"
! grep -q 'Backtrace stopped' "$work/gdb" || fail "the backtrace does not end cleanly"
[ "$status" -eq 0 ] || fail "the program ended with $status"
grep -q '^Hello from capOS$' "$work/out" || fail "the program did not go on"
