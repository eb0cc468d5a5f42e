#pragma once
/*
 * The frame of an upcall: where it goes on a stack, and which frames a program may hand back.
 *
 * Rules
 * - A frame that comes back is input: upcall_frame_flaw judges a copy that the program cannot
 *   change, before any of it reaches a register.
 */
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/upcall.h"
#include "core/assert.h"
#include "core/status.h"

#define UPCALL_FRAME_ALIGN 64u         /* XSAVE wants it */
#define UPCALL_RETURN_ADDRESS_BYTES 8u /* below the frame: the handler was called from nowhere */
/* What fits into a page beside the return address. */
#define UPCALL_FRAME_BYTES_MAX (CAPOS_PAGE_SIZE - UPCALL_FRAME_ALIGN)

/* What the machine sets the limits to. */
struct upcall_machine {
    uint64_t user_high;    /* every user address is below */
    uint64_t components;   /* XCR0; 0 when the area is one of FXSAVE */
    uint32_t mxcsr_mask;   /* bits of MXCSR that the CPU has */
    uint32_t xsave_bytes;  /* of the area behind the frame */
    uint64_t rflags_mask;  /* what a program may set in RFLAGS */
    uint64_t rflags_fixed; /* what is set in it whatever the program says */
};

/* A thread's alternate stack; size_bytes 0: it has none. */
struct upcall_stack {
    uint64_t low, size_bytes;
};

/* Bytes of frame and area together. */
static inline uint32_t upcall_frame_bytes(const struct upcall_machine *machine) {
    return (uint32_t)sizeof(struct capos_upcall_frame) + machine->xsave_bytes;
}

/*
 * The address for the frame of a thread whose stack pointer is rsp: on the alternate stack, or
 * below the red zone when rsp is on that already or there is none. The word below the frame is the
 * handler's return address; both stand in one page. badAddress when the stack has no room, or is no
 * user memory.
 */
MUST_CHECK static inline status_t upcall_frame_place(const struct upcall_machine *machine,
                                                     const struct upcall_stack *stack, uint64_t rsp,
                                                     uint64_t *address_out) {
    const uint64_t align_mask = ~(uint64_t)(UPCALL_FRAME_ALIGN - 1);
    const uint64_t page_mask = ~(uint64_t)(CAPOS_PAGE_SIZE - 1);
    uint64_t bytes = upcall_frame_bytes(machine);
    uint64_t top = stack->low + stack->size_bytes;
    ASSERT(top <= machine->user_high && bytes <= UPCALL_FRAME_BYTES_MAX);
    /* As POSIX's sigaltstack has it: a stack pointer at the very top is on the stack. */
    bool is_on_it = rsp > stack->low && rsp <= top;
    if (stack->size_bytes == 0 || is_on_it) {
        top = rsp - CAPOS_UPCALL_RED_ZONE;
    }
    /* A frame near address 0 would be in pages that are never mapped. */
    if (top > machine->user_high || top < 2 * CAPOS_PAGE_SIZE) {
        return CAPOS_E_BAD_ADDRESS;
    }
    uint64_t frame = (top - bytes) & align_mask;
    uint64_t last_page = (frame + bytes - 1) & page_mask;
    if (frame - UPCALL_RETURN_ADDRESS_BYTES < last_page) {
        frame = (last_page - bytes) & align_mask;
    }
    if (frame - UPCALL_RETURN_ADDRESS_BYTES < stack->low) {
        return CAPOS_E_BAD_ADDRESS;
    }
    *address_out = frame;
    return CAPOS_OK;
}

/* What is wrong with a frame that came back and has upcall_frame_bytes; NULL: nothing. */
const char *upcall_frame_flaw(const struct upcall_machine *machine,
                              const struct capos_upcall_frame *frame);

/* The flags to run with. */
static inline uint64_t upcall_frame_rflags(const struct upcall_machine *machine,
                                           const struct capos_upcall_frame *frame) {
    return (frame->rflags & machine->rflags_mask) | machine->rflags_fixed;
}
