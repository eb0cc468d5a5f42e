/* The input is a boot package. Every file of one that is accepted is read to its page's end. */
#include "core/boot_package.h"

#include <stdlib.h>
#include <string.h>

#include "core/align.h"
#include "tests/fuzz/fuzz.h"

static void check_file(const struct boot_package *package, uint32_t index) {
    const struct boot_package_file *file = boot_package_file(package, index);
    size_t length = strnlen(file->name, sizeof file->name);
    ASSERT(length > 0 && length <= BOOT_PACKAGE_NAME_MAX);
    ASSERT(boot_package_find(package, file->name, length) == file);
    uint64_t end = file->offset + file->size;
    ASSERT(file->offset % 4096 == 0 && end >= file->offset);
    for (uint64_t i = end; i < round_up(end, 4096); i++) {
        ASSERT(package->data[i] == 0);
    }
    if (file->size > 0) {
        const volatile uint8_t *data = package->data;
        (void)data[file->offset];
        (void)data[end - 1];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct boot_package package;
    void *aligned = malloc(size);
    if (aligned == NULL) {
        return 0;
    }
    memcpy(aligned, data, size);
    if (boot_package_open(&package, aligned, size) == CAPOS_OK) {
        ASSERT(package.size <= size && package.file_count <= BOOT_PACKAGE_FILES_MAX);
        for (uint32_t i = 0; i < package.file_count; i++) {
            check_file(&package, i);
        }
    }
    free(aligned);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static struct {
        struct boot_package_header header;
        struct boot_package_file files[2];
        uint8_t rest[3 * 4096 - 24 - 160];
    } package = {
        .header = {.magic = BOOT_PACKAGE_MAGIC, .size = sizeof package, .file_count = 2},
        .files = {{.name = "manifest", .offset = 4096, .size = 100},
                  {.name = "init", .offset = 8192, .size = 4000}},
    };
    seed_write("two-files", &package, sizeof package);
    return 0;
}
