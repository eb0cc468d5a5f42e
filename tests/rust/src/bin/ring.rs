// grants: console,timer,threads,thread-control,memory

//! Rings: batches, chains, what waits and is cancelled, and a ring for each thread.
#![no_std]

use capos::abi::{Entry, INLINE, LINK, RING_ENTRIES};
use capos::ring::Ring;
use capos::timer::Timer;
use capos::{Error, FOREVER, Interface, POLL, opcodes, threads};
use tap::{check, check_equal};

fn nop(user_data: u64) -> Entry {
    Entry { opcode: opcodes::NOP, user_data, ..Entry::new() }
}

fn call(method: u16, argument: u64, user_data: u64) -> Entry {
    let timer: Timer = capos::lookup("timer").expect("it was granted");
    Entry {
        opcode: opcodes::CALL,
        flags: INLINE,
        method,
        user_data,
        capability: timer.cap().raw(),
        argument: [argument, 0, 0],
        ..Entry::new()
    }
}

/// The entries have no addresses, so nothing has to stay.
fn push(ring: &mut Ring, entry: Entry) -> bool {
    // SAFETY: see above.
    unsafe { ring.push(entry) }
}

/// A full queue, several times, so that the counters pass its end.
fn check_batches(ring: &mut Ring) -> bool {
    (0..5_u64).all(|round| {
        let base = round * 1000;
        let count = (0..100).take_while(|index| push(ring, nop(base + index))).count();
        count == RING_ENTRIES
            && ring.enter(count as u32, FOREVER) == Ok(count as u32)
            && (0..count as u64)
                .all(|index| ring.take().is_some_and(|done| done.user_data == base + index))
            && ring.take().is_none()
    })
}

fn check_calls(ring: &mut Ring) {
    check!(push(ring, call(Timer::METHOD_NOW, 0, 1)));
    check_equal!(ring.enter(1, FOREVER), Ok(1));
    let done = ring.take().expect("a completion");
    check!(done.result == 0 && done.aux > 0);

    check!(push(ring, Entry { flags: LINK, opcode: 99, ..nop(2) }) && push(ring, nop(3)));
    check_equal!(ring.enter(2, FOREVER), Ok(2));
    let results = [ring.take(), ring.take()].map(|done| done.map(|done| done.result));
    check_equal!(
        results,
        [Some(Error::BAD_OPCODE), Some(Error::CANCELLED)].map(|e| e.map(Error::code))
    );

    check!(push(ring, call(Timer::METHOD_SLEEP, done.aux + 3_600_000_000_000, 4)));
    check_equal!(ring.enter(1, POLL), Ok(0));
    let cancel = Entry { opcode: opcodes::CANCEL, argument: [4, 0, 0], ..nop(5) };
    check!(push(ring, cancel));
    check_equal!(ring.enter(2, FOREVER), Ok(2));
    let ended = [ring.take(), ring.take()].map(|done| done.expect("a completion"));
    let result_of =
        |user_data| ended.iter().find(|done| done.user_data == user_data).map(|done| done.result);
    check_equal!(result_of(4), Some(Error::CANCELLED.code()));
    check_equal!(result_of(5), Some(0));
}

fn main() -> i32 {
    let mut ring = Ring::open();
    check!(check_batches(&mut ring));
    check_calls(&mut ring);
    let handle = threads::spawn(|| check_batches(&mut Ring::open())).expect("a thread");
    check_equal!(handle.join(), Ok(true));
    tap::finish()
}
