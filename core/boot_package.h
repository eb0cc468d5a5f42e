#pragma once
/*
 * The boot package: manifest and programs in one read-only image that the boot loader puts into
 * memory beside the kernel. Every file starts on a page, so that its text can be mapped in place.
 *
 *   header   struct boot_package_header
 *   table    file_count entries of struct boot_package_file
 *   files    each at a multiple of 4096, padded with zeros
 */
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

#define BOOT_PACKAGE_MAGIC UINT64_C(0x31676b70736f7063) /* "cpospkg1" */
#define BOOT_PACKAGE_FILES_MAX 1024u
#define BOOT_PACKAGE_NAME_MAX 63u

struct boot_package_header {
    uint64_t magic;
    uint64_t size; /* of the whole package in bytes */
    uint32_t file_count;
    uint32_t reserved;
};

struct boot_package_file {
    char name[BOOT_PACKAGE_NAME_MAX + 1]; /* terminated by 0; unique */
    uint64_t offset, size;
};
_Static_assert(sizeof(struct boot_package_file) == 80, "format");

struct boot_package {
    const uint8_t *data;
    uint64_t size;
    uint32_t file_count;
};

/* Checks everything once. badImage when it does not hold. */
MUST_CHECK status_t boot_package_open(struct boot_package *package, const void *data, size_t size);
/* index < file_count. */
const struct boot_package_file *boot_package_file(const struct boot_package *package,
                                                  uint32_t index);
const struct boot_package_file *boot_package_find(const struct boot_package *package,
                                                  const char *name, size_t name_length);
