#include "user/shell/program.h"

#include "core/elf.h"
#include "user/shell/crash.h"
#include "user/shell/needs.h"
#include "user/shell/package.h"

#define GRANT_NAME_BYTES 32u

bool program_add_grants(struct program_request *request, char *list) {
    while (*list != '\0') {
        char *comma = strchr(list, ',');
        if (request->grant_count == PROGRAM_WORDS_MAX) {
            return false;
        }
        if (*list != ',') {
            request->grants[request->grant_count++] = list;
        }
        if (comma == NULL) {
            return true;
        }
        *comma = '\0';
        list = comma + 1;
    }
    return true;
}

/* "timer=monotonic" becomes the shell's own timer, to be derived with that facet. */
static bool resolve_grant(const char *text, char name[GRANT_NAME_BYTES],
                          struct capos_spawn_grant *grant) {
    const char *facet = strchr(text, '=');
    size_t length = facet != NULL ? (size_t)(facet - text) : strlen(text);
    if (length >= GRANT_NAME_BYTES) {
        length = GRANT_NAME_BYTES - 1;
    }
    memcpy(name, text, length);
    name[length] = '\0';
    *grant = (struct capos_spawn_grant){
        .name = name,
        .capability = capos_lookup(name, 0),
        .mode = CAPOS_SPAWN_GRANT_MODE_DERIVE,
        .facet = facet != NULL ? facet + 1 : NULL,
    };
    if (grant->capability == CAPOS_CAP_NONE) {
        capos_printf("%s: the shell has no such capability to give; `caps` lists what it has\n",
                     name);
        return false;
    }
    return true;
}

static void print_refusal(const struct program_request *request, int64_t result, uint32_t detail) {
    const char *name = request->name;
    uint32_t grant = detail - CAPOS_DETAIL_GRANT_FIRST;
    if (result == CAPOS_E_BAD_IMAGE && detail < ELF_ERROR_COUNT) {
        capos_printf("%s: not started: %s\n", name, elf_error_text((enum elf_error)detail));
    } else if (detail >= CAPOS_DETAIL_GRANT_FIRST && grant < request->grant_count) {
        capos_printf("%s: not started: grant %s: %s\n", name, request->grants[grant],
                     capos_error_name(result));
    } else {
        capos_printf("%s: not started: %s, detail %u\n", name, capos_error_name(result), detail);
    }
}

static bool check_needs(const struct program_request *request, uint32_t index) {
    size_t size;
    void *file = package_load(index, &size);
    if (file == NULL) {
        capos_printf("%s: cannot be read: no memory for it\n", request->name);
        return false;
    }
    bool is_met = needs_are_met(request, file, size);
    capos_free(file);
    return is_met;
}

bool program_start(const struct program_request *request, capos_cap_t *process) {
    static char names[PROGRAM_WORDS_MAX][GRANT_NAME_BYTES];
    struct capos_spawn_grant grants[PROGRAM_WORDS_MAX];
    const char *arguments[1 + PROGRAM_WORDS_MAX];
    char file[64];
    uint32_t index, detail;
    if (!package_find(request->name, &index) || !package_name(index, file)) {
        capos_printf("%s: no such program; `demos` lists what there is\n", request->name);
        return false;
    }
    for (uint32_t grant = 0; grant < request->grant_count; grant++) {
        if (!resolve_grant(request->grants[grant], names[grant], &grants[grant])) {
            return false;
        }
    }
    if (!check_needs(request, index)) {
        return false;
    }
    arguments[0] = file;
    memcpy(arguments + 1, request->arguments, request->argument_count * sizeof *arguments);
    const struct capos_spawn spawn = {
        .program = file,
        .arguments = arguments,
        .argument_count = 1 + request->argument_count,
        .grants = grants,
        .grant_count = request->grant_count,
    };
    capos_cap_t spawner = capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE);
    int64_t result = capos_spawn(spawner, &spawn, process, &detail);
    if (result != 0) {
        print_refusal(request, result, detail);
    }
    return result == 0;
}

bool program_finish(capos_cap_t process, struct capos_process_wait_results *end) {
    int64_t result = capos_process_wait(process, end);
    capos_release(process);
    return result == 0;
}

bool program_run(const struct program_request *request, struct capos_process_wait_results *end) {
    capos_cap_t process;
    return program_start(request, &process) && program_finish(process, end);
}

void program_print_end(const char *name, const struct capos_process_wait_results *end) {
    switch (end->reason) {
    case CAPOS_PROCESS_EXIT_REASON_EXITED:
        if (end->code != 0) {
            capos_printf("%s: ended with code %ld\n", name, end->code);
        }
        break;
    case CAPOS_PROCESS_EXIT_REASON_FAULTED:
        crash_print(name, end);
        break;
    default:
        capos_printf("%s: killed\n", name);
        break;
    }
}
