#include "core/elf.h"

#include "capos/abi.h"
#include "core/align.h"
#include "core/elf_format.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)

static enum elf_error check_header(const struct elf_header *header) {
    const uint8_t *ident = header->ident;
    if (ident[ELF_IDENT_CLASS] != ELF_CLASS_64 || ident[ELF_IDENT_DATA] != ELF_DATA_LITTLE_ENDIAN ||
        ident[ELF_IDENT_VERSION] != ELF_VERSION_CURRENT || header->version != ELF_VERSION_CURRENT) {
        return ELF_WRONG_CLASS;
    }
    bool osabi_is_known =
        ident[ELF_IDENT_OSABI] == ELF_OSABI_SYSTEM_V || ident[ELF_IDENT_OSABI] == ELF_OSABI_GNU;
    if (header->machine != ELF_MACHINE_X86_64 || header->flags != 0 || !osabi_is_known ||
        ident[ELF_IDENT_ABI_VERSION] != 0) {
        return ELF_WRONG_MACHINE;
    }
    return header->type == ELF_TYPE_EXECUTABLE ? ELF_OK : ELF_WRONG_TYPE;
}

enum elf_error elf_file_open(struct elf_file *file, const void *data, size_t size) {
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};
    *file = (struct elf_file){.data = data, .size = size};
    if (size < sizeof magic) {
        return ELF_TRUNCATED;
    }
    if (__builtin_memcmp(data, magic, sizeof magic) != 0) {
        return ELF_NOT_ELF;
    }
    if (size < sizeof file->header) {
        return ELF_TRUNCATED;
    }
    __builtin_memcpy(&file->header, data, sizeof file->header);
    enum elf_error error = check_header(&file->header);
    if (error != ELF_OK) {
        return error;
    }
    const struct elf_header *header = &file->header;
    if (header->program_header_count == 0) {
        return ELF_NO_SEGMENTS;
    }
    if (header->program_header_count > ELF_PROGRAM_HEADERS_MAX) {
        return ELF_TOO_MANY_SEGMENTS;
    }
    if (header->header_size != sizeof *header ||
        header->program_header_size != sizeof(struct elf_program_header) ||
        header->program_header_offset < sizeof *header ||
        !elf_file_has(file, header->program_header_offset,
                      header->program_header_count * sizeof(struct elf_program_header))) {
        return ELF_BAD_HEADERS;
    }
    return ELF_OK;
}

struct bounds {
    uint64_t low, high;
};

/* W^X; and x86 cannot map a page that is writable but not readable. */
static bool flags_are_valid(uint32_t flags) {
    bool writes = (flags & ELF_FLAG_WRITE) != 0;
    return (flags | ELF_FLAGS_KNOWN) == ELF_FLAGS_KNOWN &&
           !(writes && (flags & ELF_FLAG_EXECUTE) != 0) &&
           !(writes && (flags & ELF_FLAG_READ) == 0);
}

static bool file_range_is_valid(const struct elf_file *file,
                                const struct elf_program_header *segment) {
    uint64_t align = segment->align > 1 ? segment->align : 1;
    uint64_t distance = segment->offset - segment->address;
    return segment->file_size <= segment->size &&
           (segment->file_size == 0 || elf_file_has(file, segment->offset, segment->file_size)) &&
           is_power_of_two(align) && distance % align == 0 && distance % PAGE == 0;
}

static bool addresses_are_valid(struct bounds user, const struct elf_program_header *segment) {
    uint64_t low = round_down(segment->address, PAGE);
    return low >= user.low && low >= PAGE && segment->address <= user.high &&
           segment->size <= user.high - segment->address;
}

static uint32_t protection_of(uint32_t flags) {
    return ((flags & ELF_FLAG_READ) != 0 ? (uint32_t)ELF_READ : 0) |
           ((flags & ELF_FLAG_WRITE) != 0 ? (uint32_t)ELF_WRITE : 0) |
           ((flags & ELF_FLAG_EXECUTE) != 0 ? (uint32_t)ELF_EXECUTE : 0);
}

