/* The input is an ELF file. What is accepted must keep the promises of core/elf.h. */
#include "core/elf.h"

#include "core/align.h"
#include "core/tls_layout.h"
#include "tests/fuzz/fuzz.h"
#include "tests/host/elf_image.h"

static uint64_t check_segment(const struct elf_segment *segment, uint64_t low, size_t size) {
    ASSERT(round_down(segment->address, 4096) >= low);
    ASSERT(segment->size > 0 && segment->file_size <= segment->size);
    ASSERT(segment->file_size == 0 ||
           (segment->file_offset <= size && segment->file_size <= size - segment->file_offset));
    ASSERT((segment->protection & ELF_WRITE) == 0 || (segment->protection & ELF_EXECUTE) == 0);
    uint64_t end = round_up(segment->address + segment->size, 4096);
    ASSERT(end > segment->address && end <= IMAGE_HIGH);
    return end;
}

static void check_image(const struct elf_image *image, size_t size) {
    uint64_t end = IMAGE_LOW;
    bool entry_found = false;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        end = check_segment(segment, end, size);
        entry_found |= (segment->protection & ELF_EXECUTE) != 0 &&
                       image->entry >= segment->address &&
                       image->entry - segment->address < segment->size;
    }
    ASSERT(entry_found && image->high == end && image->high - image->low <= ELF_IMAGE_SPAN_MAX);
    ASSERT(image->tls_file_offset <= size && image->tls_file_size <= size - image->tls_file_offset);
    struct tls_layout layout;
    ASSERT(tls_layout_compute(image->tls_size, image->tls_align, &layout) == CAPOS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct elf_image image;
    if (elf_parse(data, size, IMAGE_LOW, IMAGE_HIGH, &image) == ELF_OK) {
        check_image(&image, size);
    } else {
        ASSERT(image.segment_count == 0 && image.entry == 0);
    }
    uint64_t cursor = 0;
    uint32_t type = 0, descriptor_size = 0;
    const uint8_t *note;
    while ((note = elf_next_note(data, size, &cursor, &type, &descriptor_size)) != NULL) {
        ASSERT(note >= data && note + descriptor_size <= data + size);
    }
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    union image image;
    image_build(&image);
    seed_write("image", image.bytes, sizeof image);
    return 0;
}
