#include "kernel/mm/space.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/mm/frame.h"

/* Programs that do not name an address get one from here on: below 1 << 40, as Go's heap needs. */
#define SPACE_CHOOSE_LOW UINT64_C(0x100000000)
#define NODES_PER_FRAME ((PAGE_SIZE - 8) / sizeof(struct address_range))
/* Splitting the middle out of a range takes two nodes; kept ready so that giving back never fails.
 */
#define SPARE_NODES_MIN 4u

static paddr_t take_frame(struct space *space, status_t *status) {
    *status = ledger_charge(space->ledger, LEDGER_FRAMES, 1);
    if (*status != CAPOS_OK) {
        return PADDR_NONE;
    }
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        ledger_refund(space->ledger, LEDGER_FRAMES, 1);
        *status = CAPOS_E_NO_MEMORY;
    }
    return frame;
}

static void give_frame(struct space *space, paddr_t frame) {
    frame_free(frame);
    ledger_refund(space->ledger, LEDGER_FRAMES, 1);
}

struct table_source {
    struct space *space;
    status_t status;
};

static paddr_t take_table(void *argument) {
    struct table_source *source = argument;
    return take_frame(source->space, &source->status);
}

static void push_node(struct space *space, struct address_range *node) {
    node->right = space->spare_nodes;
    space->spare_nodes = node;
    space->spare_count++;
}

static struct address_range *pop_node(struct space *space) {
    struct address_range *node = space->spare_nodes;
    if (node != NULL) {
        space->spare_nodes = node->right;
        space->spare_count--;
        memset(node, 0, sizeof *node);
    }
    return node;
}

/* Makes sure of `count` spare nodes beyond those kept for giving back. */
static status_t fill_nodes(struct space *space, uint32_t count) {
    while (space->spare_count < SPARE_NODES_MIN + count) {
        status_t status;
        paddr_t frame = take_frame(space, &status);
        if (paddr_is_none(frame)) {
            return status;
        }
        uint64_t *link = direct_map(frame);
        *link = space->node_frames.value;
        space->node_frames = frame;
        struct address_range *nodes = (struct address_range *)(void *)(link + 1);
        for (uint32_t i = 0; i < NODES_PER_FRAME; i++) {
            push_node(space, &nodes[i]);
        }
    }
    return CAPOS_OK;
}

struct spares {
    struct address_range *node[2];
    struct address_range *freed;
};

static struct spares begin_change(struct space *space) {
    return (struct spares){{pop_node(space), pop_node(space)}, NULL};
}

static void end_change(struct space *space, struct spares *spares) {
    for (int i = 0; i < 2; i++) {
        if (spares->node[i] != NULL) {
            push_node(space, spares->node[i]);
        }
    }
    while (spares->freed != NULL) {
        struct address_range *next = spares->freed->right;
        push_node(space, spares->freed);
        spares->freed = next;
    }
}

status_t space_init(struct space *space, struct ledger *ledger) {
    memset(space, 0, sizeof *space);
    spinlock_init(&space->lock);
    space->ledger = ledger;
    space->commit_limit = UINT64_MAX;
    space->node_frames = PADDR_NONE;
    space->root = PADDR_NONE;
    address_ranges_init(&space->ranges, USER_LOW, USER_HIGH);
    status_t status;
    paddr_t root = take_frame(space, &status);
    if (paddr_is_none(root)) {
        space->dying = true; /* nothing to tear down */
        return status;
    }
    paging_init_root(root);
    space->root = root;
    return fill_nodes(space, 0);
}

/* Takes pages out of the tables from *at on, at most FLUSH_FRAMES_MAX; *at is where it stopped. */
static uint32_t collect_pages(struct space *space, uint64_t *at, uint64_t end, paddr_t *batch) {
    uint32_t count = 0;
    while (*at < end && count < FLUSH_FRAMES_MAX) {
        pte_t *entry = paging_lookup_next(space->root, *at, at);
        if (entry == NULL || *entry == 0) {
            continue;
        }
        if ((*entry & PTE_OWNED) != 0) {
            batch[count++] = pte_frame(*entry);
            space->resident_pages--;
        }
        *entry = 0;
    }
    *at = *at < end ? *at : end;
    return count;
}

static void give_batch(struct space *space, const paddr_t *batch, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        give_frame(space, batch[i]);
    }
}

/* Empties [address, address + size), a step at a time: the lock is held for one batch, and its
 * frames go back when every CPU has flushed. */
