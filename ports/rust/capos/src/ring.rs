//! A thread's ring: many operations for one entry into the kernel, and operations that go on while
//! the program does something else.
//!
//! ```
//! let mut ring = Ring::open();
//! let entry = Entry { opcode: opcodes::NOP, user_data: 7, ..Entry::new() };
//! unsafe { ring.push(entry) };
//! ring.enter(1, FOREVER)?;
//! assert_eq!(ring.take().map(|completion| completion.user_data), Some(7));
//! ```
//!
//! What the accesses to the shared words pair with stands in `capos/ring.h`.
use core::sync::atomic::Ordering;

use crate::abi::{Completion, Entry, RING_COMPLETIONS, RING_ENTRIES, Ring as Memory};
use crate::system_call::{FOREVER, enter};
use crate::{Error, Result};

/// The ring of the thread that opened it: `struct capos_ring_client`. One for each thread; a second
/// one would put its entries where those of the first are.
#[repr(C)]
pub struct Ring {
    memory: *mut Memory,
    /// The next entry to fill; runs ahead of the shared word until `enter`.
    submission_tail: u32,
    /// Entries before this one were free when last looked.
    submission_limit: u32,
}

unsafe extern "C" {
    fn capos_ring_open(client: *mut Ring);
}

impl Entry {
    /// Nothing but the deadline that never passes.
    pub fn new() -> Self {
        Self { deadline_ns: FOREVER, ..Self::default() }
    }
}

impl Ring {
    /// The ring of the calling thread, as it stands now.
    pub fn open() -> Self {
        let mut ring =
            Self { memory: core::ptr::null_mut(), submission_tail: 0, submission_limit: 0 };
        // SAFETY: it fills the struct.
        unsafe { capos_ring_open(&mut ring) };
        ring
    }

    fn memory(&self) -> &Memory {
        // SAFETY: the ring is mapped as long as its thread lives, and this stays with its thread.
        unsafe { &*self.memory }
    }

    /// Puts an entry into the queue; false when the queue is full.
    ///
    /// # Safety
    ///
    /// What the entry has addresses of must stay until its completion, and be used by nobody else
    /// where the operation writes.
    pub unsafe fn push(&mut self, entry: Entry) -> bool {
        if self.submission_tail == self.submission_limit {
            let head = self.memory().submission_head.load(Ordering::Acquire);
            self.submission_limit = head.wrapping_add(RING_ENTRIES as u32);
            if self.submission_tail == self.submission_limit {
                return false;
            }
        }
        let index = self.submission_tail as usize % RING_ENTRIES;
        // SAFETY: the entry is free, and the kernel reads it after the tail says that it is there.
        unsafe { self.memory().entries.get().cast::<Entry>().add(index).write(entry) };
        self.submission_tail = self.submission_tail.wrapping_add(1);
        true
    }

    /// Submits what was put there, and waits until so many completions stand or the deadline has
    /// passed. How many stand.
    pub fn enter(&mut self, wait_count: u32, deadline_ns: u64) -> Result<u32> {
        let tail = self.submission_tail;
        self.memory().submission_tail.store(tail, Ordering::Release);
        let head = self.memory().submission_head.load(Ordering::Acquire);
        let count = enter(tail.wrapping_sub(head).into(), wait_count.into(), deadline_ns);
        Error::check(count).map(|()| count as u32)
    }

    /// Completions that stand in the queue.
    pub fn count(&self) -> u32 {
        let tail = self.memory().completion_tail.load(Ordering::Acquire);
        tail.wrapping_sub(self.memory().completion_head.load(Ordering::Relaxed))
    }

    /// The oldest completion.
    pub fn take(&mut self) -> Option<Completion> {
        if self.count() == 0 {
            return None;
        }
        let head = self.memory().completion_head.load(Ordering::Relaxed);
        let index = head as usize % RING_COMPLETIONS;
        // SAFETY: the kernel has written it, and writes there again only when the head has passed.
        let completions = self.memory().completions.get().cast::<Completion>();
        let completion = unsafe { completions.add(index).read() };
        self.memory().completion_head.store(head.wrapping_add(1), Ordering::Release);
        Some(completion)
    }
}
