/* Other processes: yielding to them, starting them; and the console. */
#include "bench/both/primes.h"
#include "bench/side.h"

#define PAUSE_NS 1000000u
#define SHARES_MAX 8u

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

static capos_cap_t start_share(uint32_t index, uint32_t count) {
    const char index_text[] = {(char)('0' + index), '\0'},
               count_text[] = {(char)('0' + count), '\0'};
    const char *const arguments[] = {"share", index_text, count_text};
    const struct capos_spawn spawn = {
        .program = "share", .arguments = arguments, .argument_count = 3};
    return start(&spawn);
}

uint32_t side_processes_run(uint32_t count) {
    capos_cap_t processes[SHARES_MAX];
    uint32_t sum = 0;
    CHECK(count <= SHARES_MAX);
    for (uint32_t index = 0; index < count; index++) {
        processes[index] = start_share(index, count);
    }
    for (uint32_t index = 0; index < count; index++) {
        const int64_t code = wait(processes[index]);
        CHECK(code >= 0 && code < PRIMES_SHARE_VALUES);
        sum += (uint32_t)code;
    }
    return sum;
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
