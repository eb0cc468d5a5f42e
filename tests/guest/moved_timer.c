// grants: console,spawner,timer,memory,threads,thread-control,park

/*
 * A Timer that was moved to somebody else is gone, and the time-stamp counter and finite deadlines
 * with it, as after a release. Each case runs in a child that was given a Timer of its own.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
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

/* A finite deadline for a wait that is over at once. */
static int64_t use_deadline(void) {
    uint64_t result, aux;
    __asm__ volatile("movq %2, %%r10\n syscall"
                     : "=a"(result), "=&d"(aux)
                     : "r"(DEADLINE), "a"(UINT64_C(0)), "D"(UINT64_C(0)), "S"(UINT64_C(0)),
                       "1"(UINT64_C(1))
                     : "rcx", "r10", "r11", "memory");
    return (int64_t)result;
}

#define REFUSALS 60u
#define SPAWNER_STACK_BYTES 131072u /* the message of a spawn is made on the stack */
static uint32_t is_spawning;

/* Moves the Timer into children that cannot be, because the second grant is refused. */
static int64_t be_refused(void *argument) {
    (void)argument;
    const struct capos_spawn_grant grants[] = {
        {"timer", timer(), CAPOS_SPAWN_GRANT_MODE_MOVE, NULL},
        {"nothing", CAPOS_CAP_NONE, CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {"end"}, .grants = grants, .grant_count = 2};
    for (unsigned turn = 0; turn < REFUSALS; turn++) {
        capos_cap_t process;
        uint32_t detail;
        crew_store(&is_spawning, 1);
        if (child_spawn(&child, &process, &detail) != CAPOS_E_BAD_CAPABILITY) {
            return 1;
        }
    }
    return 0;
}

/* Gives the other Timer up while that one is to and fro: who has one at the end has the time. */
static int play_release_beside_move(void) {
    const struct capos_thread_options options = {.stack_bytes = SPAWNER_STACK_BYTES};
    struct capos_thread mover;
    if (capos_thread_create(&mover, &options, be_refused, NULL) != CAPOS_OK) {
        return 4;
    }
    crew_await(&is_spawning, 1);
    if (capos_release(capos_lookup("other-timer", 0)) != CAPOS_OK || crew_value(&mover) != 0) {
        return 5;
    }
    if (use_deadline() == CAPOS_E_NEEDS_TIMER) {
        return 6;
    }
    read_time_stamp();
    return 0;
}

static void test_release_beside_move(void) {
    enum { TURNS = 12 };
    capos_cap_t time = timer();
    const struct capos_spawn_grant grants[] = {
        {"timer", time, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"other-timer", time, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"spawner", capos_lookup("spawner", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", capos_lookup("memory", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"threads", capos_lookup("threads", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"thread-control", capos_lookup("thread-control", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"park", capos_lookup("park", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {.words = {"beside"}, .grants = grants, .grant_count = 7};
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct capos_process_wait_results end = {.reason = 99};
        int64_t result = child_run(&child, &end);
        if (result != CAPOS_OK || end.reason != CAPOS_PROCESS_EXIT_REASON_EXITED || end.code != 0) {
            capos_printf("# turn %u: %s, reason %u, code %ld, vector %u\n", turn,
                         capos_error_name(result), (unsigned)end.reason, end.code, end.vector);
            tap_report(false, "a Timer in transit counts");
            return;
        }
    }
    tap_report(true, "a Timer in transit counts");
}

static int play(const char *part) {
    if (strcmp(part, "end") == 0) {
        return 0;
    }
    if (strcmp(part, "beside") == 0) {
        return play_release_beside_move();
    }
    read_time_stamp(); /* with the Timer it may */
    bool is_move = part[0] == 'm';
    if ((is_move ? give_away() : capos_release(timer())) != CAPOS_OK) {
        return 2;
    }
    if (part[1] == 'd') {
        return use_deadline() == CAPOS_E_NEEDS_TIMER ? 0 : 3;
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
    test_release_beside_move();
    return tap_finish();
}
