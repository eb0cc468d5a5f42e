#include "kernel/arch/x86_64/paging.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/boot/boot_info.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kernel_map.h"
#include "kernel/mm/mmio.h"

#define KERNEL_HALF 256u /* first PML4 entry of the kernel */
#define LARGE_PAGE paging_span(1)

/* kernel.ld; addresses of the higher half, but for the first two. */
extern uint8_t text_start[], text_end[], rodata_start[], rodata_end[], data_start[], kernel_end[];

static paddr_t kernel_root;
static uint64_t next_map_address = KERNEL_MAP_BASE;

static pte_t *table_of(paddr_t table) {
    return direct_map(table);
}

static paddr_t alloc_boot_table(void *argument) {
    (void)argument;
    paddr_t table = frame_alloc_zeroed();
    if (paddr_is_none(table)) {
        panic("no memory for the kernel's page tables");
    }
    return table;
}

/* Walks down to `level`, making tables on the way if alloc is given. */
static pte_t *walk(paddr_t root, uint64_t address, uint32_t level, paddr_t (*alloc)(void *argument),
                   void *argument) {
    pte_t *table = table_of(root);
    for (uint32_t at = PAGING_LEVELS - 1; at > level; at--) {
        pte_t *entry = &table[paging_index(address, at)];
        if ((*entry & PTE_PRESENT) == 0) {
            paddr_t fresh = alloc == NULL ? PADDR_NONE : alloc(argument);
            if (paddr_is_none(fresh)) {
                return NULL;
            }
            /* Permission is decided by the last level alone. */
            *entry = fresh.value | PTE_PRESENT | PTE_WRITE | PTE_USER;
        }
        ASSERT((*entry & PTE_LARGE) == 0);
        table = table_of(pte_frame(*entry));
    }
    return &table[paging_index(address, level)];
}

pte_t *paging_lookup(paddr_t root, uint64_t address) {
    return walk(root, address, 0, NULL, NULL);
}

/* The first entry in use of this table for [*address, end), at its own address. */
static pte_t *next_in_table(pte_t *table, uint32_t level, uint64_t *address, uint64_t end) {
    uint64_t span = paging_span(level), at = *address;
    for (uint32_t i = paging_index(at, level); i < TABLE_ENTRIES && at < end; i++) {
        if (table[i] != 0) {
            *address = at;
            return &table[i];
        }
        at = align_down(at, span) + span;
    }
    *address = at < end ? at : end;
    return NULL;
}

pte_t *paging_next(paddr_t root, uint64_t *address, uint64_t end) {
    while (*address < end) {
        pte_t *table = table_of(root);
        for (uint32_t level = PAGING_LEVELS - 1;; level--) {
            pte_t *entry = next_in_table(table, level, address, end);
            if (entry == NULL) {
                break; /* go on above, with the next table */
            }
            if (level == 0) {
                return entry;
            }
            table = table_of(pte_frame(*entry));
        }
    }
    return NULL;
}

pte_t *paging_ensure(paddr_t root, uint64_t address, paddr_t (*alloc)(void *argument),
                     void *argument) {
    return walk(root, address, 0, alloc, argument);
}

struct detach {
    const struct paging_hole *hole;
    paddr_t *batch;
    uint32_t count, limit;
};

/* Only entries on the way to [start, end) are looked at. Lower tables first, so that a table that
 * is detached has none below it. */
static void detach_below(struct detach *detach, pte_t *table, uint32_t level, uint64_t start,
                         uint64_t end) {
    uint64_t span = paging_span(level), at = start, next;
    pte_t *entry;
    for (; (entry = next_in_table(table, level, &at, end)) != NULL; at = next) {
        uint64_t base = align_down(at, span);
        next = base + span;
        bool is_whole = base >= detach->hole->low && next <= detach->hole->high;
        if (level > 1) {
            /* What goes takes along all that hangs below it. */
            detach_below(detach, table_of(pte_frame(*entry)), level - 1, is_whole ? base : at,
                         is_whole || next < end ? next : end);
        }
        if (detach->count == detach->limit) {
            return;
        }
        if (is_whole) {
            detach->batch[detach->count++] = pte_frame(*entry);
            *entry = 0;
        }
    }
}

uint32_t paging_detach_tables(paddr_t root, uint64_t start, uint64_t end,
                              const struct paging_hole *hole, paddr_t *batch, uint32_t limit) {
    ASSERT(end <= UINT64_C(1) << USER_ADDRESS_BITS);
    struct detach detach = {hole, batch, 0, limit};
    detach_below(&detach, table_of(root), PAGING_LEVELS - 1, start, end);
    return detach.count;
}

void paging_init_root(paddr_t root) {
    pte_t *table = table_of(root), *kernel = table_of(kernel_root);
    memset(table, 0, KERNEL_HALF * sizeof *table);
    memcpy(table + KERNEL_HALF, kernel + KERNEL_HALF, KERNEL_HALF * sizeof *table);
}

