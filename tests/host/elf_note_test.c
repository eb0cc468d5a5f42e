#include "core/elf.h"

#include "capos/abi.h"
#include "tests/host/elf_checks.h"

TEST(abi_note) {
    uint32_t *abi = (void *)image.abi.descriptor;
    CHECK_REFUSED(abi[0] = CAPOS_ABI_VERSION + 1, ELF_WRONG_ABI);
    CHECK_REFUSED(abi[0] = UINT32_MAX, ELF_WRONG_ABI);
    CHECK_REFUSED(abi[0] = 0, ELF_WRONG_ABI);
    CHECK_REFUSED(abi[1] = 1, ELF_BAD_NOTE);
    CHECK_REFUSED(abi[2] = 1, ELF_WRONG_ABI);
    CHECK_REFUSED(abi[3] = 1U << 31, ELF_WRONG_ABI);
    CHECK_REFUSED(image.abi.header.descriptor_size = 12, ELF_BAD_NOTE);
    /* Of 14 bytes, and right as far as it goes. */
    CHECK_REFUSED((image.requires.header.type = CAPOS_NOTE_ABI,
                   memcpy(image.requires.descriptor, "\1\0\0\0\0\0\0\0\0\0\0\0\0", 14)),
                  ELF_BAD_NOTE);
    /* Without capOS's note, or with somebody else's, nothing is said. */
    CHECK_ACCEPTED((abi[0] = 77, image.abi.name[0] = 'g'));
    CHECK_EQUAL(parsed.abi_version, 0);
    CHECK_ACCEPTED(image.segments[IMAGE_NOTE].type = 0);
    CHECK_EQUAL(parsed.abi_version, 0);
    CHECK_ACCEPTED(image.abi.header.type = 99);
}

TEST(notes_that_do_not_fit) {
    struct elf_program_header *notes = &image.segments[IMAGE_NOTE];
    CHECK_REFUSED(notes->offset = sizeof image, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->offset = UINT64_MAX - 8, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->file_size = UINT64_MAX, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->file_size = ELF_NOTES_SIZE_MAX + 1, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->align = 16, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->align = 3, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->file_size -= 3, ELF_BAD_NOTE);
    CHECK_REFUSED(notes->file_size = 11, ELF_BAD_NOTE);
    CHECK_REFUSED((notes->offset = sizeof image - 8, notes->file_size = 8), ELF_BAD_NOTE);
    CHECK_ACCEPTED(notes->file_size -= 2); /* the padding of the last descriptor may be missing */
    CHECK_ACCEPTED(notes->file_size = 0);
    CHECK_REFUSED(image.uses.header.name_size = UINT32_MAX, ELF_BAD_NOTE);
    CHECK_REFUSED(image.uses.header.name_size = 1000, ELF_BAD_NOTE);
    CHECK_REFUSED(image.uses.header.descriptor_size = UINT32_MAX, ELF_BAD_NOTE);
    CHECK_REFUSED(image.uses.header.descriptor_size = 15, ELF_BAD_NOTE);
    CHECK_REFUSED(image.requires.header.descriptor_size = 9, ELF_BAD_NOTE);
    CHECK_REFUSED(image.requires.header.descriptor_size = 13, ELF_BAD_NOTE);
    CHECK_REFUSED(image.requires.descriptor[8] = 0, ELF_BAD_NOTE);
}

TEST(notes_are_visited_in_order) {
    image_build(&image);
    uint64_t cursor = 0;
    uint32_t type = 0, size = 0;
    const uint8_t *found = elf_next_note(&image, sizeof image, &cursor, &type, &size);
    CHECK(found == image.abi.descriptor && type == CAPOS_NOTE_ABI && size == 16);
    found = elf_next_note(&image, sizeof image, &cursor, &type, &size);
    CHECK(found == image.uses.descriptor && type == CAPOS_NOTE_USES && size == 16);
    found = elf_next_note(&image, sizeof image, &cursor, &type, &size);
    CHECK(found == image.requires.descriptor && type == CAPOS_NOTE_REQUIRES && size == 14);
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
    cursor = 0;
    image.abi.name[5] = '!';
    image.uses.header.descriptor_size = 65;
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
    cursor = 0;
    CHECK(elf_next_note(&image, 10, &cursor, &type, &size) == NULL);
    cursor = UINT64_MAX;
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
}