static void drop_pages(struct space *space, uint64_t address, uint64_t size) {
    paddr_t *batch = cpu_current()->free_batch;
    uint64_t at = address, end = address + size;
    while (at < end) {
        uint64_t first = at;
        spinlock_lock(&space->lock);
        uint32_t count = collect_pages(space, &at, end, batch);
        spinlock_unlock(&space->lock);
        flush_range(space, first, at - first);
        give_batch(space, batch, count);
    }
}

/* Frees the tables that cover nothing any more around a hole at [address, address + size). */
static void drop_tables(struct space *space, uint64_t address, uint64_t size) {
    paddr_t *batch = cpu_current()->free_batch;
    uint32_t count;
    do {
        spinlock_lock(&space->lock);
        struct address_range *below = address_ranges_find_before(&space->ranges, address + size);
        struct address_range *above = address_ranges_find_from(&space->ranges, address + size);
        /* Nothing is ever mapped in the first page or above the last: their tables go as well. */
        uint64_t low = below == NULL ? 0 : below->start + below->size;
        uint64_t high = above == NULL ? UINT64_C(1) << USER_ADDRESS_BITS : above->start;
        /* Somebody else may have mapped a part of the hole by now: low is above it then. */
        count =
            low < high ? paging_detach_tables(space->root, low, high, batch, FLUSH_FRAMES_MAX) : 0;
        spinlock_unlock(&space->lock);
        if (count > 0) {
            flush_range(space, 0, UINT64_C(1) << USER_ADDRESS_BITS);
            give_batch(space, batch, count);
        }
    } while (count == FLUSH_FRAMES_MAX);
}

void space_fini(struct space *space) {
    spinlock_lock(&space->lock);
    space->dying = true;
    spinlock_unlock(&space->lock);
    struct address_range *range = address_ranges_find_from(&space->ranges, USER_LOW);
    for (; range != NULL; range = address_ranges_next(range)) {
        drop_pages(space, range->start, range->size);
    }
    address_ranges_init(&space->ranges, USER_LOW, USER_HIGH);
    drop_tables(space, 0, USER_HIGH);
    give_frame(space, space->root);
    space->root = PADDR_NONE;
    while (!paddr_is_none(space->node_frames)) {
        paddr_t frame = space->node_frames;
        space->node_frames = paddr(*(uint64_t *)direct_map(frame));
        give_frame(space, frame);
    }
    space->spare_nodes = NULL;
    space->spare_count = 0;
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

static bool is_protection_valid(uint32_t protection) {
    bool write_only = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_READ) == 0;
    bool write_execute = (protection & PROTECT_WRITE) != 0 && (protection & PROTECT_EXECUTE) != 0;
    return protection <= 7 && !write_only && !write_execute;
}

static status_t charge_commit(struct space *space, uint64_t size) {
    if (size > space->commit_limit - space->committed_bytes) {
        return CAPOS_E_OVER_QUOTA;
    }
    space->committed_bytes += size;
    return CAPOS_OK;
}

static status_t map_locked(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                           uint32_t protection, uint64_t tag, uint64_t *address_out) {
    uint64_t address = hint;
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : fill_nodes(space, 1);
    if (status == CAPOS_OK && hint == 0) {
        status =
            address_ranges_find_free(&space->ranges, SPACE_CHOOSE_LOW, size, PAGE_SIZE, &address);
        status = status == CAPOS_OK ? status : CAPOS_E_NO_MEMORY;
    }
    if (status == CAPOS_OK && kind == SPACE_ANONYMOUS) {
        status = charge_commit(space, size);
    }
    if (status != CAPOS_OK) {
        return status;
    }
    struct address_range *node = pop_node(space);
    node->start = address;
    node->size = size;
    node->kind = kind;
    node->protection = protection;
    node->tag = tag;
    status = address_ranges_insert(&space->ranges, node);
    if (status != CAPOS_OK) {
        push_node(space, node);
        space->committed_bytes -= kind == SPACE_ANONYMOUS ? size : 0;
        return status;
    }
    *address_out = address;
    return CAPOS_OK;
}

