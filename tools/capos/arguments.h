#pragma once
/* An argument list for exec: strings of its own, NULL at the end, 128 at most. */
#include <stddef.h>

#define ARGUMENTS_MAX 128u

struct arguments {
    char *items[ARGUMENTS_MAX + 1];
    size_t count;
};

__attribute__((format(printf, 2, 3))) void arguments_add(struct arguments *arguments,
                                                         const char *format, ...);
void arguments_fini(struct arguments *arguments);
