#pragma once
/* Memory and strings, as ISO C defines them: what compilers call, and a little more. */
#include <stdbool.h>
#include <stddef.h>

#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

void *memcpy(void *__restrict target, const void *__restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
void *memchr(const void *bytes, int value, size_t size);

size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t size);
char *strchr(const char *text, int character);

/*
 * Reads a whole number: decimal, or hexadecimal after 0x, with an optional minus sign. False, and
 * *value untouched, when text is anything else or does not fit.
 */
bool capos_parse_integer(const char *text, long long *value);

CAPOS_LINKAGE_END
