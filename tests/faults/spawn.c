// grants: console,memory,spawner,system-info,timer,entropy,thread-control
// cpus: 1

/* Processes: spawning with every kind of grant, and the ways in which they end. */
#include "tests/faults/faults.h"

#define CHUNK_SLOTS 64u /* a capability table grows by so many */

static capos_cap_t timer;

/* Spawns this program as `role`; false when it was refused for want of something. */
static bool spawn(const char *role, const struct capos_spawn_grant *grants, uint32_t grant_count,
                  capos_cap_t *process) {
    struct child child = {.words = {role}, .grants = grants, .grant_count = grant_count};
    uint32_t detail;
    return FAULTS_MAY(child_spawn(&child, process, &detail));
}

/* A child that could not get all it needs may have ended by a page fault. */
static void expect_end(capos_cap_t process, enum capos_process_exit_reason reason) {
    struct capos_process_wait_results end = {.reason = 99};
    if (FAULTS_MAY(capos_process_wait(process, &end))) {
        FAULTS_CHECK(end.reason == reason ||
                     (end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 14));
        FAULTS_CHECK(end.reason != CAPOS_PROCESS_EXIT_REASON_EXITED || end.code == 0);
    }
    FAULTS_MUST(capos_release(process));
}

static bool is_timer_ours(void) {
    uint64_t now;
    int64_t result = capos_timer_now(timer, &now);
    FAULTS_CHECK(result == CAPOS_OK || result == CAPOS_E_BAD_CAPABILITY);
    return result == CAPOS_OK;
}

/* Scenarios. */

static void spawn_and_wait(void) {
    capos_cap_t process;
    faults_begin();
    if (spawn("exit", NULL, 0, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

static void copy_grants(void) {
    const struct capos_spawn_grant grants[] = {
        {"timer", timer, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"console", capos_lookup("console", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    capos_cap_t process;
    faults_begin();
    if (spawn("exit", grants, 2, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    FAULTS_CHECK(is_timer_ours());
}

/* What was to be moved is still ours, under the same id, unless the child is there. */
static void move_grants(void) {
    const struct capos_spawn_grant grants[] = {
        {"timer", timer, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL},
        {"entropy", capos_lookup("entropy", 0), CAPOS_SPAWN_GRANT_MODE_MOVE, NULL},
    };
    capos_cap_t process;
    faults_begin();
    bool is_spawned = spawn("exit", grants, 2, &process);
    FAULTS_CHECK(is_timer_ours() == !is_spawned);
    if (is_spawned) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

static void derive_grants(void) {
    const struct capos_spawn_grant grants[] = {
        {"memory", capos_lookup("memory", 0), CAPOS_SPAWN_GRANT_MODE_DERIVE, "16M"},
        {"timer", timer, CAPOS_SPAWN_GRANT_MODE_DERIVE, "monotonic"},
    };
    capos_cap_t process;
    faults_begin();
    if (spawn("use-memory", grants, 2, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

/* As many as it takes to make the child's table grow. */
static void fill_childs_table(void) {
    enum { GRANTS = 64 };
    static struct capos_spawn_grant grants[GRANTS];
    static char names[GRANTS][4];
    capos_cap_t process;
    for (unsigned index = 0; index < GRANTS; index++) {
        capos_format(names[index], sizeof names[index], "%u", index);
        grants[index] = (struct capos_spawn_grant){
            names[index], timer,
            index == 0 ? CAPOS_SPAWN_GRANT_MODE_MOVE : CAPOS_SPAWN_GRANT_MODE_COPY, NULL};
    }
    /* the first is moved, and gone for those behind it */
    grants[0].capability = capos_lookup("entropy", 0);
    faults_begin();
    if (spawn("exit", grants, GRANTS, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

static void fill_own_table(void) {
    capos_cap_t threads[2 * CHUNK_SLOTS], control = capos_lookup("thread-control", 0);
    unsigned count = 0;
    while (count < CHUNK_SLOTS - 16) {
        FAULTS_MUST(capos_thread_control_self(control, &threads[count++]));
    }
    faults_begin();
    for (unsigned turn = 0; turn < 20; turn++) {
        count += FAULTS_MAY(capos_thread_control_self(control, &threads[count]));
    }
    capos_cap_t process;
    if (spawn("exit", NULL, 0, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
    while (count > 0) {
        FAULTS_MUST(capos_release(threads[--count]));
    }
}

static void long_arguments(void) {
    enum { ARGUMENTS = 60, LENGTH = 120 };
    static char text[LENGTH + 1];
    static const char *arguments[ARGUMENTS];
    memset(text, 'x', LENGTH);
    for (unsigned index = 0; index < ARGUMENTS; index++) {
        arguments[index] = text;
    }
    arguments[1] = "exit";
    const struct capos_spawn child = {.program = capos_program_name,
                                      .arguments = arguments,
                                      .argument_count = ARGUMENTS,
                                      .environment = arguments,
                                      .environment_count = ARGUMENTS};
    capos_cap_t process;
    uint32_t detail;
    faults_begin();
    if (FAULTS_MAY(capos_spawn(capos_lookup("spawner", 0), &child, &process, &detail))) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

static void kill_waiting(void) {
    capos_cap_t process;
    faults_begin();
    if (spawn("sleep", NULL, 0, &process)) {
        FAULTS_MUST(capos_process_kill(process));
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_KILLED);
    }
}

/* Children whose own children live on when they end: the tree ends from its leaves. */
static void end_a_tree(void) {
    const struct capos_spawn_grant grants[] = {
        {"spawner", capos_lookup("spawner", 0), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    capos_cap_t process;
    faults_begin();
    if (spawn("branch", grants, 1, &process)) {
        expect_end(process, CAPOS_PROCESS_EXIT_REASON_EXITED);
    }
}

static void leave_children(void) {
    capos_cap_t process;
    faults_begin();
    for (unsigned index = 0; index < 3; index++) {
        (void)spawn("sleep", NULL, 0, &process);
    }
}

/* Children. */

static int play_memory(void) {
    uint64_t address;
    if (FAULTS_MAY(capos_virtual_memory_map(capos_lookup("memory", 0), 0, 4 * CAPOS_PAGE_SIZE,
                                            CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE,
                                            &address))) {
        *(volatile uint8_t *)address = 1;
    }
    return 0;
}

static int play_branch(void) {
    capos_cap_t process;
    if (spawn("exit", NULL, 0, &process)) {
        (void)spawn("sleep", NULL, 0, &process);
    }
    return 0;
}

static int play(const char *role) {
    if (strcmp(role, "use-memory") == 0) {
        return play_memory();
    }
    if (strcmp(role, "branch") == 0) {
        return play_branch();
    }
    if (strcmp(role, "sleep") == 0) {
        (void)capos_enter(0, 1, CAPOS_FOREVER);
    }
    return 0;
}

static const struct faults_scenario scenarios[] = {
    {"spawn and wait", spawn_and_wait},
    {"spawn with copied grants", copy_grants},
    {"spawn with moved grants", move_grants},
    {"spawn with derived grants", derive_grants},
    {"spawn with so many grants that the child's table grows", fill_childs_table},
    {"the table grows", fill_own_table},
    {"spawn with long arguments", long_arguments},
    {"kill who waits", kill_waiting},
    {"end a tree of processes", end_a_tree},
    {"end before one's children", leave_children},
};

int main(int argc, char **argv) {
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    if (argc > 1 && strcmp(argv[1], "play") != 0) {
        return play(argv[1]);
    }
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
