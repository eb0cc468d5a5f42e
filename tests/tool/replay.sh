#!/bin/sh
# Under the instruction clock a seed is one run: the races of threads go the same way twice on
# several CPUs, to the instruction, although the host is busy the second time; and another way with
# another seed.
set -eu
. tests/kit.sh
load=
# shellcheck disable=SC2086 # a list of process ids
end() {
    [ -z "$load" ] || kill $load 2>/dev/null || :
    rm -rf "$work"
}
trap end EXIT
# play NAME CPUS SEED: the output, then what is known of the run but its time on the host's clock.
play() {
    build/capos run --icount --cpus "$2" --grant default,spawner --timeout 120 \
        --json "$work/json" "build/tests/guest/$1.elf" "$3" >"$work/out" </dev/null ||
        fail "$1 with seed $3 on $2 CPUs ends with $?: $(cat "$work/out")"
    cat "$work/out"
    grep -v '"wall_ms"' "$work/json"
}
# runs: a few programs that differ in what they race for, and in how many CPUs they have.
runs() {
    play race_park 4 "$1"
    play race_memory 2 "$1"
    play race_signals 4 "$1"
    play race_threads 3 "$1"
}

runs 11 >"$work/first"
for _ in 1 2; do
    sh -c 'while :; do :; done' &
    load="$load $!"
done
runs 11 >"$work/second"
diff "$work/first" "$work/second" || fail "seed 11 is two different runs"
grep -q '^# seed 11$' "$work/first" || fail "the seed is not printed"
runs 12 >"$work/third"
for name in 'park against unmap' 'exit against join' 'interrupt against park and unpark'; do
    [ "$(grep "^# $name:" "$work/first")" != "$(grep "^# $name:" "$work/third")" ] ||
        fail "$name: the seed makes no difference"
done
