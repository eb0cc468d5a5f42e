#pragma once
/*
 * Text to the capability named "console". A program that uses these functions requires the grant
 * "console", and its ELF note says so. Threads may print at the same time: what one call prints
 * stays together.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

#define CAPOS_PRINTF_BYTES_MAX 4096

/* Write all of it, to standard output or standard error. Return 0 or a negative error. */
int64_t capos_print(const char *text);
int64_t capos_print_error(const char *text);

/* The same for so many bytes, which need not be text. */
int64_t capos_write(const void *bytes, size_t size);
int64_t capos_write_error(const void *bytes, size_t size);

/*
 * printf with %c %s %.*s %d %u %x %p, the lengths l, ll and z, and a width with zero padding; no
 * floating point. At most CAPOS_PRINTF_BYTES_MAX - 1 bytes: what is longer is cut.
 */
__attribute__((format(printf, 1, 2))) int64_t capos_printf(const char *format, ...);
__attribute__((format(printf, 1, 2))) int64_t capos_printf_error(const char *format, ...);

/* As capos_printf, into a buffer; the final 0 is always written. Returns the length uncut. */
__attribute__((format(printf, 3, 4))) size_t capos_format(char *buffer, size_t size,
                                                          const char *format, ...);

/* The error's name as in schema/errors.capnp, such as "badAddress". */
const char *capos_error_name(int64_t result);

CAPOS_LINKAGE_END
