#pragma once
/* The kernel's own symbol table, made by scripts/kernel-symbols.sh. */
#include <stdint.h>

/* The function that holds an address of the kernel's text, and the offset in it; NULL outside. */
const char *symbol_find(uint64_t address, uint64_t *offset_out);
