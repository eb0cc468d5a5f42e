#!/bin/sh
# One program in C, C++ and Rust, as docs/rust.md says to build it: with main in C++ and with main in
# Rust (in C it is rust/languages), and how it ends when one of the three cannot go on.
set -eu
. tests/kit.sh
bin="$tree/build/bin"
export CARGO_HOME="$tree/build/rust/cargo" CARGO_NET_OFFLINE=true
mkdir -p "$work/main/src"
cp -R tests/languages "$work/languages"

# passes ELF: each language finds the others as they should be, and C++ has the last word.
passes() {
    for cpus in 1 2 4; do
        run 0 "$tree/build/capos" run --cpus $cpus \
            --grant console,signals,threads,thread-control,memory,timer "$1"
        ! grep -q '^not ok' "$work/out" || fail "$1, $cpus CPUs"
        grep -q '^1\.\.[1-9]' "$work/out" || fail "$1, $cpus CPUs: not all was looked at"
        grep -qFx '# the last word has C++' "$work/out" || fail "$1: no destructor ran"
    done
}

for source in languages/c.c languages/crew.c languages/machine.S guest/signal_storm/storm.S; do
    run 0 "$bin/capos-cc" -O2 -I. -c "tests/$source" -o "$work/$(basename "$source").o"
done
run 0 "$bin/capos-c++" -std=c++20 -O2 -I. -c tests/languages/cpp.cc -o "$work/cpp.cc.o"

# ---- main in C++ ----------------------------------------------------------------------------------

cat >"$work/main.cc" <<'END'
extern "C" int languages_run(int argc, char **argv);

static int answer = [] { return 42; }();

int main(int argc, char **argv) {
    return answer == 42 ? languages_run(argc, argv) : 98;
}
END
cd "$work/languages"
run 0 "$bin/capos-cargo" build --quiet --release
cd "$work"
run 0 "$bin/capos-c++" -std=c++20 -O2 main.cc ./*.o \
    languages/target/x86_64-unknown-capos/release/liblanguages.a -o cpp.elf
passes cpp.elf

# ---- main in Rust ---------------------------------------------------------------------------------

cd main
cat >Cargo.toml <<'END'
[package]
name = "begins-in-rust"
version = "0.1.0"
edition = "2024"

[dependencies]
languages = { path = "../languages" }
END
cat >src/main.rs <<'END'
#![no_std]

use core::ffi::{c_char, c_int};

use languages as _;

unsafe extern "C" {
    fn languages_run(count: c_int, arguments: *const *const c_char) -> c_int;
}

fn main() -> i32 {
    // SAFETY: it looks at the arguments only when there is more than the program's name.
    unsafe { languages_run(1, core::ptr::null()) }
}
END
flags=$(printf -- '-Clink-arg=%s ' "$work"/*.o)
run 0 env RUSTFLAGS="$flags" "$bin/capos-cargo" build --quiet --release
passes target/x86_64-unknown-capos/release/begins-in-rust

# ---- when one cannot go on --------------------------------------------------------------------------

cd "$work"
run 134 "$tree/build/capos" run --grant default,signals cpp.elf panic
grep -q 'cpp.elf: panicked at src/lib.rs:[0-9]' err || fail "no file and line of the panic"
grep -q 'apply_twice.* at .*cpp\.cc:[0-9]' err || fail "C++ called Rust, and nobody says so"
run 134 "$tree/build/capos" run --grant default,signals cpp.elf pure
grep -q 'cpp.elf: a pure virtual function was called' err || fail "no word of the virtual function"
grep -q 'languages::apply_twice' err || fail "Rust called C++, and nobody says so"
