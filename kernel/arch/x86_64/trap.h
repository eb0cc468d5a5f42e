#pragma once
/*
 * Ways into the kernel, and the state of a thread that is outside it.
 *
 * A thread's registers live in its struct thread: the entry code pushes them straight there (the
 * frame is the top of the "stack" that TSS.RSP0 names), then moves to the stack of the CPU. Nothing
 * of a thread is ever left on a kernel stack.
 */
#include "kernel/arch/x86_64/layout.h"
#include "kernel/types.h"

struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector; /* of the trap, or VECTOR_SYSCALL */
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == FRAME_BYTES, "layout.h");
_Static_assert(offsetof(struct trap_frame, vector) == FRAME_VECTOR, "layout.h");
_Static_assert(offsetof(struct trap_frame, rip) == FRAME_RIP, "layout.h");
_Static_assert(offsetof(struct trap_frame, cs) == FRAME_CS, "layout.h");
_Static_assert(offsetof(struct trap_frame, rflags) == FRAME_RFLAGS, "layout.h");
_Static_assert(offsetof(struct trap_frame, rsp) == FRAME_RSP, "layout.h");
_Static_assert(offsetof(struct trap_frame, r12) == FRAME_R12, "layout.h");
_Static_assert(offsetof(struct trap_frame, rbp) == FRAME_RBP, "layout.h");
_Static_assert(offsetof(struct trap_frame, rbx) == FRAME_RBX, "layout.h");
_Static_assert(offsetof(struct trap_frame, r10) == FRAME_R10, "layout.h");
_Static_assert(offsetof(struct trap_frame, r8) == FRAME_R8, "layout.h");
_Static_assert(offsetof(struct trap_frame, rax) == FRAME_RAX, "layout.h");
_Static_assert(offsetof(struct trap_frame, rdx) == FRAME_RDX, "layout.h");
_Static_assert(offsetof(struct trap_frame, rsi) == FRAME_RSI, "layout.h");
_Static_assert(offsetof(struct trap_frame, rdi) == FRAME_RDI, "layout.h");

enum trap_vector {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2,
    TRAP_INVALID_OPCODE = 6,
    TRAP_DOUBLE_FAULT = 8,
    TRAP_GENERAL_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_MACHINE_CHECK = 18,
};

/* Page-fault error code (SDM volume 3, 4.7). */
enum {
    PAGE_FAULT_PRESENT = 1 << 0,
    PAGE_FAULT_WRITE = 1 << 1,
    PAGE_FAULT_USER = 1 << 2,
    PAGE_FAULT_RESERVED = 1 << 3,
    PAGE_FAULT_FETCH = 1 << 4,
};

#define RFLAGS_FIXED UINT64_C(0x2)
#define RFLAGS_IF UINT64_C(0x200)
/* What SYSCALL clears: TF, IF, DF, NT, RF, AC, and IOPL with them. */
#define RFLAGS_SYSCALL_MASK UINT64_C(0x57700)
/* What a program may set in its own flags: CF PF AF ZF SF TF DF OF NT AC ID. */
#define RFLAGS_USER_MASK UINT64_C(0x244dd5)

/* Fills the IDT; loads it on this CPU; points the SYSCALL MSRs at the entry. */
void trap_init(void);
void trap_init_cpu(void);

/* Called by entry code, on the stack of the CPU. The first returns to the program, by
 * scheduler_pick if the CPU needs attention; the others to what was interrupted. */
void trap_from_user(struct trap_frame *frame);
void trap_from_kernel(struct trap_frame *frame);
void trap_on_ist(struct trap_frame *frame);

/* kernel/arch/x86_64/entry.S */
extern uint64_t trap_stubs[256];
void syscall_entry(void);
/* Leaves the kernel with all registers of the thread that runs here from its frame, whose vector is
 * not VECTOR_SYSCALL; by trap_resume when the CPU needs attention. Any stack. */
_Noreturn void trap_leave(void);
/* Leaves the kernel: runs scheduler_pick, then resumes the thread it chose. Any stack. */
_Noreturn void trap_resume(void);
