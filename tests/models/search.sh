#!/bin/sh
# search.sh holds|fails NAME FOLDER MODEL SWITCH...: searches all states of a model for Spin. `holds`
# wants no error and a million states at least, `fails` an assertion or a deadlock. SPIN and CC are
# programs. What Spin said is left in FOLDER.
set -eu

want=$1 name=$2 folder=$3 model=$(realpath "$4")
shift 4
least=1000000

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
fail() {
    echo "$1 $name: $2, see $folder" >&2
    exit 1
}
case $want in
holds) kind=model optimize=-O2 ;;
*) kind=mutant optimize=-O1 ;;
esac
"$SPIN" -a "$@" "$model" >spin.log 2>&1 || fail $kind 'Spin refuses it'
"$CC" -w $optimize -DSAFETY -DCOLLAPSE -DVECTORSZ=512 -DMEMLIM=3500 -o search pan.c \
    >cc.log 2>&1 || fail $kind 'it does not compile'
# The exit status says nothing of errors found.
./search -m100000 -w24 >search.log 2>&1 || :

errors=$(sed -n 's/.* errors: //p' search.log)
states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' search.log)
seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\) .*/\1/p' search.log)
megabytes=$(sed -n 's/^ *\([0-9.]*\)\ttotal actual memory usage.*/\1/p' search.log)
# A search that ran out of depth, memory or time is none.
if grep -qE 'max search depth too small|out of memory|reached limit|Search not completed' \
    search.log && [ "${errors:-0}" = 0 ]; then
    fail $kind 'the search was cut short'
fi
case $want in
holds)
    [ "${errors:-1}" = 0 ] || fail model "errors: ${errors:-none counted}"
    [ "$(printf '%.0f' "$states")" -ge $least ] || fail model "$states states are too few"
    echo "model $name: holds, $states states, $seconds s, $megabytes MB"
    ;;
fails)
    [ "${errors:-0}" != 0 ] || fail mutant 'NOT CAUGHT'
    grep -qE 'assertion violated|invalid end state' search.log || fail mutant 'wrong kind of error'
    echo "mutant $name: caught"
    ;;
esac
rm -f search pan.*
