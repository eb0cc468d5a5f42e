#include "kernel/mm/frame_owners.h"

#include <stdatomic.h>

#include "kernel/boot/boot_info.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"

static _Atomic uint32_t *others; /* owners of each frame besides the first */
static uint64_t frame_count;

void frame_owners_init(const struct boot_info *info) {
    uint64_t end = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_memory_range *range = &info->ranges[i];
        if (range->kind == BOOT_MEMORY_RAM && range->start + range->size > end) {
            end = range->start + range->size;
        }
    }
    frame_count = end / PAGE_SIZE;
    uint64_t bytes = align_up(frame_count * sizeof *others, PAGE_SIZE);
    paddr_t table = frame_alloc_contiguous(bytes / PAGE_SIZE);
    if (paddr_is_none(table)) {
        panic("no memory for the owners of %lu frames", frame_count);
    }
    others = direct_map(table);
}

static _Atomic uint32_t *others_of(paddr_t frame) {
    ASSERT(frame.value / PAGE_SIZE < frame_count && frame.value % PAGE_SIZE == 0);
    return &others[frame.value / PAGE_SIZE];
}

void frame_owners_add(paddr_t frame) {
    uint32_t before = atomic_fetch_add_explicit(others_of(frame), 1, memory_order_relaxed);
    ASSERT(before != UINT32_MAX);
}

void frame_owners_drop(paddr_t frame) {
    _Atomic uint32_t *count = others_of(frame);
    /* acquire: pairs with the release below, so that all that others did with the frame is over */
    uint32_t found = atomic_load_explicit(count, memory_order_acquire);
    while (found != 0) {
        if (atomic_compare_exchange_weak_explicit(count, &found, found - 1, memory_order_release,
                                                  memory_order_acquire)) {
            return;
        }
    }
    frame_free(frame);
}

bool frame_is_shared(paddr_t frame) {
    /* acquire: pairs with the release in frame_owners_drop */
    return atomic_load_explicit(others_of(frame), memory_order_acquire) != 0;
}
