//! Mutexes and condition variables: those of libcapos (`capos/lock.h`), with what they guard
//! inside; and values that are made once.
//!
//! All of this requires the ParkSpace named "park", and enters the kernel only when threads meet.
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::{Error, FOREVER, Result};

unsafe extern "C" {
    fn capos_mutex_lock_contended(mutex: *const AtomicU32);
    fn capos_mutex_wake(mutex: *const AtomicU32);
    fn capos_cond_wait(cond: *const AtomicU32, mutex: *const AtomicU32, deadline_ns: u64) -> i64;
    fn capos_cond_signal(cond: *const AtomicU32);
    fn capos_cond_broadcast(cond: *const AtomicU32, mutex: *const AtomicU32);
}

/// `enum capos_mutex_state`.
const FREE: u32 = 0;
const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;

/// A value that one thread at a time may use.
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time gets at the value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A mutex that is free.
    pub const fn new(value: T) -> Self {
        Self { state: AtomicU32::new(FREE), value: UnsafeCell::new(value) }
    }

    /// The value, which nobody else can be using.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the mutex is ours. Who has it does not lock it again.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.try_lock().unwrap_or_else(|| {
            // SAFETY: it returns when the mutex is ours.
            unsafe { capos_mutex_lock_contended(&self.state) };
            self.guard()
        })
    }

    /// Takes the mutex if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.state
            .compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| self.guard())
    }

    /// Of a mutex that is ours.
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self, stays: PhantomData }
    }
}

/// The mutex is ours as long as this lives. It stays with its thread.
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    stays: PhantomData<*const ()>,
}

// SAFETY: to share it is to share the value.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mutex is ours.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the mutex is ours.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        if self.mutex.state.swap(FREE, Ordering::Release) == CONTENDED {
            // SAFETY: it wakes who waits there, if somebody does.
            unsafe { capos_mutex_wake(&self.mutex.state) };
        }
    }
}

/// Waiting for what another thread does with a mutex.
#[derive(Default)]
pub struct Condvar {
    sequence: AtomicU32,
}

impl Condvar {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self { sequence: AtomicU32::new(0) }
    }

    /// Unlocks the mutex, waits for a notice, perhaps in vain, and locks it again.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        // Without a deadline there is nothing to be refused.
        let _ = self.wait_until(guard, FOREVER);
    }

    /// The same with a deadline, absolute monotonic time: `timedOut` and, without a Timer,
    /// `needsTimer`.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline_ns: u64) -> Result {
        // SAFETY: the mutex is ours before and after it.
        let code = unsafe { capos_cond_wait(&self.sequence, &guard.mutex.state, deadline_ns) };
        Error::check(code)
    }

    /// Wakes one who waits.
    pub fn notify_one(&self) {
        // SAFETY: the word is ours.
        unsafe { capos_cond_signal(&self.sequence) };
    }

    /// Wakes all who wait, all with this mutex.
    pub fn notify_all<T>(&self, mutex: &Mutex<T>) {
        // SAFETY: both words are ours.
        unsafe { capos_cond_broadcast(&self.sequence, &mutex.state) };
    }
}

/// A value that is made when it is first asked for, and stays.
pub struct OnceLock<T> {
    /// Whoever makes the value has this.
    maker: Mutex<()>,
    is_made: AtomicBool,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a value is written by one thread, before others see it; any of them may drop it.
unsafe impl<T: Send> Send for OnceLock<T> {}
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// No value yet.
    pub const fn new() -> Self {
        Self {
            maker: Mutex::new(()),
            is_made: AtomicBool::new(false),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if there is one.
    pub fn get(&self) -> Option<&T> {
        // Acquire: pairs with the store in `get_or_init`, so that the value is seen whole.
        // SAFETY: it was written, and will not be again.
        self.is_made
            .load(Ordering::Acquire)
            .then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, which this function makes if there is none; the others wait meanwhile. It does
    /// not ask for the value itself.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let _maker = self.maker.lock();
        if let Some(value) = self.get() {
            return value;
        }
        let value = make();
        // SAFETY: nobody reads it yet, and nobody else writes.
        let value = unsafe { (*self.value.get()).write(value) };
        self.is_made.store(true, Ordering::Release);
        value
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        if *self.is_made.get_mut() {
            // SAFETY: it was written, and goes with us.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
