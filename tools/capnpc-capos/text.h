#pragma once
/*
 * Names, prose and refusals. Everything that comes from the request and goes into generated code
 * passes through here: a name is an identifier, prose has no control characters and cannot end the
 * comment or the string that it is put into.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wire.h"

#define TEXT_NAME_MAX 64u
#define TEXT_PROSE_MAX 8192u

/* Prints "capnpc-capos: WHERE: reason" to stderr and ends the program with status 1. */
_Noreturn __attribute__((format(printf, 2, 3))) void refuse(const char *where, const char *format,
                                                            ...);

/* Zeroed memory that lives until the end of the program; refuses when there is none. */
void *allocate(size_t count, size_t size);
__attribute__((format(printf, 1, 2))) const char *text_format(const char *format, ...);

/* True for words that cannot name a variable in C or in C++. */
bool text_is_keyword(const char *name);

/* A copy of an identifier of letters and digits. */
const char *text_identifier(const char *where, struct wire_text text);

/* A copy of a comment or a sentence; "" when absent. Trailing newlines are cut. */
const char *text_prose(const char *where, struct wire_text text);

/* A name of the schema in its three spellings; inside another one they are joined:
 * Console.Stream, console_stream, CONSOLE_STREAM. */
struct name {
    const char *schema, *snake, *upper;
};

/* outer may be NULL. Snake case of getFsBase is get_fs_base. */
struct name name_inside(const struct name *outer, const char *name);
