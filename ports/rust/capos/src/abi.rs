//! What kernel and programs share in memory: `include/capos/abi.h` for Rust. Sizes and offsets are
//! compared with those that the C compiler found, in a generated file.
use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;

use crate::generated::layout;

/// One submission.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Entry {
    /// One of [`crate::opcodes`].
    pub opcode: u8,
    /// [`LINK`] and [`INLINE`].
    pub flags: u8,
    /// Of a CALL, by its ordinal.
    pub method: u16,
    /// Bytes of the message that the first argument is the address of.
    pub length: u32,
    /// Comes back in the completion.
    pub user_data: u64,
    /// The id of the capability.
    pub capability: u64,
    /// What the opcode says.
    pub argument: [u64; 3],
    /// Of this operation.
    pub deadline_ns: u64,
    /// Must be 0.
    pub reserved: u64,
}

/// The next entry starts when this one has succeeded.
pub const LINK: u8 = layout::ENTRY_LINK as u8;
/// The arguments are the data words of the parameters.
pub const INLINE: u8 = layout::ENTRY_INLINE as u8;

/// One completion.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Completion {
    /// Of the entry.
    pub user_data: u64,
    /// 0, or a negative error.
    pub result: i64,
    /// A scalar result, where there is one.
    pub aux: u64,
    /// None yet.
    pub flags: u32,
    /// Which argument, what limit.
    pub detail: u32,
}

/// How many entries a ring holds.
pub const RING_ENTRIES: usize = layout::RING_ENTRIES as usize;
/// How many completions a ring holds.
pub const RING_COMPLETIONS: usize = layout::RING_COMPLETIONS as usize;

/// A ring as it stands in memory.
#[repr(C)]
pub struct Ring {
    pub(crate) submission_tail: AtomicU32,
    pub(crate) completion_head: AtomicU32,
    reserved0: [u8; 56],
    pub(crate) submission_head: AtomicU32,
    pub(crate) completion_tail: AtomicU32,
    pub(crate) in_flight: AtomicU32,
    reserved1: [u8; 1972],
    pub(crate) completions: UnsafeCell<[Completion; RING_COMPLETIONS]>,
    pub(crate) entries: UnsafeCell<[Entry; RING_ENTRIES]>,
    pub(crate) message: UnsafeCell<[u8; layout::RING_MESSAGE_BYTES as usize]>,
}

/// One capability that the process started with.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CapsetEntry {
    /// Of the capability.
    pub id: u64,
    /// The interface's id.
    pub interface: u64,
    /// From the start page's first byte; the name is terminated by 0.
    pub name_offset: u32,
    /// Without the terminator.
    pub name_length: u32,
}

/// What a process knows at birth.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Start {
    pub abi_version: u32,
    pub size: u32,
    pub features: u64,
    pub capset_offset: u32,
    pub capset_count: u32,
    pub argument_count: u32,
    pub environment_count: u32,
    pub ring: u64,
    pub stack_low: u64,
    pub stack_high: u64,
    pub tls_image: u64,
    pub tls_image_size: u64,
    pub tls_size: u64,
    pub tls_align: u64,
    pub program_headers: u64,
    pub program_header_count: u32,
    pub page_size: u32,
    pub xsave_size: u32,
    pub address_bits: u32,
    pub image_low: u64,
    pub image_high: u64,
    pub random: [u8; 32],
}

/// What a handler of faults and interrupts gets: the state of the code below it. Behind it stands
/// the XSAVE area.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[allow(missing_docs)]
pub struct UpcallFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rip: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub fs_base: u64,
    pub address: u64,
    pub value: u64,
    pub kind: u32,
    pub vector: u32,
    pub error: u32,
    pub mask: u32,
    pub flags: u32,
    pub size: u32,
    pub xsave: [u8; 0],
}
