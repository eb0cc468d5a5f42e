#include "user/shell/needs.h"

#include "core/elf.h"

#define NOTE_HEAD_BYTES sizeof(uint64_t)

static bool is_granted(const struct program_request *request, const char *name) {
    size_t length = strlen(name);
    for (uint32_t index = 0; index < request->grant_count; index++) {
        const char *grant = request->grants[index];
        if (strncmp(grant, name, length) == 0 && (grant[length] == '\0' || grant[length] == '=')) {
            return true;
        }
    }
    return false;
}

/* The name of the next required grant, terminated within the note, or NULL. */
static const char *next_required(const void *file, size_t size, uint64_t *cursor) {
    uint32_t type, bytes;
    const char *note;
    while ((note = elf_next_note(file, size, cursor, &type, &bytes)) != NULL) {
        if (type == CAPOS_NOTE_REQUIRES && bytes > NOTE_HEAD_BYTES && note[bytes - 1] == '\0') {
            return note + NOTE_HEAD_BYTES;
        }
    }
    return NULL;
}

/* Programs may name a grant several times, one for each function that needs it. */
static bool was_named_before(const void *file, size_t size, const char *name) {
    uint64_t cursor = 0;
    const char *other;
    while ((other = next_required(file, size, &cursor)) != NULL && other != name) {
        if (strcmp(other, name) == 0) {
            return true;
        }
    }
    return false;
}

static void print_line_to_type(const struct program_request *request, const void *file,
                               size_t size) {
    const char *separator = " --grant ";
    capos_printf("  add the grant: run %s", request->name);
    for (uint32_t index = 0; index < request->argument_count; index++) {
        capos_printf(" %s", request->arguments[index]);
    }
    for (uint32_t index = 0; index < request->grant_count; index++) {
        capos_printf("%s%s", separator, request->grants[index]);
        separator = ",";
    }
    uint64_t cursor = 0;
    const char *name;
    while ((name = next_required(file, size, &cursor)) != NULL) {
        if (!is_granted(request, name) && !was_named_before(file, size, name)) {
            capos_printf("%s%s", separator, name);
            separator = ",";
        }
    }
    capos_print("\n");
}

bool needs_are_met(const struct program_request *request, const void *file, size_t size) {
    uint64_t cursor = 0;
    const char *name;
    bool is_met = true;
    while ((name = next_required(file, size, &cursor)) != NULL) {
        if (!is_granted(request, name) && !was_named_before(file, size, name)) {
            capos_printf("%s: refused: it requires '%s', which was not granted\n", request->name,
                         name);
            is_met = false;
        }
    }
    if (!is_met) {
        print_line_to_type(request, file, size);
    }
    return is_met;
}
