// grants: console,spawner,system-info,timer,memory
// cpus: any

/*
 * ProcessSpawner and Process: what a child is given, how its end is told, and that a spawn which
 * fails changes nothing. The children are this program again.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

static capos_cap_t console, timer;

/* The children. */

__attribute__((noinline)) static int follow_null(volatile int *pointer) {
    return *pointer;
}

/* Checks from inside what the parent granted and passed. */
static int play_inspector(int argc, char **argv, char **envp) {
    bool is_right = argc == 3 && strcmp(argv[2], "two words") == 0 && argv[3] == NULL;
    is_right &= envp[0] != NULL && strcmp(envp[0], "ROLE=child") == 0 && envp[1] == NULL;
    is_right &= capos_start_page->capset_count == 2;
    is_right &= strcmp(capos_capset_name(0), "out") == 0;
    is_right &= strcmp(capos_capset_name(1), "clock") == 0;
    is_right &= capos_lookup("out", CAPOS_CONSOLE_INTERFACE) != CAPOS_CAP_NONE;
    is_right &= capos_lookup("out", CAPOS_TIMER_INTERFACE) == CAPOS_CAP_NONE;
    is_right &= capos_lookup(NULL, CAPOS_TIMER_INTERFACE) == capos_lookup("clock", 0);
    uint64_t now_ns;
    is_right &= capos_timer_now(capos_lookup("clock", 0), &now_ns) == 0;
    return is_right ? 0 : 1;
}

static int play(int argc, char **argv, char **envp) {
    const char *part = argv[1];
    if (strcmp(part, "exit") == 0) {
        return 7;
    }
    if (strcmp(part, "exit-large") == 0) {
        capos_exit(INT64_C(0x123456789a));
    }
    if (strcmp(part, "fault") == 0) {
        int *volatile null = NULL; /* not known to the compiler, or it would clone the function */
        return follow_null(null);
    }
    if (strcmp(part, "inspect") == 0) {
        return play_inspector(argc, argv, envp);
    }
    for (;;) {
        capos_nop(); /* loop, until somebody kills it */
    }
}

/* The parent's tests. */

static void test_exit(void) {
    struct capos_process_wait_results end = {0};
    CHECK_RESULT(child_run(&(struct child){.words = {"exit"}}, &end), CAPOS_OK);
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_EXITED);
    CHECK_EQUAL(end.code, 7);
    CHECK(end.frames_peak > 0);
    CHECK_RESULT(child_run(&(struct child){.words = {"exit-large"}}, &end), CAPOS_OK);
    CHECK_EQUAL(end.code, INT64_C(0x123456789a));
}

static void test_several_waiters(void) {
    capos_cap_t process = CAPOS_CAP_NONE;
    uint32_t detail;
    struct capos_process_wait_results first = {0}, second = {0};
    CHECK_RESULT(child_spawn(&(struct child){.words = {"exit"}}, &process, &detail), CAPOS_OK);
    CHECK_RESULT(capos_process_wait(process, &first), CAPOS_OK);
    CHECK_RESULT(capos_process_wait(process, &second), CAPOS_OK);
    CHECK(first.code == 7 && second.code == 7);
    CHECK_RESULT(capos_process_kill(process), CAPOS_OK);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
    CHECK_RESULT(capos_process_wait(process, &first), CAPOS_E_BAD_CAPABILITY);
}

static void test_fault(void) {
    struct capos_process_wait_results end = {0};
    CHECK_RESULT(child_run(&(struct child){.words = {"fault"}}, &end), CAPOS_OK);
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_FAULTED);
    CHECK_EQUAL(end.vector, 14);
    CHECK_EQUAL(end.address, 0);
    CHECK_EQUAL(end.error_code, 4); /* a read, by user code, of what is not mapped */
    uint64_t function = (uintptr_t)follow_null;
    CHECK(end.rip >= function && end.rip < function + 64);
    CHECK(end.rsp > capos_start_page->page_size);
    CHECK(end.trace_count >= 2 && end.trace0 != 0);
}

static void test_kill(void) {
    capos_cap_t process = CAPOS_CAP_NONE;
    uint32_t detail;
    struct capos_process_wait_results end = {0};
    CHECK_RESULT(child_spawn(&(struct child){.words = {"loop"}}, &process, &detail), CAPOS_OK);
    CHECK_RESULT(capos_process_kill(process), CAPOS_OK);
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_KILLED);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
}

