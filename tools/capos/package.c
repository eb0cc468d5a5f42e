#include "tools/capos/package.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/capos/message.h"
#include "tools/capos/program.h"

#define PAGE_BYTES UINT64_C(4096)

static uint64_t round_to_page(uint64_t size) {
    return (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

bool package_add(struct package *package, const char *name, const void *data, size_t size) {
    if (name[0] == '\0' || strlen(name) > BOOT_PACKAGE_NAME_MAX) {
        message_error(name, "a file name in a boot package has 1 to %u bytes; rename the file",
                      BOOT_PACKAGE_NAME_MAX);
        return false;
    }
    for (uint32_t i = 0; i < package->count; i++) {
        if (strcmp(package->items[i].name, name) == 0) {
            message_error(name, "the boot package has a file of this name; rename one of the two");
            return false;
        }
    }
    if (package->count == BOOT_PACKAGE_FILES_MAX) {
        message_error(name, "the boot package is full with %u files; leave some out",
                      BOOT_PACKAGE_FILES_MAX);
        return false;
    }
    struct package_item *item = &package->items[package->count++];
    *item = (struct package_item){.data = data, .size = size};
    memcpy(item->name, name, strlen(name) + 1);
    return true;
}

bool package_add_path(struct package *package, const char *name, const char *path) {
    const void *data;
    size_t size;
    if (!file_map(path, &data, &size)) {
        message_error(path, "cannot be read: %s; `make` builds what belongs to capOS",
                      strerror(errno));
        return false;
    }
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    if (!package_add(package, name != NULL ? name : base, data, size)) {
        if (data != NULL) {
            munmap((void *)(uintptr_t)data, size);
        }
        return false;
    }
    package->items[package->count - 1].is_mapped = data != NULL;
    return true;
}

static bool write_at(int fd, const void *data, size_t size, uint64_t offset) {
    const uint8_t *at = data;
    while (size > 0) {
        const ssize_t written = pwrite(fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        at += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_all(const struct package *package, int fd) {
    uint64_t offset = round_to_page(sizeof(struct boot_package_header) +
                                    package->count * sizeof(struct boot_package_file));
    uint64_t entry_offset = sizeof(struct boot_package_header);
    for (uint32_t i = 0; i < package->count; i++) {
        const struct package_item *item = &package->items[i];
        struct boot_package_file entry = {.offset = offset, .size = item->size};
        memcpy(entry.name, item->name, sizeof entry.name);
        if (!write_at(fd, &entry, sizeof entry, entry_offset) ||
            !write_at(fd, item->data, item->size, offset)) {
            return false;
        }
        entry_offset += sizeof entry;
        offset += round_to_page(item->size);
    }
    const struct boot_package_header header = {
        .magic = BOOT_PACKAGE_MAGIC, .size = offset, .file_count = package->count};
    return write_at(fd, &header, sizeof header, 0) && ftruncate(fd, (off_t)offset) == 0;
}

bool package_write(const struct package *package, int fd) {
    if (!write_all(package, fd)) {
        message_error("boot package", "cannot be written: %s; free some space", strerror(errno));
        return false;
    }
    return true;
}

int package_open(const struct package *package) {
    const int fd = memfd_create("capos-boot-package", MFD_CLOEXEC);
    if (fd < 0) {
        message_error("boot package", "no anonymous file: %s; free some memory", strerror(errno));
        return -1;
    }
    if (!package_write(package, fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

void package_fini(struct package *package) {
    for (uint32_t i = 0; i < package->count; i++) {
        if (package->items[i].is_mapped) {
            munmap((void *)(uintptr_t)package->items[i].data, package->items[i].size);
        }
    }
    package->count = 0;
}