static enum elf_error add_load(const struct elf_file *file, struct bounds user,
                               const struct elf_program_header *segment, struct elf_image *image) {
    if (segment->size == 0 && segment->file_size == 0) {
        return ELF_OK;
    }
    if (!flags_are_valid(segment->flags) || !file_range_is_valid(file, segment)) {
        return ELF_BAD_SEGMENT;
    }
    if (!addresses_are_valid(user, segment)) {
        return ELF_BAD_ADDRESS;
    }
    if (image->segment_count == ELF_SEGMENTS_MAX) {
        return ELF_TOO_MANY_SEGMENTS;
    }
    if (image->segment_count == 0) {
        image->low = round_down(segment->address, PAGE);
    } else {
        /* The gABI wants PT_LOAD entries in ascending order; then one comparison finds overlaps. */
        if (segment->address < image->segments[image->segment_count - 1].address) {
            return ELF_BAD_SEGMENT;
        }
        if (round_down(segment->address, PAGE) < image->high) {
            return ELF_OVERLAP;
        }
    }
    image->high = round_up(segment->address + segment->size, PAGE);
    if (image->high - image->low > ELF_IMAGE_SPAN_MAX) {
        return ELF_BAD_ADDRESS;
    }
    image->segments[image->segment_count++] = (struct elf_segment){
        .address = segment->address,
        .size = segment->size,
        .file_offset = segment->offset,
        .file_size = segment->file_size,
        .protection = protection_of(segment->flags),
    };
    return ELF_OK;
}

/* The loaded segment whose part from the file has all these bytes of the file, or NULL. */
static const struct elf_segment *find_loaded(const struct elf_image *image, uint64_t offset,
                                             uint64_t size) {
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        if (offset >= segment->file_offset && size <= segment->file_size &&
            offset - segment->file_offset <= segment->file_size - size) {
            return segment;
        }
    }
    return NULL;
}

/* After all PT_LOAD segments are known. */
static enum elf_error set_tls(const struct elf_program_header *tls, struct elf_image *image) {
    uint64_t align = tls->align > 1 ? tls->align : 1;
    if (image->tls_align != 0 || tls->file_size > tls->size || tls->size > ELF_TLS_SIZE_MAX ||
        align > ELF_TLS_ALIGN_MAX || !is_power_of_two(align) || tls->address % align != 0) {
        return ELF_BAD_TLS;
    }
    if (tls->file_size != 0) {
        const struct elf_segment *segment = find_loaded(image, tls->offset, tls->file_size);
        if (segment == NULL ||
            tls->address - segment->address != tls->offset - segment->file_offset) {
            return ELF_BAD_TLS;
        }
        image->tls_address = tls->address;
        image->tls_file_offset = tls->offset;
        image->tls_file_size = tls->file_size;
    }
    image->tls_size = tls->size;
    image->tls_align = align;
    return ELF_OK;
}

static enum elf_error set_stack(const struct elf_program_header *stack, bool *seen,
                                struct elf_image *image) {
    if (*seen || (stack->flags & ELF_FLAG_EXECUTE) != 0 || stack->size > ELF_STACK_SIZE_MAX) {
        return ELF_BAD_STACK;
    }
    *seen = true;
    image->stack_size = stack->size;
    return ELF_OK;
}

static enum elf_error check_entry(uint64_t entry, struct elf_image *image) {
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        if (entry >= segment->address && entry - segment->address < segment->size) {
            image->entry = entry;
            return (segment->protection & ELF_EXECUTE) != 0 ? ELF_OK : ELF_BAD_ENTRY;
        }
    }
    return ELF_BAD_ENTRY;
}

static enum elf_error read_loads(const struct elf_file *file, struct bounds user,
                                 struct elf_image *image) {
    enum elf_error error = ELF_OK;
    for (uint32_t i = 0; error == ELF_OK && i < file->header.program_header_count; i++) {
        struct elf_program_header segment = elf_file_segment(file, i);
        if (segment.type == ELF_SEGMENT_LOAD) {
            error = add_load(file, user, &segment, image);
        }
    }
    return error == ELF_OK && image->segment_count == 0 ? ELF_NO_SEGMENTS : error;
}