static void test_grants(void) {
    const struct capos_spawn_grant grants[] = {
        {"out", console, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"clock", timer, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
    };
    struct child child = {.words = {"inspect", "two words"}, .grants = grants, .grant_count = 2};
    struct capos_process_wait_results end = {.code = -1};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK_EQUAL(end.reason, CAPOS_PROCESS_EXIT_REASON_EXITED);
    CHECK_EQUAL(end.code, 0);
    CHECK_EQUAL(end.capset_used, 2); /* only the clock was called */
}

/* What a failing spawn was to move is the caller's again, under the same id. */
static void test_refusals(void) {
    struct capos_process_wait_results end;
    uint64_t now_ns;
    struct capos_spawn_grant twice[] = {
        {"a", timer, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL},
        {"a", console, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {"exit"}, .grants = twice, .grant_count = 2};
    CHECK(child_run(&child, &end) < 0);
    CHECK_RESULT(capos_timer_now(timer, &now_ns), CAPOS_OK);

    struct capos_spawn_grant stale[] = {
        {"a", timer, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL},
        {"b", timer + (UINT64_C(1) << 40), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    child.grants = stale;
    CHECK_RESULT(child_run(&child, &end), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_timer_now(timer, &now_ns), CAPOS_OK);

    capos_cap_t spawner = capos_lookup("spawner", 0), process;
    uint32_t detail;
    struct capos_spawn spawn = {.program = "no such program", .grants = twice, .grant_count = 1};
    CHECK_RESULT(capos_spawn(spawner, &spawn, &process, &detail), CAPOS_E_NOT_FOUND);
    spawn.program = "manifest";
    CHECK_RESULT(capos_spawn(spawner, &spawn, &process, &detail), CAPOS_E_BAD_IMAGE);
    CHECK(detail != 0); /* says what is wrong with it */
    CHECK_RESULT(capos_timer_now(timer, &now_ns), CAPOS_OK);

    struct capos_spawn_grant facet[] = {
        {"a", timer, CAPOS_SPAWN_GRANT_MODE_DERIVE, "no such facet"}};
    child.grants = facet;
    child.grant_count = 1;
    CHECK_RESULT(child_run(&child, &end), CAPOS_E_NOT_PERMITTED);
}

static void test_move(void) {
    uint64_t now_ns;
    struct capos_process_wait_results end = {0};
    struct capos_spawn_grant moved[] = {{"clock", timer, CAPOS_SPAWN_GRANT_MODE_MOVE, NULL}};
    CHECK_RESULT(
        child_run(&(struct child){.words = {"exit"}, .grants = moved, .grant_count = 1}, &end),
        CAPOS_OK);
    CHECK_RESULT(capos_timer_now(timer, &now_ns), CAPOS_E_BAD_CAPABILITY);
}

/* A wait that is in flight writes its results to memory that is gone by then: an error, no more. */
static void test_results_without_memory(void) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE), process;
    struct capos_ring_client ring;
    struct capos_completion completion = {.result = 1};
    uint64_t address;
    uint32_t detail;
    capos_ring_open(&ring);
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, CAPOS_PAGE_SIZE,
                                          CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address),
                 CAPOS_OK);
    *(uint64_t *)address = CAPOS_PROCESS_WAIT_PARAMS_ROOT;
    CHECK_RESULT(child_spawn(&(struct child){.words = {"loop"}}, &process, &detail), CAPOS_OK);
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_CALL;
    entry->method = CAPOS_PROCESS_METHOD_WAIT;
    entry->capability = process;
    entry->length = sizeof(struct capos_process_wait_params);
    entry->argument[0] = address;
    CHECK_EQUAL(capos_ring_enter(&ring, 0, CAPOS_POLL), 0);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, CAPOS_PAGE_SIZE), CAPOS_OK);
    CHECK_RESULT(capos_process_kill(process), CAPOS_OK);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    CHECK(capos_ring_take(&ring, &completion));
    CHECK_RESULT(completion.result, CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
}

/* Whatever a process took is given back when it ends, however it ends. */
static void test_all_given_back(void) {
    static const char *const parts[] = {"exit", "fault", "exit", "fault"};
    capos_cap_t system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    struct capos_system_info_get_results before = {0}, after = {0};
    struct capos_process_wait_results end;
    capos_system_info_get(system_info, &before);
    for (unsigned index = 0; index < 4; index++) {
        CHECK_RESULT(child_run(&(struct child){.words = {parts[index]}}, &end), CAPOS_OK);
    }
    capos_system_info_get(system_info, &after);
    CHECK_EQUAL(after.free_bytes, before.free_bytes);
    CHECK_EQUAL(after.process_count, before.process_count);
    CHECK_EQUAL(after.thread_count, before.thread_count);
}

int main(int argc, char **argv, char **envp) {
    if (argc > 1) {
        return play(argc, argv, envp);
    }
    console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    test_exit();
    test_several_waiters();
    test_fault();
    test_kill();
    test_grants();
    test_refusals();
    test_results_without_memory();
    test_all_given_back();
    test_move();
    return tap_finish();
}
