#include "core/elf.h"

#include "tests/host/elf_checks.h"

TEST(good_image_is_read) {
    CHECK_ACCEPTED((void)0);
    CHECK_EQUAL(parsed.entry, 0x201010);
    CHECK_EQUAL(parsed.low, 0x200000);
    CHECK_EQUAL(parsed.high, 0x205000);
    CHECK_EQUAL(parsed.segment_count, 3);
    CHECK_EQUAL(parsed.segments[1].address, 0x201000);
    CHECK_EQUAL(parsed.segments[1].protection, ELF_READ | ELF_EXECUTE);
    CHECK_EQUAL(parsed.segments[2].file_size, 0x400);
    CHECK_EQUAL(parsed.segments[2].size, 0x3000);
    CHECK_EQUAL(parsed.segments[2].file_offset, 0x2000);
    CHECK_EQUAL(parsed.segments[2].protection, ELF_READ | ELF_WRITE);
    CHECK_EQUAL(parsed.tls_address, 0x202040);
    CHECK_EQUAL(parsed.tls_file_offset, 0x2040);
    CHECK_EQUAL(parsed.tls_file_size, 0x20);
    CHECK_EQUAL(parsed.tls_size, 0x60);
    CHECK_EQUAL(parsed.tls_align, 64);
    CHECK_EQUAL(parsed.program_headers, 0x200040);
    CHECK_EQUAL(parsed.program_header_count, IMAGE_USED);
    CHECK_EQUAL(parsed.stack_size, 0x10000);
    CHECK_EQUAL(parsed.abi_version, 1);
    CHECK_EQUAL(parsed.features, 0);
}

TEST(every_truncation_is_refused) {
    image_build(&image);
    /* The last byte that is needed is the last of the data. */
    for (size_t size = 0; size < 0x2400; size++) {
        CHECK(parse_bytes(size) != ELF_OK);
    }
    CHECK_EQUAL(parse_bytes(0x2400), ELF_OK);
    CHECK_EQUAL(parse_bytes(0), ELF_TRUNCATED);
    CHECK_EQUAL(parse_bytes(63), ELF_TRUNCATED);
    CHECK_EQUAL(parse_bytes(64), ELF_BAD_HEADERS);
}

TEST(header_fields_out_of_range) {
    for (int i = 0; i < 4; i++) {
        CHECK_REFUSED(image.header.ident[i] ^= 1, ELF_NOT_ELF);
    }
    CHECK_REFUSED(image.header.ident[ELF_IDENT_CLASS] = 1, ELF_WRONG_CLASS);
    CHECK_REFUSED(image.header.ident[ELF_IDENT_DATA] = 2, ELF_WRONG_CLASS);
    CHECK_REFUSED(image.header.ident[ELF_IDENT_VERSION] = 0, ELF_WRONG_CLASS);
    CHECK_REFUSED(image.header.version = 2, ELF_WRONG_CLASS);
    CHECK_REFUSED(image.header.ident[ELF_IDENT_OSABI] = 9, ELF_WRONG_MACHINE);
    CHECK_ACCEPTED(image.header.ident[ELF_IDENT_OSABI] = ELF_OSABI_GNU);
    CHECK_REFUSED(image.header.ident[ELF_IDENT_ABI_VERSION] = 1, ELF_WRONG_MACHINE);
    CHECK_REFUSED(image.header.machine = 3, ELF_WRONG_MACHINE);
    CHECK_REFUSED(image.header.machine = 183, ELF_WRONG_MACHINE);
    CHECK_REFUSED(image.header.flags = 1, ELF_WRONG_MACHINE);
    CHECK_REFUSED(image.header.type = 1, ELF_WRONG_TYPE);
    CHECK_REFUSED(image.header.type = 3, ELF_WRONG_TYPE);
    CHECK_REFUSED(image.header.type = 4, ELF_WRONG_TYPE);
    CHECK_REFUSED(image.header.header_size = 63, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_size = 55, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_size = 57, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_size = 0, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_offset = 0, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_offset = UINT64_MAX, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_offset = UINT64_MAX - 300, ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_offset = sizeof image - 56 * IMAGE_USED + 1,
                  ELF_BAD_HEADERS);
    CHECK_REFUSED(image.header.program_header_count = 0, ELF_NO_SEGMENTS);
    CHECK_REFUSED(image.header.program_header_count = 65, ELF_TOO_MANY_SEGMENTS);
    CHECK_REFUSED(image.header.program_header_count = UINT16_MAX, ELF_TOO_MANY_SEGMENTS);
    /* Section headers are the debugger's business. */
    CHECK_ACCEPTED(image.header.section_header_offset = UINT64_MAX);
    CHECK_ACCEPTED(image.header.section_header_count = UINT16_MAX);
}

