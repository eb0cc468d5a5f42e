/* Spawns for the hostile worker: of this very program, which then ends at once. */
#include "tests/guest/child.h"
#include "tests/guest/hostile.h"

/* Ends what was started in one of the ways there are. */
static void end_process(capos_cap_t process) {
    struct capos_process_wait_results end;
    if (hostile_below(2) == 0) {
        capos_process_kill(process);
    }
    if (hostile_below(2) == 0) {
        capos_process_wait(process, &end);
    }
    capos_release(process);
}

int64_t hostile_spawn(void) {
    const struct capos_spawn_grant grants[] = {
        {"a", hostile_capability(), (enum capos_spawn_grant_mode)hostile_below(4), NULL},
        {hostile_below(2) == 0 ? "a" : "b", hostile_capability(), CAPOS_SPAWN_GRANT_MODE_COPY,
         hostile_below(4) == 0 ? "facet" : NULL},
    };
    /* what a move would take away, the worker needs for the rest */
    bool is_move = grants[0].mode == CAPOS_SPAWN_GRANT_MODE_MOVE;
    struct child child = {
        .words = {"exit"},
        .grants = grants,
        .grant_count = is_move ? 0 : (uint32_t)hostile_below(3),
        .frames_limit = hostile_below(2) == 0 ? 0 : hostile_below(200),
    };
    capos_cap_t process;
    uint32_t detail;
    int64_t result = child_spawn(&child, &process, &detail);
    if (result == 0) {
        end_process(process);
    }
    return result;
}

int64_t hostile_spawn_mutated(void) {
    static uint64_t words[CAPOS_SPAWN_WORDS_MAX];
    const char *const arguments[] = {capos_program_name, "exit"};
    const struct capos_spawn_grant grants[] = {
        {"a", hostile_capability(), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    const struct capos_spawn spawn = {
        .program = capos_program_name,
        .arguments = arguments,
        .argument_count = 2,
        .grants = grants,
        .grant_count = 1,
    };
    uint32_t count = capos_spawn_build(&spawn, words, CAPOS_SPAWN_WORDS_MAX);
    for (uint64_t flips = 1 + hostile_below(3); flips > 0; flips--) {
        words[hostile_below(count)] ^= UINT64_C(1) << hostile_below(64);
    }
    capos_cap_t process;
    capos_cap_t spawner = capos_lookup("spawner", CAPOS_PROCESS_SPAWNER_INTERFACE);
    int64_t result = capos_process_spawner_spawn(spawner, words, count, &process);
    if (result == 0) {
        end_process(process);
    }
    return result;
}
