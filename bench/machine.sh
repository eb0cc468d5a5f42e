#!/bin/sh
# machine.sh CONSOLE MEMORY_MIB OPTION...: the machine that both sides run in; options say what it
# boots. Its first serial port writes to the file CONSOLE.
#
# One instruction is one nanosecond, idle time is skipped, and nothing of the host shows: two runs
# are the same, instruction by instruction. The CPU has no fast string instructions, with which
# Linux clears pages byte by byte: eight times the count for the same work.
set -eu

console=$1
memory=$2
shift 2
exec "${CAPOS_QEMU:-qemu-system-x86_64}" -M q35 -accel tcg -icount shift=0,sleep=off \
    -cpu max,-erms,-fsrm -smp 1 -m "$memory" -seed 1 -rtc base=2026-01-01T00:00:00,clock=vm \
    -nodefaults -no-user-config -no-reboot -display none -serial "file:$console" \
    -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"
