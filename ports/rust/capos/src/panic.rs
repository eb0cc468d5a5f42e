//! The end of a program that cannot go on: file, line and message on standard error, then a fault,
//! so that `capos run` prints who called whom.
use core::cell::Cell;
use core::ffi::c_char;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

unsafe extern "C" {
    fn capos_abort(message: *const c_char) -> !;
}

/// What libcapos prints of a message at most.
const MESSAGE_BYTES: usize = 448;

/// What a panic of the thread does with its message, where it does not end the process.
#[thread_local]
pub(crate) static CATCH: Cell<Option<fn(&str) -> !>> = Cell::new(None);

struct Message {
    used: usize,
    bytes: [u8; MESSAGE_BYTES],
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let count = text.len().min(MESSAGE_BYTES - 1 - self.used);
        self.bytes[self.used..self.used + count].copy_from_slice(&text.as_bytes()[..count]);
        self.used += count;
        Ok(())
    }
}

#[panic_handler]
fn panic(information: &PanicInfo) -> ! {
    let mut message = Message { used: 0, bytes: [0; MESSAGE_BYTES] };
    let _ = write!(message, "{information}");
    // Another panic meanwhile ends the process.
    if let Some(catch) = CATCH.take() {
        catch(
            core::str::from_utf8(&message.bytes[..message.used]).unwrap_or("(a message was cut)"),
        );
    }
    // SAFETY: the bytes end with a 0.
    unsafe { capos_abort(message.bytes.as_ptr().cast()) }
}
