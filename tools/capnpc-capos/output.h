#pragma once
/* Files under the working directory, and the pieces that several of them are made of. */
#include <stddef.h>
#include <stdio.h>

#define OUTPUT_COLUMNS 100u

/* Creates the folders of the path as needed. Both refuse when the file cannot be written. */
FILE *output_open(const char *path);
void output_close(FILE *out, const char *path);

/* The first lines of a generated C file. */
void output_banner(FILE *out, const char *source);

/* A C comment of these lines; nothing when the text is empty. */
void output_comment(FILE *out, const char *indent, const char *text);

/* A C string literal. */
void output_string(FILE *out, const char *text);

/* head, then the items with commas, broken and aligned under the first one as clang-format does,
 * then tail. */
void output_list(FILE *out, const char *head, const char *const *items, size_t count,
                 const char *tail);
