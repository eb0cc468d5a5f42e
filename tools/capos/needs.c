#include "tools/capos/needs.h"

#include <inttypes.h>
#include <string.h>

#include "capos/abi.h"
#include "tools/capos/message.h"

#define METHODS_MAX 64u

static struct need *find_or_add(struct needs *needs, uint64_t id, const char *name) {
    for (uint32_t i = 0; i < needs->count; i++) {
        struct need *need = &needs->items[i];
        if (need->interface_id == id && strcmp(need->name, name) == 0) {
            return need;
        }
    }
    if (needs->count == NEEDS_MAX) {
        return NULL;
    }
    struct need *need = &needs->items[needs->count++];
    *need = (struct need){.interface_id = id, .interface = grant_interface_by_id(id)};
    return need;
}

static bool read_uses(struct needs *needs, const uint8_t *descriptor, uint32_t size) {
    struct {
        uint64_t interface;
        uint32_t method, zero;
    } uses;
    if (size != sizeof uses) {
        return false;
    }
    memcpy(&uses, descriptor, sizeof uses);
    if (uses.method >= METHODS_MAX || uses.zero != 0) {
        return false;
    }
    bool found = false;
    for (uint32_t i = 0; i < needs->count; i++) {
        if (needs->items[i].interface_id == uses.interface) {
            needs->items[i].methods |= UINT64_C(1) << uses.method;
            found = true;
        }
    }
    if (!found) {
        struct need *need = find_or_add(needs, uses.interface, "");
        if (need == NULL) {
            return false;
        }
        need->methods |= UINT64_C(1) << uses.method;
    }
    return true;
}

static bool read_requires(struct needs *needs, const uint8_t *descriptor, uint32_t size) {
    uint64_t interface;
    if (size <= sizeof interface || size > sizeof interface + NEED_NAME_MAX + 1) {
        return false;
    }
    memcpy(&interface, descriptor, sizeof interface);
    const char *name = (const char *)descriptor + sizeof interface;
    const size_t length = strnlen(name, size - sizeof interface);
    if (length == 0 || length == size - sizeof interface) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false; /* goes to a terminal */
        }
    }
    struct need *need = find_or_add(needs, interface, name);
    if (need == NULL) {
        return false;
    }
    need->required = true;
    memcpy(need->name, name, length + 1);
    return true;
}

bool needs_read(struct needs *needs, const char *thing, const void *file, size_t file_size) {
    *needs = (struct needs){0};
    /* Requirements first, so that uses find all entries of their interface. */
    for (int pass = 0; pass < 2; pass++) {
        const uint32_t wanted = pass == 0 ? CAPOS_NOTE_REQUIRES : CAPOS_NOTE_USES;
        uint64_t cursor = 0;
        uint32_t type;
        uint32_t size;
        const uint8_t *descriptor;
        while ((descriptor = elf_next_note(file, file_size, &cursor, &type, &size)) != NULL) {
            if (type != wanted) {
                continue;
            }
            if (pass == 0 ? !read_requires(needs, descriptor, size)
                          : !read_uses(needs, descriptor, size)) {
                message_error(thing, "a note of its needs is malformed; build it again");
                return false;
            }
        }
    }
    return true;
}

void need_format_methods(const struct need *need, char *buffer, size_t size) {
    buffer[0] = '\0';
    for (uint32_t method = 0; method < METHODS_MAX; method++) {
        if ((need->methods >> method & 1) == 0) {
            continue;
        }
        const size_t used = strlen(buffer);
        const char *separator = used > 0 ? ", " : "";
        if (need->interface != NULL && method < need->interface->method_count) {
            snprintf(buffer + used, size - used, "%s%s", separator,
                     need->interface->methods[method].name);
        } else {
            snprintf(buffer + used, size - used, "%s#%" PRIu32, separator, method);
        }
    }
}

const char *need_grant_name(const struct need *need) {
    return need->interface != NULL ? need->interface->grant_name : NULL;
}

bool need_is_served(const struct need *need, const struct grant_list *grants) {
    const char *grant_name = need_grant_name(need);
    return grant_name != NULL && grants_find(grants, grant_name) != NULL &&
           (need->name[0] == '\0' || strcmp(need->name, grant_name) == 0);
}

bool needs_check(const struct needs *needs, const char *thing, const struct grant_list *grants) {
    bool served = true;
    for (uint32_t i = 0; i < needs->count; i++) {
        const struct need *need = &needs->items[i];
        if (!need->required || need_is_served(need, grants)) {
            continue;
        }
        served = false;
        const char *grant_name = need_grant_name(need);
        if (grant_name == NULL || strcmp(grant_name, need->name) != 0) {
            message_error(thing,
                          "requires '%s' of interface 0x%016" PRIx64
                          ", which no grant gives; build it with this capOS",
                          need->name, need->interface_id);
            continue;
        }
        char methods[512];
        need_format_methods(need, methods, sizeof methods);
        message_error(thing, "requires '%s' (%s%s%s), which was not granted; add --grant %s",
                      need->name, need->interface->name, methods[0] != '\0' ? ": " : "", methods,
                      grant_name);
    }
    return served;
}