static enum elf_error read_others(const struct elf_file *file, struct elf_image *image) {
    bool stack_seen = false;
    enum elf_error error = ELF_OK;
    for (uint32_t i = 0; error == ELF_OK && i < file->header.program_header_count; i++) {
        struct elf_program_header segment = elf_file_segment(file, i);
        switch (segment.type) {
        case ELF_SEGMENT_DYNAMIC:
        case ELF_SEGMENT_INTERPRETER:
            error = ELF_DYNAMIC;
            break;
        case ELF_SEGMENT_NOTE:
            error = elf_check_notes(file, &segment, image);
            break;
        case ELF_SEGMENT_TLS:
            error = set_tls(&segment, image);
            break;
        case ELF_SEGMENT_GNU_STACK:
            error = set_stack(&segment, &stack_seen, image);
            break;
        default: /* of no meaning to the loader: PT_PHDR, PT_GNU_RELRO, PT_GNU_EH_FRAME ... */
            break;
        }
    }
    return error;
}

static void set_program_headers(const struct elf_header *header, struct elf_image *image) {
    uint64_t offset = header->program_header_offset;
    uint64_t size = header->program_header_count * sizeof(struct elf_program_header);
    const struct elf_segment *segment = find_loaded(image, offset, size);
    image->program_headers =
        segment != NULL ? segment->address + (offset - segment->file_offset) : 0;
    image->program_header_count = header->program_header_count;
}

enum elf_error elf_parse(const void *data, size_t size, uint64_t user_low, uint64_t user_high,
                         struct elf_image *image) {
    struct bounds user = {user_low, user_high};
    struct elf_file file;
    *image = (struct elf_image){0};
    enum elf_error error = elf_file_open(&file, data, size);
    if (error == ELF_OK) {
        error = read_loads(&file, user, image);
    }
    if (error == ELF_OK) {
        error = read_others(&file, image);
    }
    if (error == ELF_OK) {
        error = check_entry(file.header.entry, image);
    }
    if (error == ELF_OK) {
        set_program_headers(&file.header, image);
    } else {
        *image = (struct elf_image){0};
    }
    return error;
}

const char *elf_error_text(enum elf_error error) {
    static const char *const texts[ELF_ERROR_COUNT] = {
        [ELF_OK] = "no error",
        [ELF_TRUNCATED] = "the file ends inside its ELF header",
        [ELF_NOT_ELF] = "not an ELF file; link the program with capos-cc",
        [ELF_WRONG_CLASS] = "not a 64-bit little-endian ELF file of version 1",
        [ELF_WRONG_MACHINE] = "not built for x86-64 capOS; compile for x86_64-unknown-capos",
        [ELF_WRONG_TYPE] = "not a static executable; link with -static -no-pie",
        [ELF_BAD_HEADERS] = "its program headers have a wrong size or lie outside the file",
        [ELF_TOO_MANY_SEGMENTS] = "more segments than the loader takes (16 loaded, 64 in all)",
        [ELF_BAD_SEGMENT] = "a segment's file range, sizes, alignment, order or flags do not hold "
                            "(a segment must not be both writable and executable)",
        [ELF_BAD_ADDRESS] = "a segment lies outside the addresses of programs",
        [ELF_OVERLAP] = "two segments share a page; link with -z separate-code and "
                        "-z max-page-size=4096",
        [ELF_NO_SEGMENTS] = "nothing in it is to be loaded",
        [ELF_BAD_ENTRY] = "its entry point is not in an executable segment",
        [ELF_BAD_TLS] =
            "its thread-local variables take over 1 MiB or ask for an alignment over 4096, or its "
            "TLS segment is given twice or not inside a loaded segment",
        [ELF_DYNAMIC] = "it needs a dynamic linker; link with -static",
        [ELF_BAD_NOTE] = "a note does not fit its segment or its type",
        [ELF_BAD_STACK] = "it asks for an executable stack, or for more than 64 MiB; link with "
                          "-z noexecstack",
        [ELF_WRONG_ABI] = "it needs another ABI version or features that this system does not have",
    };
    return (uint32_t)error < ELF_ERROR_COUNT ? texts[error] : "unknown error";
}
