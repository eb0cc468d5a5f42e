#pragma once
/*
 * Builds a boot package (core/boot_package.h) out of memory and files.
 *
 * Rules
 * - The package borrows what is added until it is written; file contents that package_add_path
 *   mapped are its own, and package_fini gives them back.
 * - Each function says what is wrong and returns false.
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/boot_package.h"

struct package_item {
    char name[BOOT_PACKAGE_NAME_MAX + 1];
    const void *data;
    size_t size;
    bool is_mapped;
};

struct package {
    struct package_item items[BOOT_PACKAGE_FILES_MAX];
    uint32_t count;
};

bool package_add(struct package *package, const char *name, const void *data, size_t size);
/* Adds the file under its base name, or under `name` when that is not NULL. */
bool package_add_path(struct package *package, const char *name, const char *path);
bool package_write(const struct package *package, int fd);
/* The package in an anonymous file; -1 when that fails. */
int package_open(const struct package *package);
void package_fini(struct package *package);