TEST(entry_must_be_executable) {
    CHECK_REFUSED(image.header.entry = 0, ELF_BAD_ENTRY);
    CHECK_REFUSED(image.header.entry = 0x200010, ELF_BAD_ENTRY);
    CHECK_REFUSED(image.header.entry = 0x200fff, ELF_BAD_ENTRY);
    CHECK_ACCEPTED(image.header.entry = 0x201000);
    CHECK_ACCEPTED(image.header.entry = 0x2015ff);
    CHECK_REFUSED(image.header.entry = 0x201600, ELF_BAD_ENTRY);
    CHECK_REFUSED(image.header.entry = 0x202000, ELF_BAD_ENTRY);
    CHECK_REFUSED(image.header.entry = UINT64_MAX, ELF_BAD_ENTRY);
}

TEST(file_ranges_of_segments) {
    struct elf_program_header *data = &image.segments[IMAGE_DATA];
    CHECK_REFUSED(data->file_size = data->size + 1, ELF_BAD_SEGMENT);
    CHECK_REFUSED(data->offset = UINT64_MAX & ~UINT64_C(0xfff), ELF_BAD_SEGMENT);
    CHECK_REFUSED(data->offset = 0x4000, ELF_BAD_SEGMENT);
    CHECK_REFUSED(data->file_size = 0x2001, ELF_BAD_SEGMENT);
    CHECK_ACCEPTED(data->file_size = 0x2000);
    CHECK_REFUSED(data->file_size = data->size = UINT64_MAX, ELF_BAD_SEGMENT);
    /* Nothing is read of a segment without bytes in the file. */
    CHECK_REFUSED((data->file_size = 0, data->offset = 0x1000000), ELF_BAD_TLS);
    CHECK_ACCEPTED(
        (data->file_size = 0, data->offset = 0x1000000, image.segments[IMAGE_TLS].file_size = 0));
}

TEST(alignment_of_segments) {
    struct elf_program_header *data = &image.segments[IMAGE_DATA];
    CHECK_ACCEPTED(data->align = 0);
    CHECK_ACCEPTED(data->align = 1);
    CHECK_ACCEPTED(data->align = 16);
    CHECK_REFUSED(data->align = 3, ELF_BAD_SEGMENT);
    CHECK_REFUSED(data->align = 4097, ELF_BAD_SEGMENT);
    CHECK_REFUSED(data->align = UINT64_MAX, ELF_BAD_SEGMENT);
    CHECK_ACCEPTED(data->align = 0x200000);
    CHECK_REFUSED(data->align = 0x400000, ELF_BAD_SEGMENT);
    CHECK_REFUSED((data->align = 1, data->address += 8), ELF_BAD_SEGMENT);
    CHECK_REFUSED((data->align = 16, data->offset += 16), ELF_BAD_SEGMENT);
}

TEST(flags_of_segments) {
    for (uint32_t flags = 0; flags < 16; flags++) {
        bool writes = (flags & ELF_FLAG_WRITE) != 0;
        bool is_good = flags < 8 && !(writes && (flags & ELF_FLAG_EXECUTE) != 0) &&
                       !(writes && (flags & ELF_FLAG_READ) == 0);
        image_build(&image);
        image.segments[IMAGE_DATA].flags = flags;
        CHECK_EQUAL(parse(), is_good ? ELF_OK : ELF_BAD_SEGMENT);
    }
    CHECK_REFUSED(image.segments[IMAGE_DATA].flags |= 1U << 31, ELF_BAD_SEGMENT);
    CHECK_REFUSED(image.segments[IMAGE_DATA].flags |= 1U << 20, ELF_BAD_SEGMENT);
}

