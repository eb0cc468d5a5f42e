#include "kernel/mm/space_parts.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/sched/park.h"

struct table_source {
    struct space *space;
    status_t status;
};

static paddr_t take_table(void *argument) {
    struct table_source *source = argument;
    return space_take_frame(source->space, &source->status);
}

pte_t space_page_flags(uint32_t protection) {
    return PTE_USER | (protection == PROTECT_NONE ? 0 : PTE_PRESENT) |
           ((protection & PROTECT_WRITE) != 0 ? PTE_WRITE : 0) |
           ((protection & PROTECT_EXECUTE) != 0 || !cpu_features.nx ? 0 : PTE_NX);
}

status_t space_map_frame_locked(struct space *space, uint64_t address, paddr_t frame,
                                uint32_t protection, bool owned) {
    struct table_source source = {space, CAPOS_OK};
    pte_t *entry = paging_ensure(space->root, address, take_table, &source);
    if (entry == NULL) {
        return source.status;
    }
    ASSERT(*entry == 0);
    *entry = frame.value | space_page_flags(protection) | (owned ? PTE_OWNED : 0);
    return CAPOS_OK;
}

status_t space_map_frame(struct space *space, uint64_t address, paddr_t frame, uint32_t protection,
                         bool owned) {
    spinlock_lock(&space->lock);
    status_t status = space_map_frame_locked(space, address, frame, protection, owned);
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_add_page(struct space *space, uint64_t address, uint32_t protection,
                        paddr_t *frame_out) {
    status_t status;
    spinlock_lock(&space->lock);
    paddr_t frame = space_take_frame(space, &status);
    if (!paddr_is_none(frame)) {
        status = space_map_frame_locked(space, address, frame, protection, true);
        if (status != CAPOS_OK) {
            space_give_frame(space, frame);
        } else if (frame_out != NULL) {
            *frame_out = frame;
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

/* A page without any protection keeps its frame: the entry is not present for the CPU, and still
 * ours. */
void space_protect_pages(struct space *space, uint64_t address, uint64_t size,
                         uint32_t protection) {
    pte_t *entry;
    for (uint64_t at = address; (entry = paging_next(space->root, &at, address + size)) != NULL;
         at += PAGE_SIZE) {
        *entry = (*entry & (PTE_ADDRESS | PTE_OWNED)) | space_page_flags(protection);
    }
}

uint64_t space_count_resident(struct space *space, uint64_t start, uint64_t end) {
    uint64_t count = 0;
    for (uint64_t at = start; paging_next(space->root, &at, end) != NULL; at += PAGE_SIZE) {
        count++;
    }
    return count;
}

/* Takes pages out of the tables from *at on, at most FLUSH_FRAMES_MAX; *at is where it stopped. */
static uint32_t collect_pages(struct space *space, uint64_t *at, uint64_t end, paddr_t *batch) {
    uint32_t count = 0;
    pte_t *entry;
    while (count < FLUSH_FRAMES_MAX && (entry = paging_next(space->root, at, end)) != NULL) {
        if ((*entry & PTE_OWNED) != 0) {
            batch[count++] = pte_frame(*entry);
        }
        *entry = 0;
        *at += PAGE_SIZE;
    }
    return count;
}

static void give_batch(struct space *space, const paddr_t *batch, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        space_give_frame(space, batch[i]);
    }
}

/* A step at a time: the lock is held for one batch. */
void space_drop_pages(struct space *space, uint64_t address, uint64_t size, uint32_t kind) {
    paddr_t *batch = cpu_current()->free_batch;
    uint64_t at = address, end = address + size;
    while (at < end) {
        uint64_t first = at;
        spinlock_lock(&space->lock);
        if (kind != SPACE_FREE && !address_ranges_is_kind(&space->ranges, at, end - at, kind)) {
            spinlock_unlock(&space->lock);
            return;
        }
        uint32_t count = collect_pages(space, &at, end, batch);
        if (kind == SPACE_ANONYMOUS) { /* nobody parks in what is being unmapped */
            park_drain_range(space, first, at - first);
        }
        spinlock_unlock(&space->lock);
        flush_range(space, first, at - first);
        give_batch(space, batch, count);
        if (at < end) {
            cpu_interrupt_window(); /* nothing of ours is locked or half done */
        }
    }
}

/* Gap by gap, since others may have mapped parts of it again by now. */
void space_drop_tables(struct space *space, uint64_t address, uint64_t size) {
    paddr_t *batch = cpu_current()->free_batch;
    uint32_t count;
    do {
        count = 0;
        spinlock_lock(&space->lock);
        for (uint64_t end = address + size; end > address && count < FLUSH_FRAMES_MAX;) {
            struct address_range *below = address_ranges_find_before(&space->ranges, end);
            struct address_range *above = address_ranges_find_from(&space->ranges, end);
            /* Nothing is ever mapped in the first page or above the last: their tables go too. */
            struct paging_hole hole = {
                .low = below == NULL ? 0 : below->start + below->size,
                .high = above == NULL ? UINT64_C(1) << USER_ADDRESS_BITS : above->start,
            };
            uint64_t start = hole.low > address ? hole.low : address;
            if (start < end) {
                count += paging_detach_tables(space->root, start, end, &hole, batch + count,
                                              FLUSH_FRAMES_MAX - count);
            }
            end = below == NULL ? address : below->start;
        }
        spinlock_unlock(&space->lock);
        if (count > 0) {
            flush_range(space, 0, UINT64_C(1) << USER_ADDRESS_BITS);
            give_batch(space, batch, count);
        }
    } while (count == FLUSH_FRAMES_MAX);
}
