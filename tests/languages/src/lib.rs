//! The part in Rust of a program in C, C++ and Rust: languages.h.
#![no_std]
#![feature(thread_local)]
// The names are those of C. How vectors are passed Rust does not promise; here it is held to what C
// does.
#![allow(non_upper_case_globals, improper_ctypes_definitions)]

extern crate alloc;

use alloc::boxed::Box;
use core::arch::asm;
use core::arch::x86_64::{
    __m128, _mm_add_ps, _mm_cmpneq_ps, _mm_movemask_ps, _mm_mul_ps, _mm_setr_ps,
};
use core::cell::Cell;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::{null_mut, slice_from_raw_parts_mut};

use capos::threads::{JoinHandle, spawn};

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Pair {
    first: i64,
    second: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Mixed {
    number: f64,
    count: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Floats {
    x: f32,
    y: f32,
    z: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Large {
    words: [i64; 6],
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Rounding {
    plus: f64,
    minus: f64,
    control: u64,
}

type Callback = extern "C" fn(*mut c_void, i64) -> i64;
type Run = extern "C" fn(*mut c_void) -> i64;

#[repr(C)]
pub struct Language {
    name: *const c_char,
    integers: extern "C" fn(i8, u16, i32, u32, i64, u64, i8, u16) -> i64,
    numbers: extern "C" fn(f32, f64, f32, f64, f64, f64, f64, f64, f64, f32) -> f64,
    product: extern "C" fn(i128, i64, i64, i64, i128) -> i128,
    swap: extern "C" fn(Pair) -> Pair,
    negate: extern "C" fn(Mixed) -> Mixed,
    rotate: extern "C" fn(Floats) -> Floats,
    reverse: extern "C" fn(Large) -> Large,
    multiply_add: extern "C" fn(__m128, __m128, __m128) -> __m128,
    fill: unsafe extern "C" fn(*mut u64, usize, u64),
    apply_twice: extern "C" fn(Callback, *mut c_void, i64) -> i64,
    add: Callback,
    allocate: extern "C" fn(usize) -> *mut u64,
    release: unsafe extern "C" fn(*mut u64, usize),
    round: extern "C" fn() -> Rounding,
    count: extern "C" fn() -> u64,
    look_at: extern "C" fn(&Language, u64) -> u32,
    start: extern "C" fn(Run, *mut c_void) -> *mut c_void,
    wait: unsafe extern "C" fn(*mut c_void) -> i64,
}

// SAFETY: it is constant.
unsafe impl Sync for Language {}

unsafe extern "C" {
    /// Defined in C.
    #[thread_local]
    static languages_count: Cell<u64>;
    fn machine_is_as_promised() -> bool;
    fn c_add(argument: *mut c_void, value: i64) -> i64;
    fn cpp_add(argument: *mut c_void, value: i64) -> i64;
    fn c_sum(count: c_uint, ...) -> f64;
}

#[thread_local]
static OWN_COUNT: Cell<u64> = Cell::new(0);

/// SAFETY: it is there, and this thread's alone.
fn shared_count() -> &'static Cell<u64> {
    unsafe { &languages_count }
}

extern "C" fn integers(a: i8, b: u16, c: i32, d: u32, e: i64, f: u64, g: i8, h: u16) -> i64 {
    [a.into(), b.into(), c.into(), d.into(), e, f.cast_signed(), g.into(), h.into()]
        .into_iter()
        .zip(1..)
        .fold(0, |sum: i64, (number, weight): (i64, i64)| {
            sum.wrapping_add(number.wrapping_mul(weight))
        })
}

#[allow(clippy::too_many_arguments)]
extern "C" fn numbers(
    a: f32,
    b: f64,
    c: f32,
    d: f64,
    e: f64,
    f: f64,
    g: f64,
    h: f64,
    i: f64,
    j: f32,
) -> f64 {
    [a.into(), b, c.into(), d, e, f, g, h, i, j.into()]
        .into_iter()
        .zip(1..)
        .map(|(number, weight)| number * f64::from(weight))
        .sum()
}

extern "C" fn product(a: i128, b: i64, c: i64, d: i64, e: i128) -> i128 {
    a * i128::from(b) + i128::from(c) + i128::from(d) * e
}

extern "C" fn swap(pair: Pair) -> Pair {
    Pair { first: pair.second, second: pair.first }
}

extern "C" fn negate(mixed: Mixed) -> Mixed {
    Mixed { number: -mixed.number, count: -mixed.count }
}

extern "C" fn rotate(floats: Floats) -> Floats {
    Floats { x: floats.y, y: floats.z, z: floats.x }
}

extern "C" fn reverse(mut large: Large) -> Large {
    large.words.reverse();
    large
}

extern "C" fn multiply_add(a: __m128, b: __m128, c: __m128) -> __m128 {
    // SAFETY: SSE is in the target's base.
    unsafe { _mm_add_ps(_mm_mul_ps(a, b), c) }
}

/// SAFETY: so many words are the caller's to write.
unsafe extern "C" fn fill(words: *mut u64, count: usize, first: u64) {
    let words = unsafe { core::slice::from_raw_parts_mut(words, count) };
    for (word, index) in words.iter_mut().zip(0..) {
        *word = first.wrapping_add(index);
    }
}

extern "C" fn apply_twice(function: Callback, argument: *mut c_void, value: i64) -> i64 {
    function(argument, function(argument, value))
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_add(argument: *mut c_void, value: i64) -> i64 {
    // SAFETY: whoever hands this function over hands over what it wants to be added.
    value + unsafe { *argument.cast::<i64>() }
}

extern "C" fn allocate(count: usize) -> *mut u64 {
    Box::into_raw(alloc::vec![0_u64; count].into_boxed_slice()).cast()
}

/// SAFETY: they were allocated, by whatever language: there is one heap.
unsafe extern "C" fn release(words: *mut u64, count: usize) {
    drop(unsafe { Box::from_raw(slice_from_raw_parts_mut(words, count)) });
}

/// Rust counts on rounding to the nearest, so that this is left to the CPU.
extern "C" fn round() -> Rounding {
    let (mut plus, mut minus, mut control) = (1.0_f64, -1.0_f64, 0_u32);
    // SAFETY: it reads MXCSR and divides.
    unsafe {
        asm!("divsd {}, {}", inout(xmm_reg) plus, in(xmm_reg) 10.0_f64);
        asm!("divsd {}, {}", inout(xmm_reg) minus, in(xmm_reg) 10.0_f64);
        asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack));
    }
    Rounding { plus, minus, control: u64::from(control & 0x6000) }
}

extern "C" fn count() -> u64 {
    shared_count().update(|count| count + 1);
    OWN_COUNT.update(|count| count + 1);
    OWN_COUNT.get()
}

// ---- what is looked at in another language ------------------------------------------------------

fn integers_right(other: &Language, number: i64) -> bool {
    // What is narrower than the number is what is left of it, as in C.
    let (a, b, c, d) = (number as i8, number as u16, number as i32, number as u32);
    let f = number.cast_unsigned();
    (other.integers)(a, b, c, d, number, f, a, b) == integers(a, b, c, d, number, f, a, b)
}

fn numbers_right(other: &Language, x: f64) -> bool {
    // SAFETY: three times an int and a double.
    let sum = unsafe { c_sum(3, 1 as c_int, x, 2 as c_int, 2.0 * x, 3 as c_int, 0.5_f64) };
    (other.numbers)(1.0, x, 2.0, x, 3.0, x, 4.0, x, x, 5.5) == 105.0 + 29.0 * x
        && sum == 6.5 + 3.0 * x
}

fn structs_right(other: &Language, number: i64, x: f32) -> bool {
    let pair = Pair { first: number, second: 2 };
    let mixed = Mixed { number: x.into(), count: 3 };
    let floats = Floats { x, y: 1.0, z: 2.0 };
    let large = Large { words: [1, 2, 3, 4, 5, number] };
    (other.swap)(pair) == Pair { first: 2, second: number }
        && (other.negate)(mixed) == Mixed { number: (-x).into(), count: -3 }
        && (other.rotate)(floats) == Floats { x: 1.0, y: 2.0, z: x }
        && (other.reverse)(large) == Large { words: [number, 5, 4, 3, 2, 1] }
}

fn vector_right(other: &Language, x: f32) -> bool {
    // SAFETY: SSE is in the target's base.
    unsafe {
        let sum = (other.multiply_add)(
            _mm_setr_ps(1.0, 2.0, 3.0, 4.0),
            _mm_setr_ps(x, x, x, x),
            _mm_setr_ps(0.5, 0.0, 0.0, 8.0),
        );
        let wanted = _mm_setr_ps(x + 0.5, 2.0 * x, 3.0 * x, 4.0 * x + 8.0);
        _mm_movemask_ps(_mm_cmpneq_ps(sum, wanted)) == 0
    }
}

/// What one allocates another writes to and a third frees.
fn memory_right(other: &Language, seed: u64) -> bool {
    let theirs = (other.allocate)(100);
    let own = allocate(100);
    // SAFETY: both are a hundred words.
    unsafe {
        fill(theirs, 100, seed);
        (other.fill)(own, 100, seed);
        let is_right = core::slice::from_raw_parts(theirs, 100)
            == core::slice::from_raw_parts(own, 100)
            && *own.add(99) == seed.wrapping_add(99);
        release(theirs, 100);
        (other.release)(own, 100);
        is_right
    }
}

fn callbacks_right(other: &Language, number: i64) -> bool {
    let mut step = 5_i64;
    let argument = (&raw mut step).cast();
    (other.apply_twice)(rust_add, argument, number) == number + 10
        && apply_twice(other.add, argument, number) == number + 10
}

fn product_right(other: &Language, number: i64) -> bool {
    let wide = i128::from(number) << 60;
    (other.product)(wide, 2, 3, 4, wide) == wide * 6 + 3
}

fn names_right(number: i64) -> bool {
    let mut step = -3_i64;
    let step = (&raw mut step).cast();
    // SAFETY: each adds what `step` points to.
    unsafe { c_add(step, cpp_add(step, rust_add(step, number))) == number - 9 }
}

fn count_right(other: &Language) -> bool {
    let before = shared_count().get();
    let first = (other.count)();
    (other.count)() == first + 1 && shared_count().get() == before + 2
}

extern "C" fn look_at(other: &Language, seed: u64) -> u32 {
    let number = (seed >> 8).cast_signed();
    let small = (seed % 1000) as f32;
    [
        integers_right(other, number),
        numbers_right(other, small.into()),
        structs_right(other, number, small),
        vector_right(other, small),
        memory_right(other, seed),
        callbacks_right(other, number),
        (other.round)() == round(),
        count_right(other),
        // SAFETY: it changes nothing.
        unsafe { machine_is_as_promised() },
        product_right(other, number),
        names_right(number),
    ]
    .into_iter()
    .zip(0..)
    .fold(0, |wrong, (is_right, bit)| wrong | u32::from(!is_right) << bit)
}

// ---- threads ------------------------------------------------------------------------------------

/// An address, for another thread.
struct Argument(*mut c_void);

// SAFETY: the caller of `start` sees to it.
unsafe impl Send for Argument {}

impl Argument {
    fn hand_to(self, run: Run) -> i64 {
        run(self.0)
    }
}

extern "C" fn start(run: Run, argument: *mut c_void) -> *mut c_void {
    let argument = Argument(argument);
    match spawn(move || argument.hand_to(run)) {
        Ok(thread) => Box::into_raw(Box::new(thread)).cast(),
        Err(_) => null_mut(),
    }
}

/// SAFETY: `start` made it.
unsafe extern "C" fn wait(thread: *mut c_void) -> i64 {
    let thread = unsafe { Box::from_raw(thread.cast::<JoinHandle<i64>>()) };
    thread.join().unwrap_or(-1)
}

// ---- what the others find -----------------------------------------------------------------------

#[unsafe(no_mangle)]
pub static rust_language: Language = Language {
    name: NAME.as_ptr(),
    integers,
    numbers,
    product,
    swap,
    negate,
    rotate,
    reverse,
    multiply_add,
    fill,
    apply_twice,
    add: rust_add,
    allocate,
    release,
    round,
    count,
    look_at,
    start,
    wait,
};

const NAME: &CStr = c"Rust";

#[unsafe(no_mangle)]
pub extern "C" fn rust_panics(_: *mut c_void, value: i64) -> i64 {
    let list = [1, 2, 3];
    list[core::hint::black_box(value as usize + 2)]
}
