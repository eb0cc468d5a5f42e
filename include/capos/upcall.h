#pragma once
/*
 * Upcalls: what a thread's handler finds on its stack when the kernel enters it, because of a fault
 * or of Thread.interrupt, and hands back with Signal.returnFrom. See docs/abi.md, "Upcalls".
 */
#include <stdint.h>

/* Why the handler was entered: RSI, and `kind` of the frame. */
enum {
    CAPOS_UPCALL_FAULT = 1,     /* the CPU raised an exception for an instruction of the thread */
    CAPOS_UPCALL_INTERRUPT = 2, /* somebody called Thread.interrupt */
};

/* Bits of a thread's mask. Both are set while its handler runs. */
enum {
    CAPOS_UPCALL_MASK_FAULTS = 1 << 0,     /* a fault ends the process */
    CAPOS_UPCALL_MASK_INTERRUPTS = 1 << 1, /* interrupts stay pending */
};
#define CAPOS_UPCALL_MASK_ALL 3u

/* Flags of a frame. */
enum {
    /* A CALL of the register form is in flight below the handler: returnFrom goes on waiting for
     * it, and RAX and RDX will be its result, whatever the frame says of them. */
    CAPOS_UPCALL_IN_CALL = 1 << 0,
};

/* Bytes below RSP that belong to the interrupted code (psABI for x86-64, 3.2.2). */
#define CAPOS_UPCALL_RED_ZONE 128u
/* The smallest alternate stack: room for a frame on any machine, and for a handler. */
#define CAPOS_UPCALL_STACK_MIN 8192u

/*
 * A frame is aligned to 64. Behind it stands the XSAVE area, in the standard form, of xsave_size
 * bytes (start page): x87, SSE, AVX and what else the machine has (SDM volume 1, chapter 13).
 */
struct capos_upcall_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t rip, rflags, rsp, fs_base;
    uint64_t address; /* page fault: the address that was accessed (CR2) */
    uint64_t value;   /* interrupt: the bits that were sent since the last one */
    uint32_t kind;    /* CAPOS_UPCALL_FAULT or CAPOS_UPCALL_INTERRUPT */
    uint32_t vector;  /* fault: number and error code of the CPU exception */
    uint32_t error;
    uint32_t mask;  /* of the thread before the upcall; returnFrom puts it back */
    uint32_t flags; /* CAPOS_UPCALL_IN_CALL */
    uint32_t size;  /* bytes of frame and XSAVE area together; to be left as it is */
    uint8_t xsave[];
};
_Static_assert(sizeof(struct capos_upcall_frame) == 192, "ABI");
_Static_assert(__builtin_offsetof(struct capos_upcall_frame, rip) == 120, "ABI");
_Static_assert(__builtin_offsetof(struct capos_upcall_frame, address) == 152, "ABI");
_Static_assert(__builtin_offsetof(struct capos_upcall_frame, kind) == 168, "ABI");
_Static_assert(__builtin_offsetof(struct capos_upcall_frame, xsave) == 192, "ABI");