static pte_t no_execute(void) {
    return cpu_features.nx ? PTE_NX : 0;
}

static void map_kernel_page(uint64_t address, paddr_t frame, pte_t flags) {
    pte_t *entry = walk(kernel_root, address, 0, alloc_boot_table, NULL);
    ASSERT((*entry & PTE_PRESENT) == 0);
    *entry = frame.value | flags | PTE_PRESENT | (cpu_features.pge ? PTE_GLOBAL : 0);
}

static void map_kernel_section(const uint8_t *start, const uint8_t *end, pte_t flags) {
    for (uint64_t at = (uint64_t)(uintptr_t)start; at < (uint64_t)(uintptr_t)end; at += PAGE_SIZE) {
        map_kernel_page(at, paddr(at - KERNEL_BASE), flags);
    }
}

/* Writable but where it would be a second way to the kernel's text and constants. */
static void map_direct(uint64_t start, uint64_t end) {
    uint64_t read_only_low = (uint64_t)(uintptr_t)text_start - KERNEL_BASE;
    uint64_t read_only_high = (uint64_t)(uintptr_t)rodata_end - KERNEL_BASE;
    for (uint64_t at = start; at < end;) {
        bool is_kernel = at < align_up(read_only_high, LARGE_PAGE) &&
                         at + LARGE_PAGE > align_down(read_only_low, LARGE_PAGE);
        if (is_kernel) {
            bool read_only = at >= read_only_low && at < read_only_high;
            map_kernel_page(DIRECT_MAP_BASE + at, paddr(at),
                            no_execute() | (read_only ? 0 : PTE_WRITE));
            at += PAGE_SIZE;
            continue;
        }
        pte_t *entry = walk(kernel_root, DIRECT_MAP_BASE + at, 1, alloc_boot_table, NULL);
        *entry = at | PTE_PRESENT | PTE_WRITE | PTE_LARGE | no_execute() |
                 (cpu_features.pge ? PTE_GLOBAL : 0);
        at += LARGE_PAGE;
    }
}

void paging_init(const void *boot_info) {
    const struct boot_info *info = boot_info;
    kernel_root = alloc_boot_table(NULL);
    /* Every top-level entry of the kernel's half that will ever be used exists from now on, so that
     * address spaces can copy them. */
    (void)walk(kernel_root, KERNEL_MAP_BASE, 2, alloc_boot_table, NULL);
    (void)walk(kernel_root, KERNEL_BASE, 2, alloc_boot_table, NULL);
    map_kernel_section(text_start, text_end, 0);
    map_kernel_section(rodata_start, rodata_end, no_execute());
    map_kernel_section(data_start, kernel_end, no_execute() | PTE_WRITE);
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_memory_range *range = &info->ranges[i];
        if (range->kind == BOOT_MEMORY_RESERVED && range->start >= UINT64_C(1) << 20) {
            continue; /* the hole of devices is not memory */
        }
        uint64_t start = align_down(range->start, LARGE_PAGE);
        uint64_t end = align_up(range->start + range->size, LARGE_PAGE);
        while (start < end) { /* ranges may share a large page, or the first ones may overlap */
            pte_t *entry = walk(kernel_root, DIRECT_MAP_BASE + start, 1, alloc_boot_table, NULL);
            if ((*entry & PTE_PRESENT) == 0) {
                map_direct(start, start + LARGE_PAGE);
            }
            start += LARGE_PAGE;
        }
    }
    paging_load_kernel();
}

paddr_t paging_kernel_root(void) {
    return kernel_root;
}

void paging_load_kernel(void) {
    cr3_write(kernel_root.value);
}

volatile void *mmio_map(paddr_t address, uint64_t size) {
    uint64_t first = align_down(address.value, PAGE_SIZE);
    uint64_t end = align_up(address.value + size, PAGE_SIZE);
    uint64_t base = next_map_address;
    for (uint64_t at = first; at < end; at += PAGE_SIZE) {
        map_kernel_page(base + (at - first), paddr(at), PTE_WRITE | PTE_NO_CACHE | no_execute());
    }
    next_map_address = base + (end - first) + PAGE_SIZE;
    return (volatile void *)(uintptr_t)(base + (address.value - first));
}

uint64_t kernel_map_stack(uint64_t size) {
    next_map_address += PAGE_SIZE; /* the guard below */
    for (uint64_t done = 0; done < size; done += PAGE_SIZE) {
        paddr_t frame = frame_alloc_zeroed();
        if (paddr_is_none(frame)) {
            return 0;
        }
        map_kernel_page(next_map_address, frame, PTE_WRITE | no_execute());
        next_map_address += PAGE_SIZE;
    }
    uint64_t top = next_map_address;
    next_map_address += PAGE_SIZE;
    return top;
}
