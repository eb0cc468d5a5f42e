#pragma once
/*
 * Faults and interrupts of a thread, handled by a C function.
 *
 *   static void handle(struct capos_upcall_frame *frame) {
 *       frame->rip = (uintptr_t)somewhere_else;
 *   }
 *   static _Alignas(16) uint8_t stack[16384];
 *   capos_handler_begin(signals, handle, stack, sizeof stack);
 *
 * Rules
 * - The function runs on the thread's alternate stack with upcalls masked: a fault in it ends the
 *   process. When it returns, the thread goes on as the frame says, which it may have changed.
 * - It may enter the kernel in the register form, and must not touch what the code that it
 *   interrupted may have been in the middle of: a ring, the heap, a lock.
 * - One function serves all threads of a process, and each thread begins for itself.
 */
#include <stdint.h>

#include "capos/abi.h"
#include "capos/linkage.h"
#include "capos/upcall.h"

CAPOS_LINKAGE_BEGIN

typedef void capos_handler(struct capos_upcall_frame *frame);

/* Upcalls of the calling thread go to the function from now on. stack NULL and size 0: the stack
 * that is in use, below the red zone. Returns 0 or a negative error. */
int64_t capos_handler_begin(capos_cap_t signal, capos_handler *handler, void *stack,
                            uint64_t stack_size);

/* No handler for the calling thread any more. */
int64_t capos_handler_end(capos_cap_t signal);

CAPOS_LINKAGE_END
