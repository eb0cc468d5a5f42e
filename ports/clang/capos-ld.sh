#!/bin/sh
# capos-ld: the link step of capos-cc. Takes the command line that clang writes for gcc and runs
# lld with what makes a capOS program: static, at 0x200000, no page in two segments, large data
# behind all else, unused functions and their ELF notes dropped. CAPOS_LLD names another lld.
set -eu

lld=${CAPOS_LLD:-ld.lld-19}
self=$(readlink -f -- "$0")
lib=$(dirname -- "$(dirname -- "$self")")/sysroot/lib
start="$lib/crt0.o"
libraries='-lcapos -lbuiltins'
output=a.out
is_program=yes

die() {
    echo "capos-ld: $*" >&2
    exit 1
}

# Rewrites the positional parameters in place: each is taken from the front and what lld is to see
# of it is put at the back.
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
    -Wl,*)
        words=${argument#-Wl,},
        while [ -n "$words" ]; do
            set -- "$@" "${words%%,*}"
            words=${words#*,}
        done
        ;;
    -Xlinker)
        set -- "$@" "$1"
        shift
        count=$((count - 1))
        ;;
    -o)
        output=$1
        set -- "$@" -o "$1"
        shift
        count=$((count - 1))
        ;;
    -r)
        is_program=no
        set -- "$@" -r
        ;;
    -nostdlib) start='' libraries='' ;;
    -nostartfiles) start='' ;;
    -nodefaultlibs) libraries='' ;;
    -m64 | -static | -no-pie | -pthread | -f* | -O* | -g*) ;;
    -shared | -pie | -static-pie)
        die "$argument: capOS programs are static and fixed in place; leave it out" ;;
    *) set -- "$@" "$argument" ;;
    esac
done

[ "$is_program" = yes ] || exec "$lld" "$@"

# Code that asks at run time where a thread-local variable is calls __tls_get_addr, of the dynamic
# linker. lld would make it ask no more; but whoever compiled it so counts on libraries that are
# loaded later, and none are.
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
code=0
said=$("$lld" -static --gc-sections --image-base=0x200000 --build-id=none -z noexecstack \
    -z separate-loadable-segments -z max-page-size=4096 -z norelro -z lrodata-after-bss \
    --trace-symbol=__tls_get_addr ${start:+"$start"} "$@" -L"$lib" $libraries 2>"$errors") || {
    code=$?
}
cat "$errors" >&2
dynamic=$(printf '%s\n' "$said" | sed -n 's/: reference to __tls_get_addr$//p')
[ -z "$said" ] || printf '%s\n' "$said" | grep -v '__tls_get_addr$' || :
if grep -q 'relocation R_X86_64_[A-Z0-9]* out of range' "$errors"; then
    die "code of the small model reaches 2 GiB, and what is named above is further away; compile" \
        "with -mcmodel=medium where static data are large, with -mcmodel=large where code is far"
fi
[ "$code" = 0 ] || exit "$code"
if [ -n "$dynamic" ]; then
    rm -f "$output"
    die "$(printf '%s' "$dynamic" | tr '\n' ' '): thread-local variables by the model" \
        "general-dynamic or local-dynamic, which need a dynamic linker, and capOS has none;" \
        "compile with -ftls-model=local-exec, or without -fPIC"
fi