/* One note of somebody else's that fills its segment, and with it the file. */
static enum elf_error parse_long_note(uint32_t note_size) {
    size_t size = sizeof image + note_size;
    uint8_t *file = calloc(1, size);
    struct elf_note_header header = {.descriptor_size = note_size - 12};
    image_build(&image);
    image.segments[IMAGE_NOTE].offset = sizeof image;
    image.segments[IMAGE_NOTE].file_size = note_size;
    memcpy(file, &image, sizeof image);
    memcpy(file + sizeof image, &header, sizeof header);
    enum elf_error error = elf_parse(file, size, IMAGE_LOW, IMAGE_HIGH, &parsed);
    free(file);
    return error;
}

TEST(notes_are_limited) {
    CHECK_EQUAL(parse_long_note(ELF_NOTES_SIZE_MAX), ELF_OK);
    CHECK_EQUAL(parse_long_note(ELF_NOTES_SIZE_MAX + 4), ELF_BAD_NOTE);
    for (uint32_t size = CAPOS_NOTE_DESCRIPTOR_MAX; size <= CAPOS_NOTE_DESCRIPTOR_MAX + 1; size++) {
        bool fits = size <= CAPOS_NOTE_DESCRIPTOR_MAX;
        image_build(&image);
        struct image_note *note = (void *)&image.bytes[0x700];
        *note = image.abi;
        note->header.type = 9;
        note->header.descriptor_size = size;
        image.segments[IMAGE_NOTE].offset = 0x700;
        image.segments[IMAGE_NOTE].file_size = 20 + size;
        CHECK_EQUAL(parse(), fits ? ELF_OK : ELF_BAD_NOTE);
        uint64_t cursor = 0;
        uint32_t type = 0, found_size = 0;
        CHECK((elf_next_note(&image, sizeof image, &cursor, &type, &found_size) != NULL) == fits);
    }
}

TEST(notes_of_several_segments_are_visited) {
    image_build(&image);
    image.segments[IMAGE_USED] = image.segments[IMAGE_NOTE];
    image.header.program_header_count++;
    uint64_t cursor = 0;
    uint32_t type = 0, size = 0;
    for (int i = 0; i < 6; i++) {
        CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) != NULL);
        CHECK_EQUAL(type, CAPOS_NOTE_ABI + i % 3);
    }
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
}

TEST(notes_aligned_to_eight) {
    image_build(&image);
    static const struct elf_note_header header = {.name_size = 6, .descriptor_size = 4, .type = 9};
    uint8_t *at = image.bytes + 0x700;
    for (int i = 0; i < 2; i++, at += 32) {
        memcpy(at, &header, sizeof header);
        memcpy(at + sizeof header, CAPOS_NOTE_NAME, 6);
        at[24] = (uint8_t)i;
    }
    image.segments[IMAGE_NOTE].offset = 0x700;
    image.segments[IMAGE_NOTE].file_size = 64 - 4;
    image.segments[IMAGE_NOTE].align = 8;
    CHECK_EQUAL(parse(), ELF_OK);
    uint64_t cursor = 0;
    uint32_t type = 0, size = 0;
    for (int i = 0; i < 2; i++) {
        const uint8_t *found = elf_next_note(&image, sizeof image, &cursor, &type, &size);
        CHECK(found != NULL && size == 4 && *found == i);
    }
    CHECK(elf_next_note(&image, sizeof image, &cursor, &type, &size) == NULL);
}
