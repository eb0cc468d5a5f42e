// grants: console,boot

/* BootPackage: names, sizes and contents of the files that came with the kernel. */
#include "tests/guest/tap.h"

static capos_cap_t boot;

/* The index of the file with this name, or the number of files. */
static uint64_t find(const char *wanted, uint64_t file_count) {
    for (uint64_t index = 0; index < file_count; index++) {
        char name[64];
        uint64_t length = 0;
        if (capos_boot_package_name(boot, (uint32_t)index, name, sizeof name, &length) == 0 &&
            length == strlen(wanted) && memcmp(name, wanted, length) == 0) {
            return index;
        }
    }
    return file_count;
}

static void test_contents(uint32_t index) {
    static uint8_t bytes[4096];
    uint64_t size = 0, count = 0, total = 0;
    CHECK_RESULT(capos_boot_package_size(boot, index, &size), CAPOS_OK);
    CHECK_RESULT(capos_boot_package_read(boot, index, 0, bytes, 4, &count), CAPOS_OK);
    CHECK(count == 4 && memcmp(bytes, "\177ELF", 4) == 0);
    do {
        if (capos_boot_package_read(boot, index, total, bytes, sizeof bytes, &count) != 0) {
            break;
        }
        total += count;
    } while (count != 0);
    CHECK_EQUAL(total, size);
    CHECK_RESULT(capos_boot_package_read(boot, index, size, bytes, 4, &count), CAPOS_OK);
    CHECK_EQUAL(count, 0);
    CHECK_RESULT(capos_boot_package_read(boot, index, UINT64_MAX, bytes, 4, &count), CAPOS_OK);
    CHECK_EQUAL(count, 0);
    CHECK_RESULT(capos_boot_package_read(boot, index, 0, NULL, 4, &count), CAPOS_E_BAD_ADDRESS);
}

int main(void) {
    boot = capos_lookup("boot", CAPOS_BOOT_PACKAGE_INTERFACE);
    uint64_t file_count = 0, size;
    CHECK_RESULT(capos_boot_package_count(boot, &file_count), CAPOS_OK);
    CHECK(file_count >= 2);
    CHECK(find("manifest", file_count) < file_count);
    uint64_t own = find(capos_program_name, file_count);
    CHECK(own < file_count);
    test_contents((uint32_t)own);
    CHECK_RESULT(capos_boot_package_size(boot, (uint32_t)file_count, &size), CAPOS_E_NOT_FOUND);
    return tap_finish();
}
