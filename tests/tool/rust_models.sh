#!/bin/sh
# Code models, relocation models and models of thread-local storage for Rust: what there is runs,
# and what there is not is refused by name before anything is built.
set -eu
. tests/kit.sh
cargo=$tree/build/bin/capos-cargo
readelf=$tree/build/bin/x86_64-unknown-capos-readelf
export CARGO_HOME="$tree/build/rust/cargo" CARGO_NET_OFFLINE=true
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

cd "$work"
"$tree/build/capos" new models --lang rust >"$work/out"
cd models
printf '[lints.rust]\nunexpected_cfgs = "allow"\n' >>Cargo.toml
cat >src/main.rs <<'END'
#![no_std]
#![feature(thread_local)]

use capos::println;
use core::cell::{Cell, UnsafeCell};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BYTES: usize = if cfg!(far) { 3 << 30 } else { 3 << 20 };
struct Bytes(UnsafeCell<MaybeUninit<[u8; BYTES]>>);
unsafe impl Sync for Bytes {}

// A value that is given would be computed, with 3 GiB of the compiler's own.
static ZEROS: Bytes = Bytes(UnsafeCell::new(MaybeUninit::uninit()));
static TABLE: [AtomicU64; 20000] = [const { AtomicU64::new(7) }; 20000];
static CONSTANTS: [u64; 20000] = {
    let mut constants = [5; 20000];
    constants[4] = 6;
    constants
};
static PLACES: [&AtomicU64; 2] = [&TABLE[0], &TABLE[19999]];
#[thread_local]
static OWN: Cell<u64> = Cell::new(3);

fn name(which: u64) -> &'static str {
    match black_box(which) {
        0 => "nought",
        1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        _ => "many",
    }
}

fn main() {
    let zeros = ZEROS.0.get().cast::<u8>();
    // SAFETY: they are in the array, and nobody else has it.
    let sum = unsafe {
        zeros.write_volatile(1);
        zeros.add(BYTES - 1).write_volatile(2);
        zeros.read_volatile()
            + zeros.add(BYTES / 2).read_volatile()
            + zeros.add(BYTES - 1).read_volatile()
    };
    PLACES[1].fetch_add(1, Relaxed);
    OWN.set(OWN.get() + 1);
    let (variable, constant) = (TABLE[black_box(19999)].load(Relaxed), CONSTANTS[black_box(4)]);
    println!("{sum} {variable} {constant} {}", name(OWN.get()));
    println!("{}", (PLACES[0] as *const AtomicU64 as usize) >> 31 != 0);
    println!("{}", (main as fn() as usize) >> 31 != 0);
}
END

# says FAR FLAGS...: built with these it says what it must, with static data above 2 GiB or not.
says() {
    far=$1
    shift
    run 0 env RUSTFLAGS="$*" "$cargo" run --quiet --release
    { printf '3 8 6 four\n%s\nfalse\n' "$far" | cmp -s - "$work/out"; } || fail "$*: another output"
    program=target/x86_64-unknown-capos/release/models
    "$readelf" --file-header --sections --relocs --wide $program >"$work/sections"
    grep -q 'Type: *EXEC' "$work/sections" || fail "$*: not a program at a fixed address"
    ! grep -Eq '\] \.(plt|rela|dynamic|interp)|R_X86_64' "$work/sections" ||
        fail "$*: a section: $(cat "$work/sections")"
}

# ---- what there is ------------------------------------------------------------------------------

says false -Ccode-model=small
says true -Ccode-model=medium --cfg far
says true -Ccode-model=large --cfg far
run 101 env RUSTFLAGS='--cfg far' "$cargo" build --quiet --release
grep -q 'relocation R_X86_64_.* out of range' "$work/err" || fail "3 GiB: refused otherwise"

# Position-independent code in a program that stands where it was linked.
says false -Crelocation-model=pic
says false -Crelocation-model=pie
says false -Crelocation-model=pic -Ztls-model=initial-exec
says true -Crelocation-model=pic -Ccode-model=large --cfg far

# Flags that hold spaces come in another variable, which has precedence.
run 0 env RUSTFLAGS=--nonsense \
    CARGO_ENCODED_RUSTFLAGS="$(printf -- '--cfg\037words="a b"')" \
    "$cargo" build --quiet --release

# ---- what there is not --------------------------------------------------------------------------

rm -rf target
# refused WORDS OPTION: by name and with this reason, however the option comes.
refused() {
    words=$1
    option=$2
    run 1 env RUSTFLAGS="-C$option" "$cargo" build
    check_refusal
    run 1 env RUSTFLAGS="-Dwarnings --codegen $option" "$cargo" build
    check_refusal
    run 1 env CARGO_ENCODED_RUSTFLAGS="$(printf -- '-Dwarnings\037-C%s' "$option")" "$cargo" build
    check_refusal
    run 1 "$cargo" rustc --release -- -C "$option"
    check_refusal
    option=$(echo "$option" | sed 's/-model/_model/')
    run 1 env RUSTFLAGS="-C$option" "$cargo" build
    check_refusal
}
check_refusal() {
    grep -q "^capos-cargo: .*$option: .*$words" "$work/err" || fail "$option: no name or reason"
    [ ! -e target ] || fail "$option: something was built"
}
refused 'embedded ARM' relocation-model=ropi
refused 'embedded ARM' relocation-model=rwpi
refused 'embedded ARM' relocation-model=ropi-rwpi
refused 'Mach-O' relocation-model=dynamic-no-pic
refused 'highest 2 GiB' code-model=kernel
refused 'no such code model' code-model=tiny
for model in global-dynamic local-dynamic emulated; do
    run 1 env RUSTFLAGS="-Ztls-model=$model" "$cargo" build
    grep -q "^capos-cargo: -Ztls-model=$model: .*initial-exec" "$work/err" || fail "$model: taken"
done

# The arguments of a program are its own.
run 0 "$cargo" run --quiet -- relocation-model=ropi