/* Moves the text, and the entry with it, so that only the address can be wrong. */
static void move_text_alone(uint64_t address, uint64_t size) {
    image.header.program_header_count = 1;
    image.segments[0] = image.segments[IMAGE_TEXT];
    image.segments[0].address = address;
    image.segments[0].file_size = size < 0x600 ? size : 0x600;
    image.segments[0].size = size;
    image.header.entry = address;
}

TEST(addresses_of_segments) {
    CHECK_ACCEPTED(move_text_alone(0x1000, 0x600));
    CHECK_REFUSED(move_text_alone(0, 0x600), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(0, 0x2000), ELF_BAD_ADDRESS);
    CHECK_ACCEPTED(move_text_alone(IMAGE_HIGH - 0x1000, 0x1000));
    CHECK_REFUSED(move_text_alone(IMAGE_HIGH - 0x1000, 0x1001), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(IMAGE_HIGH, 1), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(UINT64_C(0xffff800000000000), 0x600), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(UINT64_MAX - 0xfff, 0x600), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(UINT64_MAX - 0xfff, 0x1001), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(0x200000, UINT64_MAX), ELF_BAD_ADDRESS);
    CHECK_REFUSED(move_text_alone(0x200000, UINT64_MAX - 0x200000), ELF_BAD_ADDRESS);
    CHECK_ACCEPTED(move_text_alone(0x200000, ELF_IMAGE_SPAN_MAX));
    CHECK_REFUSED(move_text_alone(0x200000, ELF_IMAGE_SPAN_MAX + 1), ELF_BAD_ADDRESS);
    image_build(&image);
    move_text_alone(0x1000, 0x600);
    CHECK_EQUAL(elf_parse(&image, sizeof image, 0x2000, IMAGE_HIGH, &parsed), ELF_BAD_ADDRESS);
    CHECK_EQUAL(elf_parse(&image, sizeof image, 0, IMAGE_HIGH, &parsed), ELF_OK);
    move_text_alone(0, 0x600);
    CHECK_EQUAL(elf_parse(&image, sizeof image, 0, IMAGE_HIGH, &parsed), ELF_BAD_ADDRESS);
}

TEST(segments_are_apart_and_in_order) {
    struct elf_program_header *segments = image.segments;
    CHECK_REFUSED(segments[IMAGE_RODATA].size = 0x1001, ELF_OVERLAP);
    CHECK_ACCEPTED(segments[IMAGE_RODATA].size = 0x1000);
    CHECK_REFUSED(segments[IMAGE_TEXT].address = 0x200000, ELF_OVERLAP);
    CHECK_REFUSED(segments[IMAGE_TEXT].size = 0x3000, ELF_OVERLAP);
    CHECK_REFUSED(segments[IMAGE_DATA].address = 0x100000, ELF_BAD_SEGMENT);
    /* An empty segment is nowhere. */
    CHECK_ACCEPTED((segments[IMAGE_RODATA].size = segments[IMAGE_RODATA].file_size = 0,
                    segments[IMAGE_RODATA].address = UINT64_MAX));
    CHECK_EQUAL(parsed.segment_count, 2);
    CHECK_EQUAL(parsed.low, 0x201000);
    CHECK_EQUAL(parsed.program_headers, 0);
    CHECK_REFUSED(segments[IMAGE_RODATA].size = 0, ELF_BAD_SEGMENT);
}

