#pragma once
/*
 * The parts of the ELF64 file format that capOS reads (System V ABI, chapters 4 and 5; x86-64
 * psABI, chapter 4). Private to elf.c and elf_note.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/elf.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_header_offset, section_header_offset;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_header_size, program_header_count;
    uint16_t section_header_size, section_header_count, section_name_index;
};
_Static_assert(sizeof(struct elf_header) == 64, "format");

struct elf_program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical_address, file_size, size, align;
};
_Static_assert(sizeof(struct elf_program_header) == 56, "format");

struct elf_note_header {
    uint32_t name_size, descriptor_size, type;
};
_Static_assert(sizeof(struct elf_note_header) == 12, "format");

enum {
    ELF_IDENT_CLASS = 4,
    ELF_IDENT_DATA = 5,
    ELF_IDENT_VERSION = 6,
    ELF_IDENT_OSABI = 7,
    ELF_IDENT_ABI_VERSION = 8,
    ELF_CLASS_64 = 2,
    ELF_DATA_LITTLE_ENDIAN = 1,
    ELF_VERSION_CURRENT = 1,
    ELF_OSABI_SYSTEM_V = 0,
    ELF_OSABI_GNU = 3,
    ELF_TYPE_EXECUTABLE = 2,
    ELF_MACHINE_X86_64 = 62,
};

enum {
    ELF_SEGMENT_LOAD = 1,
    ELF_SEGMENT_DYNAMIC = 2,
    ELF_SEGMENT_INTERPRETER = 3,
    ELF_SEGMENT_NOTE = 4,
    ELF_SEGMENT_TLS = 7,
    ELF_SEGMENT_GNU_STACK = 0x6474e551,
};

enum { ELF_FLAG_EXECUTE = 1, ELF_FLAG_WRITE = 2, ELF_FLAG_READ = 4, ELF_FLAGS_KNOWN = 7 };

/* A file, of which nothing but its size is known. */
struct elf_file {
    const uint8_t *data;
    uint64_t size;
    struct elf_header header;
};

static inline bool elf_file_has(const struct elf_file *file, uint64_t offset, uint64_t size) {
    return offset <= file->size && size <= file->size - offset;
}

/* Reads and checks the file's header and the place of its program headers. */
MUST_CHECK enum elf_error elf_file_open(struct elf_file *file, const void *data, size_t size);

/* index < header.program_header_count, file open. The file need not be aligned. */
static inline struct elf_program_header elf_file_segment(const struct elf_file *file,
                                                         uint32_t index) {
    struct elf_program_header segment;
    uint64_t offset = file->header.program_header_offset + index * sizeof segment;
    __builtin_memcpy(&segment, file->data + offset, sizeof segment);
    return segment;
}

/* Checks all notes of a PT_NOTE segment and takes version and features from capOS's. */
MUST_CHECK enum elf_error elf_check_notes(const struct elf_file *file,
                                          const struct elf_program_header *segment,
                                          struct elf_image *image);
