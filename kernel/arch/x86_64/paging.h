#pragma once
/*
 * Page tables of four levels (SDM volume 3, 4.5): the bits, and walking them.
 *
 * Rules
 * - Whoever changes a tree holds the lock of its space; the kernel's own tree changes at boot only.
 * - Tables are reached through the direct map. Entries of user pages carry PTE_OWNED when the frame
 *   belongs to the space and goes back when the page is unmapped.
 */
#include "kernel/arch/x86_64/layout.h"
#include "kernel/types.h"

typedef uint64_t pte_t;

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_NO_CACHE (UINT64_C(1) << 4)
#define PTE_LARGE (UINT64_C(1) << 7)
#define PTE_GLOBAL (UINT64_C(1) << 8)
#define PTE_OWNED (UINT64_C(1) << 9) /* ours: ignored by the CPU */
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

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

/* Replaces the boot tables: kernel with W^X, direct map of everything, nothing else. */
void paging_init(const void *boot_info);
paddr_t paging_kernel_root(void);
/* The CPU takes the kernel's own tables. */
void paging_load_kernel(void);

/* The entry of the 4 KiB page, or NULL when a table on the way is missing. */
pte_t *paging_lookup(paddr_t root, uint64_t address);

/* The same, but tables that are missing are taken from alloc, which may fail with PADDR_NONE; then
 * the result is NULL and tables made so far stay (empty). */
pte_t *paging_ensure(paddr_t root, uint64_t address, paddr_t (*alloc)(void *argument),
                     void *argument);

/* The next page in [*address, end) whose entry is not zero, or NULL; *address is where it lies (end
 * without one). Passes over whole missing tables. */
pte_t *paging_next(paddr_t root, uint64_t *address, uint64_t end);

/* Addresses [low, high) in which no page is mapped. */
struct paging_hole {
    uint64_t low, high;
};

/* Takes tables out of the tree that cover a part of [start, end) and lie wholly in the hole: up to
 * `limit` of them, into batch. Returns how many; CPUs may walk them until they have flushed. */
uint32_t paging_detach_tables(paddr_t root, uint64_t start, uint64_t end,
                              const struct paging_hole *hole, paddr_t *batch, uint32_t limit);

/* A new root that shares the kernel's half. The frame is the caller's. */
void paging_init_root(paddr_t root);
