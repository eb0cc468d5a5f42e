//! Text to the capability named "console". A program that prints requires the grant "console", and
//! its ELF note says so. What one call prints stays together.
use core::cell::UnsafeCell;
use core::fmt::{self, Write};

unsafe extern "C" {
    fn capos_write(bytes: *const u8, size: usize) -> i64;
    fn capos_write_error(bytes: *const u8, size: usize) -> i64;
    fn internal_lock(mutex: *mut u32);
    fn internal_unlock(mutex: *mut u32);
}

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// The lock that libcapos has for itself: it does without a ParkSpace, too.
struct Lock(UnsafeCell<u32>);

// SAFETY: the word is used by the two functions of libcapos alone, which are for all threads.
unsafe impl Sync for Lock {}

static LOCK: Lock = Lock(UnsafeCell::new(0));

const BUFFER_BYTES: usize = 1024;

struct Buffer {
    stream: Stream,
    used: usize,
    bytes: [u8; BUFFER_BYTES],
}

impl Buffer {
    fn flush(&mut self) {
        if self.used > 0 {
            // Who prints has no use for an error: the reader has gone, or there is none.
            // SAFETY: the bytes are ours.
            let _ = unsafe {
                match self.stream {
                    Stream::Output => capos_write(self.bytes.as_ptr(), self.used),
                    Stream::Error => capos_write_error(self.bytes.as_ptr(), self.used),
                }
            };
        }
        self.used = 0;
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(BUFFER_BYTES - self.used));
            self.bytes[self.used..self.used + part.len()].copy_from_slice(part);
            self.used += part.len();
            rest = after;
            if self.used == BUFFER_BYTES {
                self.flush();
            }
        }
        Ok(())
    }
}

/// What the macros call.
pub fn print(stream: Stream, arguments: fmt::Arguments) {
    let mut buffer = Buffer { stream, used: 0, bytes: [0; BUFFER_BYTES] };
    // SAFETY: a lock around what other threads print.
    unsafe { internal_lock(LOCK.0.get()) };
    let _ = buffer.write_fmt(arguments);
    buffer.flush();
    // SAFETY: locked above.
    unsafe { internal_unlock(LOCK.0.get()) };
}

/// Prints to standard output.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::print::print($crate::print::Stream::Output, ::core::format_args!($($argument)*))
    };
}

/// Prints to standard output, with a newline.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => { $crate::print!("{}\n", ::core::format_args!($($argument)*)) };
}

/// Prints to standard error.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => {
        $crate::print::print($crate::print::Stream::Error, ::core::format_args!($($argument)*))
    };
}

/// Prints to standard error, with a newline.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::eprint!("\n") };
    ($($argument:tt)*) => { $crate::eprint!("{}\n", ::core::format_args!($($argument)*)) };
}
