#include "tools/capos/size.h"

#include <inttypes.h>
#include <stdio.h>

static const char units[] = "KMG";

bool size_parse(const char *text, uint64_t *bytes) {
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value)) {
            return false;
        }
    }
    if (at == text) {
        return false;
    }
    if (*at != '\0') {
        unsigned unit = 0;
        while (units[unit] != '\0' && units[unit] != (*at & ~0x20)) {
            unit++;
        }
        const unsigned shift = 10 * (unit + 1);
        if (units[unit] == '\0' || at[1] != '\0' || (value << shift) >> shift != value) {
            return false;
        }
        value <<= shift;
    }
    *bytes = value;
    return true;
}

void size_format(char *buffer, size_t buffer_size, uint64_t bytes) {
    unsigned unit = 0;
    while (unit < 3 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0) {
        snprintf(buffer, buffer_size, "%" PRIu64, bytes);
    } else {
        snprintf(buffer, buffer_size, "%" PRIu64 "%c", bytes, units[unit - 1]);
    }
}
