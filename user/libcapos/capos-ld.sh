#!/bin/sh
# capos-ld: the link step of capos-cc. Takes the command line that clang writes for gcc and runs
# lld with what makes a capOS program: static, at 0x200000, no page in two segments, unused functions
# and their ELF notes dropped.
set -eu

lld=${CAPOS_LLD:-ld.lld-19}
lib=$CAPOS_SYSROOT/lib
start="$lib/crt0.o"
libraries=-lcapos

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
    -nostdlib) start='' libraries='' ;;
    -nostartfiles) start='' ;;
    -nodefaultlibs) libraries='' ;;
    -m64 | -static | -no-pie | -pthread | -f* | -O* | -g*) ;;
    -shared | -pie | -static-pie)
        echo "capos-ld: $argument: capOS programs are static and fixed in place; leave it out" >&2
        exit 1
        ;;
    *) set -- "$@" "$argument" ;;
    esac
done

exec "$lld" -static --gc-sections --image-base=0x200000 --build-id=none -z noexecstack \
    -z separate-loadable-segments -z max-page-size=4096 -z norelro ${start:+"$start"} "$@" -L"$lib" $libraries
