// grants: console,timer
// stdout: cancelled after 0 s instead of one hour

/* Time: reading it, waiting for it, and not waiting any more. */
#include <capos/capos.h>

#define MILLISECOND_NS UINT64_C(1000000)
#define HOUR_NS (3600 * 1000 * MILLISECOND_NS)

CAPOS_REQUIRE("timer", TIMER);

static capos_cap_t timer;

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    if (capos_timer_now(timer, &monotonic_ns) != 0) {
        capos_abort("the timer does not tell the time");
    }
    return monotonic_ns;
}

/* Deadlines are absolute, so that a slow program does not drift. */
static bool sleep_three_times(void) {
    uint64_t start_ns = now();
    for (uint64_t beat = 1; beat <= 3; beat++) {
        uint64_t deadline_ns = start_ns + beat * 20 * MILLISECOND_NS;
        if (capos_timer_sleep(timer, deadline_ns) != 0 || now() < deadline_ns) {
            return false;
        }
        capos_printf("slept until beat %lu\n", beat);
    }
    return true;
}

/* A sleep of one hour, and with the same entry into the kernel a change of mind. */
static bool cancel_a_sleep(void) {
    enum { SLEEP = 1, CANCEL = 2 };
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    uint64_t start_ns = now();

    struct capos_entry *sleep = capos_ring_prepare_call(&ring, timer, CAPOS_TIMER_METHOD_SLEEP);
    sleep->argument[0] = start_ns + HOUR_NS;
    sleep->user_data = SLEEP;

    struct capos_entry *cancel = capos_ring_prepare(&ring);
    cancel->opcode = CAPOS_OP_CANCEL;
    cancel->argument[0] = SLEEP;
    cancel->user_data = CANCEL;

    capos_ring_enter(&ring, 2, CAPOS_FOREVER);
    bool was_cancelled = false;
    struct capos_completion completion;
    while (capos_ring_take(&ring, &completion)) {
        was_cancelled |= completion.user_data == SLEEP && completion.result == CAPOS_E_CANCELLED;
    }
    capos_printf("cancelled after %lu s instead of one hour\n",
                 (now() - start_ns) / (1000 * MILLISECOND_NS));
    return was_cancelled;
}

int main(void) {
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    return sleep_three_times() && cancel_a_sleep() ? 0 : 1;
}