status_t space_map(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                   uint32_t protection, uint64_t tag, uint64_t *address_out) {
    uint64_t place = hint == 0 ? SPACE_CHOOSE_LOW : hint;
    if (!is_protection_valid(protection) || !address_ranges_is_valid(&space->ranges, place, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = map_locked(space, hint, size, kind, protection, tag, address_out);
    spinlock_unlock(&space->lock);
    return status;
}

/* Ranges that the kernel put there and a program may not take away. */
static bool is_fixed(uint32_t kind) {
    return kind == SPACE_RING || kind == SPACE_START || kind == SPACE_CLOCK;
}

static bool is_committed(uint32_t kind) {
    return kind != SPACE_RESERVED && kind != SPACE_DYING;
}

static uint64_t overlap(const struct address_range *range, uint64_t address, uint64_t size) {
    uint64_t low = range->start > address ? range->start : address;
    uint64_t high =
        range->start + range->size < address + size ? range->start + range->size : address + size;
    return high > low ? high - low : 0;
}

/* What of the range was committed by VirtualMemory. Refused when part of it is fixed, or when
 * somebody else is unmapping part of it just now. */
static status_t survey(struct space *space, uint64_t address, uint64_t size,
                       uint64_t *anonymous_out) {
    *anonymous_out = 0;
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    struct address_range *range = address_ranges_find_from(&space->ranges, address);
    for (; range != NULL && range->start < address + size; range = address_ranges_next(range)) {
        if (is_fixed(range->kind)) {
            return CAPOS_E_NOT_PERMITTED;
        }
        if (range->kind == SPACE_DYING) {
            return CAPOS_E_BUSY;
        }
        if (range->kind == SPACE_ANONYMOUS) {
            *anonymous_out += overlap(range, address, size);
        }
    }
    return CAPOS_OK;
}

/*
 * Gives every range in [address, address + size) a kind and a protection; KEEP leaves the kind as
 * it is. Holes are passed over. Two spare nodes suffice, since only the ends can split; without
 * them the first step is refused and nothing has changed.
 */
#define KEEP UINT32_MAX
static status_t set_ranges(struct space *space, uint64_t address, uint64_t size, uint32_t kind,
                           uint32_t protection) {
    if (space->spare_count < 2) {
        return CAPOS_E_NO_MEMORY;
    }
    for (uint64_t at = address; at < address + size;) {
        struct address_range *range = address_ranges_find_from(&space->ranges, at);
        if (range == NULL || range->start >= address + size) {
            break;
        }
        at = range->start > at ? range->start : at;
        uint64_t part = overlap(range, at, address + size - at);
        struct spares spares = begin_change(space);
        status_t status =
            address_ranges_set(&space->ranges, at, part, kind == KEEP ? range->kind : kind,
                               protection, spares.node, &spares.freed);
        ASSERT(status == CAPOS_OK);
        end_change(space, &spares);
        at += part;
    }
    return CAPOS_OK;
}

/* Second half of an unmap: pages, addresses, tables. */
static void unmap_dying(struct space *space, uint64_t address, uint64_t size) {
    drop_pages(space, address, size);
    spinlock_lock(&space->lock);
    struct spares spares = begin_change(space);
    status_t status =
        address_ranges_remove(&space->ranges, address, size, spares.node, &spares.freed);
    ASSERT(status == CAPOS_OK); /* whole ranges by now: no node is needed */
    end_change(space, &spares);
    (void)fill_nodes(space, 0); /* for the next one; if it fails, that one is refused */
    spinlock_unlock(&space->lock);
    drop_tables(space, address, size);
}

status_t space_unmap(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    /* The addresses stay taken until their pages are gone and flushed, so that nobody maps
     * something new there that would be dropped with the old, or seen through an old translation.
     */
    uint64_t anonymous;
    spinlock_lock(&space->lock);
    status_t status = survey(space, address, size, &anonymous);
    if (status == CAPOS_OK) {
        status = set_ranges(space, address, size, SPACE_DYING, PROTECT_NONE);
    }
    if (status == CAPOS_OK) {
        space->committed_bytes -= anonymous;
    }
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) {
        unmap_dying(space, address, size);
    }
    return status;
}

void space_unmap_fixed(struct space *space, uint64_t address, uint64_t size) {
    spinlock_lock(&space->lock);
    status_t status = set_ranges(space, address, size, SPACE_DYING, PROTECT_NONE);
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) { /* else the addresses stay taken, with nothing behind them */
        unmap_dying(space, address, size);
    }
}

static pte_t page_flags(uint32_t protection) {
    return PTE_USER | (protection == PROTECT_NONE ? 0 : PTE_PRESENT) |
           ((protection & PROTECT_WRITE) != 0 ? PTE_WRITE : 0) |
           ((protection & PROTECT_EXECUTE) != 0 || !cpu_features.nx ? 0 : PTE_NX);
}

/* Applies a protection to the pages that are in. A page without any keeps its frame: the entry is
 * not present for the CPU, and still ours. */
