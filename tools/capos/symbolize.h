#pragma once
/* From an address in a program to function, file and line, by llvm-symbolizer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_FUNCTION_MAX 127u
#define SYMBOL_FILE_MAX 255u

struct symbol {
    uint64_t address;
    char function[SYMBOL_FUNCTION_MAX + 1]; /* empty: not known */
    char file[SYMBOL_FILE_MAX + 1];         /* empty: not known */
    unsigned line;
};

/*
 * Fills in the symbols whose addresses are set. The first address is an instruction; the others are
 * return addresses, whose call stands just before them. False when there is no llvm-symbolizer.
 */
bool symbolize(const char *program_path, struct symbol *symbols, size_t count);
