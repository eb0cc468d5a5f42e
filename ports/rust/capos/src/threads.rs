//! Threads of this process, with stack and thread-local variables of their own.
//!
//! ```
//! let thread = capos::threads::spawn(|| 6 * 7)?;
//! assert_eq!(thread.join()?, 42);
//! ```
//!
//! They are those of libcapos (`capos/threads.h`): the stack is mapped by the VirtualMemory named
//! "memory", above addresses that are reserved, and a program that makes threads requires the
//! grants "threads" and "thread-control". The process ends when `main` returns, whatever its
//! threads do.
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::cell::{Cell, UnsafeCell};
use core::ffi::{CStr, c_char, c_void};
use core::mem::ManuallyDrop;

use crate::panic::CATCH;
use crate::system_call::{POLL, enter};
use crate::{Cap, Error, Interface, Result, abi, generated::thread::Thread};

/// `struct capos_thread`.
#[repr(C)]
struct RawThread {
    capability: Cap,
    id: u64,
    ring: *mut c_void,
    block: *mut c_void,
}

/// `struct capos_thread_options`.
#[repr(C)]
struct RawOptions {
    stack_bytes: usize,
    stack: *mut c_void,
    name: *const c_char,
    is_detached: bool,
}

type Run = unsafe extern "C" fn(*mut c_void) -> i64;

unsafe extern "C" {
    fn capos_thread_create(
        thread: *mut RawThread,
        options: *const RawOptions,
        run: Run,
        argument: *mut c_void,
    ) -> i64;
    fn capos_thread_wait(thread: *mut RawThread, value: *mut i64) -> i64;
    fn capos_thread_detach(thread: *mut RawThread) -> i64;
    fn capos_thread_exit(value: i64) -> !;
}

/// What a thread returns. Its end, for which `join` waits, comes between the write and the read.
struct Packet<T>(UnsafeCell<Option<T>>);

// SAFETY: see above; only a T goes from one thread to the other.
unsafe impl<T: Send> Sync for Packet<T> {}

struct Start<F, T> {
    run: F,
    packet: Arc<Packet<T>>,
}

unsafe extern "C" fn begin<F: FnOnce() -> T, T>(argument: *mut c_void) -> i64 {
    // SAFETY: `Builder::spawn` made the box for us alone.
    let start = unsafe { Box::from_raw(argument.cast::<Start<F, T>>()) };
    let Start { run, packet } = *start;
    let value = run();
    // SAFETY: nobody reads it before this thread has ended.
    unsafe { *packet.0.get() = Some(value) };
    0
}

/// How a thread is to be. All as it comes is [`spawn`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Builder<'a> {
    stack_bytes: usize,
    name: Option<&'a CStr>,
}

impl<'a> Builder<'a> {
    /// 256 KiB of stack, no name.
    pub const fn new() -> Self {
        Self { stack_bytes: 0, name: None }
    }

    /// So much stack, at least 2 KiB.
    pub const fn stack_bytes(self, stack_bytes: usize) -> Self {
        Self { stack_bytes, ..self }
    }

    /// Shown in reports; at most 31 bytes.
    pub const fn name(self, name: &'a CStr) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Starts a thread that runs the function. All or nothing.
    pub fn spawn<F, T>(self, run: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let packet = Arc::new(Packet(UnsafeCell::new(None)));
        let start = Box::into_raw(Box::new(Start { run, packet: packet.clone() }));
        let options = RawOptions {
            stack_bytes: self.stack_bytes,
            stack: core::ptr::null_mut(),
            name: self.name.map_or(core::ptr::null(), CStr::as_ptr),
            is_detached: false,
        };
        let nobody = core::ptr::null_mut();
        let mut thread = RawThread { capability: Cap::NONE, id: 0, ring: nobody, block: nobody };
        // SAFETY: `begin` takes the box over, if there is a thread; otherwise it is ours again.
        unsafe {
            let code = capos_thread_create(&mut thread, &options, begin::<F, T>, start.cast());
            if code < 0 {
                drop(Box::from_raw(start));
            }
            Error::check(code)?;
        }
        Ok(JoinHandle { thread, packet })
    }
}

/// Starts a thread that runs the function.
pub fn spawn<F, T>(run: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(run)
}

/// A thread that somebody is to wait for. Without `join` nobody does: what it has is freed when it
/// ends.
pub struct JoinHandle<T> {
    thread: RawThread,
    packet: Arc<Packet<T>>,
}

// SAFETY: any thread may wait, and get the T.
unsafe impl<T: Send> Send for JoinHandle<T> {}
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end. What its function returned; `disconnected` when it ended before
    /// that.
    pub fn join(self) -> Result<T> {
        let mut handle = ManuallyDrop::new(self);
        let mut value = 0;
        // SAFETY: the thread is given up here, and not again when the handle is dropped.
        let code = unsafe { capos_thread_wait(&mut handle.thread, &mut value) };
        if code < 0 {
            drop(ManuallyDrop::into_inner(handle));
            return Err(Error::new(code));
        }
        // SAFETY: the handle is not used any more.
        let packet = unsafe { core::ptr::read(&handle.packet) };
        // SAFETY: the thread has ended.
        unsafe { (*packet.0.get()).take() }.ok_or(Error::DISCONNECTED)
    }

    /// The number of the thread.
    pub fn id(&self) -> u64 {
        self.thread.id
    }

    /// The thread as the kernel knows it.
    pub fn client(&self) -> Thread {
        Thread::from_cap(self.thread.capability)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: given up here, and nowhere else.
        let _ = unsafe { capos_thread_detach(&mut self.thread) };
    }
}

/// How a function ended.
pub enum Caught<T> {
    /// With this value.
    Value(T),
    /// By a panic with this message.
    Panic(String),
}

/// Where the message goes when the thread panics.
#[thread_local]
static MESSAGE: Cell<*const Packet<String>> = Cell::new(core::ptr::null());

fn end_panicked(message: &str) -> ! {
    // SAFETY: `catch` holds the packet until this thread has ended, and looks into it then.
    unsafe {
        *(*MESSAGE.get()).0.get() = Some(String::from(message));
        capos_thread_exit(0)
    }
}

/// Runs a function in a thread of its own, which alone is ended when it panics. What it holds then
/// stays held: locks, memory, capabilities. It is meant for tests.
pub fn catch<F, T>(run: F) -> Result<Caught<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let message = Arc::new(Packet(UnsafeCell::new(None)));
    let theirs = message.clone();
    let handle = spawn(move || {
        MESSAGE.set(Arc::as_ptr(&theirs));
        CATCH.set(Some(end_panicked));
        run()
    })?;
    match handle.join() {
        Ok(value) => Ok(Caught::Value(value)),
        // SAFETY: the thread has ended.
        Err(error) => match unsafe { (*message.0.get()).take() } {
            Some(message) => Ok(Caught::Panic(message)),
            None => Err(error),
        },
    }
}

/// Lets other threads run. Takes no capability.
pub fn yield_now() {
    let _ = enter(0, abi::RING_COMPLETIONS as u64, POLL);
}
