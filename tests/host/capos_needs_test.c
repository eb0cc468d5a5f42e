#include "tools/capos/needs.h"

#include <elf.h>

#include "capos/abi.h"
#include "capos/console.h"
#include "capos/timer.h"
#include "tests/host/test.h"

#define UNKNOWN_INTERFACE UINT64_C(0x8123456789abcdef)

/* An ELF file with nothing but notes: needs_read looks at nothing else. */
static struct {
    uint8_t bytes[8192];
    size_t size;
} file;

static void file_begin(void) {
    memset(&file, 0, sizeof file);
    file.size = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
}

static void file_end(void) {
    Elf64_Ehdr header = {.e_type = ET_EXEC,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_phoff = sizeof(Elf64_Ehdr),
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 1};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    const size_t start = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    const Elf64_Phdr segment = {.p_type = PT_NOTE,
                                .p_flags = PF_R,
                                .p_offset = start,
                                .p_filesz = file.size - start,
                                .p_memsz = file.size - start,
                                .p_align = 4};
    memcpy(file.bytes, &header, sizeof header);
    memcpy(file.bytes + sizeof header, &segment, sizeof segment);
}

static void add_note(uint32_t type, const void *descriptor, size_t size) {
    const Elf64_Nhdr note = {
        .n_namesz = sizeof CAPOS_NOTE_NAME, .n_descsz = (uint32_t)size, .n_type = type};
    memcpy(file.bytes + file.size, &note, sizeof note);
    memcpy(file.bytes + file.size + sizeof note, CAPOS_NOTE_NAME, sizeof CAPOS_NOTE_NAME);
    memcpy(file.bytes + file.size + sizeof note + 8, descriptor, size);
    file.size += sizeof note + 8 + ((size + 3) & ~(size_t)3);
}

static void add_uses(uint64_t interface, uint32_t method) {
    struct {
        uint64_t interface;
        uint32_t method, zero;
    } uses = {interface, method, 0};
    add_note(CAPOS_NOTE_USES, &uses, sizeof uses);
}

static void add_requires(uint64_t interface, const char *name) {
    uint8_t descriptor[128];
    memcpy(descriptor, &interface, sizeof interface);
    memcpy(descriptor + sizeof interface, name, strlen(name) + 1);
    add_note(CAPOS_NOTE_REQUIRES, descriptor, sizeof interface + strlen(name) + 1);
}

static bool read_needs(struct needs *needs) {
    file_end();
    return needs_read(needs, "test", file.bytes, file.size);
}

static bool check_with(const struct needs *needs, const char *grants) {
    struct grant_list list = {0};
    CHECK(grants[0] == '\0' || grants_parse(&list, grants));
    return needs_check(needs, "test", &list);
}

TEST(a_program_without_notes_needs_nothing) {
    struct needs needs;
    file_begin();
    CHECK(read_needs(&needs));
    CHECK_EQUAL(needs.count, 0);
    CHECK(check_with(&needs, ""));
}

TEST(uses_gather_under_what_is_required) {
    struct needs needs;
    char methods[64];
    file_begin();
    add_uses(CAPOS_TIMER_INTERFACE, CAPOS_TIMER_METHOD_SLEEP);
    add_requires(CAPOS_TIMER_INTERFACE, "timer");
    add_uses(CAPOS_TIMER_INTERFACE, CAPOS_TIMER_METHOD_NOW);
    add_uses(CAPOS_CONSOLE_INTERFACE, CAPOS_CONSOLE_METHOD_WRITE);
    CHECK(read_needs(&needs));
    CHECK_EQUAL(needs.count, 2);
    CHECK(needs.items[0].required);
    need_format_methods(&needs.items[0], methods, sizeof methods);
    CHECK_STRING(methods, "now, sleep");
    CHECK(!needs.items[1].required);
    CHECK_STRING(need_grant_name(&needs.items[1]), "console");
}

TEST(only_what_is_required_is_refused) {
    struct needs needs;
    file_begin();
    add_requires(CAPOS_TIMER_INTERFACE, "timer");
    add_uses(CAPOS_CONSOLE_INTERFACE, CAPOS_CONSOLE_METHOD_WRITE);
    CHECK(read_needs(&needs));
    CHECK(!check_with(&needs, ""));
    CHECK(!check_with(&needs, "console"));
    CHECK(check_with(&needs, "timer"));
    CHECK(check_with(&needs, "timer=monotonic,console"));
}

TEST(a_name_or_interface_that_no_grant_gives_is_refused) {
    struct needs needs;
    file_begin();
    add_requires(UNKNOWN_INTERFACE, "future");
    CHECK(read_needs(&needs));
    CHECK(!check_with(&needs, "default"));
    file_begin();
    add_requires(CAPOS_CONSOLE_INTERFACE, "log");
    CHECK(read_needs(&needs));
    CHECK(!check_with(&needs, "default"));
}

TEST(malformed_notes_are_refused) {
    struct needs needs;
    uint8_t zeros[64] = {0};
    file_begin();
    add_note(CAPOS_NOTE_USES, zeros, 8);
    CHECK(!read_needs(&needs));
    file_begin();
    add_uses(CAPOS_CONSOLE_INTERFACE, 64);
    CHECK(!read_needs(&needs));
    file_begin();
    add_note(CAPOS_NOTE_REQUIRES, zeros, 8);
    CHECK(!read_needs(&needs));
    file_begin();
    add_requires(CAPOS_CONSOLE_INTERFACE, "");
    CHECK(!read_needs(&needs));
    file_begin();
    add_requires(CAPOS_CONSOLE_INTERFACE, "\033[2J");
    CHECK(!read_needs(&needs));
    file_begin();
    add_note(CAPOS_NOTE_REQUIRES, "12345678unterminated", 20);
    CHECK(!read_needs(&needs));
}

TEST(the_number_of_needs_is_bounded) {
    struct needs needs;
    file_begin();
    for (uint64_t id = 1; id <= NEEDS_MAX; id++) {
        add_uses(id, 0);
    }
    CHECK(read_needs(&needs));
    CHECK_EQUAL(needs.count, NEEDS_MAX);
    add_uses(NEEDS_MAX + 1, 0);
    CHECK(!read_needs(&needs));
}
