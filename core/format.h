#pragma once
/*
 * printf for places without a C library: %c %s %.*s %d %u %x %p with l, ll, z and a width with
 * zero padding; %% is a percent sign. Anything else is printed as it stands.
 */
#include <stdarg.h>
#include <stddef.h>

/* Writes at most size bytes with the final 0 and returns the length without it, cut or not. */
__attribute__((format(printf, 3, 4))) size_t format_string(char *buffer, size_t size,
                                                           const char *format, ...);
size_t format_string_list(char *buffer, size_t size, const char *format, va_list arguments);
