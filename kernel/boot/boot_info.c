#include "kernel/boot/loader_words.h"

void boot_info_add_range(struct boot_info *info, uint64_t start, uint64_t size, uint32_t kind) {
    if (info->range_count < BOOT_MEMORY_RANGES_MAX && size > 0 && start + size > start) {
        info->ranges[info->range_count++] = (struct boot_memory_range){start, size, kind};
    }
}

void boot_info_set_command_line(struct boot_info *info, const char *text, size_t length_max) {
    size_t length = 0;
    while (length < length_max && length < BOOT_COMMAND_LINE_MAX - 1 && text[length] != 0) {
        info->command_line[length] = text[length];
        length++;
    }
    info->command_line[length] = 0;
}
