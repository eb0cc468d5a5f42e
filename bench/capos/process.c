/* Other processes: yielding to them, starting them; and the console. */
#include "bench/side.h"

#define PAUSE_NS 1000000u

static capos_cap_t start(const struct capos_spawn *spawn) {
    capos_cap_t process;
    uint32_t detail;
    CHECK(capos_spawn(capabilities.spawner, spawn, &process, &detail) == 0);
    return process;
}

static int64_t wait(capos_cap_t process) {
    struct capos_process_wait_results end;
    CHECK(capos_process_wait(process, &end) == 0);
    CHECK(capos_release(process) == 0);
    return end.code;
}

/* There and back are two yields and two switches. */
BENCH(yield_2processes) {
    const char *const arguments[] = {"yielder"};
    const struct capos_spawn_grant grants[] = {
        {"thread-control", capabilities.thread_control, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
    };
    const struct capos_spawn spawn = {.program = "yielder",
                                      .arguments = arguments,
                                      .argument_count = 1,
                                      .grants = grants,
                                      .grant_count = 1};
    capos_cap_t process = start(&spawn);
    MEASURE(measure, 2, ROUNDS, side_yield());
    CHECK(capos_process_kill(process) == 0);
    wait(process);
}

BENCH(spawn_wait_tiny) {
    const char *const arguments[] = {"tiny"};
    const struct capos_spawn spawn = {
        .program = "tiny", .arguments = arguments, .argument_count = 1};
    MEASURE(measure, 1, ROUNDS_FEW, wait(start(&spawn)));
}

static void *map_shared(void) {
    uint64_t address;
    if (capabilities.shared == CAPOS_CAP_NONE) {
        CHECK(capos_virtual_memory_create_object(capabilities.memory, PAGE_BYTES,
                                                 &capabilities.shared) == 0);
    }
    CHECK(capos_memory_object_map(capabilities.shared, 0, 0, PAGE_BYTES, READ_WRITE, 0, &address) ==
          0);
    return (void *)address;
}

void *side_shared(void) {
    static void *page;
    if (page == NULL) {
        page = map_shared();
    }
    return page;
}

/* It is this program again, and gets all that we have. */
void side_process_start(struct side_process *process, uint32_t job, uint32_t argument) {
    (void)side_shared(); /* makes the object that is granted */
    const struct capos_spawn_grant grants[] = {
        {"console", capabilities.console, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"timer", capabilities.timer, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"memory", capabilities.memory, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"spawner", capabilities.spawner, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"system-info", capabilities.system_info, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"thread-control", capabilities.thread_control, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"threads", capabilities.threads, CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"park", capos_park_space(), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL},
        {"shared-park", capabilities.shared_park, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"shared", capabilities.shared, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    const char job_text[] = {(char)('0' + job), '\0'},
               argument_text[] = {(char)('0' + argument), '\0'};
    const char *const arguments[] = {"bench", "child", job_text, argument_text};
    const struct capos_spawn spawn = {.program = "bench",
                                      .arguments = arguments,
                                      .argument_count = 4,
                                      .grants = grants,
                                      .grant_count = sizeof grants / sizeof *grants};
    process->capability = start(&spawn);
}

void side_process_join(struct side_process *process) {
    CHECK(wait(process->capability) == 0);
}

static void write_byte(void) {
    uint64_t count;
    CHECK(capos_console_write(capabilities.console, CAPOS_CONSOLE_STREAM_OUTPUT, ".", 1, &count) ==
          0);
}

static void pause(void) {
    uint64_t now_ns;
    CHECK(capos_timer_now(capabilities.timer, &now_ns) == 0);
    CHECK(capos_timer_sleep(capabilities.timer, now_ns + PAUSE_NS) == 0);
}

/* With pauses, in which the UART sends what it has. */
BENCH(console_write_1) {
    for (uint32_t round = 0; round < ROUNDS_FEW; round++) {
        pause();
        const uint64_t start_tick = measure_tick();
        write_byte();
        measure_add(measure, measure_tick() - start_tick - measure->overhead);
    }
}
