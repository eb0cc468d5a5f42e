#include "kernel/debug/symbols.h"

#include <stddef.h>

#include "kernel/arch/x86_64/layout.h"

extern const uint64_t symbol_count;
extern const uint32_t symbol_offsets[], symbol_name_offsets[];
extern const char symbol_names[];
extern const uint8_t text_start[], text_end[];

const char *symbol_find(uint64_t address, uint64_t *offset_out) {
    if (address < (uint64_t)(uintptr_t)text_start || address >= (uint64_t)(uintptr_t)text_end ||
        symbol_count == 0) {
        return NULL;
    }
    uint32_t offset = (uint32_t)(address - KERNEL_BASE);
    uint64_t low = 0, high = symbol_count;
    while (high - low > 1) { /* symbol low is at or below the address, symbol high above */
        uint64_t middle = (low + high) / 2;
        if (symbol_offsets[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *offset_out = offset - symbol_offsets[low];
    return symbol_names + symbol_name_offsets[low];
}
