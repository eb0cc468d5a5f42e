#!/bin/sh
# Runs every program that tests again and again and ends with the first failure.
#
#   N=20         passes; 1 when SEED is given
#   CPUS=1,2,4   with these numbers of CPUs
#   SEED=NUMBER  of the first pass, the next one has the next number; drawn without this
#   ONLY=WORD    the programs whose names contain WORD
#   JOBS=2       so many at once
#   LOAD=1       a busy loop for each CPU of this host runs beside them
#   FOLDER=NAME  where all of it is left (build/soak)
#
# A pass is the programs of the suite on a microvm whose CPUs are threads of QEMU, and then those
# that take a seed once more under the instruction clock, where the same seed is the same run. The
# first failure is kept in FOLDER/failure: command, seed, what it printed, the kernel's log.
set -eu
cd "$(dirname "$0")/.."

CPUS=${CPUS:-1,2,4}
ONLY=${ONLY-}
JOBS=${JOBS:-2}
LOAD=${LOAD-}
FOLDER=${FOLDER:-build/soak}
if [ -n "${SEED-}" ]; then
    N=${N:-1}
else
    N=${N:-20}
    SEED=$(($(od -An -N4 -tu4 /dev/urandom) % 1000000))
fi
WORK=$FOLDER/run
KEPT=$FOLDER/failure
SLOWER=5 # the limits of the suite are for a host that has nothing else to do

say() {
    printf '%s\n' "$*"
}

# ---- what runs beside -------------------------------------------------------------------------

load=
begin_load() {
    for _ in $(seq "$(nproc)"); do
        sh -c 'while :; do :; done' 9>&- &
        load="$load $!"
    done
}

runs=
end_all() {
    # shellcheck disable=SC2086 # a list of process ids
    [ -z "$load$runs" ] || kill $load $runs 2>/dev/null || :
    for file in "$WORK"/*/pid; do
        [ ! -e "$file" ] || kill "$(cat "$file")" 2>/dev/null || :
    done
}
trap end_all EXIT
trap 'say stopped; exit 130' INT TERM

# ---- a pass -----------------------------------------------------------------------------------

# The runs of a pass: the suite, then who takes a seed.
list_runs() {
    sh scripts/list-programs.sh "$CPUS" | awk -v only="$ONLY" -v cpus=",$CPUS," '
        $4 == "microvm" && $6 == 0 && index($2, only) && index(cpus, "," $5 ",")' >"$WORK/suite"
    while read -r kind name elf machine cpus _; do
        source=tests/$name.c
        [ ! -e "$source" ] || ! grep -q '^// seed:' "$source" ||
            say "$kind $name $elf $machine $cpus icount"
    done <"$WORK/suite" >"$WORK/seeded"
    cat "$WORK/suite" "$WORK/seeded"
}

# Keeps what the first test that failed has left, and says how to see it again.
keep_failure() {
    name=$(sed -n 's/^fail //p' "$WORK/results" | head -n 1)
    for folder in "$WORK"/*/; do
        [ -e "$folder/report" ] && grep -q "^not ok   $name" "$folder/report" || continue
        cp -r "$folder." "$KEPT"
        break
    done
    say "$1" >"$KEPT/seed"
    cat "$KEPT/report"
    say "    kept: $KEPT   again: sh $KEPT/command, or make soak SEED=$1 CPUS=$CPUS ONLY=$name"
}

# run_pass SEED: false when something has failed, which ends it.
run_pass() {
    rm -rf "$WORK"
    mkdir -p "$WORK"
    : >"$WORK/results"
    list_runs >"$WORK/list"
    [ -s "$WORK/list" ] || { say "no program has a name with '$ONLY'" && return 1; }
    # An exit code of 255 makes xargs start no more.
    env RUN="$WORK" SEED="$1" SLOWER="$SLOWER" FAILED=255 CAPOS_ACCEL=tcg \
        xargs -P "$JOBS" -L 1 sh scripts/run-test.sh <"$WORK/list" >"$WORK/lines" 2>&1 9>&- &
    runs=$!
    wait "$runs" || :
    runs=
    if grep -q '^fail ' "$WORK/results"; then
        keep_failure "$1"
        return 1
    fi
    lost=$(($(wc -l <"$WORK/list") - $(wc -l <"$WORK/results")))
    [ "$lost" -eq 0 ] || { say "$lost runs ended without a result" && return 1; }
}

mkdir -p "$FOLDER"
exec 9>"$FOLDER/lock"
flock -n 9 || { say "another make soak runs in $FOLDER; waiting for its end" && flock 9; }
rm -rf "$KEPT"
mkdir -p "$KEPT"
[ -z "$LOAD" ] || begin_load
pass=0
while [ "$pass" -lt "$N" ]; do
    say "pass $((pass + 1)) of $N, seed $((SEED + pass)), CPUs $CPUS"
    run_pass $((SEED + pass)) || { say "$pass passed, 1 failed" && exit 1; }
    say "         $(wc -l <"$WORK/results") runs"
    pass=$((pass + 1))
done
rmdir "$KEPT"
say "$N passed, 0 failed"
