#!/bin/sh
# make soak: what it keeps of a failure, and that a seed under the instruction clock is one run.
set -eu
. tests/kit.sh

# soak CODE VARIABLE=VALUE...
soak() {
    wanted=$1
    shift
    code=0
    env FOLDER="$work/soak" "$@" sh scripts/soak.sh >"$work/out" 2>&1 </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "soak $*: exit code $code instead of $wanted"
}
has() { grep -q -e "$2" "$1" || fail "$1 lacks '$2'"; }

soak 0 N=2 CPUS=1,2 ONLY=guest/exit42 SEED=7
has "$work/out" '^pass 2 of 2, seed 8, CPUs 1,2$'
has "$work/out" '^ *2 runs$'
has "$work/out" '^2 passed, 0 failed$'
[ ! -e "$work/soak/failure" ] || fail "something is kept of a run without a failure"

soak 1 N=2 CPUS=1 ONLY=guest/hostile SEED=7 LOAD=1 CAPOS_QEMU=/bin/false
has "$work/out" '^not ok   guest/hostile on microvm, 1 CPU.*, seed 7: '
has "$work/out" '^0 passed, 1 failed$'
has "$work/soak/failure/command" ' build/tests/guest/hostile.elf 7 '
has "$work/soak/failure/stderr" '/bin/false'

# Threads that meet at a mutex and are stopped wherever they are by the timer of another CPU.
cat >"$work/meet.c" <<'END'
#include <capos/capos.h>
static struct capos_mutex mutex;
static uint32_t order[400], count;
static int64_t run(void *argument) {
    for (int turn = 0; turn < 100; turn++) {
        capos_mutex_lock(&mutex);
        order[count++] = (uint32_t)(uintptr_t)argument;
        capos_mutex_unlock(&mutex);
        for (volatile int wait = turn * (int)(uintptr_t)argument; wait > 0; wait--) {
        }
        __builtin_ia32_pause();
    }
    return 0;
}
static int64_t stir(void *argument) {
    uint64_t now;
    for (uint64_t turn = 0; turn < 1000; turn++) {
        capos_timer_now(capos_lookup("timer", 0), &now);
        capos_timer_sleep(capos_lookup("timer", 0), now + turn * 7 % 3000);
    }
    return 0;
}
int main(void) {
    struct capos_thread threads[5];
    for (uintptr_t index = 0; index < 5; index++) {
        if (capos_thread_create(&threads[index], 0, index == 0 ? stir : run, (void *)index) != 0) {
            return 1;
        }
    }
    for (int index = 0; index < 5; index++) {
        capos_thread_wait(&threads[index], 0);
    }
    uint64_t now;
    capos_timer_now(capos_lookup("timer", 0), &now);
    for (int at = 0; at < 400; at++) {
        capos_printf("%u", order[at]);
    }
    capos_printf("\n%lu\n", now);
    return 0;
}
END
build/bin/capos-cc -O1 "$work/meet.c" -o "$work/meet.elf"
for run in 1 2 3; do
    build/capos run --grant default --icount --cpus 4 --timeout 60 "$work/meet.elf" \
        >"$work/meet.$run" </dev/null || fail "meet.elf does not come to its end"
done
cmp -s "$work/meet.1" "$work/meet.2" && cmp -s "$work/meet.2" "$work/meet.3" ||
    fail "runs under the instruction clock differ: $(cat "$work"/meet.[123])"
grep -Eq '12|23|34|41' "$work/meet.1" || fail "the threads did not run at the same time"
