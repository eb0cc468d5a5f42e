#pragma once
/* The image under test, and checks that change it in one place: for the ELF tests. */
#include "core/elf.h"
#include "tests/host/elf_image.h"
#include "tests/host/test.h"

static union image image;
static struct elf_image parsed;

/* Parses exactly `size` bytes on the heap, at an odd address: the sanitizer sees each byte too far.
 */
static inline enum elf_error parse_bytes(size_t size) {
    uint8_t *copy = malloc(size + 1);
    memcpy(copy + 1, image.bytes, size);
    enum elf_error error = elf_parse(copy + 1, size, IMAGE_LOW, IMAGE_HIGH, &parsed);
    free(copy);
    return error;
}

static inline enum elf_error parse(void) {
    return parse_bytes(sizeof image);
}

/* One change to the good image, and what is then wrong with it. */
#define CHECK_REFUSED(change, wanted)                                                              \
    do {                                                                                           \
        image_build(&image);                                                                       \
        change;                                                                                    \
        CHECK_EQUAL(parse(), wanted);                                                              \
        CHECK_EQUAL(parsed.segment_count, 0);                                                      \
    } while (0)

#define CHECK_ACCEPTED(change)                                                                     \
    do {                                                                                           \
        image_build(&image);                                                                       \
        change;                                                                                    \
        CHECK_EQUAL(parse(), ELF_OK);                                                              \
    } while (0)