TEST(number_of_segments) {
    for (uint16_t count = 0; count <= ELF_SEGMENTS_MAX + 1; count++) {
        image_build(&image);
        struct elf_program_header *table = (void *)&image.bytes[0x1000];
        image.header.program_header_offset = 0x1000;
        image.header.program_header_count = count + 1;
        for (uint64_t i = 0; i < count; i++) {
            table[i] = image.segments[IMAGE_TEXT];
            table[i].address += i * 0x1000;
        }
        table[count] = image.segments[IMAGE_STACK];
        CHECK_EQUAL(parse(), count == 0                  ? ELF_NO_SEGMENTS
                             : count <= ELF_SEGMENTS_MAX ? ELF_OK
                                                         : ELF_TOO_MANY_SEGMENTS);
    }
}

TEST(dynamic_programs_are_refused) {
    CHECK_REFUSED(image.segments[IMAGE_NOTE].type = ELF_SEGMENT_DYNAMIC, ELF_DYNAMIC);
    CHECK_REFUSED(image.segments[IMAGE_NOTE].type = ELF_SEGMENT_INTERPRETER, ELF_DYNAMIC);
    CHECK_ACCEPTED(image.segments[IMAGE_NOTE].type = 0x6474e552);
}

TEST(thread_local_storage) {
    struct elf_program_header *tls = &image.segments[IMAGE_TLS];
    CHECK_REFUSED(tls->size = ELF_TLS_SIZE_MAX + 1, ELF_BAD_TLS);
    CHECK_ACCEPTED(tls->size = ELF_TLS_SIZE_MAX);
    CHECK_REFUSED(tls->size = UINT64_MAX, ELF_BAD_TLS);
    CHECK_REFUSED(tls->file_size = tls->size + 1, ELF_BAD_TLS);
    CHECK_REFUSED(tls->align = 3, ELF_BAD_TLS);
    CHECK_REFUSED(tls->align = 128, ELF_BAD_TLS);
    CHECK_REFUSED(tls->align = ELF_TLS_ALIGN_MAX * 2, ELF_BAD_TLS);
    CHECK_REFUSED(tls->align = UINT64_MAX, ELF_BAD_TLS);
    CHECK_REFUSED(tls->address += 64, ELF_BAD_TLS);
    CHECK_REFUSED(tls->offset = 0x23f0, ELF_BAD_TLS);
    CHECK_REFUSED((tls->offset = 0x2400, tls->address = 0x202400), ELF_BAD_TLS);
    CHECK_REFUSED((tls->offset = UINT64_MAX - 0x3f, tls->address = UINT64_MAX - 0x3f), ELF_BAD_TLS);
    CHECK_ACCEPTED((tls->offset = 0x23c0, tls->address = 0x2023c0, tls->file_size = 0x40));
    CHECK_REFUSED((tls->offset = 0x23c0, tls->address = 0x2023c0, tls->file_size = 0x41),
                  ELF_BAD_TLS);
    CHECK_REFUSED(image.segments[IMAGE_NOTE] = *tls, ELF_BAD_TLS);
    /* From the very beginning of the data: aligned to anything, and as long as it. */
    CHECK_ACCEPTED((tls->offset = 0x2000, tls->address = 0x202000, tls->align = 4096));
    CHECK_REFUSED((tls->offset = 0x2000, tls->address = 0x202000, tls->align = 8192), ELF_BAD_TLS);
    CHECK_ACCEPTED((tls->offset = 0x2000, tls->address = 0x202000, tls->align = 1,
                    tls->file_size = tls->size = 0x400));
    CHECK_REFUSED((tls->offset = 0x2000, tls->address = 0x202000, tls->align = 1,
                   tls->file_size = tls->size = 0x401),
                  ELF_BAD_TLS);
    CHECK_ACCEPTED(tls->align = 0);
    CHECK_EQUAL(parsed.tls_align, 1);
    /* .tbss alone has no bytes anywhere. */
    CHECK_ACCEPTED((tls->file_size = 0, tls->offset = 0x999, tls->address = 0x7000000));
    CHECK_EQUAL(parsed.tls_size, 0x60);
    CHECK_EQUAL(parsed.tls_address, 0);
    CHECK_ACCEPTED(tls->type = 0);
    CHECK_EQUAL(parsed.tls_align, 0);
}

