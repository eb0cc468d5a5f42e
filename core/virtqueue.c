#include "core/virtqueue.h"

#include <stdatomic.h>

#include "core/assert.h"

enum {
    DESCRIPTOR_DEVICE_WRITES = 2, /* 2.7.5 */
    AVAILABLE_NO_INTERRUPT = 1,   /* 2.7.6 */
    USED_NO_NOTIFY = 1,           /* 2.7.8 */
};

/* The words that the device reads or writes while we run: each access is one access. */
static uint16_t load_shared(const uint16_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
static void store_shared(uint16_t *word, uint16_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint16_t slot_index(const struct virtqueue *queue, uint16_t counter) {
    return counter & (uint16_t)(queue->size - 1);
}

void virtqueue_init(struct virtqueue *queue, struct virtqueue_memory *memory, uint16_t size,
                    bool device_writes) {
    ASSERT(size > 0 && size <= VIRTQUEUE_SIZE_MAX && (size & (size - 1)) == 0);
    *queue = (struct virtqueue){.memory = memory, .size = size, .device_writes = device_writes};
}

uint16_t virtqueue_room(const struct virtqueue *queue) {
    uint16_t outstanding = (uint16_t)(queue->posted - queue->taken);
    ASSERT(outstanding <= queue->size);
    return queue->is_broken ? 0 : (uint16_t)(queue->size - outstanding);
}

void virtqueue_post(struct virtqueue *queue, uint64_t address, uint32_t length) {
    ASSERT(virtqueue_room(queue) > 0 && length > 0);
    uint16_t index = slot_index(queue, queue->posted);
    ASSERT(queue->slots[index].state == VIRTQUEUE_FREE);
    queue->slots[index] = (struct virtqueue_slot){.length = length, .state = VIRTQUEUE_POSTED};
    queue->memory->descriptors[index] =
        (struct virtqueue_descriptor){.address = address,
                                      .length = length,
                                      .flags = queue->device_writes ? DESCRIPTOR_DEVICE_WRITES : 0};
    queue->memory->available.ring[index] = index;
    queue->posted++;
    /* release: the device that sees the index sees the descriptor and the ring entry */
    store_shared(&queue->memory->available.index, queue->posted);
}

bool virtqueue_needs_notify(const struct virtqueue *queue) {
    /* 2.7.13.4.1: the index we wrote is visible before the device's flag is read; pairs with the
     * device's own fence between its flag and its last look at the index. */
    atomic_thread_fence(memory_order_seq_cst);
    return (load_shared(&queue->memory->used.flags) & USED_NO_NOTIFY) == 0;
}

void virtqueue_ask_interrupts(struct virtqueue *queue, bool wanted) {
    store_shared(&queue->memory->available.flags, wanted ? 0 : AVAILABLE_NO_INTERRUPT);
    /* The wish is visible before the used index is read again; pairs with the device's fence
     * between its write of that index and its look at the flag. */
    atomic_thread_fence(memory_order_seq_cst);
}

static bool virtqueue_collect_one(struct virtqueue *queue) {
    /* Read by parts: the device may change the element while we look. */
    const struct virtqueue_used_element *element =
        &queue->memory->used.ring[slot_index(queue, queue->used)];
    uint32_t id = __atomic_load_n(&element->id, __ATOMIC_RELAXED);
    uint32_t written = __atomic_load_n(&element->length, __ATOMIC_RELAXED);
    if (id >= queue->size || queue->slots[id].state != VIRTQUEUE_POSTED) {
        return false;
    }
    struct virtqueue_slot *slot = &queue->slots[id];
    if (queue->device_writes && written > slot->length) {
        return false;
    }
    /* For buffers that the device only reads, 2.7.8.2 leaves the length undefined. */
    slot->written = queue->device_writes ? written : 0;
    slot->state = VIRTQUEUE_DONE;
    queue->used++;
    return true;
}

bool virtqueue_collect(struct virtqueue *queue) {
    if (queue->is_broken) {
        return false;
    }
    /* acquire, in load_shared: elements and buffers are read after the index that covers them */
    uint16_t fresh = (uint16_t)(load_shared(&queue->memory->used.index) - queue->used);
    /* An index that runs ahead of what was posted soon meets a slot that is not. */
    for (uint16_t i = 0; i < fresh && !queue->is_broken; i++) {
        queue->is_broken = !virtqueue_collect_one(queue);
    }
    return !queue->is_broken;
}

bool virtqueue_take(struct virtqueue *queue, uint32_t *length_out, uint32_t *written_out) {
    struct virtqueue_slot *slot = &queue->slots[slot_index(queue, queue->taken)];
    if (queue->is_broken || slot->state != VIRTQUEUE_DONE) {
        return false;
    }
    slot->state = VIRTQUEUE_FREE;
    queue->taken++;
    *length_out = slot->length;
    *written_out = slot->written;
    return true;
}
