// grants: default,boot,spawner
// seed: 1
// args: 100000
// cpus: any

/*
 * A hostile user: seeded operations of all classes, drawn against the kernel. No result of any of
 * them matters; what matters is that the system lives, and that every process gives back all that
 * it took.
 *
 *   hostile [SEED [COUNT]]
 *
 * The operations run in children, COUNT in all. Each child ends with an act that should end it, and
 * the machine's free memory is compared after each.
 */
#include "tests/guest/hostile.h"
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define WORKERS 10u

static struct capos_system_info_get_results machine(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    return info;
}

static void run_worker(uint64_t seed, uint64_t count, unsigned number) {
    static struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    char seed_text[24], count_text[24], act_text[8];
    capos_format(seed_text, sizeof seed_text, "%lu", seed);
    capos_format(count_text, sizeof count_text, "%lu", count);
    capos_format(act_text, sizeof act_text, "%u", number % HOSTILE_ACTS);
    struct child worker = {
        .words = {"worker", seed_text, count_text, act_text},
        .grants = grants,
        .grant_count = child_take_grants(grants),
    };
    struct capos_process_wait_results end = {.reason = 99};
    struct capos_system_info_get_results before = machine();
    CHECK_RESULT(child_run(&worker, &end), CAPOS_OK);
    struct capos_system_info_get_results after = machine();
    /* exit code 1: a class was not reached; otherwise the last act decides how it ends */
    CHECK(end.reason != CAPOS_PROCESS_EXIT_REASON_EXITED || end.code == 0);
    CHECK_EQUAL(after.free_bytes, before.free_bytes);
    CHECK_EQUAL(after.process_count, before.process_count);
    CHECK_EQUAL(after.thread_count, before.thread_count);
}

int main(int argc, char **argv) {
    long long seed = 1, count = 100000, act = 0;
    if (argc > 4 && strcmp(argv[1], "worker") == 0) {
        if (!capos_parse_integer(argv[2], &seed) || !capos_parse_integer(argv[3], &count) ||
            !capos_parse_integer(argv[4], &act)) {
            return 1;
        }
        return hostile_work((uint64_t)seed, (uint64_t)count, (unsigned)act);
    }
    if (argc > 1 && strcmp(argv[1], "exit") == 0) {
        return 0;
    }
    if ((argc > 1 && !capos_parse_integer(argv[1], &seed)) ||
        (argc > 2 && !capos_parse_integer(argv[2], &count))) {
        capos_print_error("hostile: SEED and COUNT are whole numbers\n");
        return 2;
    }
    /* The first spawn touches pages of our own for the first time; they are not to be counted. */
    struct capos_process_wait_results end;
    CHECK_RESULT(child_run(&(struct child){.words = {"exit"}}, &end), CAPOS_OK);
    for (unsigned number = 0; number < WORKERS; number++) {
        run_worker((uint64_t)seed + number, (uint64_t)count / WORKERS, number);
    }
    return tap_finish();
}
