#!/bin/sh
# The harness of `make bench`, capOS's side: two runs agree to the digit, every figure of the
# program is in the table, and a row that misses its goal says so.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "$1"
    shift
    [ $# -eq 0 ] || cat "$@"
    exit 1
}

make bench-capos >"$work/make" 2>&1 || fail "it does not build:" "$work/make"
for run in once twice; do
    BENCH_RESULTS=$work/$run BENCH_LEAST=0 timeout 120 sh bench/run.sh capos \
        >"$work/$run.table" 2>"$work/err" || fail "it does not run:" "$work/err"
done
cmp "$work/once.table" "$work/twice.table" || fail "two runs differ" "$work"/*.table
cmp "$work/once/capos.results" "$work/twice/capos.results" || fail "two runs differ in a minimum"

[ "$(head -n 1 "$work/once/results.tsv")" = "$(printf 'metric\tclass\tcapOS\tLinux')" ] ||
    fail "results.tsv has another first line" "$work/once/results.tsv"
for name in null_syscall map_touch_unmap_1p spawn_wait_tiny boot_to_init kernel_file_bytes; do
    grep -Eq "^$name	kernel	[0-9.]+	-\$" "$work/once/results.tsv" ||
        fail "results.tsv has no figure for $name" "$work/once/results.tsv"
done

# What is over the goal by more than half is marked, and nothing is left out in silence.
sed 's/^null_syscall .*/null_syscall 151 151/' "$work/once/capos.results" >"$work/twice/capos.results"
sh bench/table.sh "$work/twice" >"$work/table"
grep -q '^empty system call.* 151 .*MISSED$' "$work/table" || fail "no mark:" "$work/table"
echo 'unknown 1 1' >>"$work/twice/capos.results"
! sh bench/table.sh "$work/twice" >"$work/table" 2>&1 || fail "an unknown metric passes"
