#!/bin/sh
# machine.sh CLOCK CPUS CONSOLE MEMORY_MIB OPTION...: the machine that both sides run in. CPUS is
# what follows -smp; options say what is booted. Its first serial port writes to the file CONSOLE.
#
# CLOCK counted: one instruction is one nanosecond, idle time is skipped, and nothing of the host
# shows: two runs are the same, instruction by instruction. Several CPUs take turns. One has its turn
# until it pauses or halts or a timer of the machine is due; so a timer that no guest sees (of a
# filter on a network without anybody) ends turns at all places, every 3000 instructions.
#
# CLOCK wall: time is the host's, and each CPU is a thread of the host.
#
# The CPU has no fast string instructions, with which Linux clears pages byte by byte: eight times
# the count for the same work.
set -eu

clock=$1
cpus=$2
console=$3
memory=$4
shift 4
case $clock in
counted)
    set -- -accel tcg -icount shift=0,sleep=off -seed 1 \
        -rtc base=2026-01-01T00:00:00,clock=vm "$@"
    [ "$cpus" = 1 ] || set -- -netdev hubport,id=nobody,hubid=0 \
        -object filter-buffer,id=turns,netdev=nobody,queue=rx,interval=3 "$@"
    ;;
wall) set -- -accel tcg,thread=multi "$@" ;;
esac
exec "${CAPOS_QEMU:-qemu-system-x86_64}" -M q35 -cpu max,-erms,-fsrm -smp "$cpus" -m "$memory" \
    -nodefaults -no-user-config -no-reboot -display none -serial "file:$console" \
    -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"
