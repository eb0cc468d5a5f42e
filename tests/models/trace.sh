#!/bin/sh
# trace.sh FOLDER: writes FOLDER/MODEL-SEED.txt, the steps that touch core/ in runs that Spin chooses
# at random. SPIN is the program.
set -eu

folder=$1
here=$(dirname "$0")
mkdir -p "$folder"
rm -f "$folder"/*.txt

# trace MODEL SEED SWITCH...
trace() {
    model=$1 seed=$2
    shift 2
    {
        echo "# by make model-traces: spin -T -n$seed -u200000 -DTRACE $* $model.pml"
        "$SPIN" -T -n"$seed" -u200000 -DTRACE "$@" "$here/$model.pml" |
            sed -nE 's/ +$//; /^(submit|take|complete|count|acknowledge) /p
                /^(announce|retract)$/p; /^(idle|insert|remove|find|places|put|lose) /p'
    } >"$folder/$model-$seed.txt"
}

for seed in 1 2 3 4; do
    trace ring $seed -DENTRIES=60
    trace park $seed -DWAITS=100 -DMAPS=200 -DUNPARKS=100
done
