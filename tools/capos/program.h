#pragma once
/* A program file: opened, checked and its needs read. */
#include "core/elf.h"
#include "tools/capos/needs.h"

/* The addresses that a program may use: not the first page, and the lower half but its last page.
 */
#define PROGRAM_USER_LOW UINT64_C(0x1000)
#define PROGRAM_USER_HIGH UINT64_C(0x7ffffffff000)

struct program {
    const char *path;
    const char *name; /* base name: how messages and the boot package call it */
    const void *file;
    size_t file_size;
    struct elf_image image;
    struct needs needs;
};

/* Says what is wrong and returns false when it is not a program that capOS can run. */
bool program_open(struct program *program, const char *path);
void program_close(struct program *program);

/* Maps a file read-only. False, with errno, when that fails; an empty file is NULL and 0. */
bool file_map(const char *path, const void **data, size_t *size);
