#include "capos/ring.h"

#include "capos/start.h"

void capos_ring_open(struct capos_ring_client *client) {
    capos_ring_open_at(client, (struct capos_ring *)(uintptr_t)capos_start_page->ring);
}
