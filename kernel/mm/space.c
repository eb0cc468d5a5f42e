#include "kernel/mm/space_parts.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"

#define NODES_PER_FRAME ((PAGE_SIZE - 8) / sizeof(struct address_range))
/* Programs that do not name an address get one from here on: below 1 << 40, as Go's heap needs. */
#define CHOOSE_LOW (UINT64_C(4) << 30)

static _Atomic uint64_t next_id = 1;

status_t space_take_frame(struct space *space, paddr_t *frame_out) {
    status_t status = ledger_charge(space->ledger, LEDGER_FRAMES, 1);
    if (status != CAPOS_OK) {
        return status;
    }
    *frame_out = frame_alloc_zeroed();
    if (paddr_is_none(*frame_out)) {
        ledger_refund(space->ledger, LEDGER_FRAMES, 1);
        return CAPOS_E_NO_MEMORY;
    }
    return CAPOS_OK;
}

void space_give_frame(struct space *space, paddr_t frame) {
    frame_free(frame);
    ledger_refund(space->ledger, LEDGER_FRAMES, 1);
}

status_t space_add_nodes(struct space *space, uint32_t count) {
    while (space->nodes.count < SPACE_NODES_MIN + count) {
        paddr_t frame;
        status_t status = space_take_frame(space, &frame);
        if (status != CAPOS_OK) {
            return status;
        }
        uint64_t *link = direct_map(frame);
        *link = space->node_frames.value;
        space->node_frames = frame;
        struct address_range *nodes = (struct address_range *)(void *)(link + 1);
        for (uint32_t i = 0; i < NODES_PER_FRAME; i++) {
            address_pool_push(&space->nodes, &nodes[i]);
        }
    }
    return CAPOS_OK;
}

/* The ring, and what grants map, stand before the image does. An image that begins high enough
 * leaves them room, and might leave none above it. */
static uint64_t choose_low_for(uint64_t image_high) {
    return image_high > CHOOSE_LOW && image_high <= USER_HIGH / 2 ? image_high : CHOOSE_LOW;
}

status_t space_init(struct space *space, struct ledger *ledger, uint64_t image_high) {
    memset(space, 0, sizeof *space);
    spinlock_init(&space->lock);
    spinlock_init(&space->parked_lock);
    space->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    park_index_init(&space->parked, space->id);
    space->ledger = ledger;
    space->commit_limit = UINT64_MAX;
    space->choose_low = choose_low_for(image_high);
    space->node_frames = PADDR_NONE;
    space->spare_tables = PADDR_NONE;
    space->root = PADDR_NONE;
    address_ranges_init(&space->ranges, USER_LOW, USER_HIGH);
    paddr_t root;
    status_t status = space_take_frame(space, &root);
    if (status != CAPOS_OK) {
        space->dying = true; /* nothing to tear down */
        return status;
    }
    paging_init_root(root);
    space->root = root;
    return space_fill_nodes(space, 0);
}

void space_fini(struct space *space) {
    spinlock_lock(&space->lock);
    space->dying = true;
    while (space->changes !=
           NULL) { /* by another CPU, whose program was handed our VirtualMemory */
        spinlock_unlock(&space->lock);
        arch_spin_pause();
        spinlock_lock(&space->lock);
    }
    spinlock_unlock(&space->lock);
    /* A CPU that our thread has left may still have the tables in CR3, until it takes others. */
    for (uint32_t i = 0; i < SPACE_CPU_WORDS; i++) {
        /* acquire: pairs with the release in space_activate */
        while (atomic_load_explicit(&space->active_cpus[i], memory_order_acquire) != 0) {
            arch_spin_pause();
        }
    }
    space_drop_pages(space, USER_LOW, USER_HIGH, SPACE_FREE, NULL);
    space_drop_mappings(space, space_release_objects(space, USER_LOW, USER_HIGH));
    address_ranges_init(&space->ranges, USER_LOW, USER_HIGH);
    ASSERT(paddr_is_none(space->spare_tables));
    space_give_frame(space, space->root);
    space->root = PADDR_NONE;
    while (!paddr_is_none(space->node_frames)) {
        paddr_t frame = space->node_frames;
        space->node_frames = paddr(*(uint64_t *)direct_map(frame));
        space_give_frame(space, frame);
    }
    space->nodes = (struct address_pool){0};
}

void space_activate(struct space *space) {
    struct cpu *cpu = cpu_current();
    struct space *before = cpu->space;
    if (before == space) {
        return;
    }
    uint64_t bit = UINT64_C(1) << (cpu->index % 64);
    if (space != NULL) {
        /* Full fence by the locked operation: pairs with the one in flush_range. */
        atomic_fetch_or_explicit(&space->active_cpus[cpu->index / 64], bit, memory_order_seq_cst);
        cr3_write(space->root.value);
    } else {
        paging_load_kernel();
    }
    cpu->space = space;
    if (before != NULL) {
        /* release: our last use of the old tables came before; pairs with the mask's readers */
        atomic_fetch_and_explicit(&before->active_cpus[cpu->index / 64], ~bit,
                                  memory_order_release);
    }
}
