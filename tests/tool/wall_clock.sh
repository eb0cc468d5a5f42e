#!/bin/sh
# The time of day that a program reads is the host's, to the second.
set -eu
. tests/kit.sh

cat >"$work/wall.c" <<'END'
#include <capos/capos.h>

int main(void) {
    uint64_t wall_ns;
    if (capos_timer_wall_clock(capos_lookup("timer", CAPOS_TIMER_INTERFACE), &wall_ns) != 0) {
        return 1;
    }
    capos_printf("%lu\n", wall_ns / 1000000000);
    return 0;
}
END
build/bin/capos-cc -O1 "$work/wall.c" -o "$work/wall.elf"

for machine in microvm q35; do
    before=$(date +%s)
    wall=$(build/capos run --machine "$machine" --grant console,timer "$work/wall.elf" </dev/null)
    after=$(date +%s)
    if [ "$wall" -lt $((before - 1)) ] || [ "$wall" -gt $((after + 1)) ]; then
        echo "$machine: the program read $wall, between $before and $after"
        exit 1
    fi
done
