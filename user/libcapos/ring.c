#include "capos/ring.h"

#include <stddef.h>

#include "capos/invoke.h"
#include "capos/start.h"

/*
 * The shared words and what their accesses pair with:
 *   submission_tail  our store-release       with the kernel's load-acquire in ring_take: an entry
 *                                            is whole before it is seen
 *   submission_head  our load-acquire        with the kernel's store-release after it copied the
 *                                            entry: a slot is free before we write to it
 *   completion_tail  our load-acquire        with the kernel's store-release in ring_complete: a
 *                                            completion is whole before it is read
 *   completion_head  our store-release       with the kernel's load-acquire: a completion was read
 *                                            before its slot is used again
 */
static uint32_t load_acquire(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void capos_ring_open(struct capos_ring_client *client) {
    struct capos_ring *ring = (struct capos_ring *)(uintptr_t)capos_start_page->ring;
    client->ring = ring;
    client->submission_tail = ring->submission_tail;
    client->completion_head = ring->completion_head;
}

struct capos_entry *capos_ring_prepare(struct capos_ring_client *client) {
    uint32_t head = load_acquire(&client->ring->submission_head);
    if (client->submission_tail - head >= CAPOS_RING_ENTRIES) {
        return NULL;
    }
    struct capos_entry *entry =
        &client->ring->entries[client->submission_tail++ % CAPOS_RING_ENTRIES];
    *entry = (struct capos_entry){.deadline_ns = CAPOS_FOREVER};
    return entry;
}

int64_t capos_ring_enter(struct capos_ring_client *client, uint32_t wait_count,
                         uint64_t deadline_ns) {
    store_release(&client->ring->submission_tail, client->submission_tail);
    uint32_t submit_count = client->submission_tail - load_acquire(&client->ring->submission_head);
    return capos_enter(submit_count, wait_count, deadline_ns);
}

bool capos_ring_take(struct capos_ring_client *client, struct capos_completion *completion) {
    if (capos_ring_count(client) == 0) {
        return false;
    }
    *completion = client->ring->completions[client->completion_head % CAPOS_RING_COMPLETIONS];
    client->completion_head++;
    store_release(&client->ring->completion_head, client->completion_head);
    return true;
}

uint32_t capos_ring_count(const struct capos_ring_client *client) {
    return load_acquire(&client->ring->completion_tail) - client->completion_head;
}
