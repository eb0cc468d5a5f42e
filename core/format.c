#include "core/format.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGITS_MAX 20u /* of 2^64 - 1 in decimal */

struct output {
    char *buffer;
    size_t size;
    size_t length; /* of the whole text, whether it fits or not */
};

/* One directive, as parsed. */
struct directive {
    size_t width;
    size_t precision;
    bool zero;
    uint8_t longs; /* 0: int, 1 and 2: 64 bits */
};

static void put(struct output *output, char c) {
    if (output->length < output->size) {
        output->buffer[output->length] = c;
    }
    output->length++;
}

static void put_repeated(struct output *output, char c, size_t count) {
    while (count-- > 0) {
        put(output, c);
    }
}

static void put_text(struct output *output, const char *text, const struct directive *directive) {
    const char *shown = text != NULL ? text : "(null)";
    size_t length = 0;
    while (length < directive->precision && shown[length] != 0) {
        length++;
    }
    put_repeated(output, ' ', directive->width > length ? directive->width - length : 0);
    for (size_t i = 0; i < length; i++) {
        put(output, shown[i]);
    }
}

static void put_number(struct output *output, uint64_t value, uint64_t base, const char *prefix,
                       const struct directive *directive) {
    char digits[DIGITS_MAX];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    size_t length = count;
    for (const char *c = prefix; *c != 0; c++) {
        length++;
    }
    size_t padding = directive->width > length ? directive->width - length : 0;
    put_repeated(output, ' ', directive->zero ? 0 : padding);
    for (; *prefix != 0; prefix++) {
        put(output, *prefix);
    }
    put_repeated(output, '0', directive->zero ? padding : 0);
    while (count > 0) {
        put(output, digits[--count]);
    }
}

static uint64_t next_unsigned(va_list *arguments, uint8_t longs) {
    return longs != 0 ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned int);
}

static void put_signed(struct output *output, int64_t value, const struct directive *directive) {
    /* Negated as unsigned: the most negative number has no positive counterpart. */
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    put_number(output, magnitude, 10, value < 0 ? "-" : "", directive);
}

/* Reads [0][width][.*][l|ll|z] and returns what follows. */
static const char *parse_directive(const char *format, va_list *arguments,
                                   struct directive *directive) {
    *directive = (struct directive){.precision = SIZE_MAX};
    directive->zero = *format == '0';
    for (; *format >= '0' && *format <= '9'; format++) {
        directive->width = directive->width * 10 + (size_t)(*format - '0');
    }
    if (format[0] == '.' && format[1] == '*') {
        int precision = va_arg(*arguments, int);
        directive->precision = precision >= 0 ? (size_t)precision : SIZE_MAX;
        format += 2;
    }
    for (; (*format == 'l' || *format == 'z') && directive->longs < 2; format++) {
        directive->longs++;
    }
    return format;
}

/* Prints one directive and returns true, or false when there is none of this letter. */
static bool put_directive(struct output *output, char letter, va_list *arguments,
                          const struct directive *directive) {
    switch (letter) {
    case 'c':
        put(output, (char)va_arg(*arguments, int));
        return true;
    case 's':
        put_text(output, va_arg(*arguments, const char *), directive);
        return true;
    case 'd':
        put_signed(output,
                   directive->longs != 0 ? va_arg(*arguments, int64_t) : va_arg(*arguments, int),
                   directive);
        return true;
    case 'u':
        put_number(output, next_unsigned(arguments, directive->longs), 10, "", directive);
        return true;
    case 'x':
        put_number(output, next_unsigned(arguments, directive->longs), 16, "", directive);
        return true;
    case 'p':
        put_number(output, (uintptr_t)va_arg(*arguments, void *), 16, "0x", directive);
        return true;
    case '%':
        put(output, '%');
        return true;
    default:
        return false;
    }
}

size_t format_string_list(char *buffer, size_t size, const char *format, va_list arguments) {
    struct output output = {.buffer = buffer, .size = size};
    va_list rest;
    va_copy(rest, arguments);
    while (*format != 0) {
        struct directive directive;
        const char *start = format++;
        if (*start != '%') {
            put(&output, *start);
            continue;
        }
        format = parse_directive(format, &rest, &directive);
        if (*format != 0 && put_directive(&output, *format, &rest, &directive)) {
            format++;
        } else {
            while (start < format) {
                put(&output, *start++);
            }
        }
    }
    va_end(rest);
    if (size != 0) {
        buffer[output.length < size ? output.length : size - 1] = 0;
    }
    return output.length;
}

size_t format_string(char *buffer, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_string_list(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}
