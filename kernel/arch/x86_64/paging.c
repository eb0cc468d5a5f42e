#include "kernel/arch/x86_64/paging.h"

#define KERNEL_HALF 256u /* first PML4 entry of the kernel */

void paging_init_root(paddr_t root) {
    pte_t *table = direct_map(root), *kernel = direct_map(paging_kernel_root());
    memset(table, 0, KERNEL_HALF * sizeof *table);
    memcpy(table + KERNEL_HALF, kernel + KERNEL_HALF, KERNEL_HALF * sizeof *table);
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
        if (walk->path.level == 0) {
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

uint32_t paging_cleared(struct paging_walk *walk, uint64_t end, uint32_t count, paddr_t *tables) {
    pte_t **entry = &walk->path.entry[1];
    uint32_t first = paging_index(walk->address, 0), emptied = 0;
    ASSERT(pte_count(**entry) >= count);
    **entry -= count * PTE_COUNT_ONE;
    if (first + (end - walk->address) / PAGE_SIZE >= pte_limit(**entry)) {
        **entry &= ~PTE_TOP; /* all that is left is below */
        **entry |= first == 0 ? 0 : ((first - 1) * sizeof(pte_t)) & PTE_TOP;
    }
    while (pte_count(**entry) == 0) {
        tables[emptied++] = pte_frame(**entry);
        **entry = 0;
        if (emptied == PAGING_LEVELS - 1) {
            break;
        }
        entry++;
        **entry -= PTE_COUNT_ONE;
    }
    return emptied;
}
