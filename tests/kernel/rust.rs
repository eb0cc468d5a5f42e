//! What a part of the kernel in Rust would be made of: code of core, of the compiler's support, and
//! calls in both directions. `tests/kernel/rust.c` calls it.
#![no_std]

use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU64, Ordering};

unsafe extern "C" {
    fn rust_test_line(text: *const u8, size: usize);
    fn assert_failed(expression: *const c_char, file: *const c_char, line: c_int) -> !;
}

#[panic_handler]
fn panic(information: &PanicInfo) -> ! {
    let line = information.location().map_or(0, |place| place.line());
    // SAFETY: both strings end with a 0.
    unsafe { assert_failed(c"panicked".as_ptr(), c"tests/kernel/rust.rs".as_ptr(), line as c_int) }
}

/// `struct rust_test` of the C file.
#[repr(C)]
pub struct Test {
    numbers: *mut u64,
    count: usize,
    sum: u64,
    quotient: u64,
    product_bits: u64,
    static_address: usize,
    spread: u64,
    calls: u64,
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// A line of the kernel's log, gathered in a buffer on the stack.
struct Line {
    used: usize,
    bytes: [u8; 96],
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used + text.len();
        self.bytes.get_mut(self.used..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

/// A function without calls, whose variables would be in the red zone if there were one.
#[inline(never)]
fn spread(value: u64) -> u64 {
    let mut words = [0_u64; 8];
    for (word, shift) in words.iter_mut().zip(0..) {
        // SAFETY: the word is ours; the compiler is to leave it in memory.
        unsafe { (&raw mut *word).write_volatile(value << shift) };
    }
    // SAFETY: as above.
    words
        .iter()
        .fold(0, |sum: u64, word| sum.wrapping_add(unsafe { (&raw const *word).read_volatile() }))
}

/// Sorts the numbers and fills in the rest. `dividend` is more than 64 bits can hold; the factors
/// are the bits of floating-point numbers, which software multiplies.
///
/// # Safety
///
/// The struct names memory that is the test's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_test_run(test: &mut Test, factors: &[u64; 2]) {
    // SAFETY: the caller's promise.
    let numbers = unsafe { core::slice::from_raw_parts_mut(test.numbers, test.count) };
    numbers.sort_unstable();
    test.sum = numbers.iter().fold(0, |sum, &number| sum ^ number.rotate_left(7));
    let dividend = (u128::from(numbers[0]) << 64) | u128::from(numbers[1]);
    test.quotient = (dividend / 1_000_000_007) as u64;
    test.product_bits = (f64::from_bits(factors[0]) * f64::from_bits(factors[1])).to_bits();
    test.static_address = (&raw const CALLS).addr();
    test.spread = spread(numbers[2]);
    test.calls = CALLS.fetch_add(1, Ordering::SeqCst) + 1;

    let mut line = Line { used: 0, bytes: [0; 96] };
    let _ =
        write!(line, "call {} from {:#x}, least {}", test.calls, test.static_address, numbers[0]);
    // SAFETY: so many bytes are there.
    unsafe { rust_test_line(line.bytes.as_ptr(), line.used) };
}
