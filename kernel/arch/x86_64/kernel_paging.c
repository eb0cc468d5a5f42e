/* The kernel's own page tables: made at boot, changed at boot only. */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/boot/boot_info.h"
#include "kernel/debug/log.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kernel_map.h"
#include "kernel/mm/mmio.h"

#define LARGE_PAGE paging_span(1)

/* kernel.ld; addresses of the higher half, but for the first two. */
extern uint8_t text_start[], text_end[], rodata_start[], rodata_end[], data_start[], kernel_end[];

static paddr_t kernel_root;
static uint64_t next_map_address = KERNEL_MAP_BASE;

static paddr_t alloc_table(void) {
    paddr_t table = frame_alloc_zeroed();
    if (paddr_is_none(table)) {
        panic("no memory for the kernel's page tables");
    }
    return table;
}

/* The entry at `level`; tables on the way to it are made. */
static pte_t *entry_at(uint64_t address, uint32_t level) {
    pte_t *table = direct_map(kernel_root);
    for (uint32_t at = PAGING_LEVELS - 1; at > level; at--) {
        pte_t *entry = &table[paging_index(address, at)];
        if (*entry == 0) {
            /* Permission is decided by the last level alone. */
            *entry = alloc_table().value | PTE_PRESENT | PTE_WRITE;
        }
        ASSERT((*entry & PTE_LARGE) == 0);
        table = direct_map(pte_frame(*entry));
    }
    return &table[paging_index(address, level)];
}

static pte_t no_execute(void) {
    return cpu_features.nx ? PTE_NX : 0;
}

static void map_kernel_page(uint64_t address, paddr_t frame, pte_t flags) {
    pte_t *entry = entry_at(address, 0);
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
        pte_t *entry = entry_at(DIRECT_MAP_BASE + at, 1);
        *entry = at | PTE_PRESENT | PTE_WRITE | PTE_LARGE | no_execute() |
                 (cpu_features.pge ? PTE_GLOBAL : 0);
        at += LARGE_PAGE;
    }
}

void paging_init(const void *boot_info) {
    const struct boot_info *info = boot_info;
    kernel_root = alloc_table();
    /* Every top-level entry of the kernel's half that will ever be used exists from now on, so that
     * address spaces can copy them. */
    (void)entry_at(KERNEL_MAP_BASE, 2);
    (void)entry_at(KERNEL_BASE, 2);
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
            pte_t *entry = entry_at(DIRECT_MAP_BASE + start, 1);
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
