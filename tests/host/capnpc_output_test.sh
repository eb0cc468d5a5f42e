#!/bin/sh
# What capnpc-capos writes and refuses, from outside. Run from the root of the tree. Prints TAP.
set -u

root=$PWD
generator=$root/build/bin/capnpc-capos
compiler=${CC:-clang-19}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
suite=capnpc
. tests/check/tap.sh

# generate FILE: the schema in $work/schema/FILE goes through the generator into $work/gen.
generate() {
    rm -rf "$work/gen" && mkdir -p "$work/gen"
    capnp compile -I"$root/schema" --src-prefix="$work/schema" -o"$generator:$work/gen" \
        "$work/schema/$1"
}

# refused FILE WORDS BODY: this schema is refused, and the message names the file and has the words.
refused() {
    mkdir -p "$work/schema"
    printf '@0xa0b1c2d3e4f50617;\nusing Capos = import "/capos.capnp";\n%s\n' "$3" \
        >"$work/schema/$1"
    ! generate "$1" 2>"$work/message" &&
        grep -q "^capnpc-capos: .*$1: .*$2" "$work/message" ||
        { cat "$work/message" && false; }
}

check "a method with a default is refused" \
    refused toy.capnp "Toy.run: a has a default" 'interface Toy { run @0 (a :UInt32 = 7); }'
check "a capability as a parameter is refused" \
    refused toy.capnp "pass its id as UInt64" 'interface Toy { run @0 (a :Toy); }'
check "Bool in a message is refused" \
    refused toy.capnp "a is a Bool" 'interface Toy { run @0 (a :Bool); }'
check "a result of text is refused" \
    refused toy.capnp "a Data at their end" 'interface Toy { run @0 () -> (a :Text); }'
check "two bulk buffers are refused" \
    refused toy.capnp "one bulk buffer" 'interface Toy { run @0 (a :Data) -> (b :Data); }'
check "an interface in the wrong file is refused" \
    refused toys.capnp "move it to toy.capnp" 'interface Toy {}'
check "two interfaces in a file are refused" \
    refused toy.capnp "one interface" 'interface Toy {} interface Other {}'
check "an inherited interface is refused" \
    refused toy.capnp "repeat the methods" 'interface Toy extends(Toy.Base) { interface Base {} }'
check "a union is refused" \
    refused toy.capnp "unions are not supported" 'struct S { union { a @0 :UInt8; b @1 :UInt8; } }'
check "a constant is refused" \
    refused toy.capnp "only interfaces, structs" 'const limit :UInt32 = 3;'
check "a word of C as a parameter is refused" \
    refused toy.capnp "register is a word of C" 'interface Toy { run @0 (register :UInt8); }'
check "a word of C++ as a parameter is refused" \
    refused toy.capnp "namespace is a word of C, of C++" \
    'interface Toy { run @0 (namespace :UInt8); }'
check "equal argument names are refused" \
    refused toy.capnp "would be called toy" 'interface Toy { run @0 (toy :UInt8); }'
check "a comment that ends a comment is refused" \
    refused toy.capnp "mark of a C comment" 'interface Toy { run @0 (); # */ int x;
}'
check "a grant without a summary is refused" \
    refused toy.capnp "lacks a name or a summary" 'interface Toy $Capos.grant(name = "toy") {}'

no_request() {
    ! printf 'no request' | "$generator" 2>"$work/message" &&
        grep -q 'capnp compile' "$work/message"
}
check "what is not a request is refused" no_request

