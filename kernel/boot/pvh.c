/* The PVH boot protocol: xen/include/public/arch-x86/hvm/start_info.h, version 1. */
#include "kernel/boot/loader_words.h"

#define PVH_MAGIC 0x336ec578u

struct pvh_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp;
    uint64_t memory_map; /* version 1 */
    uint32_t memory_map_entries, reserved;
};

struct pvh_module {
    uint64_t address, size, command_line, reserved;
};

struct pvh_memory {
    uint64_t address, size;
    uint32_t type, reserved; /* types as in the BIOS memory map (E820) */
};

enum { E820_RAM = 1, E820_ACPI = 3, E820_NVS = 4 };

static uint32_t kind_of(uint32_t type) {
    switch (type) {
    case E820_RAM:
        return BOOT_MEMORY_RAM;
    case E820_ACPI:
    case E820_NVS:
        return BOOT_MEMORY_ACPI;
    default:
        return BOOT_MEMORY_RESERVED;
    }
}

void pvh_read(paddr_t address, struct boot_info *info) {
    const struct pvh_start_info *start = direct_map(address);
    if (start->magic != PVH_MAGIC || start->version < 1) {
        return;
    }
    if (start->command_line != 0) {
        boot_info_set_command_line(info, direct_map(paddr(start->command_line)),
                                   BOOT_COMMAND_LINE_MAX);
    }
    if (start->rsdp != 0) {
        info->rsdp = paddr(start->rsdp);
    }
    if (start->module_count > 0) {
        const struct pvh_module *module = direct_map(paddr(start->modules));
        info->package = paddr(module->address);
        info->package_size = module->size;
    }
    const struct pvh_memory *memory = direct_map(paddr(start->memory_map));
    for (uint32_t i = 0; i < start->memory_map_entries && i < BOOT_MEMORY_RANGES_MAX; i++) {
        boot_info_add_range(info, memory[i].address, memory[i].size, kind_of(memory[i].type));
    }
}
