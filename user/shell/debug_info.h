#pragma once
/*
 * From addresses to names: the symbol table and the line table of an ELF file.
 *
 * Rules
 * - The file is only read, and every offset in it is checked: a broken table gives no answer.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debug_section {
    const uint8_t *data;
    size_t size;
};

/* The section of this name, which ends at 0 bytes when there is none. */
struct debug_section debug_section_find(const void *file, size_t size, const char *name);

/* The function that contains the address, or NULL. */
const char *debug_function_find(const void *file, size_t size, uint64_t address);

/* The source line of an address: DWARF version 5, section 6.2. */
bool debug_line_find(const void *file, size_t size, uint64_t address, const char **source_out,
                     uint32_t *line_out);
