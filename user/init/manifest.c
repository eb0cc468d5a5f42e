#include "user/init/manifest.h"

#include <capos/capos.h>

#define MANIFEST_BYTES_MAX 65536u
#define MANIFEST_VERSION 1u
/* A manifest is read a few times over: generous, and still bounded. */
#define TRAVERSAL_WORDS_MAX (8u * MANIFEST_BYTES_MAX / 8u)

static _Alignas(8) uint8_t manifest_bytes[MANIFEST_BYTES_MAX];

static int64_t find_file(capos_cap_t boot, const char *wanted, uint32_t *index_out) {
    uint64_t file_count;
    int64_t result = capos_boot_package_count(boot, &file_count);
    for (uint32_t index = 0; result == 0 && index < file_count; index++) {
        char name[64];
        uint64_t length;
        result = capos_boot_package_name(boot, index, name, sizeof name, &length);
        if (result == 0 && length == strlen(wanted) && memcmp(name, wanted, length) == 0) {
            *index_out = index;
            return 0;
        }
    }
    return result != 0 ? result : CAPOS_E_NOT_FOUND;
}

static int64_t read_file(capos_cap_t boot, uint32_t index, uint64_t size) {
    for (uint64_t offset = 0; offset < size;) {
        uint64_t count;
        int64_t result = capos_boot_package_read(boot, index, offset, manifest_bytes + offset,
                                                 size - offset, &count);
        if (result != 0) {
            return result;
        }
        if (count == 0) {
            return CAPOS_E_BAD_MESSAGE;
        }
        offset += count;
    }
    return 0;
}

int64_t manifest_open(struct wire_message *message, struct wire_list *programs) {
    capos_cap_t boot = capos_lookup("boot", CAPOS_BOOT_PACKAGE_INTERFACE);
    uint32_t index;
    uint64_t size;
    int64_t result = find_file(boot, "manifest", &index);
    if (result == 0) {
        result = capos_boot_package_size(boot, index, &size);
    }
    if (result == 0 && size > sizeof manifest_bytes) {
        result = CAPOS_E_TOO_LARGE;
    }
    if (result == 0) {
        result = read_file(boot, index, size);
    }
    if (result != 0) {
        return result;
    }
    if (!wire_open_framed(message, manifest_bytes, size, TRAVERSAL_WORDS_MAX)) {
        return CAPOS_E_BAD_MESSAGE;
    }
    struct wire_struct root = wire_root(message);
    uint32_t version =
        wire_get_u32(root, CAPOS_MANIFEST_VERSION_OFFSET) ^ CAPOS_MANIFEST_VERSION_DEFAULT;
    *programs = wire_get_list(root, CAPOS_MANIFEST_PROGRAMS_POINTER);
    if (version != MANIFEST_VERSION) {
        return CAPOS_E_UNSUPPORTED;
    }
    if (message->failed || programs->count == 0) {
        return CAPOS_E_BAD_MESSAGE;
    }
    return programs->count <= MANIFEST_PROGRAMS_MAX ? 0 : CAPOS_E_TOO_LARGE;
}
