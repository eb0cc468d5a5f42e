#pragma once
/* Reading what the boot loader left: two formats, one result. Both are believed only as far as a
 * loader can be: counts and sizes are limited, addresses are used through the direct map. */
#include "kernel/boot/boot_info.h"

enum boot_loader { BOOT_LOADER_PVH = 1, BOOT_LOADER_MULTIBOOT2 = 2 };

void pvh_read(paddr_t start_info, struct boot_info *info);
void multiboot2_read(paddr_t information, struct boot_info *info);

/* For both: one more range of the memory map, and the command line. */
void boot_info_add_range(struct boot_info *info, uint64_t start, uint64_t size, uint32_t kind);
void boot_info_set_command_line(struct boot_info *info, const char *text, size_t length_max);
