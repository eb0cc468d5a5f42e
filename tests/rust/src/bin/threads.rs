// grants: console,threads,thread-control,memory

//! Threads: what they return, their own copies of thread-local variables, names, giving up.
#![no_std]
#![feature(thread_local)]

extern crate alloc;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use capos::Error;
use capos::thread::State;
use capos::threads::{self, Builder};
use tap::{check, check_equal};

const THREADS: u64 = 4;

#[thread_local]
static COUNTER: Cell<u64> = Cell::new(1000);
#[thread_local]
static ZEROED: Cell<[u64; 20]> = Cell::new([0; 20]);
#[repr(align(128))]
struct Aligned(Cell<u8>);
#[thread_local]
static ALIGNED: Aligned = Aligned(Cell::new(3));

/// Counts in variables of the thread's own, with others in between.
fn count_up(id: u64) -> u64 {
    for _ in 0..100 {
        COUNTER.set(COUNTER.get() + id);
        threads::yield_now();
    }
    assert_eq!(ZEROED.get(), [0; 20]);
    ZEROED.set([id; 20]);
    threads::yield_now();
    assert_eq!(ZEROED.get(), [id; 20]);
    assert!(ALIGNED.0.as_ptr().addr() % 128 == 0 && ALIGNED.0.get() == 3);
    COUNTER.get()
}

fn check_thread_local() {
    let handles: Vec<_> =
        (0..THREADS).map(|id| threads::spawn(move || count_up(id)).expect("a thread")).collect();
    let values: Vec<_> = handles.into_iter().map(|handle| handle.join()).collect();
    check_equal!(values, [Ok(1000), Ok(1100), Ok(1200), Ok(1300)]);
    check_equal!(COUNTER.get(), 1000);
    check_equal!(ZEROED.get(), [0; 20]);
}

fn check_values() {
    let words = Arc::new([1, 2, 3]);
    let theirs = words.clone();
    let handle = threads::spawn(move || theirs.iter().sum::<i32>()).expect("a thread");
    check_equal!(handle.join(), Ok(6));
    check_equal!(Arc::strong_count(&words), 1);
    let handle = threads::spawn(|| String::from("moved out of the thread")).expect("a thread");
    check_equal!(handle.join().as_deref(), Ok("moved out of the thread"));
}

fn check_builder() {
    let deep = Builder::new().name(c"deep").stack_bytes(1 << 20);
    let handle = deep.spawn(|| core::hint::black_box([1_u8; 700_000])[699_999]).expect("a thread");
    check!(handle.id() > 0);
    check_equal!(handle.join(), Ok(1));
    let tiny = Builder::new().stack_bytes(100);
    check_equal!(tiny.spawn(|| ()).err(), Some(Error::INVALID_ARGUMENT));
    let long = Builder::new().name(c"a name that is longer than 31 bytes");
    check_equal!(long.spawn(|| ()).err(), Some(Error::TOO_LARGE));
}

/// Who drops the handle does not wait, and what the thread had goes when it ends.
fn check_giving_up() {
    static ENDED: AtomicU32 = AtomicU32::new(0);
    for _ in 0..50 {
        drop(threads::spawn(|| ENDED.fetch_add(1, Ordering::Relaxed)).expect("a thread"));
    }
    while ENDED.load(Ordering::Relaxed) < 50 {
        threads::yield_now();
    }
    check_equal!(ENDED.load(Ordering::Relaxed), 50);
}

fn check_state() {
    static GO: AtomicU32 = AtomicU32::new(0);
    let handle = threads::spawn(|| {
        while GO.load(Ordering::Acquire) == 0 {
            threads::yield_now();
        }
    });
    let handle = handle.expect("a thread");
    let info = handle.client().info().expect("its holder may look");
    check_equal!(info.thread_id, handle.id());
    check!(matches!(State::from_raw(info.state), Some(State::Ready | State::Running)));
    GO.store(1, Ordering::Release);
    check_equal!(handle.join(), Ok(()));
}

fn main() -> i32 {
    check_thread_local();
    check_values();
    check_builder();
    check_giving_up();
    check_state();
    tap::finish()
}
