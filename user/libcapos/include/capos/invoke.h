#pragma once
/*
 * The two system calls, and the operations that are worth a function of their own.
 *
 * Everything here is safe in any context: no memory but the caller's registers is touched. All is
 * inline, so that a call costs what the instruction does.
 */
#include <stdint.h>

#include "capos/abi.h"
#include "capos/opcodes.h"

struct capos_reply {
    int64_t result; /* 0, or a negative error */
    uint64_t aux;   /* a scalar result, where there is one */
};

/*
 * cap_enter in its register form: one operation, described by control (see CAPOS_ENTER_REGISTER),
 * done when the function returns. Of the registers SYSCALL takes RCX and R11 (SDM volume 2B); the
 * others come back as they were, but for the two results.
 */
static inline struct capos_reply capos_invoke(uint64_t control, capos_cap_t capability, uint64_t a0,
                                              uint64_t a1, uint64_t a2, uint64_t deadline_ns) {
    struct capos_reply reply = {.result = 0, .aux = a0};
    register uint64_t argument1 __asm__("r10") = a1;
    register uint64_t argument2 __asm__("r8") = a2;
    register uint64_t deadline __asm__("r9") = deadline_ns;
    __asm__ volatile("syscall"
                     : "=a"(reply.result), "+d"(reply.aux)
                     : "a"((uint64_t)CAPOS_SYS_CAP_ENTER), "D"(control), "S"(capability),
                       "r"(argument1), "r"(argument2), "r"(deadline)
                     : "rcx", "r11", "memory");
    return reply;
}

/*
 * cap_enter in its ring form, for the calling thread's own ring: submits at most submit_count
 * entries and waits until wait_count completions stand or the deadline has passed. Returns how many
 * stand, or a negative error. capos/ring.h is the comfortable way to it.
 */
static inline int64_t capos_enter(uint64_t submit_count, uint64_t wait_count,
                                  uint64_t deadline_ns) {
    int64_t result;
    register uint64_t deadline __asm__("r10") = deadline_ns;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((uint64_t)CAPOS_SYS_CAP_ENTER), "D"(UINT64_C(0)), "S"(submit_count),
                       "d"(wait_count), "r"(deadline)
                     : "rcx", "r11", "memory");
    return result;
}

/* Ends the process with this code: no destructors, nothing is flushed. */
_Noreturn static inline void capos_exit(int64_t code) {
    __asm__ volatile("syscall" : : "a"((uint64_t)CAPOS_SYS_EXIT), "D"(code) : "rcx", "r11");
    __builtin_trap();
}

/* The control word of an operation that has neither flags nor a method. */
static inline uint64_t capos_control(enum capos_opcode opcode) {
    return CAPOS_ENTER_REGISTER | (uint64_t)opcode << CAPOS_ENTER_OPCODE_SHIFT;
}

/* Completes at once: what a round trip costs. */
static inline int64_t capos_nop(void) {
    return capos_invoke(capos_control(CAPOS_OP_NOP), CAPOS_CAP_NONE, 0, 0, 0, CAPOS_FOREVER).result;
}

/* Gives a capability up; the id is stale from then on. */
static inline int64_t capos_release(capos_cap_t capability) {
    return capos_invoke(capos_control(CAPOS_OP_RELEASE), capability, 0, 0, 0, CAPOS_FOREVER).result;
}

/* Cancels the operation of the calling thread's ring whose user_data this is. It still yields its
 * one completion. notFound when there is none. */
static inline int64_t capos_cancel(uint64_t user_data) {
    return capos_invoke(capos_control(CAPOS_OP_CANCEL), CAPOS_CAP_NONE, user_data, 0, 0,
                        CAPOS_FOREVER)
        .result;
}
