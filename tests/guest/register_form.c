// grants: console,timer

/* The register form: the same operations without a word of ring memory, and nothing left behind. */
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)

static struct capos_ring_client ring;

static void test_ring_untouched(capos_cap_t timer) {
    uint64_t now_ns = 0;
    struct capos_ring before = *ring.ring;
    CHECK_RESULT(capos_nop(), CAPOS_OK);
    CHECK_RESULT(capos_timer_now(timer, &now_ns), CAPOS_OK);
    CHECK_RESULT(capos_timer_sleep(timer, now_ns + MILLISECOND_NS), CAPOS_OK);
    CHECK_RESULT(capos_cancel(1), CAPOS_E_NOT_FOUND);
    CHECK(memcmp(&before, ring.ring, sizeof before) == 0);
}

/* A register operation waits beside those of the ring, and does not take their completions. */
static void test_beside_the_ring(capos_cap_t timer) {
    uint64_t now_ns = 0;
    capos_timer_now(timer, &now_ns);
    struct capos_entry *entry = capos_ring_prepare_call(&ring, timer, CAPOS_TIMER_METHOD_SLEEP);
    entry->argument[0] = now_ns + 50 * MILLISECOND_NS;
    CHECK_EQUAL(capos_ring_enter(&ring, 0, CAPOS_POLL), 0);
    CHECK_RESULT(capos_timer_sleep(timer, now_ns + 60 * MILLISECOND_NS), CAPOS_OK);
    CHECK_EQUAL(capos_ring_count(&ring), 1);
    struct capos_completion completion = {.result = 1};
    CHECK(capos_ring_take(&ring, &completion));
    CHECK_RESULT(completion.result, CAPOS_OK);
}

static void test_deadline(capos_cap_t timer) {
    uint64_t now_ns = 0;
    capos_timer_now(timer, &now_ns);
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |
                       (uint64_t)CAPOS_ENTRY_INLINE << CAPOS_ENTER_FLAGS_SHIFT |
                       (uint64_t)CAPOS_TIMER_METHOD_SLEEP << CAPOS_ENTER_METHOD_SHIFT;
    CHECK_RESULT(capos_invoke(control, timer, UINT64_MAX - 1, 0, 0, now_ns + MILLISECOND_NS).result,
                 CAPOS_E_TIMED_OUT);
    CHECK_RESULT(capos_invoke(control, timer, UINT64_MAX - 1, 0, 0, CAPOS_POLL).result,
                 CAPOS_E_TIMED_OUT);
}

int main(void) {
    capos_cap_t timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    capos_ring_open(&ring);
    test_ring_untouched(timer);
    test_beside_the_ring(timer);
    test_deadline(timer);
    CHECK_RESULT(capos_release(timer), CAPOS_OK);
    CHECK_RESULT(capos_release(timer), CAPOS_E_BAD_CAPABILITY);
    return tap_finish();
}
