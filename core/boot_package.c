#include "core/boot_package.h"

#include <stdbool.h>

#include "capos/abi.h"
#include "core/assert.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)

static const struct boot_package_file *table_of(const uint8_t *data) {
    return (const struct boot_package_file *)(const void *)(data +
                                                            sizeof(struct boot_package_header));
}

static size_t name_length_of(const struct boot_package_file *file) {
    size_t length = 0;
    while (length < sizeof file->name && file->name[length] != 0) {
        length++;
    }
    return length;
}

/* Names are printed, so they hold nothing that a terminal would obey. */
static bool name_is_valid(const struct boot_package_file *file) {
    size_t length = name_length_of(file);
    if (length == 0 || length > BOOT_PACKAGE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)file->name[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

/* A file's last page may be mapped whole, so what follows the file in it must be zero. */
static bool file_is_valid(const struct boot_package *package, const struct boot_package_file *file,
                          uint64_t table_end) {
    uint64_t available = package->size / PAGE * PAGE;
    if (file->offset % PAGE != 0 || file->offset < table_end || file->offset > available ||
        file->size > available - file->offset) {
        return false;
    }
    for (uint64_t i = file->offset + file->size; i % PAGE != 0; i++) {
        if (package->data[i] != 0) {
            return false;
        }
    }
    return true;
}

status_t boot_package_open(struct boot_package *package, const void *data, size_t size) {
    struct boot_package_header header;
    if (size < sizeof header || (uintptr_t)data % _Alignof(struct boot_package_file) != 0) {
        return CAPOS_E_BAD_IMAGE;
    }
    __builtin_memcpy(&header, data, sizeof header);
    if (header.magic != BOOT_PACKAGE_MAGIC || header.size > size || header.reserved != 0 ||
        header.file_count > BOOT_PACKAGE_FILES_MAX) {
        return CAPOS_E_BAD_IMAGE;
    }
    uint64_t table_end = sizeof header + header.file_count * sizeof(struct boot_package_file);
    if (table_end > header.size) {
        return CAPOS_E_BAD_IMAGE;
    }
    struct boot_package opened = {data, header.size, 0};
    const struct boot_package_file *files = table_of(data);
    for (; opened.file_count < header.file_count; opened.file_count++) {
        const struct boot_package_file *file = &files[opened.file_count];
        if (!name_is_valid(file) || !file_is_valid(&opened, file, table_end) ||
            boot_package_find(&opened, file->name, name_length_of(file)) != NULL) {
            return CAPOS_E_BAD_IMAGE;
        }
    }
    *package = opened;
    return CAPOS_OK;
}

const struct boot_package_file *boot_package_file(const struct boot_package *package,
                                                  uint32_t index) {
    ASSERT(index < package->file_count);
    return &table_of(package->data)[index];
}

const struct boot_package_file *boot_package_find(const struct boot_package *package,
                                                  const char *name, size_t name_length) {
    const struct boot_package_file *files = table_of(package->data);
    for (uint32_t i = 0; i < package->file_count; i++) {
        if (name_length_of(&files[i]) == name_length &&
            __builtin_memcmp(files[i].name, name, name_length) == 0) {
            return &files[i];
        }
    }
    return NULL;
}
