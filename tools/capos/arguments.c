#include "tools/capos/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"

void arguments_add(struct arguments *arguments, const char *format, ...) {
    ASSERT(arguments->count < ARGUMENTS_MAX);
    va_list list;
    va_start(list, format);
    char *item = NULL;
    const int length = vasprintf(&item, format, list);
    va_end(list);
    ASSERT(length >= 0);
    arguments->items[arguments->count++] = item;
    arguments->items[arguments->count] = NULL;
}

void arguments_fini(struct arguments *arguments) {
    for (size_t i = 0; i < arguments->count; i++) {
        free(arguments->items[i]);
    }
    arguments->count = 0;
}
