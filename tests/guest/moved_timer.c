// grants: console,spawner,timer

/*
 * A Timer that was moved to somebody else is gone, and the time-stamp counter and finite deadlines
 * with it, as after a release. Each case runs in a child that was given a Timer of its own.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define DEADLINE UINT64_C(1000000) /* finite, and past */

static capos_cap_t timer(void) {
    return capos_lookup("timer", CAPOS_TIMER_INTERFACE);
}

static void read_time_stamp(void) {
    __asm__ volatile("rdtsc" : : : "rax", "rdx");
}

/* Gives the Timer away to a child of its own, which ends at once. */
static int64_t give_away(void) {
    const struct capos_spawn_grant grants[] = {
        {"timer", timer(), CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
    struct child child = {.words = {"end"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {0};
    return child_run(&child, &end);
}

static int play(const char *part) {
    if (strcmp(part, "end") == 0) {
        return 0;
    }
    read_time_stamp(); /* with the Timer it may */
    bool is_move = part[0] == 'm';
    if ((is_move ? give_away() : capos_release(timer())) != CAPOS_OK) {
        return 2;
    }
    if (part[1] == 'd') {
        uint64_t result, aux;
        __asm__ volatile("movq %2, %%r10\n syscall"
                         : "=a"(result), "=&d"(aux)
                         : "r"(DEADLINE), "a"(UINT64_C(0)), "D"(UINT64_C(0)), "S"(UINT64_C(0)),
                           "1"(UINT64_C(1))
                         : "rcx", "r10", "r11", "memory");
        return (int64_t)result == CAPOS_E_NEEDS_TIMER ? 0 : 3;
    }
    read_time_stamp();
    return 4;
}

static void run(const char *part, const char *name, bool ends_by_fault) {
    const struct capos_spawn_grant grants[] = {
        {"timer", timer(), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"spawner", capos_lookup("spawner", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {part}, .grants = grants, .grant_count = 2};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    bool is_right = ends_by_fault
                        ? end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 13
                        : end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0;
    if (!tap_report(result == CAPOS_OK && is_right, name)) {
        capos_printf("# %s, reason %u, code %ld, vector %u\n", capos_error_name(result),
                     (unsigned)end.reason, end.code, end.vector);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play(argv[1]);
    }
    run("rc", "RDTSC after a release", true);
    run("rd", "a deadline after a release", false);
    run("mc", "RDTSC after a move", true);
    run("md", "a deadline after a move", false);
    return tap_finish();
}
