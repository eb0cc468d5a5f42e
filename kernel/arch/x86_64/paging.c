#include "kernel/arch/x86_64/paging.h"

#include <stdatomic.h>

#define KERNEL_HALF 256u /* first PML4 entry of the kernel */

void paging_init_root(paddr_t root) {
    pte_t *table = direct_map(root), *kernel = direct_map(paging_kernel_root());
    memset(table, 0, KERNEL_HALF * sizeof *table);
    memcpy(table + KERNEL_HALF, kernel + KERNEL_HALF, KERNEL_HALF * sizeof *table);
}

void paging_extend(struct paging_path *path, uint64_t address, uint32_t level,
                   const paddr_t *tables) {
    while (path->level > level) {
        /* Permission is decided by the last level alone. */
        paging_set(path, tables->value | PTE_TABLE_FLAGS);
        pte_t *table = direct_map(*tables++);
        path->level--;
        path->entry[path->level] = &table[paging_index(address, path->level)];
    }
}

void paging_split(struct paging_path *path, uint64_t address, paddr_t table) {
    pte_t large = *path->entry[1], *entries = direct_map(table);
    ASSERT(path->level == 1 && (large & PTE_LARGE) != 0);
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++) {
        entries[i] = (large & ~PTE_LARGE) + i * PAGE_SIZE;
    }
    /* release: pairs with the page walks of other CPUs, which follow the entry to the table */
    atomic_thread_fence(memory_order_release);
    *path->entry[1] = table.value | PTE_TABLE_FLAGS | TABLE_ENTRIES * PTE_COUNT_ONE | PTE_TOP;
    path->entry[0] = &entries[paging_index(address, 0)];
    path->level = 0;
}

/* The next address that may be in use behind one whose path ends in nothing. */
static uint64_t skip_unused(const struct paging_path *path, uint64_t address) {
    uint32_t level = path->level, index = paging_index(address, level), next = index + 1;
    uint32_t limit = level + 1 < PAGING_LEVELS ? pte_limit(*path->entry[level + 1]) : KERNEL_HALF;
    next += next < limit ? paging_skip(path->entry[level] + 1, limit - next) : 0;
    next = next < limit ? next : TABLE_ENTRIES;
    return align_down(address, paging_span(level)) + (next - index) * paging_span(level);
}

bool paging_walk_find(struct paging_walk *walk) {
    ASSERT(walk->end <= UINT64_C(1) << USER_ADDRESS_BITS);
    uint64_t at = walk->stop;
    do {
        paging_find(walk->root, at, &walk->path);
        if (*walk->path.entry[walk->path.level] != 0 || walk->path.level == 0) {
            uint64_t next = align_down(at, paging_span(1)) + paging_span(1);
            walk->address = at;
            walk->stop = next < walk->end ? next : walk->end;
            return true;
        }
        at = skip_unused(&walk->path, at);
    } while (at < walk->end);
    walk->stop = walk->end;
    return false;
}

/* So many entries less are in use in the table that the path's entry at `level` points to. */
static uint32_t uncount(struct paging_path *path, uint32_t level, uint32_t count, paddr_t *tables) {
    uint32_t emptied = 0;
    for (;; level++, count = 1) {
        pte_t *entry = path->entry[level];
        ASSERT(pte_count(*entry) >= count);
        *entry -= count * PTE_COUNT_ONE;
        if (pte_count(*entry) != 0) {
            return emptied;
        }
        tables[emptied++] = pte_frame(*entry);
        *entry = 0;
        if (level == PAGING_LEVELS - 1) {
            return emptied;
        }
    }
}

uint32_t paging_cleared(struct paging_walk *walk, uint64_t end, uint32_t count, paddr_t *tables) {
    pte_t *entry = walk->path.entry[1];
    uint32_t first = paging_index(walk->address, 0);
    if (first + (end - walk->address) / PAGE_SIZE >= pte_limit(*entry)) {
        *entry &= ~PTE_TOP; /* all that is left is below */
        *entry |= first == 0 ? 0 : ((first - 1) * sizeof(pte_t)) & PTE_TOP;
    }
    return uncount(&walk->path, 1, count, tables);
}

uint32_t paging_clear_large(struct paging_walk *walk, paddr_t *tables) {
    *walk->path.entry[1] = 0;
    return uncount(&walk->path, 2, 1, tables);
}
