#pragma once
/* What the boot loader tells, in one form for PVH and Multiboot2. Filled by kernel/boot/. */
#include "kernel/types.h"

#define BOOT_MEMORY_RANGES_MAX 64u
#define BOOT_COMMAND_LINE_MAX 2048u

enum boot_memory_kind { BOOT_MEMORY_RAM = 1, BOOT_MEMORY_RESERVED = 2, BOOT_MEMORY_ACPI = 3 };

struct boot_memory_range {
    uint64_t start, size;
    uint32_t kind;
};

struct boot_info {
    const char *loader; /* "PVH" or "Multiboot2" */
    uint32_t range_count;
    struct boot_memory_range ranges[BOOT_MEMORY_RANGES_MAX];
    paddr_t package; /* the boot package; PADDR_NONE without one */
    uint64_t package_size;
    uint8_t rsdp_copy[36]; /* for loaders that hand it over in memory of their own */
    paddr_t rsdp; /* PADDR_NONE when the loader does not say: acpi.c searches the BIOS area */
    char command_line[BOOT_COMMAND_LINE_MAX];
    uint64_t entry_tsc; /* time-stamp counter at the kernel's first instruction */
};
