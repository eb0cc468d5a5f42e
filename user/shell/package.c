#include "user/shell/package.h"

#include <capos/capos.h>

static capos_cap_t boot(void) {
    return capos_lookup("boot", CAPOS_BOOT_PACKAGE_INTERFACE);
}

bool package_name(uint32_t index, char name[64]) {
    uint64_t length;
    if (capos_boot_package_name(boot(), index, name, 63, &length) != 0) {
        return false;
    }
    name[length] = '\0';
    return true;
}

bool package_find(const char *name, uint32_t *index_out) {
    char program[64], found[64];
    capos_format(program, sizeof program, "%s.elf", name);
    for (uint32_t index = 0; package_name(index, found); index++) {
        if (strcmp(found, name) == 0 || strcmp(found, program) == 0) {
            *index_out = index;
            return true;
        }
    }
    return false;
}

void *package_load(uint32_t index, size_t *size_out) {
    uint64_t size, count;
    if (capos_boot_package_size(boot(), index, &size) != 0) {
        return NULL;
    }
    uint8_t *bytes = capos_malloc(size);
    for (uint64_t offset = 0; bytes != NULL && offset < size; offset += count) {
        if (capos_boot_package_read(boot(), index, offset, bytes + offset, size - offset, &count) !=
                0 ||
            count == 0) {
            capos_free(bytes);
            return NULL;
        }
    }
    *size_out = size;
    return bytes;
}
