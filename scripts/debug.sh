#!/bin/sh
# Starts the machine stopped before its first instruction, and writes build/debug.gdb, with which
# gdb attaches to it and knows the symbols of kernel, init and program.
#
#   PROGRAM=FILE   the program to run; without it the shell
#   GRANT=NAMES    what it is granted
#   PORT=N         where the machine listens on 127.0.0.1; without it, a port of this user's own
set -eu
cd "$(dirname "$0")/.."

port=${PORT:-$((20000 + $(id -u) % 20000))}
program=${PROGRAM:-}

cat >build/debug.gdb <<END
set pagination off
set confirm off
file build/capos-kernel.elf
add-symbol-file build/debug/init.elf
add-symbol-file ${program:-build/user/shell.elf}
target remote 127.0.0.1:$port
END

cat >&2 <<END
The machine waits for a debugger. In another terminal, in $PWD:

    gdb -x build/debug.gdb

Ctrl-C here ends the machine.
END
# A breakpoint in a program that is not loaded yet needs QEMU's own processor: it knows breakpoints
# by address, and writes nothing into memory.
set -- --accel tcg --init build/debug/init.elf --debug "$port"
if [ -n "$program" ]; then
    exec build/capos run "$@" ${GRANT:+--grant "$GRANT"} "$program"
fi
exec build/capos boot "$@"
