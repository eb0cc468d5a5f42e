#!/bin/sh
# Calling conventions that programs do not have, and why; what the compiler does of those that it
# has where a test of registers cannot see it; and the one by which the kernel is entered.
set -eu
. tests/kit.sh
bin=$PWD/build/bin
kernel=$PWD/build/capos-kernel.elf
cd "$work"

# assemble FILE OPTION...: the assembly that the compiler makes, without directives.
assemble() {
    "$bin/capos-cc" -O2 -g0 -fomit-frame-pointer -S "$@" -o - | grep -v '^[[:space:]]*\.'
}

# ---- those of 32-bit Windows: ignored, and said so ----------------------------------------------

for convention in stdcall fastcall thiscall pascal; do
    echo "__attribute__(($convention)) int f(int a, int b) { return a + b; }" >$convention.c
    "$bin/capos-cc" -O1 -S -emit-llvm $convention.c -o $convention.ll 2>warning
    grep -q "'$convention' calling convention is not supported .*-Wignored-attributes" warning ||
        fail "$convention: no warning: $(cat warning)"
    grep -q '^define dso_local \(noundef \)*i32 @f(' $convention.ll ||
        fail "$convention: not a C function: $(grep '^define' $convention.ll)"
    ! "$bin/capos-cc" -Werror=ignored-attributes -c $convention.c 2>/dev/null ||
        fail "$convention: not an error where one is asked for"
done

# ---- those of other runtimes --------------------------------------------------------------------

cat >function.ll <<'END'
target triple = "x86_64-unknown-capos"
define CONVENTION void @f() { ret void }
END
refused() {
    sed "s/CONVENTION/$1/" function.ll >refused.ll
    ! "$bin/capos-cc" -c refused.ll -o refused.o 2>refusal || fail "$1: taken"
    grep -q "$2" refusal || fail "$1: refused otherwise: $(cat refusal)"
}
refused webkit_jscc 'expected type'
refused 'cc 11' 'HiPE prologue without runtime parameters'

# AnyReg says where a patch point, which a compiler at run time writes over, has its arguments.
cat >anyreg.ll <<'END'
target triple = "x86_64-unknown-capos"
declare i64 @llvm.experimental.patchpoint.i64(i64, i32, ptr, i32, ...)
define i64 @f(i64 %a, i64 %b) {
    %c = call anyregcc i64 (i64, i32, ptr, i32, ...) @llvm.experimental.patchpoint.i64(
        i64 1, i32 16, ptr null, i32 2, i64 %a, i64 %b)
    ret i64 %c
}
END
assemble anyreg.ll >anyreg.s
! grep -q call anyreg.s || fail "a patch point calls: $(cat anyreg.s)"
"$bin/capos-cc" -c anyreg.ll -o anyreg.o
llvm-readelf-19 -S anyreg.o | grep -q llvm_stackmaps || fail "a patch point without its map"

# ---- promises that have a condition -------------------------------------------------------------

# With AVX preserve_all keeps YMM registers whole, unless their upper halves are cleared after that.
cat >all.c <<'END'
void other(void);
__attribute__((preserve_all)) void f(void);
__attribute__((preserve_all)) void f(void) { other(); }
END
assemble -mavx all.c | tail -n 3 >clears
grep -q vzeroupper clears || fail "preserve_all with AVX: VZEROUPPER is gone; say so in targets.md"
assemble -mavx -mno-vzeroupper all.c >keeps
grep -q 'vmovups.*(%rsp), %ymm0' keeps || fail "preserve_all with AVX: no YMM registers"
! grep -q vzeroupper keeps || fail "preserve_all with AVX: VZEROUPPER in spite of the option"

# Cold returns integers alone: what is restored last is XMM0.
cat >cold.ll <<'END'
target triple = "x86_64-unknown-capos"
declare void @other()
define coldcc double @f() { call void @other() ret double 1.0 }
END
assemble cold.ll | grep '%xmm0$\|%xmm0 ' | tail -n 1 | grep -q Reload ||
    fail "cold returns a double; say so in targets.md"

# ---- interrupt handlers -------------------------------------------------------------------------

# In a program: a function that ends with IRETQ, which nothing but the program itself can enter.
cat >interrupt.c <<'END'
struct frame;
extern unsigned long count;
__attribute__((interrupt)) void f(struct frame *frame) { count++; }
END
assemble interrupt.c | grep -q iretq || fail "an interrupt handler without IRETQ"

# In the kernel: by stubs in assembly. No C function returns from an interrupt or goes back to
# a program, and none has a vector register.
llvm-objdump-19 -d --no-show-raw-insn "$kernel" >code
awk '/^[0-9a-f]+ <.*>:$/ { name = $2 } $2 ~ /^(iretq|sysretq)$/ { print name, $2 }' code |
    sort -u >ways
cat >expected <<'END'
<syscall_entry>: sysretq
<trap_ist>: iretq
<trap_leave>: iretq
<trap_resume>: iretq
<trap_resume>: sysretq
END
cmp -s expected ways || fail "other ways in and out of the kernel: $(diff expected ways)"
! grep -E '%[xyz]mm[0-9]' code || fail "the kernel has vector registers"
