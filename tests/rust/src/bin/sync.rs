// grants: console,threads,thread-control,memory,park,timer

//! Mutexes, condition variables and parking, between threads.
#![no_std]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use capos::park::{park, unpark};
use capos::sync::{Condvar, Mutex, OnceLock};
use capos::timer::Timer;
use capos::{Error, FOREVER, threads};
use tap::{check, check_equal};

const THREADS: u32 = 4;
const ROUNDS: u32 = 2000;

/// A counter that loses steps when two threads are at it.
fn check_mutex() {
    let total = Arc::new(Mutex::new((0_u32, 0_u32)));
    let handles: Vec<_> = (0..THREADS)
        .map(|_| {
            let total = total.clone();
            threads::spawn(move || {
                for round in 0..ROUNDS {
                    let mut total = total.lock();
                    total.0 += 1;
                    if round % 64 == 0 {
                        threads::yield_now();
                    }
                    total.1 += 1;
                }
            })
            .expect("a thread")
        })
        .collect();
    check!(handles.into_iter().all(|handle| handle.join().is_ok()));
    check_equal!(*total.lock(), (THREADS * ROUNDS, THREADS * ROUNDS));
    let guard = total.lock();
    check!(total.try_lock().is_none());
    drop(guard);
    check!(total.try_lock().is_some());
    check!(total.try_lock().is_some());
}

struct Queue {
    items: Mutex<(VecDeque<u32>, bool)>,
    is_filled: Condvar,
}

/// What one thread puts in others take out, each item once.
fn check_condvar() {
    let queue =
        Arc::new(Queue { items: Mutex::new((VecDeque::new(), false)), is_filled: Condvar::new() });
    let handles: Vec<_> = (0..THREADS)
        .map(|_| {
            let queue = queue.clone();
            threads::spawn(move || {
                let mut sum = 0_u64;
                let mut items = queue.items.lock();
                loop {
                    match items.0.pop_front() {
                        Some(item) => sum += u64::from(item),
                        None if items.1 => return sum,
                        None => queue.is_filled.wait(&mut items),
                    }
                }
            })
            .expect("a thread")
        })
        .collect();
    for item in 0..ROUNDS {
        queue.items.lock().0.push_back(item);
        queue.is_filled.notify_one();
    }
    queue.items.lock().1 = true;
    queue.is_filled.notify_all(&queue.items);
    let sum: u64 = handles.into_iter().map(|handle| handle.join().expect("its sum")).sum();
    check_equal!(sum, u64::from(ROUNDS) * u64::from(ROUNDS - 1) / 2);
}

/// Threads that all ask for a value get the one that was made, which goes once.
fn check_once() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    struct Value(u32);
    impl Drop for Value {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let once = Arc::new(OnceLock::new());
    check!(once.get().is_none());
    let handles: Vec<_> = (0..THREADS)
        .map(|_| {
            let once: Arc<OnceLock<Value>> = once.clone();
            threads::spawn(move || {
                let make = || {
                    threads::yield_now();
                    Value(7 + MADE.fetch_add(1, Ordering::Relaxed))
                };
                once.get_or_init(make).0
            })
            .expect("a thread")
        })
        .collect();
    check!(handles.into_iter().all(|handle| handle.join() == Ok(7)));
    check_equal!(once.get().map(|value| value.0), Some(7));
    drop(once);
    drop(OnceLock::<Value>::new());
    check_equal!(DROPPED.load(Ordering::Relaxed), 1);
}

fn check_parking() {
    static WORD: AtomicU32 = AtomicU32::new(0);
    let timer: Timer = capos::lookup("timer").expect("it was granted");
    check_equal!(park(&WORD, 1, FOREVER), Err(Error::VALUE_CHANGED));
    let deadline = timer.now().expect("the time") + 1_000_000;
    check_equal!(park(&WORD, 0, deadline), Err(Error::TIMED_OUT));
    check_equal!(unpark(&WORD, 1), Ok(0));
    let handle = threads::spawn(|| {
        while WORD.load(Ordering::Acquire) == 0 {
            let _ = park(&WORD, 0, FOREVER);
        }
    });
    WORD.store(1, Ordering::Release);
    check!(unpark(&WORD, 1).is_ok());
    check_equal!(handle.expect("a thread").join(), Ok(()));

    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let deadline = timer.now().expect("the time") + 1_000_000;
    check_equal!(condvar.wait_until(&mut mutex.lock(), deadline), Err(Error::TIMED_OUT));
}

fn main() -> i32 {
    check_mutex();
    check_condvar();
    check_once();
    check_parking();
    tap::finish()
}
