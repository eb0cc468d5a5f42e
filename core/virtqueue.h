#pragma once
/*
 * The driver's half of a split virtqueue (virtio 1.2, 2.7) for devices that move streams of bytes:
 * a chain is one buffer, and buffers are taken back in the order in which they were posted.
 *
 * Rules
 * - The caller holds the lock that guards the queue, provides all memory, and notifies the device.
 * - Nothing that the device can write is trusted: what was posted is remembered in slots[], and an
 *   answer that does not fit breaks the queue for good instead of reaching any memory.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define VIRTQUEUE_SIZE_MAX 32u

/* Memory that driver and device share: at most 1 KiB, and aligned to 16. */
struct virtqueue_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
struct virtqueue_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[VIRTQUEUE_SIZE_MAX];
};
struct virtqueue_used_element {
    uint32_t id;
    uint32_t length;
};
struct virtqueue_used {
    uint16_t flags;
    uint16_t index;
    struct virtqueue_used_element ring[VIRTQUEUE_SIZE_MAX];
};
struct virtqueue_memory {
    _Alignas(16) struct virtqueue_descriptor descriptors[VIRTQUEUE_SIZE_MAX];
    struct virtqueue_available available;
    _Alignas(4) struct virtqueue_used used;
};
_Static_assert(sizeof(struct virtqueue_memory) <= 1024, "four queues fit into a page");

struct virtqueue_slot {
    uint32_t length;  /* of the buffer */
    uint32_t written; /* by the device, once it is done */
    enum { VIRTQUEUE_FREE, VIRTQUEUE_POSTED, VIRTQUEUE_DONE } state;
};

struct virtqueue {
    struct virtqueue_memory *memory;
    uint16_t size;   /* a power of two */
    uint16_t posted; /* counters that run freely: buffers posted, */
    uint16_t used;   /* answers read from the device, */
    uint16_t taken;  /* and buffers given back to the caller */
    bool device_writes;
    bool is_broken;
    struct virtqueue_slot slots[VIRTQUEUE_SIZE_MAX];
};

/* memory is zeroed; size is a power of two, at most VIRTQUEUE_SIZE_MAX. With device_writes the
 * buffers of this queue are for the device to fill. Interrupts are asked for. */
void virtqueue_init(struct virtqueue *queue, struct virtqueue_memory *memory, uint16_t size,
                    bool device_writes);

/* Buffers that can be posted now. 0 for a broken queue. */
uint16_t virtqueue_room(const struct virtqueue *queue);

/* Gives the device a buffer (an address as the device sees it, length > 0); there is room. */
void virtqueue_post(struct virtqueue *queue, uint64_t address, uint32_t length);

/* True when the device wants to be notified of what was posted. */
bool virtqueue_needs_notify(const struct virtqueue *queue);

/* Whether the device shall interrupt when it is done with a buffer. After true, collect again: what
 * was done before the device saw the wish comes without an interrupt. */
void virtqueue_ask_interrupts(struct virtqueue *queue, bool wanted);

/* Reads the device's answers. False when the queue is broken. */
MUST_CHECK bool virtqueue_collect(struct virtqueue *queue);

/* Takes the oldest buffer back when the device is done with it. written is 0 unless the device
 * writes, and never more than the buffer's length. */
bool virtqueue_take(struct virtqueue *queue, uint32_t *length_out, uint32_t *written_out);
