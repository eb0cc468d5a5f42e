#!/bin/sh
# run.sh PROGRAM FOLDER SECONDS: one fuzzer, starting from its seeds and from what earlier runs found
# in FOLDER. Prints a line; on a finding names the input, and exits 1.
set -eu

program=$1
folder=$2
seconds=$3
name=$(basename "$folder")

mkdir -p "$folder"
rm -f "$folder"-crash-* "$folder"-timeout-* "$folder"-oom-* "$folder"-leak-*
CAPOS_FUZZ_SEEDS=$folder "$program" -runs=0 >"$folder.log" 2>&1

status=0
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=32768 \
    -print_final_stats=1 -artifact_prefix="$folder-" "$folder" >"$folder.log" 2>&1 || status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder.log")

if [ "$status" -eq 0 ]; then
    echo "  ok       fuzz $name: ${runs:-no} inputs in $seconds s, nothing found"
else
    tail -n 40 "$folder.log" | sed 's/^/      /'
    echo "  not ok   fuzz $name: again with $program $(ls "$folder"-*-* 2>/dev/null | head -n 1)"
fi
exit $status
