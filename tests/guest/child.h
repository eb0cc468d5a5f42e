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
        .environment = environment,
        .grants = child->grants,
        .argument_count = count,
        .environment_count = 1,
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

#define CHILD_GRANTS_MAX 32u

/* The child's own of all that we have. Returns how many. */
static inline uint32_t child_take_grants(struct capos_spawn_grant grants[CHILD_GRANTS_MAX]) {
    uint32_t count = capos_start_page->capset_count;
    for (uint32_t index = 0; index < count; index++) {
        grants[index] = (struct capos_spawn_grant){.name = capos_capset_name(index),
                                                   .capability = capos_capset_entry(index)->id,
                                                   .mode = CAPOS_SPAWN_GRANT_MODE_DERIVE};
    }
    return count;
}

/* Spawns it; that this is refused ends the test. */
static inline capos_cap_t child_start(const struct child *child) {
    capos_cap_t process;
    uint32_t detail;
    if (child_spawn(child, &process, &detail) != CAPOS_OK) {
        capos_abort("a child could not be started");
    }
    return process;
}

/* What came of a child, for whoever reads the output of a test that failed. */
static inline void child_print_end(int64_t result, const struct capos_process_wait_results *end) {
    capos_printf("# a child: %s, reason %u, code %ld, vector %u, address 0x%lx, rip 0x%lx\n",
                 capos_error_name(result), (unsigned)end->reason, end->code, end->vector,
                 end->address, end->rip);
}

/* Waits for its end, and forgets it. False when it ended in another way, or not with code 0. */
static inline bool child_has_ended(capos_cap_t process, enum capos_process_exit_reason reason) {
    struct capos_process_wait_results end = {.reason = 99};
    int64_t result = capos_process_wait(process, &end);
    (void)capos_release(process);
    bool is_right = result == CAPOS_OK && end.reason == reason && end.code == 0;
    if (!is_right) {
        child_print_end(result, &end);
    }
    return is_right;
}

/* Kills it, and waits for that. */
static inline bool child_is_killed(capos_cap_t process) {
    (void)capos_process_kill(process);
    return child_has_ended(process, CAPOS_PROCESS_EXIT_REASON_KILLED);
}
