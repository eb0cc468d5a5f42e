#pragma once
/* Running this very test program again as a child: argv[1] says which part it plays. */
#include <capos/capos.h>

#define CHILD_WORDS_MAX 8u

struct child {
    const char *words[CHILD_WORDS_MAX]; /* argv[1] and on; ends at NULL */
    const struct capos_spawn_grant *grants;
    uint32_t grant_count;
    uint64_t frames_limit;
};

static inline int64_t child_spawn(const struct child *child, capos_cap_t *process,
                                  uint32_t *detail) {
    const char *arguments[1 + CHILD_WORDS_MAX] = {capos_program_name};
    uint32_t count = 1;
    while (count <= CHILD_WORDS_MAX && child->words[count - 1] != NULL) {
        arguments[count] = child->words[count - 1];
        count++;
    }
    const char *const environment[] = {"ROLE=child"};
    struct capos_spawn spawn = {
        .program = capos_program_name,
        .arguments = arguments,
        .argument_count = count,
        .environment = environment,
        .environment_count = 1,
        .grants = child->grants,
        .grant_count = child->grant_count,
        .frames_limit = child->frames_limit,
    };
    return capos_spawn(capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE), &spawn, process,
                       detail);
}

/* Spawns it, waits for its end, and forgets it. */
static inline int64_t child_run(const struct child *child, struct capos_process_wait_results *end) {
    capos_cap_t process;
    uint32_t detail;
    int64_t result = child_spawn(child, &process, &detail);
    if (result == 0) {
        result = capos_process_wait(process, end);
        int64_t released = capos_release(process);
        result = result != 0 ? result : released;
    }
    return result;
}
