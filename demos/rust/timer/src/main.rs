// grants: console,timer
// stdout: cancelled after 0 s instead of one hour

//! Time: reading it, waiting for it, and not waiting any more.
#![no_std]

use capos::abi::{Entry, INLINE};
use capos::ring::Ring;
use capos::timer::Timer;
use capos::{Error, FOREVER, Interface, Result, opcodes, println};

const MILLISECOND_NS: u64 = 1_000_000;
const HOUR_NS: u64 = 3600 * 1000 * MILLISECOND_NS;

capos::require!("timer", Timer);

/// Deadlines are absolute, so that a slow program does not drift.
fn sleep_three_times(timer: Timer) -> Result {
    let start_ns = timer.now()?;
    for beat in 1..=3 {
        timer.sleep(start_ns + beat * 20 * MILLISECOND_NS)?;
        println!("slept until beat {beat}");
    }
    Ok(())
}

/// A sleep of one hour, and with the same entry into the kernel a change of mind.
fn cancel_a_sleep(timer: Timer) -> Result<bool> {
    const SLEEP: u64 = 1;
    const CANCEL: u64 = 2;
    let mut ring = Ring::open();
    let start_ns = timer.now()?;
    let sleep = Entry {
        opcode: opcodes::CALL,
        flags: INLINE,
        capability: timer.cap().raw(),
        method: Timer::METHOD_SLEEP,
        argument: [start_ns + HOUR_NS, 0, 0],
        user_data: SLEEP,
        ..Entry::new()
    };
    let cancel = Entry {
        opcode: opcodes::CANCEL,
        argument: [SLEEP, 0, 0],
        user_data: CANCEL,
        ..Entry::new()
    };
    // SAFETY: neither has addresses of anything.
    unsafe {
        ring.push(sleep);
        ring.push(cancel);
    }
    ring.enter(2, FOREVER)?;
    let mut was_cancelled = false;
    while let Some(done) = ring.take() {
        was_cancelled |= done.user_data == SLEEP && done.result == Error::CANCELLED.code();
    }
    let seconds = (timer.now()? - start_ns) / (1000 * MILLISECOND_NS);
    println!("cancelled after {seconds} s instead of one hour");
    Ok(was_cancelled)
}

fn main() -> Result<i32> {
    let timer = capos::lookup("timer").ok_or(Error::NOT_FOUND)?;
    sleep_three_times(timer)?;
    Ok(i32::from(!cancel_a_sleep(timer)?))
}
