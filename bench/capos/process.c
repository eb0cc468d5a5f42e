/* Other processes: yielding to them, starting them; and the console. */
#include "bench/capos/side.h"

#define PAUSE_NS 1000000u

static void yield(void) {
    CHECK(capos_thread_control_yield(capabilities.thread_control) == 0);
}

BENCH(yield_alone) {
    MEASURE(measure, 1, ROUNDS, yield());
}

static capos_cap_t start(const struct capos_spawn *spawn) {
    capos_cap_t process;
    uint32_t detail;
    CHECK(capos_spawn(capabilities.spawner, spawn, &process, &detail) == 0);
    return process;
}

static void wait(capos_cap_t process) {
    struct capos_process_wait_results end;
    CHECK(capos_process_wait(process, &end) == 0);
    CHECK(capos_release(process) == 0);
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
    MEASURE(measure, 2, ROUNDS, yield());
    CHECK(capos_process_kill(process) == 0);
    wait(process);
}

BENCH(spawn_wait_tiny) {
    const char *const arguments[] = {"tiny"};
    const struct capos_spawn spawn = {
        .program = "tiny", .arguments = arguments, .argument_count = 1};
    MEASURE(measure, 1, ROUNDS_FEW, wait(start(&spawn)));
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
