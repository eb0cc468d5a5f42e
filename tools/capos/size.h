#pragma once
/* Amounts of memory as people write them: digits, then K, M or G (powers of 1024) or nothing. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool size_parse(const char *text, uint64_t *bytes);
/* The shortest exact form, such as 16M. */
void size_format(char *buffer, size_t buffer_size, uint64_t bytes);
