#include "core/boot_package.h"

#include "tests/host/test.h"

#define PAGE UINT64_C(4096)

enum { PAGES = 8, FILES = 3 };

static union {
    struct {
        struct boot_package_header header;
        struct boot_package_file files[BOOT_PACKAGE_FILES_MAX + 1];
    };
    uint8_t bytes[24 * PAGE];
} image;
static struct boot_package package;

/* Three files: 5000 bytes, one page, nothing. */
static void build(void) {
    memset(&image, 0, sizeof image);
    image.header = (struct boot_package_header){
        .magic = BOOT_PACKAGE_MAGIC,
        .size = PAGES * PAGE,
        .file_count = FILES,
    };
    image.files[0] = (struct boot_package_file){.name = "manifest", .offset = PAGE, .size = 5000};
    image.files[1] = (struct boot_package_file){.name = "init", .offset = 3 * PAGE, .size = PAGE};
    image.files[2] = (struct boot_package_file){.name = "empty", .offset = 4 * PAGE};
    memset(image.bytes + PAGE, 'm', 5000);
    memset(image.bytes + 3 * PAGE, 'i', PAGE);
}

static status_t open_image(void) {
    return boot_package_open(&package, &image, PAGES * PAGE);
}

#define CHECK_REFUSED(change)                                                                      \
    do {                                                                                           \
        build();                                                                                   \
        package = (struct boot_package){.file_count = 77};                                         \
        change;                                                                                    \
        CHECK_EQUAL(open_image(), CAPOS_E_BAD_IMAGE);                                              \
        CHECK_EQUAL(package.file_count, 77);                                                       \
    } while (0)

#define CHECK_ACCEPTED(change)                                                                     \
    do {                                                                                           \
        build();                                                                                   \
        change;                                                                                    \
        CHECK_EQUAL(open_image(), CAPOS_OK);                                                       \
    } while (0)

TEST(files_are_found_by_name_and_number) {
    CHECK_ACCEPTED((void)0);
    CHECK_EQUAL(package.file_count, FILES);
    CHECK(boot_package_find(&package, "init", 4) == &image.files[1]);
    CHECK(boot_package_find(&package, "initial", 4) == &image.files[1]);
    CHECK(boot_package_find(&package, "init", 3) == NULL);
    CHECK(boot_package_find(&package, "init\0", 5) == NULL);
    CHECK(boot_package_find(&package, "", 0) == NULL);
    CHECK(boot_package_find(&package, "shell", 5) == NULL);
    CHECK(boot_package_file(&package, 2) == &image.files[2]);
    CHECK_ASSERTS(boot_package_file(&package, FILES));
}

TEST(every_truncation_is_refused) {
    build();
    for (size_t size = 0; size < PAGES * PAGE; size++) {
        CHECK_EQUAL(boot_package_open(&package, &image, size), CAPOS_E_BAD_IMAGE);
    }
    /* A boot loader may give more than there is. */
    CHECK_EQUAL(boot_package_open(&package, &image, PAGES * PAGE + 100), CAPOS_OK);
    CHECK_EQUAL(package.size, PAGES * PAGE);
}

TEST(header_is_checked) {
    CHECK_REFUSED(image.header.magic ^= 1);
    CHECK_REFUSED(image.header.reserved = 1);
    CHECK_REFUSED(image.header.size = UINT64_MAX);
    CHECK_REFUSED(image.header.size = 0);
    CHECK_REFUSED(image.header.size = sizeof image.header + FILES * 80 - 1);
    CHECK_REFUSED(image.header.file_count = BOOT_PACKAGE_FILES_MAX + 1);
    CHECK_REFUSED(image.header.file_count = UINT32_MAX);
    CHECK_ACCEPTED(image.header.file_count = 0);
    CHECK_REFUSED((image.header.size = sizeof image.header - 1, image.header.file_count = 0));
}

