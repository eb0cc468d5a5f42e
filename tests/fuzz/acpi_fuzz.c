/*
 * The ACPI tables are the input: a physical memory that begins at BASE, the root pointer first.
 * Checksums are mended on the way out, or no mutation would get past them.
 */
#include "core/acpi.h"

#include <stdlib.h>
#include <string.h>

enum { BASE = 0x1000, BYTES_MAX = 1 << 16, HEADER_BYTES = 36 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WINDOWS_MAX = 4 * ACPI_TABLES_MAX };

struct memory {
    uint8_t *bytes;
    size_t size;
    uint8_t *windows[WINDOWS_MAX]; /* live until the end: the reader keeps what it mapped */
    size_t window_count;
};

static void mend(uint8_t *bytes, size_t size, size_t sum) {
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    bytes[sum] = (uint8_t)(bytes[sum] - total);
}

/* Exactly the bytes that were asked for, so that the sanitizer sees each step beyond them. */
static const uint8_t *map(void *context, uint64_t address, uint64_t size) {
    struct memory *memory = context;
    if (memory->window_count == WINDOWS_MAX || address < BASE || address - BASE > memory->size ||
        size > memory->size - (address - BASE)) {
        return NULL;
    }
    uint8_t *bytes = memory->bytes + (address - BASE);
    if (address == BASE) {
        memcpy(bytes, "RSD PTR ", 8);
        mend(bytes, 20, 8);
        if (size == HEADER_BYTES) {
            mend(bytes, size, 32);
        }
    } else if (size > HEADER_BYTES) {
        mend(bytes, size, 9);
    }
    uint8_t *window = malloc(size);
    memory->windows[memory->window_count++] = window;
    memcpy(window, bytes, size);
    return window;
}

static void note(void *context, const char *table, const char *reason) {
    if (context == NULL || strlen(table) != 4 || strlen(reason) == 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t bytes[BYTES_MAX];
    struct memory memory = {.bytes = bytes, .size = size < BYTES_MAX ? size : BYTES_MAX};
    memcpy(bytes, data, memory.size);
    struct acpi_info info;
    struct acpi_memory access = {.map = map, .note = note, .context = &memory};
    (void)acpi_read_tables(&access, BASE, &info);
    while (memory.window_count > 0) {
        free(memory.windows[--memory.window_count]);
    }
    if (info.cpu_count == 0 || info.cpu_count > ACPI_CPUS_MAX ||
        info.ioapic_count > ACPI_IOAPICS_MAX || info.override_count > ACPI_OVERRIDES_MAX) {
        abort();
    }
    (void)acpi_find_root(data, size);
    return 0;
}
