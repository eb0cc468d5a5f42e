#pragma once
/*
 * Reads an ELF64 x86-64 executable as an attacker might have written it.
 *
 * Rules
 * - The image is only read, never trusted: every offset, size and address is checked for range,
 *   wrap and overlap before it is believed. Nothing is allocated.
 * - Only static executables (ET_EXEC, no PT_INTERP, no PT_DYNAMIC) are accepted in this version.
 */
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define ELF_SEGMENTS_MAX 16u
#define ELF_PROGRAM_HEADERS_MAX 64u
#define ELF_NOTES_SIZE_MAX (UINT64_C(1) << 20) /* of one PT_NOTE segment */
#define ELF_IMAGE_SPAN_MAX (UINT64_C(1) << 40) /* from the lowest to the highest address */
#define ELF_TLS_SIZE_MAX (UINT64_C(1) << 20)
#define ELF_TLS_ALIGN_MAX UINT64_C(4096)
#define ELF_STACK_SIZE_MAX (UINT64_C(64) << 20)

/* What is wrong with an image; elf_error_text says it in words. Goes into a completion's detail. */
enum elf_error {
    ELF_OK = 0,
    ELF_TRUNCATED,
    ELF_NOT_ELF,
    ELF_WRONG_CLASS,   /* not 64 bits, little endian, version 1 */
    ELF_WRONG_MACHINE, /* not x86-64 */
    ELF_WRONG_TYPE,    /* not a static executable */
    ELF_BAD_HEADERS,   /* size, count or place of the program headers */
    ELF_TOO_MANY_SEGMENTS,
    ELF_BAD_SEGMENT, /* file range, sizes, alignment or flags (write with execute) */
    ELF_BAD_ADDRESS, /* outside user space, below the first page, or wrapping */
    ELF_OVERLAP,     /* two segments share a page */
    ELF_NO_SEGMENTS,
    ELF_BAD_ENTRY, /* not in an executable segment */
    ELF_BAD_TLS,   /* more than one, not inside the image, size or alignment */
    ELF_DYNAMIC,   /* asks for an interpreter or dynamic linking */
    ELF_BAD_NOTE,
    ELF_BAD_STACK,
    ELF_WRONG_ABI, /* the note asks for another ABI version or unknown features */
    ELF_ERROR_COUNT,
};

enum { ELF_READ = 1, ELF_WRITE = 2, ELF_EXECUTE = 4 }; /* as protection bits, not as p_flags */

struct elf_segment {
    uint64_t address;     /* p_vaddr */
    uint64_t size;        /* p_memsz */
    uint64_t file_offset; /* congruent to address modulo 4096 */
    uint64_t file_size;
    uint32_t protection;
};

struct elf_image {
    uint64_t entry;
    uint64_t low, high; /* page-aligned bounds of all segments */
    uint32_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* PT_LOAD, ascending, none sharing a page */
    uint64_t tls_address, tls_file_offset, tls_file_size, tls_size, tls_align; /* 0 without TLS */
    uint64_t program_headers; /* address of the program headers in memory, 0 when not loaded */
    uint32_t program_header_count;
    uint64_t stack_size;  /* of PT_GNU_STACK, 0 when unsaid */
    uint32_t abi_version; /* 0 when there is no note */
    uint64_t features;
};

/* user_low and user_high, multiples of 4096 below 2^63, bound the addresses that an image may use.
 * An image that is refused is all zeros. */
MUST_CHECK enum elf_error elf_parse(const void *file, size_t file_size, uint64_t user_low,
                                    uint64_t user_high, struct elf_image *image);

const char *elf_error_text(enum elf_error error);

/*
 * Visits the notes named "capOS" of all PT_NOTE segments: returns the next one after *cursor (0 at
 * first) or NULL. The descriptor is inside the file, at most CAPOS_NOTE_DESCRIPTOR_MAX bytes and
 * not aligned. What follows a note that does not fit is skipped to the segment's end.
 */
const void *elf_next_note(const void *file, size_t file_size, uint64_t *cursor, uint32_t *type,
                          uint32_t *descriptor_size);