static void protect_pages(struct space *space, uint64_t address, uint64_t size,
                          uint32_t protection) {
    for (uint64_t at = address; at < address + size;) {
        pte_t *entry = paging_lookup_next(space->root, at, &at);
        if (entry != NULL && *entry != 0) {
            *entry = (*entry & (PTE_ADDRESS | PTE_OWNED)) | page_flags(protection);
        }
    }
}

/* All of it committed (not merely reserved), none of it fixed, and nothing borrowed to be written.
 */
static status_t check_protect(struct space *space, uint64_t address, uint64_t size,
                              uint32_t protection) {
    uint64_t at = address;
    if (space->dying) {
        return CAPOS_E_DISCONNECTED;
    }
    struct address_range *range = address_ranges_find(&space->ranges, address);
    while (range != NULL && range->start <= at && at < address + size) {
        if (!is_committed(range->kind)) {
            return CAPOS_E_BAD_ADDRESS;
        }
        if (is_fixed(range->kind) ||
            ((protection & PROTECT_WRITE) != 0 && (range->tag & SPACE_TAG_BORROWED) != 0)) {
            return CAPOS_E_NOT_PERMITTED;
        }
        at = range->start + range->size;
        range = address_ranges_next(range);
    }
    return at >= address + size ? CAPOS_OK : CAPOS_E_BAD_ADDRESS;
}

status_t space_protect(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = check_protect(space, address, size, protection);
    if (status == CAPOS_OK) {
        (void)fill_nodes(space, 2);
        status = set_ranges(space, address, size, KEEP, protection);
    }
    if (status == CAPOS_OK) {
        protect_pages(space, address, size, protection);
    }
    spinlock_unlock(&space->lock);
    if (status == CAPOS_OK) {
        flush_range(space, address, size);
    }
    return status;
}

