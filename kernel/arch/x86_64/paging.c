#include "kernel/arch/x86_64/paging.h"

#define KERNEL_HALF 256u /* first PML4 entry of the kernel */

static pte_t *table_of(pte_t entry) {
    return direct_map(pte_frame(entry));
}

void paging_init_root(paddr_t root) {
    pte_t *table = direct_map(root), *kernel = direct_map(paging_kernel_root());
    memset(table, 0, KERNEL_HALF * sizeof *table);
    memcpy(table + KERNEL_HALF, kernel + KERNEL_HALF, KERNEL_HALF * sizeof *table);
}

void paging_find(paddr_t root, uint64_t address, struct paging_path *path) {
    pte_t *table = direct_map(root);
    uint32_t level = PAGING_LEVELS - 1;
    for (;;) {
        pte_t *entry = &table[paging_index(address, level)];
        path->entry[level] = entry;
        if (level == 0 || (*entry & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT) {
            path->level = level;
            return;
        }
        table = table_of(*entry);
        level--;
    }
}

void paging_extend(struct paging_path *path, uint64_t address, const paddr_t *tables) {
    while (path->level > 0) {
        /* Permission is decided by the last level alone. */
        paging_set(path, tables->value | PTE_TABLE_FLAGS);
        pte_t *table = direct_map(*tables++);
        path->level--;
        path->entry[path->level] = &table[paging_index(address, path->level)];
    }
}

void paging_walk_begin(struct paging_walk *walk, paddr_t root, uint64_t address, uint64_t end) {
    ASSERT(end <= UINT64_C(1) << USER_ADDRESS_BITS);
    walk->stop = address;
    walk->end = end;
    walk->level = PAGING_LEVELS - 1;
    walk->table[walk->level] = direct_map(root);
}

/* The level whose table still covers an address that was reached from below by tables of `level`.
 */
static uint32_t climb(uint64_t address, uint32_t level) {
    while (level < PAGING_LEVELS - 1 && paging_index(address, level) == 0) {
        level++;
    }
    return level;
}

/* The next address in use behind this one as far as the table knows, or the end of the table. */
static uint64_t skip_unused(const struct paging_walk *walk, uint32_t level, uint64_t address) {
    uint64_t span = paging_span(level), base = align_down(address, span << 9);
    uint32_t next = paging_index(address, level) + 1;
    uint32_t limit = level + 1 < PAGING_LEVELS ? pte_limit(*walk->entry[level + 1]) : KERNEL_HALF;
    next += next < limit ? paging_skip(walk->table[level] + next, limit - next) : 0;
    return next < limit ? base + next * span : base + (span << 9);
}

bool paging_walk_next(struct paging_walk *walk) {
    uint64_t at = walk->stop;
    uint32_t level = walk->level;
    if (level < PAGING_LEVELS - 1) {
        level = climb(at, level); /* it has moved on since */
    }
    while (at < walk->end) {
        pte_t *entry = &walk->table[level][paging_index(at, level)];
        if (*entry == 0) {
            at = skip_unused(walk, level, at);
            level = climb(at, level);
            continue;
        }
        walk->entry[level] = entry;
        if (level == 1) {
            uint64_t next = align_down(at, paging_span(1)) + paging_span(1);
            walk->level = level;
            walk->address = at;
            walk->stop = next < walk->end ? next : walk->end;
            return true;
        }
        level--;
        walk->table[level] = table_of(*entry);
    }
    walk->stop = walk->end;
    return false;
}

uint32_t paging_cleared(struct paging_walk *walk, uint32_t count, paddr_t *tables) {
    uint32_t emptied = 0;
    for (uint32_t level = 1;; level++) {
        pte_t *entry = walk->entry[level];
        ASSERT(pte_count(*entry) >= count);
        *entry -= count * PTE_COUNT_ONE;
        if (pte_count(*entry) != 0) {
            return emptied;
        }
        tables[emptied++] = pte_frame(*entry);
        *entry = 0;
        count = 1;
        if (level == PAGING_LEVELS - 1) {
            return emptied;
        }
    }
}
