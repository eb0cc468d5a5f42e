//! Ids of capabilities, and what the program was granted.
use core::ffi::{CStr, c_char};
use core::ops::Deref;

use crate::abi::CapsetEntry;
use crate::system_call::{control, invoke};
use crate::{Error, FOREVER, Result, generated::opcodes, start_page};

/// The id of a capability. It is a number: what counts is the process's table in the kernel, and an
/// id that was given up is refused for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Cap(u64);

impl Cap {
    /// The id that no capability has.
    pub const NONE: Self = Self(0);

    /// The id as a call of the kernel told it.
    pub const fn from_raw(id: u64) -> Self {
        Self(id)
    }

    /// The id as the kernel wants it.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Gives the capability up: the id is stale from then on.
    pub fn release(self) -> Result {
        // SAFETY: this touches no memory.
        let reply = unsafe { invoke(control(opcodes::RELEASE), self, [0; 3], FOREVER) };
        Error::check(reply.result)
    }
}

/// A client: a capability seen through an interface of `schema/`.
pub trait Interface: Copy {
    /// The interface's id in the schema.
    const ID: u64;
    /// The interface's name in the schema.
    const NAME: &'static str;

    /// Takes the id to be one of this interface; otherwise its calls are refused.
    fn from_cap(cap: Cap) -> Self;

    /// The capability's id.
    fn cap(self) -> Cap;
}

/// A capability that is given up when this is dropped.
#[derive(Debug)]
pub struct Owned<T: Interface>(T);

impl<T: Interface> Owned<T> {
    /// Takes over an id that a call of the kernel has made, as `VirtualMemory::create_object` does.
    pub fn from_raw(id: u64) -> Self {
        Self(T::from_cap(Cap::from_raw(id)))
    }

    /// The client alone: the capability stays until it is released.
    pub fn into_inner(self) -> T {
        let client = self.0;
        core::mem::forget(self);
        client
    }
}

impl<T: Interface> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Interface> Drop for Owned<T> {
    fn drop(&mut self) {
        // It can only be refused when it is stale already.
        let _ = self.0.cap().release();
    }
}

/// A capability that the program was granted.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The name under which it was granted.
    pub name: &'static str,
    /// The id of its interface.
    pub interface: u64,
    /// Its own id.
    pub cap: Cap,
}

/// What the program was granted, in order.
pub fn grants() -> impl ExactSizeIterator<Item = Grant> {
    let page = start_page();
    let base: *const u8 = core::ptr::from_ref(page).cast();
    (0..page.capset_count as usize).map(move |index| {
        // SAFETY: the kernel wrote table and names into the start page, which is never unmapped.
        unsafe {
            let table: *const CapsetEntry = base.add(page.capset_offset as usize).cast();
            let entry = &*table.add(index);
            let name: *const c_char = base.add(entry.name_offset as usize).cast();
            Grant {
                name: CStr::from_ptr(name).to_str().unwrap_or(""),
                interface: entry.interface,
                cap: Cap::from_raw(entry.id),
            }
        }
    })
}

/// The capability of this interface that was granted under this name.
pub fn lookup<T: Interface>(name: &str) -> Option<T> {
    grants()
        .find(|grant| grant.name == name && grant.interface == T::ID)
        .map(|g| T::from_cap(g.cap))
}
