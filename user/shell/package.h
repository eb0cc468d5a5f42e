#pragma once
/* Files of the boot package, read whole into the heap. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds "name" or "name.elf"; *index_out is its place in the package. */
bool package_find(const char *name, uint32_t *index_out);

/* The name of a file, terminated by 0; false beyond the last one. */
bool package_name(uint32_t index, char name[64]);

/* The contents, to be given to capos_free; NULL when there is no memory for them. */
void *package_load(uint32_t index, size_t *size_out);