status_t space_commit(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (!is_protection_valid(protection) ||
        !address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    status_t status = space->dying ? CAPOS_E_DISCONNECTED : CAPOS_E_BAD_ADDRESS;
    if (!space->dying && address_ranges_is_kind(&space->ranges, address, size, SPACE_RESERVED)) {
        status = fill_nodes(space, 2);
        if (status == CAPOS_OK) {
            status = charge_commit(space, size);
        }
        if (status == CAPOS_OK) {
            status = set_ranges(space, address, size, SPACE_ANONYMOUS, protection);
            ASSERT(status == CAPOS_OK);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_decommit(struct space *space, uint64_t address, uint64_t size) {
    if (!address_ranges_is_valid(&space->ranges, address, size)) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    spinlock_lock(&space->lock);
    bool is_ours =
        !space->dying && address_ranges_is_kind(&space->ranges, address, size, SPACE_ANONYMOUS);
    spinlock_unlock(&space->lock);
    if (!is_ours) {
        return CAPOS_E_BAD_ADDRESS;
    }
    drop_pages(space, address, size);
    return CAPOS_OK;
}

static uint64_t count_resident(struct space *space, uint64_t start, uint64_t end) {
    uint64_t count = 0;
    for (uint64_t at = start; at < end;) {
        pte_t *entry = paging_lookup_next(space->root, at, &at);
        count += entry != NULL && *entry != 0;
    }
    return count;
}

void space_query(struct space *space, uint64_t address, struct space_run *run) {
    spinlock_lock(&space->lock);
    struct address_range *range = address_ranges_find(&space->ranges, address);
    memset(run, 0, sizeof *run);
    if (range != NULL) {
        *run = (struct space_run){.start = range->start,
                                  .size = range->size,
                                  .kind = range->kind,
                                  .protection = range->protection};
        run->kind = is_committed(run->kind) ? run->kind : SPACE_RESERVED;
        run->resident_pages =
            is_committed(run->kind) ? count_resident(space, run->start, run->start + run->size) : 0;
    } else {
        struct address_range *below = address_ranges_find_before(&space->ranges, address);
        struct address_range *above = address_ranges_find_from(&space->ranges, address);
        run->start = below == NULL ? USER_LOW : below->start + below->size;
        run->size = (above == NULL ? USER_HIGH : above->start) - run->start;
    }
    spinlock_unlock(&space->lock);
}

static status_t map_frame_locked(struct space *space, uint64_t address, paddr_t frame,
                                 uint32_t protection, bool owned) {
    struct table_source source = {space, CAPOS_OK};
    pte_t *entry = paging_ensure(space->root, address, take_table, &source);
    if (entry == NULL) {
        return source.status;
    }
    ASSERT(*entry == 0);
    *entry = frame.value | page_flags(protection) | (owned ? PTE_OWNED : 0);
    space->resident_pages += owned;
    return CAPOS_OK;
}

status_t space_map_frame(struct space *space, uint64_t address, paddr_t frame, uint32_t protection,
                         bool owned) {
    spinlock_lock(&space->lock);
    status_t status = map_frame_locked(space, address, frame, protection, owned);
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_add_page(struct space *space, uint64_t address, uint32_t protection) {
    status_t status;
    spinlock_lock(&space->lock);
    paddr_t frame = take_frame(space, &status);
    if (!paddr_is_none(frame)) {
        status = map_frame_locked(space, address, frame, protection, true);
        if (status != CAPOS_OK) {
            give_frame(space, frame);
        }
    }
    spinlock_unlock(&space->lock);
    return status;
}

/* The entry of a page that may be accessed so, brought in if need be; NULL and *status if not. */
static pte_t *resolve_locked(struct space *space, uint64_t address, uint32_t access,
                             status_t *status) {
    *status = CAPOS_E_BAD_ADDRESS;
    if (address < USER_LOW || address >= USER_HIGH || space->dying) {
        return NULL;
    }
    struct address_range *range = address_ranges_find(&space->ranges, address);
    if (range == NULL || (range->protection & access) != access || access == PROTECT_NONE) {
        return NULL;
    }
    uint64_t page = align_down(address, PAGE_SIZE);
    pte_t *entry = paging_lookup(space->root, page);
    if (entry != NULL && (*entry & PTE_PRESENT) != 0) {
        *status = CAPOS_OK;
        return entry;
    }
    if (!is_committed(range->kind) || is_fixed(range->kind)) {
        return NULL;
    }
    paddr_t frame = take_frame(space, status);
    if (paddr_is_none(frame)) {
        return NULL;
    }
    *status = map_frame_locked(space, page, frame, range->protection, true);
    if (*status != CAPOS_OK) {
        give_frame(space, frame);
        return NULL;
    }
    return paging_lookup(space->root, page);
}

status_t space_fault(struct space *space, uint64_t address, uint32_t access) {
    status_t status;
    spinlock_lock(&space->lock);
    (void)resolve_locked(space, address, access, &status);
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_touch(struct space *space, uint64_t address, paddr_t *frame_out) {
    status_t status;
    spinlock_lock(&space->lock);
    pte_t *entry = resolve_locked(space, address, PROTECT_READ, &status);
    if (entry != NULL) {
        *frame_out = pte_frame(*entry);
    }
    spinlock_unlock(&space->lock);
    return status;
}

static status_t copy_user(struct space *space, uint64_t address, uint8_t *kernel, uint64_t size,
                          uint32_t access) {
    status_t status = CAPOS_OK;
    if (size > USER_HIGH || address > USER_HIGH - size) {
        return CAPOS_E_BAD_ADDRESS;
    }
    spinlock_lock(&space->lock);
    while (size > 0) {
        pte_t *entry = resolve_locked(space, address, access, &status);
        if (entry == NULL) {
            break;
        }
        uint64_t offset = address & (PAGE_SIZE - 1);
        uint64_t step = PAGE_SIZE - offset < size ? PAGE_SIZE - offset : size;
        uint8_t *user = (uint8_t *)direct_map(pte_frame(*entry)) + offset;
        if (access == PROTECT_READ) {
            memcpy(kernel, user, step);
        } else {
            memcpy(user, kernel, step);
        }
        address += step;
        kernel += step;
        size -= step;
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_copy_in(struct space *space, void *target, uint64_t address, uint64_t size) {
    return copy_user(space, address, target, size, PROTECT_READ);
}

status_t space_copy_out(struct space *space, uint64_t address, const void *source, uint64_t size) {
    return copy_user(space, address, (uint8_t *)(uintptr_t)source, size, PROTECT_WRITE);
}

bool space_is_mapped(struct space *space, uint64_t address, uint64_t size, uint32_t protection) {
    if (size > USER_HIGH || address > USER_HIGH - size || address < USER_LOW) {
        return size == 0;
    }
    bool mapped = true;
    spinlock_lock(&space->lock);
    for (uint64_t at = address; mapped && at < address + size;) {
        struct address_range *range = address_ranges_find(&space->ranges, at);
        mapped = range != NULL && is_committed(range->kind) &&
                 (range->protection & protection) == protection;
        at = mapped ? range->start + range->size : at;
    }
    spinlock_unlock(&space->lock);
    return mapped;
}
