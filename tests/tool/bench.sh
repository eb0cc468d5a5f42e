#!/bin/sh
# The harness of `make bench`, capOS's side: two runs agree to the digit, on one CPU and on four,
# every figure of the program is in the tables, and a row that misses its goal says so.
set -eu
. tests/kit.sh

fail() {
    echo "$1"
    shift
    [ $# -eq 0 ] || cat "$@"
    exit 1
}

make bench-capos >"$work/make" 2>&1 || fail "it does not build:" "$work/make"
for run in once twice; do
    BENCH_RESULTS=$work/$run BENCH_LEAST=0 BENCH_SPEEDUP=0 timeout 300 sh bench/run.sh capos \
        >"$work/$run.table" 2>"$work/err" || fail "it does not run:" "$work/err"
done
cmp "$work/once.table" "$work/twice.table" || fail "two runs differ" "$work"/*.table
cmp "$work/once/capos.results" "$work/twice/capos.results" || fail "two runs differ in a minimum"

[ "$(head -n 1 "$work/once/results.tsv")" = "$(printf 'metric\tclass\tcapOS\tLinux')" ] ||
    fail "results.tsv has another first line" "$work/once/results.tsv"
names=$(sed -n 's/^METRIC(\([a-z0-9_]*\), kernel, .*/\1/p' bench/metrics.def)
names="$names $(sed -n 's/^OPERATION(\([a-z0-9_]*\), .*/cpus4_\1 processes4_\1/p' bench/cpus.def)"
for name in $names; do
    [ "$name" != least_memory_mib ] || continue
    grep -Eq "^$name	kernel	[0-9.]+	-\$" "$work/once/results.tsv" ||
        fail "results.tsv has no figure for $name" "$work/once/results.tsv"
done

# What is over the goal by more than half is marked, and nothing is left out in silence.
sed 's/^null_syscall .*/null_syscall 151 151/' "$work/once/capos.results" >"$work/twice/capos.results"
sh bench/table.sh "$work/twice" >"$work/table"
grep -q '^empty system call.* 151 .*MISSED$' "$work/table" || fail "no mark:" "$work/table"
echo 'unknown 1 1' >>"$work/twice/capos.results"
! sh bench/table.sh "$work/twice" >"$work/table" 2>&1 || fail "an unknown metric passes"
sed -i '/^unknown /d' "$work/twice/capos.results"

# Speed-up is the median over the rounds, each with one CPU and with two.
for side in capos linux; do
    for round in 1 2 3; do
        for job in threads processes; do
            echo "$round speedup1_$job 8000000 8000000"
            [ "$side" = linux ] && took=4000000 || took=$((4000000 + round * 1000000))
            echo "$round speedup2_$job $took $took"
        done
    done >"$work/twice/$side.speedup"
done
sh bench/table.sh "$work/twice" >"$work/table"
grep -q '^by as many threads as CPUs  *8  *6  *1.33  *8  *4  *2.00 below Linux$' "$work/table" ||
    fail "another table of speed-up:" "$work/table"
for job in threads processes; do
    grep -q "^speedup_$job	parity	1.33	2.00\$" "$work/twice/results.tsv" ||
        fail "results.tsv has no speed-up" "$work/twice/results.tsv"
done
