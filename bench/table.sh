#!/bin/sh
# table.sh FOLDER: prints the tables of FOLDER/{capos,linux}.{results,speedup} in the order of
# bench/metrics.def and bench/cpus.def, and writes FOLDER/results.tsv: metric, class, capOS, Linux.
set -eu

folder=$1
for side in capos linux; do
    touch "$folder/$side.results" "$folder/$side.speedup"
done
awk -v tsv="$folder/results.tsv" -f bench/table.awk bench/metrics.def bench/cpus.def \
    "$folder/capos.results" "$folder/linux.results" "$folder/capos.speedup" "$folder/linux.speedup"
