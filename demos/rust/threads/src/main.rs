// grants: console,threads,thread-control,memory,park
// stdout: 9592 primes below 100000, counted by 4 threads

//! Threads: four of them share out a range of numbers in blocks, and each counts the primes of its
//! blocks in a variable of its own.
#![no_std]
#![feature(thread_local)]

use core::cell::Cell;

use capos::sync::Mutex;
use capos::threads::Builder;
use capos::{Result, println};

const LIMIT: u32 = 100_000;
const BLOCK: u32 = 1000;

static NEXT_BLOCK: Mutex<u32> = Mutex::new(0);

/// Each thread has one.
#[thread_local]
static FOUND: Cell<u32> = Cell::new(0);

fn is_prime(number: u32) -> bool {
    number > 1 && (2..).take_while(|f| f * f <= number).all(|factor| number % factor != 0)
}

fn take_block() -> Option<u32> {
    let mut next = NEXT_BLOCK.lock();
    let first = *next;
    *next += BLOCK;
    (first < LIMIT).then_some(first)
}

fn count(name: &str) -> u32 {
    let mut blocks = 0;
    while let Some(first) = take_block() {
        let primes = (first..first + BLOCK).filter(|&number| is_prime(number)).count();
        FOUND.set(FOUND.get() + primes as u32);
        blocks += 1;
    }
    println!("{name} took {blocks} blocks");
    FOUND.get()
}

fn main() -> Result<()> {
    let names = [c"Ada", c"Bob", c"Eve", c"Kim"];
    let threads = names.map(|name| {
        Builder::new().name(name).spawn(move || count(name.to_str().unwrap_or("nobody")))
    });
    let mut primes = 0;
    for thread in threads {
        primes += thread?.join()?;
    }
    println!("{primes} primes below {LIMIT}, counted by {} threads", names.len());
    Ok(())
}
