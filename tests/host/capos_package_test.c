#include "tools/capos/package.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/host/test.h"

static struct package package;

/* What package_write makes of the package, read back. */
static status_t write_and_open(struct boot_package *opened) {
    static uint8_t image[1 << 20] __attribute__((aligned(4096)));
    const int fd = memfd_create("test", MFD_CLOEXEC);
    const bool written = package_write(&package, fd);
    const ssize_t size = pread(fd, image, sizeof image, 0);
    close(fd);
    return written ? boot_package_open(opened, image, (size_t)size) : CAPOS_E_INVALID_ARGUMENT;
}

static bool holds(const struct boot_package *opened, const char *name, const char *text) {
    const struct boot_package_file *file = boot_package_find(opened, name, strlen(name));
    return file != NULL && file->offset % 4096 == 0 && file->size == strlen(text) &&
           memcmp(opened->data + file->offset, text, file->size) == 0;
}

TEST(what_is_written_is_read_back) {
    package.count = 0;
    static char big[10000];
    memset(big, 'b', sizeof big - 1);
    CHECK(package_add(&package, "manifest", "first", 5));
    CHECK(package_add(&package, "empty", NULL, 0));
    CHECK(package_add(&package, "big", big, sizeof big - 1));
    CHECK(package_add(&package, "last", "end", 3));
    struct boot_package opened;
    CHECK_EQUAL(write_and_open(&opened), CAPOS_OK);
    CHECK_EQUAL(opened.file_count, 4);
    CHECK(holds(&opened, "manifest", "first"));
    CHECK(holds(&opened, "empty", ""));
    CHECK(holds(&opened, "big", big));
    CHECK(holds(&opened, "last", "end"));
}

TEST(names_are_unique_and_bounded) {
    package.count = 0;
    char name[BOOT_PACKAGE_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK(!package_add(&package, name, "", 0));
    CHECK(package_add(&package, name + 1, "", 0));
    CHECK(!package_add(&package, name + 1, "", 0));
    CHECK(!package_add(&package, "", "", 0));
    CHECK_EQUAL(package.count, 1);
}

TEST(the_number_of_files_is_bounded) {
    package.count = 0;
    for (unsigned i = 0; i < BOOT_PACKAGE_FILES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        CHECK(package_add(&package, name, "", 0));
    }
    CHECK(!package_add(&package, "one more", "", 0));
    struct boot_package opened;
    CHECK_EQUAL(write_and_open(&opened), CAPOS_OK);
    CHECK_EQUAL(opened.file_count, BOOT_PACKAGE_FILES_MAX);
}

TEST(a_file_that_is_not_there_is_refused) {
    package.count = 0;
    CHECK(!package_add_path(&package, NULL, "/nowhere/at/all"));
    CHECK(!package_add_path(&package, NULL, "/"));
    CHECK_EQUAL(package.count, 0);
}
