#pragma once
/*
 * Page tables of four levels (SDM volume 3, 4.5): the bits, and walking them.
 *
 * Rules
 * - Whoever changes a tree holds the lock of its space; the kernel's own tree (kernel_paging.c)
 *   changes at boot only.
 * - Tables are reached through the direct map. Entries of user pages carry PTE_OWNED when the frame
 *   belongs to the space and goes back when the page is unmapped.
 * - In a program's half, an entry that points to a table counts how many entries of that table are
 *   in use, and knows behind which there is none. No table is there that is empty.
 * - CPUs never write to the tables: accessed and dirty bits are set from the start.
 */
#include "kernel/arch/x86_64/layout.h"
#include "kernel/types.h"

typedef uint64_t pte_t;

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_NO_CACHE (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_LARGE (UINT64_C(1) << 7)
#define PTE_GLOBAL (UINT64_C(1) << 8)
#define PTE_OWNED (UINT64_C(1) << 9) /* of a page, ours: ignored by the CPU */
/* Of a page, ours: CPUs may still see the frame that was there before this one. */
#define PTE_UNSETTLED (UINT64_C(1) << 10)
/* Of an entry that points to a table, ours. The count: bits 52-61. The top: the last group of 64
 * entries, so 512 bytes, in which one may be in use, as bits 9-11 of their offset. */
#define PTE_COUNT_ONE (UINT64_C(1) << 52)
#define PTE_COUNT (UINT64_C(0x3ff) << 52)
#define PTE_TOP UINT64_C(0xe00)
#define PTE_KEPT (PTE_ADDRESS | PTE_OWNED | PTE_UNSETTLED | PTE_LARGE) /* in any protection */
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)
#define PTE_TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

#define PAGING_LEVELS 4u
#define TABLE_ENTRIES 512u

static inline uint32_t paging_index(uint64_t address, uint32_t level) {
    return (uint32_t)(address >> (PAGE_SHIFT + 9 * level)) & (TABLE_ENTRIES - 1);
}
/* Bytes that one entry of a table at this level covers: level 0 is 4 KiB. */
static inline uint64_t paging_span(uint32_t level) {
    return PAGE_SIZE << (9 * level);
}
static inline paddr_t pte_frame(pte_t entry) {
    return paddr(entry & PTE_ADDRESS);
}
static inline uint32_t pte_count(pte_t entry) {
    return (uint32_t)((entry & PTE_COUNT) / PTE_COUNT_ONE);
}
/* So many entries of the table, the first ones, may be in use. */
static inline uint32_t pte_limit(pte_t entry) {
    return (uint32_t)((entry & PTE_TOP) / sizeof(pte_t)) + 64;
}

/* Replaces the boot tables: kernel with W^X, direct map of everything, nothing else. */
void paging_init(const void *boot_info);
paddr_t paging_kernel_root(void);
/* The CPU takes the kernel's own tables. */
void paging_load_kernel(void);

/* A new root that shares the kernel's half. The frame is the caller's. */
void paging_init_root(paddr_t root);

/* The way to an address: its entry at each level from the top down to `level`, which is 0 unless
 * that entry is zero (as many tables are missing) or a large page. */
struct paging_path {
    pte_t *entry[PAGING_LEVELS];
    uint32_t level;
};

static inline void paging_find(paddr_t root, uint64_t address, struct paging_path *path) {
    pte_t *table = direct_map(root);
    uint32_t level = PAGING_LEVELS - 1;
    for (;; level--) {
        pte_t *entry = &table[paging_index(address, level)];
        path->entry[level] = entry;
        if (level == 0 || (*entry & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT) {
            break;
        }
        table = direct_map(pte_frame(*entry));
    }
    path->level = level;
}

/* Puts zeroed tables, one for each missing level, on the way to the address, which then leads down
 * to `level`, where paging_set must follow. */
void paging_extend(struct paging_path *path, uint64_t address, uint32_t level,
                   const paddr_t *tables);

/* Fills the entry at the end of the path, which was zero. */
static inline void paging_set(struct paging_path *path, pte_t value) {
    uint32_t level = path->level;
    ASSERT(*path->entry[level] == 0 && value != 0);
    *path->entry[level] = value;
    if (level + 1 < PAGING_LEVELS) {
        pte_t table = *path->entry[level + 1] + PTE_COUNT_ONE;
        pte_t top = (uintptr_t)path->entry[level] & PTE_TOP;
        *path->entry[level + 1] = (table & PTE_TOP) >= top ? table : (table & ~PTE_TOP) | top;
    }
}

/* In place of the large page at the end of the path comes a table with the same pages, each of 4
 * KiB; the path then leads there. */
void paging_split(struct paging_path *path, uint64_t address, paddr_t table);

/*
 * All that is mapped in [address, end), by large pages and tables of the lowest level:
 *
 *   paging_walk_begin(&walk, root, address, end);
 *   while (paging_walk_next(&walk)) {
 *       ... a large page if walk.path.level is 1, else
 *       ... paging_walk_entries(&walk, &count) from walk.address on
 *   }
 */
struct paging_walk {
    paddr_t root;
    uint64_t address, stop; /* the part of the range that this one has */
    uint64_t end;
    struct paging_path path; /* to `address` */
};
static inline void paging_walk_begin(struct paging_walk *walk, paddr_t root, uint64_t address,
                                     uint64_t end) {
    walk->root = root;
    walk->stop = address;
    walk->end = end;
}

/* Private to the next function. */
bool paging_walk_find(struct paging_walk *walk);

/* False at the end. */
static inline bool paging_walk_next(struct paging_walk *walk) {
    return walk->stop < walk->end && paging_walk_find(walk);
}

/* A large page of which all is in the range. */
static inline bool paging_walk_is_whole(const struct paging_walk *walk) {
    return walk->path.level == 1 && walk->stop - walk->address == paging_span(1);
}

/* The entries of this table that lie in the range, but for some at the end that are not in use. */
static inline pte_t *paging_walk_entries(const struct paging_walk *walk, uint32_t *count) {
    uint32_t first = paging_index(walk->address, 0), limit = pte_limit(*walk->path.entry[1]);
    uint32_t size = (uint32_t)((walk->stop - walk->address) / PAGE_SIZE);
    limit = limit > first ? limit - first : 0;
    *count = size < limit ? size : limit;
    return walk->path.entry[0];
}

/* The caller has zeroed what this table had from walk->address to `end`, so many entries: tables
 * that are empty now leave the tree, and go to `tables`, which has room for PAGING_LEVELS - 1.
 * Returns how many; CPUs may walk them until they have flushed. */
uint32_t paging_cleared(struct paging_walk *walk, uint64_t end, uint32_t count, paddr_t *tables);
/* The same for a large page, which it takes out itself. */
uint32_t paging_clear_large(struct paging_walk *walk, paddr_t *tables);

/* How many of the entries are zero up to the first that is not. */
static inline uint32_t paging_skip(const pte_t *entries, uint32_t count) {
    uint32_t at = 0;
    while (count - at >= 8 &&
           (entries[at] | entries[at + 1] | entries[at + 2] | entries[at + 3] | entries[at + 4] |
            entries[at + 5] | entries[at + 6] | entries[at + 7]) == 0) {
        at += 8;
    }
    while (at < count && entries[at] == 0) {
        at++;
    }
    return at;
}
