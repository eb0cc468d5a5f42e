#include <capos/capos.h>

#include "user/shell/debug_info.h"

/* Offsets of the fields that matter here: gABI, "ELF Header", "Section Header", "Symbol Table". */
enum {
    HEADER_BYTES = 64,
    HEADER_SECTIONS = 40,      /* u64 */
    HEADER_SECTION_COUNT = 60, /* u16 */
    HEADER_NAME_SECTION = 62,  /* u16 */
    SECTION_BYTES = 64,
    SECTION_NAME = 0,    /* u32 */
    SECTION_OFFSET = 24, /* u64 */
    SECTION_SIZE = 32,   /* u64 */
    SYMBOL_BYTES = 24,
    SYMBOL_NAME = 0,  /* u32 */
    SYMBOL_TYPE = 4,  /* u8, low four bits */
    SYMBOL_VALUE = 8, /* u64 */
    SYMBOL_SIZE = 16, /* u64 */
    TYPE_FUNCTION = 2,
};

static uint64_t read_field(const uint8_t *data, unsigned bytes) {
    uint64_t value = 0;
    memcpy(&value, data, bytes);
    return value;
}

/* A string of a table, if it ends inside. */
static const char *table_string(struct debug_section table, uint64_t offset) {
    if (offset >= table.size || memchr(table.data + offset, 0, table.size - offset) == NULL) {
        return NULL;
    }
    return (const char *)table.data + offset;
}

static const uint8_t *section_header(const uint8_t *file, size_t size, uint64_t index) {
    uint64_t start = read_field(file + HEADER_SECTIONS, 8);
    uint64_t count = read_field(file + HEADER_SECTION_COUNT, 2);
    if (index >= count || start > size || (size - start) / SECTION_BYTES < count) {
        return NULL;
    }
    return file + start + index * SECTION_BYTES;
}

static struct debug_section section_contents(const uint8_t *file, size_t size,
                                             const uint8_t *header) {
    uint64_t offset = read_field(header + SECTION_OFFSET, 8);
    uint64_t bytes = read_field(header + SECTION_SIZE, 8);
    if (offset > size || bytes > size - offset) {
        return (struct debug_section){0};
    }
    return (struct debug_section){file + offset, bytes};
}

struct debug_section debug_section_find(const void *file, size_t size, const char *name) {
    const uint8_t *header =
        size < HEADER_BYTES
            ? NULL
            : section_header(file, size,
                             read_field((const uint8_t *)file + HEADER_NAME_SECTION, 2));
    if (header == NULL) {
        return (struct debug_section){0};
    }
    struct debug_section names = section_contents(file, size, header);
    for (uint64_t index = 0; (header = section_header(file, size, index)) != NULL; index++) {
        const char *found = table_string(names, read_field(header + SECTION_NAME, 4));
        if (found != NULL && strcmp(found, name) == 0) {
            return section_contents(file, size, header);
        }
    }
    return (struct debug_section){0};
}

const char *debug_function_find(const void *file, size_t size, uint64_t address) {
    struct debug_section symbols = debug_section_find(file, size, ".symtab");
    struct debug_section names = debug_section_find(file, size, ".strtab");
    for (size_t offset = 0; symbols.size - offset >= SYMBOL_BYTES; offset += SYMBOL_BYTES) {
        const uint8_t *symbol = symbols.data + offset;
        uint64_t value = read_field(symbol + SYMBOL_VALUE, 8);
        if ((symbol[SYMBOL_TYPE] & 15) == TYPE_FUNCTION && address >= value &&
            address - value < read_field(symbol + SYMBOL_SIZE, 8)) {
            return table_string(names, read_field(symbol + SYMBOL_NAME, 4));
        }
    }
    return NULL;
}
