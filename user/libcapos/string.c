#include "capos/string.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Sixteen bytes at any address: SSE2's MOVDQU. */
typedef struct {
    char bytes[16];
} block_t;

static void copy_block(char *target, const char *source) {
    block_t block;
    __builtin_memcpy(&block, source, sizeof block);
    __builtin_memcpy(target, &block, sizeof block);
}

static void copy_forward(char *target, const char *source, size_t size) {
    for (; size >= sizeof(block_t); size -= sizeof(block_t)) {
        copy_block(target, source);
        target += sizeof(block_t);
        source += sizeof(block_t);
    }
    while (size-- > 0) {
        *target++ = *source++;
    }
}

static void copy_backward(char *target, const char *source, size_t size) {
    for (; size >= sizeof(block_t); size -= sizeof(block_t)) {
        copy_block(target + size - sizeof(block_t), source + size - sizeof(block_t));
    }
    while (size-- > 0) {
        target[size] = source[size];
    }
}

void *memcpy(void *restrict target, const void *restrict source, size_t size) {
    copy_forward(target, source, size);
    return target;
}

void *memmove(void *target, const void *source, size_t size) {
    if ((uintptr_t)target - (uintptr_t)source < size) {
        copy_backward(target, source, size);
    } else {
        copy_forward(target, source, size);
    }
    return target;
}

void *memset(void *target, int value, size_t size) {
    char *bytes = target;
    uint64_t pattern = (uint64_t)(uint8_t)value * UINT64_C(0x0101010101010101);
    for (; size >= sizeof pattern; size -= sizeof pattern) {
        __builtin_memcpy(bytes, &pattern, sizeof pattern);
        bytes += sizeof pattern;
    }
    while (size-- > 0) {
        *bytes++ = (char)value;
    }
    return target;
}

int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; size > 0 && *a == *b; size--) {
        a++;
        b++;
    }
    return size == 0 ? 0 : *a - *b;
}

void *memchr(const void *bytes, int value, size_t size) {
    const uint8_t *byte = bytes;
    for (; size > 0; size--, byte++) {
        if (*byte == (uint8_t)value) {
            return (void *)(uintptr_t)byte;
        }
    }
    return NULL;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *left, const char *right) {
    return strncmp(left, right, SIZE_MAX);
}

int strncmp(const char *left, const char *right, size_t size) {
    for (; size > 0; size--, left++, right++) {
        if (*left != *right || *left == '\0') {
            return (uint8_t)*left - (uint8_t)*right;
        }
    }
    return 0;
}

char *strchr(const char *text, int character) {
    return memchr(text, character, strlen(text) + 1);
}

static bool digit_value(char character, unsigned base, unsigned *value) {
    if (character >= '0' && character <= '9') {
        *value = (unsigned)(character - '0');
    } else if ((character | 32) >= 'a' && (character | 32) <= 'f') {
        *value = (unsigned)((character | 32) - 'a') + 10;
    } else {
        return false;
    }
    return *value < base;
}

bool capos_parse_integer(const char *text, long long *value) {
    bool is_negative = *text == '-';
    text += is_negative;
    unsigned base = text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10;
    text += base == 16 ? 2 : 0;
    long long total = 0;
    unsigned digit;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!digit_value(*text, base, &digit) ||
            __builtin_mul_overflow(total, (long long)base, &total) ||
            __builtin_add_overflow(total, (long long)digit, &total)) {
            return false;
        }
    }
    *value = is_negative ? -total : total;
    return true;
}
