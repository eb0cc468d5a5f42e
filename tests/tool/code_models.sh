#!/bin/sh
# The code models as a user meets them: how much the small one holds and what it says beyond, what
# the linker makes of large data, where images may stand, and reports from code that is far away.
set -eu
. tests/kit.sh
cc=$PWD/build/bin/capos-cc
cxx=$PWD/build/bin/capos-c++
readelf=$PWD/build/bin/x86_64-unknown-capos-readelf
capos=$PWD/build/capos
cd "$work"

# ends CODE PROGRAM: what it prints is in `said`, of both streams.
ends() {
    code=0
    "$capos" run --grant console "$2" </dev/null >said 2>&1 || code=$?
    [ "$code" = "$1" ] || fail "$2 ended with $code: $(cat said)"
}

# address SECTION PROGRAM: in decimal.
address() {
    hexadecimal=$("$readelf" --sections --wide "$2" | sed 's/\[ *[0-9]*\]//' |
        awk -v name="$1" '$1 == name { print $3 }')
    [ -n "$hexadecimal" ] || fail "$2 has no $1"
    echo $((0x$hexadecimal))
}

# ---- small, and beyond --------------------------------------------------------------------------

cat >data.c <<'END'
static volatile char data[SIZE];
volatile int behind = 3;
int table[20000] = {[19999] = 4};
const int constants[20000] = {[19999] = 5};
volatile int last = 19999;
int main(void) {
    data[0] = 1;
    data[SIZE - 1] = 29;
    return data[0] + data[SIZE / 2] + data[SIZE - 1] + behind + table[last] + constants[last];
}
END
"$cc" -O2 -DSIZE='(1ull << 30)' data.c -o small.elf
ends 42 small.elf

! "$cc" -O2 -DSIZE='(3ull << 30)' data.c -o refused.elf 2>refusal || fail "3 GiB: taken as small"
grep -q 'out of range.*references' refusal || fail "what is far is not named: $(cat refusal)"
grep -q '^capos-ld: .*-mcmodel=medium.*-mcmodel=large' refusal || fail "no remedy: $(cat refusal)"
[ ! -e refused.elf ] || fail "a program was made all the same"

# ---- medium and large ---------------------------------------------------------------------------

for model in medium large; do
    for level in 0 2; do
        "$cc" -O$level -mcmodel=$model -DSIZE='(3ull << 30)' data.c -o $model.elf
        ends 42 $model.elf
    done
    # Whatever must be near is in front of what need not be.
    near=$(address .bss $model.elf)
    [ $((near >> 31)) = 0 ] || fail "$model: .bss at $near"
    [ "$near" -lt "$(address .lbss $model.elf)" ] || fail "$model: .lbss is in front"
    for section in .lrodata .ldata; do
        far=$(address $section $model.elf)
        [ $((far >> 31)) != 0 ] || fail "$model: $section at $far"
    done
    "$readelf" --relocs --sections --wide $model.elf >sections
    ! grep -Eq '\.(got|plt|rela|dynamic)' sections || fail "$model: a section: $(cat sections)"
done
# The limit from which on medium takes data for large is the user's.
"$cc" -O2 -mcmodel=medium -mlarge-data-threshold=2 -DSIZE='(3ull << 30)' data.c -o medium.elf
ends 42 medium.elf
# Optimised across objects.
for model in medium large; do
    "$cc" -O2 -flto -mcmodel=$model -DSIZE='(3ull << 30)' -c data.c
    "$cc" -O2 -flto data.o -o $model.elf
    ends 42 $model.elf
    [ $(($(address .lrodata $model.elf) >> 31)) != 0 ] || fail "$model: -flto brings .lrodata near"
done
# C++. clang would compute what a constructor does at compile time, with 3 GiB of its own.
cat >construct.cc <<'END'
static char cells[3ull << 30];
static volatile unsigned long end = sizeof cells;
struct Grid {
    char *last;
    Grid() : last(&cells[end - 1]) { *last = 42; }
};
static Grid grid;
int main() { return *grid.last; }
END
"$cxx" -O1 -mcmodel=medium construct.cc -o construct.elf
ends 42 construct.elf

# ---- objects of several models in one program ---------------------------------------------------

# Position-independent code finds what is far in a table, which the linker fills; code of the small
# model that names it is refused.
cat >zeros.c <<'END'
char zeros[3ull << 30];
int table[20000] = {[7] = 40};
END
cat >sum.c <<'END'
extern char zeros[];
extern int table[];
int sum(void) {
    zeros[5] = 2;
    return zeros[5] + table[7];
}
END
echo 'int sum(void); int main(void) { return sum(); }' >calls.c
"$cc" -O2 -mcmodel=medium -c zeros.c
"$cc" -O2 -c calls.c
for options in -mcmodel=medium -mcmodel=large -fPIC -fPIE '-fPIC -mcmodel=medium' \
    '-fPIC -mcmodel=large'; do
    # shellcheck disable=SC2086
    "$cc" -O2 $options -c sum.c
    "$cc" calls.o sum.o zeros.o -o mixed.elf
    ends 42 mixed.elf
done
"$cc" -O2 -c sum.c
! "$cc" calls.o sum.o zeros.o -o mixed.elf 2>refusal || fail "small code reaches what is far"
grep -q "references '\(zeros\|table\)'" refusal || fail "what is far is not named: $(cat refusal)"

# ---- code that is far ---------------------------------------------------------------------------

cat >far.c <<'END'
#include <capos/capos.h>
int *nowhere;
__attribute__((noinline)) static int reach(int *place) { return *place; }
int main(void) {
    capos_printf("main is at %p\n", (void *)main);
    return reach(nowhere) + 1;
}
END
echo 'SECTIONS { .ltext 0x180000000 : { *(.ltext .ltext.*) } } INSERT AFTER .bss;' >far.ld
"$cc" -O1 -mcmodel=large far.c -Wl,-T,far.ld -o far.elf
ends 142 far.elf
grep -q 'main is at 0x18000' said || fail "main is not far: $(cat said)"
grep -q 'page fault reading address 0x0 .*; in reach at .*far.c:3$' said ||
    fail "the report does not say where: $(cat said)"
grep -Eq '#[0-9] 0x0+18000[0-9a-f]+ main at .*far.c:6$' said || fail "not who called: $(cat said)"

# ---- where images may stand ---------------------------------------------------------------------

# Over the addresses at which the kernel begins to place things, and far above them.
cat >start.c <<'END'
#include <capos/abi.h>
static const char words[] = "here";
_Noreturn void _start(void) {
    __asm__ volatile("syscall" : : "a"((long)CAPOS_SYS_EXIT), "D"(40L + (words[0] == 'h') * 2L));
    __builtin_unreachable();
}
END
for base in 0xffff0000 0x100000000 0x13ffff000 0x7f0000000000; do
    "$cc" -O1 -mcmodel=large -nostdlib -fno-stack-protector start.c \
        -Wl,--image-base=$base -o placed.elf
    ends 42 placed.elf
done

# One that would reach over more than the loader takes.
"$cc" -O1 -mcmodel=large -DSIZE='(1ull << 40)' data.c -o wide.elf
ends 125 wide.elf
grep -q 'outside the addresses of programs' said || fail "another reason: $(cat said)"
