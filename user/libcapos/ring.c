#include "capos/ring.h"

#include "capos/start.h"

_Thread_local struct capos_ring *capos_thread_ring;

void capos_ring_open(struct capos_ring_client *client) {
    struct capos_ring *first = (struct capos_ring *)(uintptr_t)capos_start_page->ring;
    capos_ring_open_at(client, capos_thread_ring != NULL ? capos_thread_ring : first);
}
