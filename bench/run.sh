#!/bin/sh
# run.sh SIDE...: boots each side (capos, linux) in the same machines and prints the tables.
#
#   BENCH_RESULTS=FOLDER   where results go (build/bench)
#   BENCH_LEAST=0          leaves out the search for the least memory, which boots a dozen times
#   BENCH_CPUS=0           leaves out the table of four CPUs
#   BENCH_SPEEDUP=5        how often the table of speed-up is measured; 0 leaves it out
#
# Results of a side are lines `NAME MINIMUM MEDIAN` in FOLDER/SIDE.results, those of speed-up lines
# `ROUND NAME NANOSECONDS` in FOLDER/SIDE.speedup; the table of all is FOLDER/results.tsv. One
# machine runs at a time, each under a time limit.
set -eu
cd "$(dirname "$0")/.."

BUILD=build/bench
RESULTS=${BENCH_RESULTS:-$BUILD}
LEAST=${BENCH_LEAST:-1}
CPUS=${BENCH_CPUS:-1}
ROUNDS=${BENCH_SPEEDUP:-5}
MEMORY_MIB=1024
SECONDS_MAX=300      # of a whole run
SECONDS_MAX_BOOT=120 # of a boot that says hello or does not

say() {
    printf 'bench: %s\n' "$*" >&2
}

fail() {
    say "$1"
    [ $# -lt 2 ] || tail -n 20 "$2" "$2.qemu" | tr -c '[:print:]\n' '?' >&2
    exit 1
}

. bench/boot.sh

# ---- what is measured -------------------------------------------------------------------------

# measure SIDE CLOCK CPUS WHAT: lets the program measure and prints its lines.
measure() {
    console=$RESULTS/$1.console
    "boot_$1" "$2" "$3" "$SECONDS_MAX" "$console" "$MEMORY_MIB" "$4"
    tr -d '\r' <"$console" | grep -q '^bench end$' ||
        fail "$1 did not come to the end; see $console" "$console"
    tr -d '\r' <"$console" | sed -n 's/^bench \([a-z0-9_]* [0-9.]* [0-9.]*\)$/\1/p'
}

# says_hello SIDE MEMORY_MIB
says_hello() {
    "boot_$1" counted 1 "$SECONDS_MAX_BOOT" "$RESULTS/$1.hello" "$2" hello
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
    measure capos counted 1 metrics >"$RESULTS/capos.results"
    add capos kernel_file_bytes "$(wc -c <"$BUILD/capos/kernel.elf")"
    [ "$LEAST" = 0 ] || least capos 1 33 1
}

run_linux() {
    say "Linux $(cat "$BUILD/linux/version") measures"
    measure linux counted 1 metrics >"$RESULTS/linux.results"
    add linux kernel_file_bytes "$(wc -c <"$BUILD/linux/vmlinuz")"
    [ "$LEAST" = 0 ] || least linux 32 128 4
}

# run_cpus SIDE: on one CPU and on four.
run_cpus() {
    for cpus in 1 4; do
        say "$1 measures with $cpus CPUs"
        measure "$1" counted "$cpus" cpus >>"$RESULTS/$1.results"
    done
}

# Says so when the host has more to do than to run one machine of ours.
look_at_load() {
    load=$(cut -d . -f 1 /proc/loadavg)
    [ "$load" -lt 2 ] || say "the host is busy (load $load): the speed-up will not mean much"
}

# run_speedup SIDE ROUND: on one CPU and on two, by the clock on the wall.
run_speedup() {
    for cpus in 1 2; do
        measure "$1" wall "$cpus" speedup | sed "s/^/$2 /" >>"$RESULTS/$1.speedup"
    done
}

mkdir -p "$RESULTS"
for side in "$@"; do
    rm -f "$RESULTS/$side.results" "$RESULTS/$side.speedup"
done
for side in "$@"; do
    "run_$side"
done
for side in "$@"; do
    [ "$CPUS" = 0 ] || run_cpus "$side"
done
[ "$ROUNDS" = 0 ] || look_at_load
for round in $(seq "$ROUNDS"); do
    say "speed-up, round $round of $ROUNDS"
    for side in "$@"; do
        run_speedup "$side" "$round"
    done
done
sh bench/table.sh "$RESULTS"
