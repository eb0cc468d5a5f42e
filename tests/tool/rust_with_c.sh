#!/bin/sh
# One program in C, C++ and Rust, which call one another in four threads: thread-local variables and
# floating point in all three, and Rust's heap, which is that of C.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$PWD
export CARGO_HOME="$tree/build/rust/cargo" CARGO_NET_OFFLINE=true
mkdir "$work/src"
cd "$work"

cat >Cargo.toml <<'END'
[package]
name = "mean"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["staticlib"]
END
cat >src/lib.rs <<'END'
#![no_std]
#![feature(thread_local)]

extern crate alloc;

use core::cell::Cell;

#[thread_local]
static CALLS: Cell<u64> = Cell::new(10);

unsafe extern "C" {
    fn scale_in_cpp(value: f64, factor: f32) -> f64;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mean_in_rust(values: *const f64, count: usize) -> f64 {
    let values = unsafe { core::slice::from_raw_parts(values, count) }.to_vec();
    CALLS.set(CALLS.get() + 1);
    unsafe { scale_in_cpp(values.iter().sum::<f64>() / count as f64, 2.0) }
}

#[unsafe(no_mangle)]
pub extern "C" fn calls_in_rust() -> u64 {
    CALLS.get()
}
END
# A constructor that runs before main, a template, an object with a member function.
cat >scale.cc <<'END'
static thread_local unsigned long calls = 100;
static int offset;

struct Offset {
    Offset() { offset = 7; }
} static set_offset;

template <typename T> struct Scale {
    T factor;
    T operator()(T value) const { return value * factor + offset; }
};

extern "C" double scale_in_cpp(double value, float factor) {
    calls++;
    return Scale<double>{factor}(value);
}

extern "C" unsigned long calls_in_cpp() { return calls; }
END
cat >main.c <<'END'
#include <capos/capos.h>

#define THREADS 4
#define ROUNDS 1000

double mean_in_rust(const double *values, size_t count);
uint64_t calls_in_rust(void);
unsigned long calls_in_cpp(void);

static _Thread_local uint64_t calls = 1000;

static int64_t run(void *argument) {
    double values[3] = {0.5, 1, *(const double *)argument};
    double sum = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        sum += mean_in_rust(values, 3);
        calls++;
        if (round % 100 == 0) {
            capos_thread_yield();
        }
    }
    bool is_right = sum == ((1.5 + values[2]) / 3 * 2 + 7) * ROUNDS && calls == 1000 + ROUNDS &&
                    calls_in_cpp() == 100 + ROUNDS && calls_in_rust() == 10 + ROUNDS;
    return is_right ? 1 : 0;
}

int main(void) {
    struct capos_thread threads[THREADS];
    double arguments[THREADS];
    int64_t right = 0;
    for (unsigned index = 0; index < THREADS; index++) {
        arguments[index] = 1.5 * index;
        if (capos_thread_create(&threads[index], NULL, run, &arguments[index]) != CAPOS_OK) {
            return 99;
        }
    }
    for (unsigned index = 0; index < THREADS; index++) {
        int64_t value = 0;
        capos_thread_wait(&threads[index], &value);
        right += value;
    }
    right += calls == 1000 && calls_in_cpp() == 100 && calls_in_rust() == 10;
    return (int)right;
}
END

"$tree/build/bin/capos-cargo" build --quiet --release
"$tree/build/bin/capos-cc" -Wall -Werror -O2 -c main.c
"$tree/build/bin/capos-cc" -Wall -Werror -O2 -std=c++20 -fno-exceptions -fno-rtti -c scale.cc
"$tree/build/bin/capos-cc" main.o scale.o target/x86_64-unknown-capos/release/libmean.a -o three.elf
for cpus in 1 2 4; do
    code=0
    "$tree/build/capos" run --grant threads,thread-control,memory --cpus "$cpus" three.elf \
        </dev/null || code=$?
    [ "$code" = 5 ] || { echo "on $cpus CPUs $code of 5 threads found all right" && exit 1; }
done
