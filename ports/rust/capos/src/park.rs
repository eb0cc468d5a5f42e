//! Waiting on a word of memory while it holds a value, and waking who waits there: what the locks
//! in [`sync`](crate::sync) are made of. By the ParkSpace named "park", which the program then
//! requires.
use core::sync::atomic::AtomicU32;

use crate::generated::opcodes;
use crate::generated::park_space::ParkSpace;
use crate::system_call::{FOREVER, control, invoke};
use crate::{Cap, Error, Interface, Result};

unsafe extern "C" {
    fn capos_park_space_find() -> Cap;
}

/// The ParkSpace named "park"; what is refused when there is none is the call.
fn space() -> ParkSpace {
    // SAFETY: it keeps what it finds.
    ParkSpace::from_cap(unsafe { capos_park_space_find() })
}

/// Waits until somebody wakes us, as long as the word holds the expected value. `deadline_ns` is
/// absolute monotonic time. `valueChanged`, `timedOut` and the rest: see `docs/abi.md`.
pub fn park(word: &AtomicU32, expected: u32, deadline_ns: u64) -> Result {
    let arguments = [word.as_ptr().addr() as u64, u64::from(expected), 0];
    // SAFETY: the kernel reads the word, and nothing else.
    let reply = unsafe { invoke(control(opcodes::PARK), space().cap(), arguments, deadline_ns) };
    Error::check(reply.result)
}

/// Wakes at most so many of those who wait on the word, first come first served, and says how many
/// that were.
pub fn unpark(word: &AtomicU32, count: u64) -> Result<u64> {
    let arguments = [word.as_ptr().addr() as u64, count, 0];
    // SAFETY: the kernel does not touch the word.
    let reply = unsafe { invoke(control(opcodes::UNPARK), space().cap(), arguments, FOREVER) };
    Error::check(reply.result).map(|()| reply.aux)
}