TEST(misaligned_package_is_refused) {
    static _Alignas(8) uint8_t copy[PAGES * PAGE + 1];
    build();
    memcpy(copy, &image, PAGES * PAGE);
    CHECK_EQUAL(boot_package_open(&package, copy, PAGES * PAGE), CAPOS_OK);
    memcpy(copy + 1, &image, PAGES * PAGE);
    CHECK_EQUAL(boot_package_open(&package, copy + 1, PAGES * PAGE), CAPOS_E_BAD_IMAGE);
}

TEST(names_are_checked) {
    CHECK_REFUSED(image.files[1].name[0] = 0);
    CHECK_REFUSED(strcpy(image.files[1].name, "manifest"));
    CHECK_REFUSED(memset(image.files[1].name, 'x', 64));
    CHECK_ACCEPTED(memset(image.files[1].name, 'x', 63));
    CHECK_REFUSED(image.files[1].name[1] = '\n');
    CHECK_REFUSED(image.files[1].name[1] = '\x1b');
    CHECK_REFUSED(image.files[1].name[1] = '\x7f');
    CHECK_ACCEPTED(strcpy(image.files[1].name, "\xc3\xa4 b.elf"));
}

TEST(places_of_files_are_checked) {
    struct boot_package_file *file = &image.files[1];
    CHECK_REFUSED(file->offset += 1);
    CHECK_REFUSED(file->offset = 0);
    CHECK_REFUSED(file->offset = PAGES * PAGE);
    CHECK_REFUSED(file->offset = UINT64_MAX - PAGE + 1);
    CHECK_REFUSED(file->size = UINT64_MAX);
    CHECK_REFUSED(file->size = UINT64_MAX - 3 * PAGE + 1);
    CHECK_REFUSED(file->size = (PAGES - 3) * PAGE + 1);
    CHECK_ACCEPTED(file->size = (PAGES - 3) * PAGE);
    CHECK_ACCEPTED((file->offset = PAGES * PAGE, file->size = 0));
    CHECK_ACCEPTED((file->offset = PAGE, file->size = 5000));
}

/* Empty files with different names, at the end of the package. */
static void build_many(uint32_t count) {
    memset(&image, 0, sizeof image);
    image.header = (struct boot_package_header){
        .magic = BOOT_PACKAGE_MAGIC,
        .size = sizeof image,
        .file_count = count,
    };
    for (uint32_t i = 0; i < count; i++) {
        snprintf(image.files[i].name, sizeof image.files[i].name, "file%u", i);
        image.files[i].offset = sizeof image;
    }
}

TEST(files_begin_behind_the_table) {
    build_many(60);
    image.files[59].offset = 2 * PAGE;
    CHECK_EQUAL(boot_package_open(&package, &image, sizeof image), CAPOS_OK);
    image.files[59].offset = PAGE;
    CHECK_EQUAL(boot_package_open(&package, &image, sizeof image), CAPOS_E_BAD_IMAGE);
}

TEST(number_of_files_is_limited) {
    build_many(BOOT_PACKAGE_FILES_MAX);
    CHECK_EQUAL(boot_package_open(&package, &image, sizeof image), CAPOS_OK);
    CHECK(boot_package_find(&package, "file1023", 8) == &image.files[1023]);
    build_many(BOOT_PACKAGE_FILES_MAX + 1);
    CHECK_EQUAL(boot_package_open(&package, &image, sizeof image), CAPOS_E_BAD_IMAGE);
}

TEST(last_page_of_a_file_is_padded_with_zeros) {
    CHECK_REFUSED(image.bytes[PAGE + 5000] = 1);
    CHECK_REFUSED(image.bytes[3 * PAGE - 1] = 1);
    CHECK_ACCEPTED(image.bytes[3 * PAGE] = 1);
    /* All of that page is inside the package. */
    CHECK_REFUSED((image.header.file_count = 2, image.files[1].size = 100,
                   memset(image.bytes + 3 * PAGE + 100, 0, PAGE - 100),
                   image.header.size = 3 * PAGE + 200));
    CHECK_ACCEPTED((image.header.file_count = 2, image.files[1].size = 100,
                    memset(image.bytes + 3 * PAGE + 100, 0, PAGE - 100),
                    image.header.size = 4 * PAGE));
}
