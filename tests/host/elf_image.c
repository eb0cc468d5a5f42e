#include "tests/host/elf_image.h"

#include <string.h>

#include "capos/abi.h"

static struct elf_program_header load(uint32_t flags, uint64_t offset, uint64_t size) {
    return (struct elf_program_header){
        .type = ELF_SEGMENT_LOAD,
        .flags = flags,
        .offset = offset,
        .address = 0x200000 + offset,
        .physical_address = 0x200000 + offset,
        .file_size = size,
        .size = size,
        .align = 4096,
    };
}

static struct image_note note(uint32_t type, const void *descriptor, size_t size) {
    struct image_note result = {
        .header = {.name_size = 6, .descriptor_size = 16, .type = type},
        .name = CAPOS_NOTE_NAME,
    };
    memcpy(result.descriptor, descriptor, size);
    return result;
}

void image_build(union image *image) {
    memset(image, 0, sizeof *image);
    image->header = (struct elf_header){
        .ident = {0x7f, 'E', 'L', 'F', ELF_CLASS_64, ELF_DATA_LITTLE_ENDIAN, ELF_VERSION_CURRENT},
        .type = ELF_TYPE_EXECUTABLE,
        .machine = ELF_MACHINE_X86_64,
        .version = ELF_VERSION_CURRENT,
        .entry = 0x201010,
        .program_header_offset = sizeof(struct elf_header),
        .header_size = sizeof(struct elf_header),
        .program_header_size = sizeof(struct elf_program_header),
        .program_header_count = IMAGE_USED,
    };
    struct elf_program_header *segments = image->segments;
    segments[IMAGE_RODATA] = load(ELF_FLAG_READ, 0, 0x800);
    segments[IMAGE_TEXT] = load(ELF_FLAG_READ | ELF_FLAG_EXECUTE, 0x1000, 0x600);
    segments[IMAGE_DATA] = load(ELF_FLAG_READ | ELF_FLAG_WRITE, 0x2000, 0x400);
    segments[IMAGE_DATA].size = 0x3000;
    segments[IMAGE_TLS] = load(ELF_FLAG_READ, 0x2040, 0x20);
    segments[IMAGE_TLS].type = ELF_SEGMENT_TLS;
    segments[IMAGE_TLS].size = 0x60;
    segments[IMAGE_TLS].align = 64;
    segments[IMAGE_NOTE] =
        load(ELF_FLAG_READ, offsetof(union image, abi),
             offsetof(union image, requires) + sizeof image->requires - offsetof(union image, abi));
    segments[IMAGE_NOTE].type = ELF_SEGMENT_NOTE;
    segments[IMAGE_NOTE].align = 4;
    segments[IMAGE_STACK] = (struct elf_program_header){
        .type = ELF_SEGMENT_GNU_STACK,
        .flags = ELF_FLAG_READ | ELF_FLAG_WRITE,
        .size = 0x10000,
    };
    static const uint32_t abi[4] = {CAPOS_ABI_VERSION};
    static const uint64_t uses[2] = {0x1122334455667788, 3};
    static const char
        requires[
                16] = "\x88\x77\x66\x55\x44\x33\x22\x11timer";
    image->abi = note(CAPOS_NOTE_ABI, abi, sizeof abi);
    image->uses = note(CAPOS_NOTE_USES, uses, sizeof uses);
    image->
        requires
    = note(CAPOS_NOTE_REQUIRES, requires, 14);
    image->
        requires
        .header.descriptor_size = 14;
}
