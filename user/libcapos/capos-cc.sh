#!/bin/sh
# capos-cc: compiles and links C programs for capOS, with the options of clang.
#
#   capos-cc hello.c -o hello.elf
#
# It is the stock clang with capOS's target, headers and library, which it finds beside itself:
# BUILD/bin/capos-cc uses BUILD/sysroot and BUILD/libexec/capos-ld. CAPOS_CLANG names another clang.
set -eu

clang=${CAPOS_CLANG:-clang-19}
self=$(readlink -f -- "$0")
root=$(dirname -- "$(dirname -- "$self")")

if [ ! -f "$root/sysroot/lib/libcapos.a" ]; then
    echo "capos-cc: $root/sysroot: libcapos is not built; run make in the capOS tree" >&2
    exit 1
fi
if ! command -v "$clang" >/dev/null; then
    echo "capos-cc: $clang: not found; install it with: apt-get install clang-19 lld-19" >&2
    exit 1
fi

# Search paths of the host must not reach a program of another system.
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH LIBRARY_PATH COMPILER_PATH

# clang links for an operating system that it does not know through the program that -ccc-gcc-name
# names: capos-ld, found by -B. Address 0 is never mapped, and touching it is a fault that must not
# be optimised away.
CAPOS_SYSROOT=$root/sysroot exec "$clang" --no-default-config --start-no-unused-arguments \
    --target=x86_64-unknown-capos -D__capos__=1 -nostdlibinc -isystem "$root/sysroot/include" \
    -static -fno-pic -mcmodel=small -ftls-model=local-exec -fcf-protection=none \
    -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fno-asynchronous-unwind-tables \
    -fno-delete-null-pointer-checks -fstack-protector-strong -ffunction-sections -fdata-sections \
    -g -B"$root/libexec" -ccc-gcc-name capos-ld --end-no-unused-arguments "$@"
