#pragma once
/*
 * The two system calls, and the operations that are worth a function of their own.
 *
 * Everything here is safe in any context: no memory but the caller's registers is touched.
 */
#include <stdint.h>

#include "capos/abi.h"

struct capos_reply {
    int64_t result; /* 0, or a negative error */
    uint64_t aux;   /* a scalar result, where there is one */
};

/*
 * cap_enter in its register form: one operation, described by control (see CAPOS_ENTER_REGISTER),
 * done when the function returns.
 */
struct capos_reply capos_invoke(uint64_t control, capos_cap_t capability, uint64_t a0, uint64_t a1,
                                uint64_t a2, uint64_t deadline_ns);

/*
 * cap_enter in its ring form, for the calling thread's own ring: submits at most submit_count
 * entries and waits until wait_count completions stand or the deadline has passed. Returns how many
 * stand, or a negative error. capos/ring.h is the comfortable way to it.
 */
int64_t capos_enter(uint64_t submit_count, uint64_t wait_count, uint64_t deadline_ns);

/* Ends the process with this code: no destructors, nothing is flushed. */
_Noreturn void capos_exit(int64_t code);

/* Completes at once: what a round trip costs. */
int64_t capos_nop(void);

/* Gives a capability up; the id is stale from then on. */
int64_t capos_release(capos_cap_t capability);

/* Cancels the operation of the calling thread's ring whose user_data this is. It still yields its
 * one completion. notFound when there is none. */
int64_t capos_cancel(uint64_t user_data);
