#!/bin/sh
# Runs a command with /proc mounted, for a bare chroot that has none: compilers, sanitizers and QEMU
# all read it. It is taken away again at the end.
set -eu

if ! mount -t proc proc /proc 2>/dev/null; then
    echo "capos: /proc is not mounted here; type this as root, then start again:" >&2
    echo "    mount -t proc proc /proc" >&2
    exit 125
fi
# Something that the command started may still be on its way out.
trap 'umount /proc 2>/dev/null || umount -l /proc' EXIT
trap : INT TERM
"$@"
