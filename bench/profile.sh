#!/bin/sh
# profile.sh [NAME]...: where the kernel's instructions go on capOS while each metric is measured, by
# function; all metrics without an argument.
#
#   CPUS=4   the operations of bench/cpus.def, on so many CPUs
#
# QEMU writes down each instruction of the kernel, which takes a minute. What is counted is exact,
# rounds of warming up included; what is inlined counts for the function that it went into.
set -eu
cd "$(dirname "$0")/.."

BUILD=build/bench
KERNEL=build/capos-kernel.elf
NM=${NM:-llvm-nm-19}
LINES=20 # of a profile
CPUS=${CPUS:-}

# What is measured is known by its function in the program.
if [ -n "$CPUS" ]; then
    package=cpus
    prefix=once_
else
    package=metrics
    prefix=bench_
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# symbols FILE: ADDRESS NAME of each function; addresses have sixteen digits, as QEMU writes them.
symbols() {
    "$NM" --defined-only -n "$1" | awk '$2 ~ /[tTwW]/ { print $1, $3 }'
}

symbols "$KERNEL" >"$work/kernel"
symbols "$BUILD/capos/bench.elf" | sed -n "s/ $prefix/ /p" >"$work/metrics"
# shellcheck disable=SC2046 # names are words
[ $# -gt 0 ] || set -- $(cut -d ' ' -f 2 "$work/metrics")
for metric in "$@"; do
    grep -q " $metric\$" "$work/metrics" && continue
    echo "profile.sh: capOS has no '$metric'; bench/metrics.def and bench/cpus.def list them" >&2
    exit 1
done

# The log is filtered to the kernel, and to the first instruction of each metric: those tell which
# one the kernel works for.
filter=0xffffffff80000000..0xfffffffffffffffe
while read -r address metric; do
    filter=$filter,0x$address+1
done <"$work/metrics"

timeout -k 5 600 sh bench/machine.sh counted "${CPUS:-1}" "$work/console" 1024 \
    -singlestep -d exec,nochain -dfilter "$filter" -D /dev/stdout \
    -kernel "$KERNEL" -initrd "$BUILD/capos/$package.package" </dev/null |
    awk -F / '
        !/^Trace/ { next }
        $2 ~ /^ffff/ { count[metric, $2]++; next }
        { metric = $2 }
        END {
            for (pair in count) {
                split(pair, part, SUBSEP)
                print part[2], "~", part[1], count[pair]
            }
        }' >"$work/counts"

# By address: a function, then what was counted behind its first instruction.
LC_ALL=C sort "$work/kernel" "$work/counts" | awk '
    $2 != "~" { name = $2 }
    $2 == "~" { count[$3 " " name] += $4 }
    END { for (pair in count) print pair, count[pair] }' >"$work/functions"

for metric in "$@"; do
    address=$(grep " $metric\$" "$work/metrics" | cut -d ' ' -f 1)
    printf '%s\n' "$metric"
    grep "^$address " "$work/functions" | sort -k 3,3rn | awk -v lines="$LINES" '
        { name[NR] = $2; count[NR] = $3; total += $3 }
        END {
            for (i = 1; i <= NR && i <= lines; i++)
                printf "%12d %5.1f %%  %s\n", count[i], 100 * count[i] / total, name[i]
            printf "%12d in all\n\n", total
        }'
done
