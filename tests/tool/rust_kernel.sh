#!/bin/sh
# An object in Rust for the kernel: it is called in a kernel made for this test, and it is code for
# a kernel: no vector registers, no red zone, nothing to be relocated.
set -eu
. tests/kit.sh
archive=build/rust/kernel/librust_test.a

fail() {
    echo "$*"
    tail -n 20 "$work/out" "$work/log" "$work/wrong" 2>/dev/null || :
    exit 1
}

build/capos run --kernel build/capos-kernel-rust.elf --grant console --log "$work/log" \
    build/demos/hello.elf >"$work/out" </dev/null || fail "the kernel did not run a program"
grep -qx 'rust: all is as it should be' "$work/log" || fail "it says nothing"
[ "$(grep -c '^rust: call [123] from 0xffffffff8[0-9a-f]*, least [0-9]*$' "$work/log")" = 3 ] ||
    fail "it was not called three times"

# Instructions with vector registers, and accesses below RSP. LEA computes with RSP and touches
# nothing.
find_vectors() { grep -E '%(x|y|z)mm|%st|%mm[0-7]' "$1"; }
find_red_zone() { grep -E -e '[[:space:]]-0x[0-9a-f]+\(%rsp\)' "$1" | grep -vw leaq; }

llvm-objdump-19 -d --no-show-raw-insn "$archive" >"$work/code"
[ "$(grep -c '>:$' "$work/code")" -gt 1000 ] || fail "there is hardly any code"
! find_vectors "$work/code" >"$work/wrong" || fail "it has vector registers"
! find_red_zone "$work/code" >"$work/wrong" || fail "it has a red zone"
# The code of programs has the former, and the same source for a target with a red zone the latter.
llvm-objdump-19 -d --no-show-raw-insn \
    build/sysroot/rust/lib/rustlib/x86_64-unknown-capos/lib/libcompiler_builtins-*.rlib \
    >"$work/code" 2>/dev/null
find_vectors "$work/code" >/dev/null || fail "vector registers are not found where they are"
RUSTC_BOOTSTRAP=1 /usr/bin/rustc --edition 2024 --crate-type lib --crate-name control \
    --emit obj="$work/control.o" -Copt-level=2 -Cno-redzone=no --target x86_64-unknown-none \
    -Crelocation-model=static -Zplt=yes --sysroot build/sysroot/rust tests/kernel/rust.rs
llvm-objdump-19 -d --no-show-raw-insn "$work/control.o" >"$work/code"
find_red_zone "$work/code" >/dev/null || fail "a red zone is not found where it is"

llvm-readelf-19 -hlS build/capos-kernel-rust.elf >"$work/elf"
grep -q 'Type: *EXEC' "$work/elf" || fail "the kernel is not linked at its address"
! grep -qE '\.(rela|tbss|tdata|got)' "$work/elf" || fail "something is left to be relocated"
! nm -u build/capos-kernel-rust.elf | grep . || fail "something is undefined"
