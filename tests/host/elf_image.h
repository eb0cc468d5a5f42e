#pragma once
/* A small, correct program image, to be broken in one place by each test. */
#include <stdint.h>

#include "core/elf_format.h"

#define IMAGE_LOW UINT64_C(0x1000)
#define IMAGE_HIGH UINT64_C(0x7fffffffe000)

enum { IMAGE_BYTES = 0x4000, IMAGE_HEADERS = 8 };

enum { IMAGE_RODATA, IMAGE_TEXT, IMAGE_DATA, IMAGE_TLS, IMAGE_NOTE, IMAGE_STACK, IMAGE_USED };

struct image_note {
    struct elf_note_header header;
    char name[8];
    uint8_t descriptor[16];
};

union image {
    struct {
        struct elf_header header;
        struct elf_program_header segments[IMAGE_HEADERS];
        struct image_note abi, uses,
            requires;
    };
    uint8_t bytes[IMAGE_BYTES];
};

/*
 * Headers and read-only data at 0x200000, text at 0x201000, data with a .bss at 0x202000, TLS
 * inside the data, and three notes: ABI version 1, one method used, one grant required.
 */
void image_build(union image *image);
