//! The two forms of the system call `cap_enter`.
use core::arch::asm;

use crate::Cap;
use crate::generated::layout;

/// The deadline that never passes.
pub const FOREVER: u64 = layout::FOREVER;
/// The deadline that has passed.
pub const POLL: u64 = 0;

/// What an operation in registers answers.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// 0, or a negative error.
    pub result: i64,
    /// A scalar result, where there is one; the detail of an error.
    pub aux: u64,
}

/// The control word of an operation that has neither flags nor a method.
pub const fn control(opcode: u8) -> u64 {
    layout::ENTER_REGISTER | (opcode as u64) << layout::ENTER_OPCODE_SHIFT
}

/// One operation in registers, done when the function returns. See `docs/abi.md`.
///
/// # Safety
///
/// What the operation does to memory must be known to all who use it.
#[inline]
pub unsafe fn invoke(
    control: u64,
    capability: Cap,
    arguments: [u64; 3],
    deadline_ns: u64,
) -> Reply {
    let result;
    let aux;
    // SAFETY: SYSCALL takes RCX and R11; RAX and RDX are the results (docs/abi.md).
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") layout::SYS_CAP_ENTER => result,
            inlateout("rdx") arguments[0] => aux,
            in("rdi") control,
            in("rsi") capability.raw(),
            in("r10") arguments[1],
            in("r8") arguments[2],
            in("r9") deadline_ns,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    Reply { result, aux }
}

/// Submits at most `submit_count` entries of the calling thread's ring and waits until `wait_count`
/// completions stand or the deadline has passed. How many stand, or a negative error.
#[inline]
pub fn enter(submit_count: u64, wait_count: u64, deadline_ns: u64) -> i64 {
    let result;
    // SAFETY: as above.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") layout::SYS_CAP_ENTER => result,
            in("rdi") 0,
            in("rsi") submit_count,
            in("rdx") wait_count,
            in("r10") deadline_ns,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Ends the process with this code: nothing is dropped.
pub fn exit(code: i32) -> ! {
    // SAFETY: the call does not return.
    unsafe {
        asm!(
            "syscall",
            "ud2",
            in("rax") layout::SYS_EXIT,
            in("rdi") i64::from(code),
            options(noreturn, nostack),
        );
    }
}