TEST(stack_requests) {
    struct elf_program_header *stack = &image.segments[IMAGE_STACK];
    CHECK_REFUSED(stack->flags |= ELF_FLAG_EXECUTE, ELF_BAD_STACK);
    CHECK_REFUSED(stack->size = ELF_STACK_SIZE_MAX + 1, ELF_BAD_STACK);
    CHECK_ACCEPTED(stack->size = ELF_STACK_SIZE_MAX);
    CHECK_REFUSED(image.segments[IMAGE_NOTE] = *stack, ELF_BAD_STACK);
    CHECK_ACCEPTED(stack->type = 0);
    CHECK_EQUAL(parsed.stack_size, 0);
}

TEST(every_error_has_its_text) {
    for (uint32_t i = 0; i < ELF_ERROR_COUNT; i++) {
        CHECK(elf_error_text((enum elf_error)i) != NULL);
        for (uint32_t j = 0; j < i; j++) {
            CHECK(strcmp(elf_error_text((enum elf_error)i), elf_error_text((enum elf_error)j)) !=
                  0);
        }
    }
    CHECK_STRING(elf_error_text(ELF_ERROR_COUNT), "unknown error");
}

/* Whatever is accepted keeps the promises of core/elf.h. */
static void check_promises(void) {
    uint64_t end = IMAGE_LOW;
    bool entry_is_executable = false;
    for (uint32_t i = 0; i < parsed.segment_count; i++) {
        const struct elf_segment *segment = &parsed.segments[i];
        CHECK((segment->address & ~UINT64_C(4095)) >= end);
        CHECK(segment->size != 0 && segment->file_size <= segment->size);
        CHECK(segment->file_size == 0 ||
              (segment->file_offset <= sizeof image &&
               segment->file_size <= sizeof image - segment->file_offset));
        CHECK_EQUAL((segment->address - segment->file_offset) % 4096, 0);
        CHECK((segment->protection & (ELF_WRITE | ELF_EXECUTE)) != (ELF_WRITE | ELF_EXECUTE));
        end = (segment->address + segment->size + 4095) & ~UINT64_C(4095);
        CHECK(end > segment->address && end <= IMAGE_HIGH && end <= parsed.high);
        entry_is_executable |= (segment->protection & ELF_EXECUTE) != 0 &&
                               parsed.entry >= segment->address &&
                               parsed.entry < segment->address + segment->size;
    }
    CHECK(parsed.segment_count > 0 && entry_is_executable);
    CHECK(parsed.tls_file_size <= parsed.tls_size && parsed.tls_size <= ELF_TLS_SIZE_MAX);
    CHECK(parsed.tls_file_offset + parsed.tls_file_size <= sizeof image);
}

TEST(random_mutations_break_no_promise) {
    static const uint64_t values[] = {0,          1,          4,          8,
                                      0xfff,      0x1000,     0x201000,   IMAGE_HIGH,
                                      0x7fffffff, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 63};
    uint32_t accepted = 0, refused = 0;
    for (int round = 0; round < 30000; round++) {
        image_build(&image);
        uint64_t changes = 1 + test_random_below(4);
        for (uint64_t i = 0; i < changes; i++) {
            size_t at = test_random_below(offsetof(union image, requires) + 32);
            uint64_t value =
                test_random_below(2) == 0 ? test_random() : values[test_random_below(12)];
            size_t size = (size_t)1 << test_random_below(4);
            memcpy(&image.bytes[at & ~(size - 1)], &value, size);
        }
        if (elf_parse(&image, sizeof image, IMAGE_LOW, IMAGE_HIGH, &parsed) == ELF_OK) {
            check_promises();
            accepted++;
        } else {
            refused++;
        }
        uint64_t cursor = 0;
        uint32_t type = 0, size = 0;
        const uint8_t *found;
        while ((found = elf_next_note(&image, sizeof image, &cursor, &type, &size)) != NULL) {
            CHECK(found >= image.bytes && found + size <= image.bytes + sizeof image);
        }
    }
    CHECK(accepted > 1000 && refused > 1000);
}
