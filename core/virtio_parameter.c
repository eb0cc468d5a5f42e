#include "core/virtio_parameter.h"

static const char key[] = "virtio_mmio.device=";

static bool is_word_end(char letter) {
    return letter == '\0' || letter == ' ' || letter == '\t' || letter == '\n';
}

static int digit_value(char letter) {
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    char lower = (char)(letter | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

/* A number, hexadecimal behind 0x; false when there is none or it is over `max`. */
static bool read_number(const char **cursor, uint64_t max, uint64_t *value_out) {
    const char *at = *cursor;
    uint64_t base = 10;
    if (at[0] == '0' && (at[1] | 0x20) == 'x') {
        base = 16;
        at += 2;
    }
    const char *first = at;
    uint64_t value = 0;
    for (; (uint64_t)digit_value(*at) < base; at++) {
        uint64_t digit = (uint64_t)digit_value(*at);
        if (value > (max - digit) / base) {
            return false;
        }
        value = value * base + digit;
    }
    *cursor = at;
    *value_out = value;
    return at != first;
}

static bool read_letter(const char **cursor, char letter) {
    bool found = **cursor == letter;
    *cursor += found ? 1 : 0;
    return found;
}

static bool read_parameter(const char *at, struct virtio_parameter *parameter) {
    uint64_t size, address, gsi, id;
    if (!read_number(&at, UINT32_MAX, &size)) {
        return false;
    }
    char unit = (char)(*at | 0x20);
    if (unit == 'k' || unit == 'm') {
        size <<= unit == 'k' ? 10 : 20;
        at++;
    }
    if (!read_letter(&at, '@') || !read_number(&at, UINT64_MAX >> 1, &address) ||
        !read_letter(&at, ':') || !read_number(&at, UINT32_MAX, &gsi)) {
        return false;
    }
    if (read_letter(&at, ':') && !read_number(&at, UINT32_MAX, &id)) {
        return false;
    }
    *parameter = (struct virtio_parameter){.size = size, .address = address, .gsi = (uint32_t)gsi};
    return is_word_end(*at);
}

bool virtio_parameter_next(const char **cursor, struct virtio_parameter *parameter_out,
                           uint32_t *malformed) {
    const char *at = *cursor;
    while (*at != '\0') {
        while (is_word_end(*at) && *at != '\0') {
            at++;
        }
        const char *word = at;
        size_t matched = 0;
        while (matched < sizeof(key) - 1 && word[matched] == key[matched]) {
            matched++;
        }
        while (!is_word_end(*at)) {
            at++;
        }
        if (matched == sizeof(key) - 1) {
            if (read_parameter(word + matched, parameter_out)) {
                *cursor = at;
                return true;
            }
            ++*malformed;
        }
    }
    *cursor = at;
    return false;
}
