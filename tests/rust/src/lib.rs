//! A test program for capOS: each `check!` prints one line of TAP, and `finish` the plan.
//!
//! ```
//! fn main() -> i32 {
//!     tap::check!(1 + 1 == 2);
//!     tap::check_equal!(usize::BITS, 64);
//!     tap::finish()
//! }
//! ```
#![no_std]

use core::fmt::Debug;
use core::sync::atomic::{AtomicU32, Ordering};

use capos::println;

static COUNT: AtomicU32 = AtomicU32::new(0);
static FAILURES: AtomicU32 = AtomicU32::new(0);

/// Prints one result. What the macros call.
pub fn report(passed: bool, name: &str) -> bool {
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    FAILURES.fetch_add(u32::from(!passed), Ordering::Relaxed);
    println!("{} {count} - {name}", if passed { "ok" } else { "not ok" });
    passed
}

/// Compares. What the macro calls.
#[track_caller]
pub fn report_equal<T: PartialEq<U> + Debug, U: Debug>(found: T, wanted: U, name: &str) {
    if !report(found == wanted, name) {
        let place = core::panic::Location::caller();
        println!("#   {place}: found {found:?}, wanted {wanted:?}");
    }
}

/// Passes when the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr) => {
        if !$crate::report($condition, stringify!($condition)) {
            ::capos::println!("#   {}:{}", file!(), line!());
        }
    };
}

/// Passes when both are equal.
#[macro_export]
macro_rules! check_equal {
    ($found:expr, $wanted:expr) => {
        $crate::report_equal(
            $found,
            $wanted,
            concat!(stringify!($found), " is ", stringify!($wanted)),
        )
    };
}

/// Prints the plan. The exit code for `main`.
pub fn finish() -> i32 {
    println!("1..{}", COUNT.load(Ordering::Relaxed));
    i32::from(FAILURES.load(Ordering::Relaxed) > 0)
}
