//! Before and after `main`: what libcapos's `_start` calls, and what it knows.
use core::ffi::{CStr, c_char};
use core::fmt::Debug;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::abi::Start;

unsafe extern "C" {
    static capos_start_page: *const Start;
    static capos_program_name: *const c_char;
}

static ARGUMENT_COUNT: AtomicUsize = AtomicUsize::new(0);
static ARGUMENTS: AtomicPtr<*const c_char> = AtomicPtr::new(core::ptr::null_mut());

/// What `main` may return.
#[lang = "termination"]
pub trait Termination {
    /// The exit code of the process.
    fn report(self) -> i32;
}

impl Termination for () {
    fn report(self) -> i32 {
        0
    }
}

impl Termination for i32 {
    fn report(self) -> i32 {
        self
    }
}

impl Termination for ! {
    fn report(self) -> i32 {
        self
    }
}

impl<T: Termination, E: Debug> Termination for core::result::Result<T, E> {
    /// An error is printed, and makes the exit code 1.
    fn report(self) -> i32 {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                crate::eprintln!("{}: {error:?}", program_name());
                1
            }
        }
    }
}

/// The compiler makes of this the C function `main`.
#[lang = "start"]
fn start<T: Termination + 'static>(
    main: fn() -> T,
    argument_count: isize,
    arguments: *const *const u8,
    _: u8,
) -> isize {
    ARGUMENT_COUNT.store(argument_count.unsigned_abs(), Ordering::Relaxed);
    ARGUMENTS.store(arguments.cast_mut().cast(), Ordering::Relaxed);
    main().report() as isize
}

/// The arguments, the program's name first. Panics at one that is not UTF-8.
pub fn arguments() -> impl ExactSizeIterator<Item = &'static str> {
    let strings = ARGUMENTS.load(Ordering::Relaxed);
    (0..ARGUMENT_COUNT.load(Ordering::Relaxed)).map(move |index| {
        // SAFETY: so many strings were handed to `start`, and stay where they are.
        unsafe { CStr::from_ptr(*strings.add(index)) }.to_str().expect("an argument is not UTF-8")
    })
}

/// The last part of the first argument.
pub fn program_name() -> &'static str {
    // SAFETY: libcapos has set it before anything of ours ran, to a string that stays.
    unsafe { CStr::from_ptr(capos_program_name) }.to_str().unwrap_or("program")
}

/// What the process was born with.
pub fn start_page() -> &'static Start {
    // SAFETY: set before anything of ours ran; the page is read-only and stays.
    unsafe { &*capos_start_page }
}
