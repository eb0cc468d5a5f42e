#include "kernel/mm/frame.h"
#include "kernel/mm/space_parts.h"

#define LARGE_PAGE paging_span(1)

static bool are_alike(const struct address_range *below, const struct address_range *above) {
    return below != NULL && above != NULL && address_range_end(below) == above->start &&
           below->kind == above->kind && below->protection == above->protection;
}

/* True when [low, low + LARGE_PAGE), which the range has a part of, is all as the range is. */
static bool covers(const struct address_range *range, uint64_t low) {
    const struct address_range *first = range, *last = range;
    while (first->start > low && are_alike(first->previous, first)) {
        first = first->previous;
    }
    while (address_range_end(last) < low + LARGE_PAGE && are_alike(last, last->next)) {
        last = last->next;
    }
    return first->start <= low && address_range_end(last) >= low + LARGE_PAGE;
}

/* The block and so many tables, all or none. */
static bool take_frames(struct space *space, uint32_t table_count, paddr_t *block,
                        paddr_t *tables) {
    uint64_t count = FRAME_LARGE_COUNT + table_count;
    if (ledger_charge(space->ledger, LEDGER_FRAMES, count) != CAPOS_OK) {
        return false;
    }
    uint32_t taken = 0;
    *block = frame_alloc_large();
    bool is_complete = !paddr_is_none(*block);
    while (is_complete && taken < table_count) {
        tables[taken] = frame_alloc_zeroed();
        is_complete = !paddr_is_none(tables[taken]);
        taken += is_complete;
    }
    if (is_complete) {
        return true;
    }
    (void)frame_free_batch(tables, taken);
    if (!paddr_is_none(*block)) {
        frame_free(paddr(block->value | FRAME_IS_LARGE));
    }
    ledger_refund(space->ledger, LEDGER_FRAMES, count);
    return false;
}

/* Code is never in large pages: some CPUs stop with a machine check when the size of a page changes
 * under an instruction fetch. */
bool space_bring_in_large(struct space *space, const struct address_range *range,
                          struct paging_path *path, uint64_t page) {
    paddr_t block, tables[PAGING_LEVELS];
    /* The last of the missing tables, which small pages would take, is kept for them. */
    uint32_t table_count = path->level;
    if (table_count == 0 || range->kind != SPACE_ANONYMOUS ||
        (range->protection & PROTECT_EXECUTE) != 0 ||
        !covers(range, align_down(page, LARGE_PAGE)) ||
        !take_frames(space, table_count, &block, tables)) {
        return false;
    }
    memset(direct_map(block), 0, LARGE_PAGE);
    paging_extend(path, page, 1, tables + 1);
    paging_set(path, block.value | space_page_flags(range->protection) | PTE_OWNED | PTE_LARGE);
    *(uint64_t *)direct_map(tables[0]) = space->spare_tables.value;
    space->spare_tables = tables[0];
    return true;
}

paddr_t space_take_spare_table(struct space *space) {
    paddr_t table = space->spare_tables;
    ASSERT(!paddr_is_none(table));
    uint64_t *link = direct_map(table);
    space->spare_tables = paddr(*link);
    *link = 0;
    return table;
}

void space_split_large(struct space *space, struct paging_path *path, uint64_t address) {
    paging_split(path, address, space_take_spare_table(space));
}
