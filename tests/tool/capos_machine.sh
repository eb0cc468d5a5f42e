#!/bin/sh
# The host tool with the real machine: exit codes, streams, faults, time, memory, on both machines.
set -eu
. tests/kit.sh

fail() {
    echo "$1"
    for file in out err json; do
        [ ! -e "$work/$file" ] || tail -n 30 "$work/$file" | tr -c '[:print:]\n' '?'
    done
    exit 1
}
# program NAME: compiles standard input to $work/NAME.elf.
program() {
    cat >"$work/$1.c"
    build/bin/capos-cc -O1 "$work/$1.c" -o "$work/$1.elf"
}
# ends CODE ARGUMENT...: the exit code of capos run.
ends() {
    wanted=$1
    shift
    code=0
    build/capos run --timeout 60 --json "$work/json" "$@" \
        >"$work/out" 2>"$work/err" <"${input:-/dev/null}" || code=$?
    [ "$code" = "$wanted" ] || fail "capos run $*: exit code $code instead of $wanted"
}
has() { grep -Eq -e "$2" "$work/$1" || fail "$1 lacks '$2'"; }

echo 'int main(void) { return 42; }' | program answer
echo 'int main(void) { for (volatile int turn = 0;; turn++) { } }' | program endless
echo 'int main(void) { return 1000; }' | program large
program words <<'END'
#include <capos/capos.h>
int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        capos_print(argv[i]);
        capos_print("\n");
    }
    return argc;
}
END
program crash <<'END'
int *volatile nowhere;
__attribute__((noinline)) int follow(void) {
    return *nowhere;
}
int main(void) { return follow() + 1; }
END

for machine in microvm q35; do
    ends 42 --machine $machine "$work/answer.elf"
    [ ! -s "$work/out" ] || fail "a quiet program writes to standard output"
    [ ! -s "$work/err" ] || fail "a quiet program writes to standard error"
    for cpus in 1 2 4; do
        ends 0 --machine $machine --cpus $cpus --grant console build/demos/hello.elf
        has out '^Hello from capOS$'
    done
done
ends 123 "$work/large.elf"
has err 'exit code 1000 is not within 0 to 123'
has json '"code": 1000'
ends 5 --grant console "$work/words.elf" --cpus '' 'two words' -v
printf '%s\n' words.elf --cpus '' 'two words' -v | cmp - "$work/out" || fail "arguments are changed"
ends 124 --timeout 2 "$work/endless.elf"
ends 142 "$work/crash.elf"
has err 'crash.elf: page fault reading address 0x0 \(null pointer\); in follow at .*crash\.c:3$'
has err ' main at .*crash\.c:5$'
has json '"function": "follow"'

ends 0 --memory 8M --grant console,timer build/demos/hello.elf
has json '"console"'
has json '"peak_memory_bytes": [1-9]'
has json '"init_ns": [1-9]'
sed -n '/"used"/,/]/p' "$work/json" | grep -q timer && fail "a grant that was not used counts as used"
sed -n '/"used"/,/]/p' "$work/json" | grep -q console || fail "a grant that was used does not count"

ends 0 --icount --grant console build/demos/hello.elf
sed -n '/"instructions"/p' "$work/json" >"$work/first"
ends 0 --icount --grant console build/demos/hello.elf
has json '"instructions": [1-9][0-9]*'
sed -n '/"instructions"/p' "$work/json" | cmp - "$work/first" || fail "instructions differ by run"

head -c 16777216 /dev/urandom >"$work/random"
for machine in microvm q35; do
    input=$work/random ends 0 --machine $machine --grant console build/demos/cat.elf
    cmp "$work/random" "$work/out" || fail "16 MiB come back changed on $machine"
done
printf '\000\001\r\n\004\377' >"$work/odd"
input=$work/odd ends 0 --grant console build/demos/cat.elf
cmp "$work/odd" "$work/out" || fail "odd bytes are changed"

# The reader of the output goes early: the guest sees it and goes on.
build/capos run --timeout 60 --grant console build/demos/cat.elf </dev/zero 2>"$work/err" |
    head -c 100000 >"$work/out"
[ "$(wc -c <"$work/out")" -eq 100000 ] || fail "the output ends too early"
# The program ends before its input does.
mkfifo "$work/fifo"
exec 3<>"$work/fifo"
input=$work/fifo ends 0 --grant console build/demos/hello.elf
exec 3>&-
# Without standard files at all.
code=0
build/capos run --timeout 60 "$work/answer.elf" <&- >&- 2>&- || code=$?
[ "$code" = 42 ] || fail "exit code $code with all standard files closed"
