// grants: console,threads,thread-control,memory

//! Floating point in SSE registers, in more threads than there are CPUs: each computes what one
//! alone would.
#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::arch::x86_64::{_mm_add_pd, _mm_mul_pd, _mm_set1_pd, _mm_storeu_pd};

use capos::threads;
use tap::{check, check_equal};

const THREADS: usize = 6;
const ROUNDS: u32 = 2_000_000;

/// Partial sums of a geometric series, kept in registers all along. Every value has its own bits.
fn series(factor: f64) -> [u64; 2] {
    let mut sums = [0.0; 2];
    // SAFETY: SSE2 is in the target's base.
    unsafe {
        let scale = _mm_set1_pd(0.999_999);
        let mut term = _mm_set1_pd(factor);
        let mut sum = _mm_set1_pd(0.0);
        for _ in 0..ROUNDS {
            sum = _mm_add_pd(sum, term);
            term = _mm_mul_pd(term, scale);
        }
        _mm_storeu_pd(sums.as_mut_ptr(), sum);
    }
    sums.map(f64::to_bits)
}

/// The same in plain code, for which the compiler chooses the registers.
fn plain_series(factor: f64) -> u64 {
    let (mut sum, mut term) = (0.0, factor);
    for _ in 0..ROUNDS {
        sum += term;
        term *= 0.999_999;
    }
    f64::to_bits(sum)
}

/// MXCSR.
fn control_word() -> u32 {
    let mut word = 0_u32;
    // SAFETY: it writes to the variable.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack)) };
    word
}

fn main() -> i32 {
    check_equal!(control_word() & 0xffc0, 0x1f80);
    let wanted: Vec<_> = (0..THREADS).map(|id| plain_series(1.0 + id as f64 / 7.0)).collect();
    let handles: Vec<_> = (0..THREADS)
        .map(|id| threads::spawn(move || series(1.0 + id as f64 / 7.0)).expect("a thread"))
        .collect();
    for (handle, wanted) in handles.into_iter().zip(wanted) {
        check_equal!(handle.join(), Ok([wanted; 2]));
    }
    check!(0.1_f64 + 0.2 != 0.3);
    check_equal!(alloc::format!("{:.6} {:e}", 2.0_f64 / 3.0, 1.5e300), "0.666667 1.5e300");
    tap::finish()
}
