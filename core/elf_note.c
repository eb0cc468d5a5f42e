/* Notes (gABI, chapter 5, "Note Section"), as far as capOS's own go. */
#include "capos/abi.h"
#include "core/align.h"
#include "core/elf_format.h"

struct note {
    uint32_t type;
    bool is_capos;
    uint64_t descriptor; /* offset in the file */
    uint32_t descriptor_size;
    uint64_t next; /* offset in the segment */
};

enum note_result { NOTE_READ, NOTE_END, NOTE_BAD };

static bool notes_are_readable(const struct elf_file *file,
                               const struct elf_program_header *segment) {
    return segment->file_size <= ELF_NOTES_SIZE_MAX &&
           (segment->align == 0 || (is_power_of_two(segment->align) && segment->align <= 8)) &&
           elf_file_has(file, segment->offset, segment->file_size);
}

/* Reads the note at `offset` of a readable segment. Name and descriptor are each padded to the
 * segment's alignment; the last padding may be missing. */
static enum note_result read_note(const struct elf_file *file,
                                  const struct elf_program_header *segment, uint64_t offset,
                                  struct note *note) {
    static const char name[] = CAPOS_NOTE_NAME;
    uint64_t align = segment->align == 8 ? 8 : 4;
    struct elf_note_header header;
    if (offset >= segment->file_size) {
        return NOTE_END;
    }
    uint64_t left = segment->file_size - offset;
    if (left < sizeof header) {
        return NOTE_BAD;
    }
    const uint8_t *start = file->data + segment->offset + offset;
    __builtin_memcpy(&header, start, sizeof header);
    /* The sizes are 32 bits wide: no sum wraps in 64. */
    uint64_t descriptor = round_up(sizeof header + (uint64_t)header.name_size, align);
    if (descriptor > left || header.descriptor_size > left - descriptor) {
        return NOTE_BAD;
    }
    *note = (struct note){
        .type = header.type,
        .is_capos = header.name_size == sizeof name &&
                    __builtin_memcmp(start + sizeof header, name, sizeof name) == 0,
        .descriptor = segment->offset + offset + descriptor,
        .descriptor_size = header.descriptor_size,
        .next = offset + round_up(descriptor + header.descriptor_size, align),
    };
    return NOTE_READ;
}

static enum elf_error check_abi(const uint8_t *descriptor, uint32_t size, struct elf_image *image) {
    struct {
        uint32_t abi_version, reserved;
        uint64_t features;
    } abi;
    if (size != sizeof abi) {
        return ELF_BAD_NOTE;
    }
    __builtin_memcpy(&abi, descriptor, sizeof abi);
    if (abi.reserved != 0) {
        return ELF_BAD_NOTE;
    }
    if (abi.abi_version == 0 || abi.abi_version > CAPOS_ABI_VERSION ||
        (abi.features & ~CAPOS_FEATURES_KNOWN) != 0) {
        return ELF_WRONG_ABI;
    }
    if (abi.abi_version > image->abi_version) {
        image->abi_version = abi.abi_version;
    }
    image->features |= abi.features;
    return ELF_OK;
}

static enum elf_error check_note(const struct elf_file *file, const struct note *note,
                                 struct elf_image *image) {
    const uint8_t *descriptor = file->data + note->descriptor;
    uint32_t size = note->descriptor_size;
    if (size > CAPOS_NOTE_DESCRIPTOR_MAX) {
        return ELF_BAD_NOTE;
    }
    switch (note->type) {
    case CAPOS_NOTE_ABI:
        return check_abi(descriptor, size, image);
    case CAPOS_NOTE_USES:
        return size == 16 ? ELF_OK : ELF_BAD_NOTE;
    case CAPOS_NOTE_REQUIRES: /* an interface id, then a name of at least one character */
        return size >= 10 && descriptor[8] != 0 && descriptor[size - 1] == 0 ? ELF_OK
                                                                             : ELF_BAD_NOTE;
    default: /* a later kind, which asks nothing of the kernel */
        return ELF_OK;
    }
}

enum elf_error elf_check_notes(const struct elf_file *file,
                               const struct elf_program_header *segment, struct elf_image *image) {
    if (!notes_are_readable(file, segment)) {
        return ELF_BAD_NOTE;
    }
    struct note note = {0};
    enum note_result result = read_note(file, segment, 0, &note);
    for (; result == NOTE_READ; result = read_note(file, segment, note.next, &note)) {
        enum elf_error error = note.is_capos ? check_note(file, &note, image) : ELF_OK;
        if (error != ELF_OK) {
            return error;
        }
    }
    return result == NOTE_END ? ELF_OK : ELF_BAD_NOTE;
}

/* The cursor: index of the segment in the high half, offset in it in the low half. */
const void *elf_next_note(const void *data, size_t size, uint64_t *cursor, uint32_t *type,
                          uint32_t *descriptor_size) {
    struct elf_file file;
    if (elf_file_open(&file, data, size) != ELF_OK) {
        return NULL;
    }
    uint64_t offset = *cursor & UINT32_MAX;
    for (uint64_t i = *cursor >> 32; i < file.header.program_header_count; i++, offset = 0) {
        struct elf_program_header segment = elf_file_segment(&file, (uint32_t)i);
        if (segment.type != ELF_SEGMENT_NOTE || !notes_are_readable(&file, &segment)) {
            continue;
        }
        struct note note;
        while (read_note(&file, &segment, offset, &note) == NOTE_READ) {
            offset = note.next;
            if (note.is_capos && note.descriptor_size <= CAPOS_NOTE_DESCRIPTOR_MAX) {
                *cursor = i << 32 | offset;
                *type = note.type;
                *descriptor_size = note.descriptor_size;
                return file.data + note.descriptor;
            }
        }
    }
    *cursor = (uint64_t)ELF_PROGRAM_HEADERS_MAX << 32;
    return NULL;
}
