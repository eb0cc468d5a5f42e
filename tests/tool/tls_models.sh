#!/bin/sh
# The models of thread-local storage as the object files have them and as the linker leaves them,
# and how much of it there may be.
set -eu
. tests/kit.sh
bin=$PWD/build/bin
cc=$bin/capos-cc
readelf=$bin/x86_64-unknown-capos-readelf
objdump=$bin/x86_64-unknown-capos-objdump
capos=$PWD/build/capos
cd "$work"

# ends CODE PROGRAM: what it prints is in `said`, of both streams.
ends() {
    code=0
    "$capos" run "$2" </dev/null >said 2>&1 || code=$?
    [ "$code" = "$1" ] || fail "$2 ended with $code: $(cat said)"
}

# ---- initial-exec becomes local-exec ------------------------------------------------------------

cat >variables.c <<'END'
_Thread_local int number = 40;
_Thread_local int row[3];
END
cat >access.c <<'END'
extern _Thread_local int number, row[3];
static _Thread_local int own;
int read_number(void) { return number; }
int *place_of_row(long index) { return &row[index]; }
int add_to_own(int value) { return own += value; }
END
cat >main.c <<'END'
int read_number(void), *place_of_row(long index), add_to_own(int value);
int main(void) {
    *place_of_row(2) = 1;
    return read_number() + *place_of_row(2) + *place_of_row(1) + add_to_own(1);
}
END
"$cc" -O2 -c variables.c main.c
for options in '-O2 -fPIC' '-O0 -fPIC' '-O2 -fPIE' '-O2 -fPIC -mcmodel=large'; do
    # shellcheck disable=SC2086
    "$cc" $options -ftls-model=initial-exec -c access.c
    "$objdump" --disassemble --reloc --no-show-raw-insn access.o >code
    # The large model, too, as the table is near; ADD is what is best for an address.
    grep -B1 R_X86_64_GOTTPOFF code | grep -q 'movq' || fail "$options: not looked up by MOV"
    [ "${options#-O0}" != "$options" ] || grep -B1 R_X86_64_GOTTPOFF code | grep -q 'addq' ||
        fail "$options: not looked up by ADD"
    ! grep -Eq 'R_X86_64_(TLSGD|TLSLD)' code || fail "$options: another model: $(cat code)"
    "$cc" main.o access.o variables.o -o program.elf
    "$readelf" --relocs --sections --wide program.elf >sections
    ! grep -Eq '\.(plt|rela|dynamic)|R_X86_64' sections || fail "$options: $(cat sections)"
    # Where position-independent code is linked lld keeps the name of a table that is empty.
    table=$(sed -n 's/.* \.got  *PROGBITS  *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\) .*/\1/p' sections)
    [ "$((0x${table:-0}))" = 0 ] || fail "$options: there is something to look up: $(cat sections)"
    ends 42 program.elf
done

# local-exec is the default, of position-independent code as well.
for options in -O2 '-O2 -fPIC'; do
    # shellcheck disable=SC2086
    "$cc" $options -c access.c
    "$objdump" --reloc access.o >code
    grep -q R_X86_64_TPOFF32 code || fail "$options: not local-exec: $(cat code)"
    ! grep -Eq 'R_X86_64_(GOTTPOFF|TLSGD|TLSLD)' code || fail "$options: $(cat code)"
    "$cc" main.o access.o variables.o -o program.elf
    ends 42 program.elf
done

# ---- how much there may be ----------------------------------------------------------------------

cat >much.c <<'END'
static _Thread_local _Alignas(ALIGNMENT) volatile char bytes[SIZE];
int main(void) {
    bytes[SIZE - 1] = 42;
    return (unsigned long)bytes % ALIGNMENT == 0 ? bytes[SIZE - 1] : 1;
}
END
"$cc" -DSIZE=1000000 -DALIGNMENT=4096 much.c -o much.elf
ends 42 much.elf
for excess in '-DSIZE=1048577 -DALIGNMENT=1' '-DSIZE=10 -DALIGNMENT=8192'; do
    # shellcheck disable=SC2086
    "$cc" $excess much.c -o much.elf
    ends 125 much.elf
    grep -q 'thread-local variables take over 1 MiB or ask for an alignment over 4096' said ||
        fail "$excess: the reason is not said: $(cat said)"
done