# The order in which the compiler names the files makes no difference, nor does an earlier run.
any_order() {
    rm -rf "$work/gen" && mkdir "$work/gen" &&
        capnp compile -Ischema --src-prefix=schema -o"$generator:$work/gen" \
            $(ls schema/*.capnp | sort -r) &&
        diff -r -x .stamp build/gen "$work/gen"
}
check "the order of the files makes no difference" any_order

# Every shape of method in one interface: it compiles, for programs and for the kernel.
all_shapes() {
    cat >"$work/schema/toy.capnp" <<'SCHEMA'
@0xa0b1c2d3e4f50617;
using Capos = import "capos.capnp";
interface Toy $Capos.grant(name = "toy", summary = "a \"toy\"") {
  mixed @0 (a :Int8, b :UInt32, c :Kind, d :Int16, e :Int64) -> (r :Int8);
  wide @1 (a :UInt8, b :UInt64, c :UInt64, d :UInt64) -> (kind :Kind);
  receive @2 (a :UInt16) -> (x :UInt32, y :Int8, data :Data);
  send @3 (a :Int32, bytes :Data) -> (x :UInt32, y :Kind);
  variable @4 (text :Text) -> (x :Int32, data :Data);
  named @5 Pair -> Pair;
  nothing @6 ();
  enum Kind { first @0; second @1; }
}
struct Pair { a @0 :UInt8; b @1 :UInt16; }
SCHEMA
    printf '@0xa0b1c2d3e4f50618;\ninterface Bare {}\n' >"$work/schema/bare.capnp"
    cp schema/capos.capnp schema/errors.capnp schema/opcodes.capnp "$work/schema/"
    rm -rf "$work/gen" && mkdir "$work/gen" &&
        capnp compile --src-prefix="$work/schema" -o"$generator:$work/gen" \
            "$work/schema/toy.capnp" "$work/schema/bare.capnp" "$work/schema/errors.capnp" \
            "$work/schema/opcodes.capnp" || return 1
    flags="-std=c17 -ffreestanding -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes
        -Wno-unused-parameter -Werror -fsyntax-only -Iinclude -I$work/gen/include"
    "$compiler" $flags -Iuser/libcapos/include "$work/gen/client/toy.c" &&
        "$compiler" $flags -Iuser/libcapos/include "$work/gen/client/bare.c" &&
        "$compiler" $flags -I. -I"$work/gen/kernel" -DCAPOS_KERNEL \
            "$work/gen/kernel/interfaces.c" &&
        "$compiler" $flags "$work/gen/host/capos_tables.c"
}
check "every shape of method compiles" all_shapes

# ---- the stubs ------------------------------------------------------------------------------

user() {
    "$compiler" --target=x86_64-unknown-capos -std=c17 -O2 -ffreestanding -ffunction-sections \
        -Wall -Wextra -Wconversion -Werror -Iinclude -Ibuild/gen/include \
        -Iuser/libcapos/include "$@"
}

# uses FUNCTION...: which methods the notes name in a program that calls these functions.
uses() {
    {
        printf '#include "capos/invoke.h"\nvoid _start(void);\n'
        for function in "$@"; do printf 'void %s(void);\n' "$function"; done
        printf 'void _start(void) {\n'
        for function in "$@"; do printf '%s();\n' "$function"; done
        printf '}\n'
    } >"$work/program.c"
    user -c "$work/program.c" -o "$work/program.o" &&
        user -c build/gen/client/timer.c -o "$work/timer.o" &&
        user -c build/gen/client/console.c -o "$work/console.o" &&
        ld.lld-19 --gc-sections "$work/program.o" "$work/timer.o" "$work/console.o" \
            -o "$work/program.elf" &&
        llvm-readelf-19 -nl "$work/program.elf" >"$work/notes" || return 1
    # Interface id and ordinal of each note, as bytes.
    sed -n 's/^ *description data: //p' "$work/notes" | cut -d ' ' -f 1-12 | sort >"$work/found"
    grep -q 'NOTE ' "$work/notes"
}

id() {
    sed -n "s/.*CAPOS_$1_INTERFACE UINT64_C(0x\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)).*/\
\8 \7 \6 \5 \4 \3 \2 \1/p" "build/gen/include/capos/$2.h"
}

one_note() {
    uses capos_timer_sleep || return 1
    echo "$(id TIMER timer) 01 00 00 00" | diff - "$work/found"
}
two_notes() {
    uses capos_timer_now capos_console_write || return 1
    { echo "$(id TIMER timer) 00 00 00 00" && echo "$(id CONSOLE console) 00 00 00 00"; } |
        sort | diff - "$work/found"
}
check "the linker keeps the note of the stub that it keeps" one_note
check "each stub has its own note" two_notes

# The message of Console.write, printed by a host program in place of the kernel, is what capnp
# decodes as a struct of the same fields. The stub meets a header of that program's own.
write_message() {
    mkdir -p "$work/in-place/capos"
    cat >"$work/in-place/capos/invoke.h" <<'HEADER'
#include "capos/abi.h"
struct capos_reply { int64_t result; uint64_t aux; };
struct capos_reply capos_invoke(uint64_t control, capos_cap_t capability, uint64_t a0, uint64_t a1,
                                uint64_t a2, uint64_t deadline_ns);
HEADER
    cat >"$work/write.c" <<'PROGRAM'
#include <stdio.h>
#include "capos/console.h"
#include "capos/invoke.h"
struct capos_reply capos_invoke(uint64_t control, capos_cap_t capability, uint64_t a0, uint64_t a1,
                                uint64_t a2, uint64_t deadline_ns) {
    uint64_t length = control >> CAPOS_ENTER_LENGTH_SHIFT & CAPOS_ENTER_LENGTH_MAX;
    uint64_t table = (length / 8 + 1) << 32, padding = 0;
    fwrite(&table, 8, 1, stdout);
    fwrite((const void *)a0, 1, length, stdout);
    fwrite((const void *)a1, 1, a2, stdout);
    fwrite(&padding, 1, 8 - a2, stdout);
    return (struct capos_reply){capability == 9 && deadline_ns == CAPOS_FOREVER ? 0 : -1, 5};
}
int main(void) {
    uint64_t count = 0;
    int64_t status = capos_console_write(9, CAPOS_CONSOLE_STREAM_ERROR, "hello", 5, &count);
    return status != 0 || count != 5;
}
PROGRAM
    printf '@0xa0b1c2d3e4f50617;\nstruct Write { stream @0 :UInt16; data @1 :Data; }\n' \
        >"$work/write.capnp"
    "$compiler" -std=c17 -I"$work/in-place" -Iinclude -Ibuild/gen/include "$work/write.c" \
        build/gen/client/console.c -o "$work/write" && "$work/write" >"$work/message" &&
        [ "$(capnp decode --short "$work/write.capnp" Write <"$work/message")" = \
            '(stream = 1, data = "hello")' ]
}
check "the struct that a stub fills is the message" write_message

finish
