/* Multiboot2 specification 1.6, section 3.6: boot information. */
#include "kernel/arch/x86_64/layout.h"
#include "kernel/boot/loader_words.h"

struct multiboot2_tag {
    uint32_t type, size;
};

enum {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_RSDP_1 = 14,
    TAG_RSDP_2 = 15,
};

struct multiboot2_module {
    struct multiboot2_tag tag;
    uint32_t start, end;
};

struct multiboot2_memory_map {
    struct multiboot2_tag tag;
    uint32_t entry_size, entry_version;
};

struct multiboot2_memory {
    uint64_t address, size;
    uint32_t type, reserved;
};

enum { MEMORY_RAM = 1, MEMORY_ACPI = 3, MEMORY_NVS = 4 };

static void read_memory_map(const struct multiboot2_memory_map *map, struct boot_info *info) {
    if (map->tag.size < sizeof *map || map->entry_size < sizeof(struct multiboot2_memory)) {
        return;
    }
    uint64_t offset = sizeof *map;
    while (offset + map->entry_size <= map->tag.size) {
        const struct multiboot2_memory *memory = (const void *)((const uint8_t *)map + offset);
        bool is_acpi = memory->type == MEMORY_ACPI || memory->type == MEMORY_NVS;
        boot_info_add_range(info, memory->address, memory->size,
                            memory->type == MEMORY_RAM ? BOOT_MEMORY_RAM
                            : is_acpi                  ? BOOT_MEMORY_ACPI
                                                       : BOOT_MEMORY_RESERVED);
        offset += map->entry_size;
    }
}

/* The loader's copy lies in memory that will be used for other things: keep our own. */
static void read_rsdp(const struct multiboot2_tag *tag, struct boot_info *info) {
    size_t size = tag->size - sizeof *tag;
    size = size < sizeof info->rsdp_copy ? size : sizeof info->rsdp_copy;
    memcpy(info->rsdp_copy, tag + 1, size);
    info->rsdp = paddr((uint64_t)(uintptr_t)info->rsdp_copy - KERNEL_BASE);
}

static void read_tag(const struct multiboot2_tag *tag, struct boot_info *info) {
    const struct multiboot2_module *module = (const void *)tag;
    switch (tag->type) {
    case TAG_COMMAND_LINE:
        boot_info_set_command_line(info, (const char *)(tag + 1), tag->size - sizeof *tag);
        break;
    case TAG_MODULE:
        if (paddr_is_none(info->package) && tag->size >= sizeof *module &&
            module->end > module->start) {
            info->package = paddr(module->start);
            info->package_size = module->end - module->start;
        }
        break;
    case TAG_MEMORY_MAP:
        read_memory_map((const void *)tag, info);
        break;
    case TAG_RSDP_1:
    case TAG_RSDP_2: /* a copy of the structure follows; the newer one comes last and wins */
        read_rsdp(tag, info);
        break;
    default:
        break;
    }
}

void multiboot2_read(paddr_t information, struct boot_info *info) {
    uint32_t total = *(const uint32_t *)direct_map(information);
    uint32_t offset = 8;
    while (offset + sizeof(struct multiboot2_tag) <= total) {
        const struct multiboot2_tag *tag = direct_map(paddr(information.value + offset));
        if (tag->type == TAG_END || tag->size < sizeof *tag || tag->size > total - offset) {
            return;
        }
        read_tag(tag, info);
        offset = (uint32_t)align_up(offset + tag->size, 8);
    }
}
