#!/bin/sh
# A program without grants can compute, wait, exit and fault. It has no output and no clock, and no
# id that it could guess leads anywhere.
set -eu
. tests/kit.sh

# ends CODE NAME: the program on standard input, run without grants, ends with this code and has
# written nothing.
ends() {
    { echo '#include <capos/capos.h>' && cat; } >"$work/$2.c"
    build/bin/capos-cc -O1 "$work/$2.c" -o "$work/$2.elf"
    code=0
    build/capos run --timeout 30 "$work/$2.elf" >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$1" ] && [ ! -s "$work/out" ] && return
    echo "$2 ended with $code instead of $1, or wrote something"
    cat "$work/out" "$work/err"
    exit 1
}

ends 42 compute <<'END'
int main(void) {
    if (capos_start_page->capset_count != 0) {
        return 1;
    }
    return capos_nop() == CAPOS_OK ? 42 : 2;
}
END

ends 0 guess <<'END'
int main(void) {
    for (uint64_t index = 0; index < 4096; index++) {
        for (uint64_t generation = 0; generation < 4; generation++) {
            uint64_t now;
            if (capos_timer_now(generation << 32 | index, &now) != CAPOS_E_BAD_CAPABILITY) {
                return 1;
            }
        }
    }
    return 0;
}
END

ends 0 deadline <<'END'
int main(void) {
    if (capos_enter(0, 0, CAPOS_POLL) != 0) {
        return 1;
    }
    return capos_enter(0, 0, 1000000) == CAPOS_E_NEEDS_TIMER ? 0 : 2;
}
END

# To poll in vain is to yield; it returns at once when nobody else is ready.
ends 0 yield <<'END'
int main(void) {
    for (int turn = 0; turn < 1000; turn++) {
        if (capos_enter(0, 1, CAPOS_POLL) != 0) {
            return 1;
        }
    }
    return 0;
}
END

# General protection: the time-stamp counter is a clock.
ends 141 counter <<'END'
int main(void) {
    return __builtin_ia32_rdtsc() != 0 ? 1 : 2;
}
END
