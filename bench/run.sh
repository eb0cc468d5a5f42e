#!/bin/sh
# run.sh SIDE...: boots each side (capos, linux) in the same machine and prints the table.
#
#   BENCH_RESULTS=FOLDER   where results go (build/bench)
#   BENCH_LEAST=0          leaves out the search for the least memory, which boots a dozen times
#
# Results of a side are lines `NAME MINIMUM MEDIAN` in FOLDER/SIDE.results; the table of both is
# FOLDER/results.tsv. One machine runs at a time, each under a time limit.
set -eu
cd "$(dirname "$0")/.."

BUILD=build/bench
RESULTS=${BENCH_RESULTS:-$BUILD}
LEAST=${BENCH_LEAST:-1}
MEMORY_MIB=1024
SECONDS_MAX=300      # of a whole run
SECONDS_MAX_BOOT=120 # of a boot that says hello or does not

# What the command line can turn off: the strongest Linux to compare with (column 5 of the notes).
LINUX_OPTIONS='console=ttyS0 quiet loglevel=4 panic=-1 tsc=reliable mitigations=off'
LINUX_OPTIONS="$LINUX_OPTIONS init_on_alloc=0 audit=0 randomize_kstack_offset=off"
LINUX_OPTIONS="$LINUX_OPTIONS transparent_hugepage=madvise"

say() {
    printf 'bench: %s\n' "$*" >&2
}

fail() {
    say "$1"
    [ $# -lt 2 ] || tail -n 20 "$2" "$2.qemu" | tr -c '[:print:]\n' '?' >&2
    exit 1
}

# ---- the machine ------------------------------------------------------------------------------

# The machine that runs, ended when we are.
running=
stop() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || :
    exit 130
}
trap stop INT TERM HUP

# machine SECONDS CONSOLE MEMORY_MIB OPTION...: bench/machine.sh under a time limit.
machine() {
    seconds=$1
    console=$2
    shift
    rm -f "$console"
    timeout --foreground -k 5 "$seconds" sh bench/machine.sh "$@" </dev/null >"$console.qemu" 2>&1 &
    running=$!
    wait "$running" || :
    running=
    touch "$console"
}

# boot_capos SECONDS CONSOLE MEMORY_MIB bench|hello
boot_capos() {
    machine "$1" "$2" "$3" -kernel "$BUILD/capos/kernel.elf" \
        -initrd "$BUILD/capos/$4.package"
}

# boot_linux SECONDS CONSOLE MEMORY_MIB bench|hello
boot_linux() {
    word=$4
    if [ "$word" = bench ]; then
        word=$(awk '$1 == "boot_firmware" { print $3 }' "$RESULTS/capos.results")
    fi
    machine "$1" "$2" "$3" -kernel "$BUILD/linux/vmlinuz" -initrd "$BUILD/linux/initramfs" \
        -append "$LINUX_OPTIONS -- $word"
}

# ---- what is measured -------------------------------------------------------------------------

# measure SIDE: lets the program measure.
measure() {
    console=$RESULTS/$1.console
    "boot_$1" "$SECONDS_MAX" "$console" "$MEMORY_MIB" bench
    tr -d '\r' <"$console" | grep -q '^bench end$' ||
        fail "$1 did not come to the end; see $console" "$console"
    tr -d '\r' <"$console" | sed -n 's/^bench \([a-z0-9_]* [0-9.]* [0-9.]*\)$/\1/p' \
        >"$RESULTS/$1.results"
}

# says_hello SIDE MEMORY_MIB
says_hello() {
    "boot_$1" "$SECONDS_MAX_BOOT" "$RESULTS/$1.hello" "$2" hello
    grep -q "^Hello from" "$RESULTS/$1.hello"
}

# least SIDE LOW HIGH STEP: adds the least memory in MiB with which it says hello. LOW is taken to
# be too little; the difference to HIGH is a multiple of STEP.
least() {
    low=$2
    high=$3
    console=$RESULTS/$1.hello
    says_hello "$1" "$high" || fail "$1 does not say hello with $high MiB; see $console" "$console"
    while [ "$((high - low))" -gt "$4" ]; do
        middle=$((low + (high - low) / 2 / $4 * $4))
        if says_hello "$1" "$middle"; then
            high=$middle
        else
            low=$middle
        fi
    done
    add "$1" least_memory_mib "$high"
}

# add SIDE NAME VALUE
add() {
    printf '%s %s %s\n' "$2" "$3" "$3" >>"$RESULTS/$1.results"
}

run_capos() {
    say "capOS measures"
    measure capos
    add capos kernel_file_bytes "$(wc -c <"$BUILD/capos/kernel.elf")"
    [ "$LEAST" = 0 ] || least capos 1 33 1
}

run_linux() {
    say "Linux $(cat "$BUILD/linux/version") measures (two minutes)"
    measure linux
    add linux kernel_file_bytes "$(wc -c <"$BUILD/linux/vmlinuz")"
    [ "$LEAST" = 0 ] || least linux 32 128 4
}

mkdir -p "$RESULTS"
for side in "$@"; do
    rm -f "$RESULTS/$side.results"
done
for side in "$@"; do
    "run_$side"
done
sh bench/table.sh "$RESULTS"
