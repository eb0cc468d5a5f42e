/* What the hostile worker does last, because a process does it once. */
#include "tests/guest/hostile.h"

static void sleep_for_ever(struct capos_ring_client *ring, uint32_t count) {
    for (uint32_t index = 0; index < count; index++) {
        struct capos_entry *entry = capos_ring_prepare_call(
            ring, capos_lookup("timer", CAPOS_TIMER_INTERFACE), CAPOS_TIMER_METHOD_SLEEP);
        if (entry != NULL) {
            entry->argument[0] = UINT64_MAX - 1;
        }
    }
    capos_ring_enter(ring, 0, CAPOS_POLL);
}

void hostile_act(struct capos_ring_client *ring, unsigned act) {
    volatile struct capos_ring *words = ring->ring;
    const struct capos_start *start = capos_start_page;
    uint64_t count;
    switch (act) {
    case 0: /* ring words that make no sense */
        words->submission_tail = (uint32_t)hostile_random();
        words->completion_head = (uint32_t)hostile_random();
        capos_enter(CAPOS_RING_ENTRIES, 1, CAPOS_POLL);
        break;
    case 1: /* noise over the ring's words, written by the kernel itself */
        capos_entropy_source_fill(capos_lookup("entropy", 0), ring->ring, CAPOS_PAGE_SIZE, &count);
        capos_enter(CAPOS_RING_ENTRIES, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
        break;
    case 2: /* the image away, from under its own feet */
        capos_virtual_memory_unmap(capos_lookup("memory", 0), start->image_low,
                                   start->image_high - start->image_low);
        break;
    case 3: /* an end with operations in flight */
        sleep_for_ever(ring, 16);
        break;
    case 4: /* a jump to anywhere */
        ((void (*)(void))hostile_random())();
        break;
    default: /* just returning */
        break;
    }
}
