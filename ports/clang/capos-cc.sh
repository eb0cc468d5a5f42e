#!/bin/sh
# capos-cc and capos-c++: clang for capOS, with all of its options. x86_64-unknown-capos-clang is
# another name for it, which build systems of others find.
#
#   capos-cc hello.c -o hello.elf
#
# It is the stock clang with the target that targets/x86_64-unknown-capos.cfg describes. Headers,
# library and link step are found beside it: BUILD/bin/capos-cc uses BUILD/etc, BUILD/sysroot and
# BUILD/libexec. CAPOS_CLANG names another clang.
set -eu

name=${0##*/}
clang=${CAPOS_CLANG:-clang-19}
self=$(readlink -f -- "$0")
root=$(dirname -- "$(dirname -- "$self")")
case $name in
*++) mode=g++ ;;
*) mode=gcc ;;
esac

die() {
    echo "$name: $*" >&2
    exit 1
}

[ -f "$root/sysroot/lib/libcapos.a" ] ||
    die "$root/sysroot: libcapos is not built; run make in the capOS tree"
command -v "$clang" >/dev/null ||
    die "$clang: not found; install it with: apt-get install clang-19 lld-19"

# What clang takes and capOS has no room for. Relocation models that are not for this machine
# (-fropi, -frwpi, -mdynamic-no-pic) clang refuses by itself.
has_lto=no has_source=no is_link=yes
for argument; do
    case $argument in
    -flto | -flto=*) has_lto=yes ;;
    -fno-lto) has_lto=no ;;
    -c | -S | -E | -fsyntax-only) is_link=no ;;
    *.c | *.cc | *.cpp | *.cxx | *.C | *.ll) has_source=yes ;;
    -mcmodel=kernel)
        die "$argument: this is for code in the highest 2 GiB; use small, medium or large" ;;
    -mcmodel=tiny)
        die "$argument: x86-64 has no such code model; use small, medium or large" ;;
    -mtls-dialect=gnu2)
        die "$argument: TLS descriptors need a dynamic linker, and capOS has none; leave it out" ;;
    esac
done
[ "$has_lto $has_source $is_link" != 'yes yes yes' ] ||
    die "-flto: clang hands no bitcode to this linker in one command; compile with -c, then link"

# Search paths of the host must not reach a program of another system.
unset CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH OBJC_INCLUDE_PATH LIBRARY_PATH COMPILER_PATH
exec "$clang" --driver-mode=$mode --no-default-config \
    --config="$root/etc/x86_64-unknown-capos.cfg" "$@"
