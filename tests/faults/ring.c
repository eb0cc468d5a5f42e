// grants: console,memory,spawner,system-info,timer,process-info
// cpus: 1

/* Operations in flight: the pool's limit, deadlines, chains, waits of all kinds, and their end. */
#include "tests/faults/faults.h"

#define IN_FLIGHT CAPOS_RING_IN_FLIGHT_MAX
#define HOUR_NS UINT64_C(3600000000000)

static capos_cap_t timer;
static struct capos_ring_client ring;

static struct capos_entry *prepare_sleep(uint64_t user_data, uint64_t until_ns) {
    struct capos_entry *entry = capos_ring_prepare_call(&ring, timer, CAPOS_TIMER_METHOD_SLEEP);
    entry->argument[0] = until_ns;
    entry->user_data = user_data;
    return entry;
}

/* Takes all that stand. Those refused for want of something are counted, those cancelled too. */
struct taken {
    unsigned ok, refused, cancelled, busy;
};

static struct taken take_all(void) {
    struct capos_completion completion;
    struct taken taken = {0};
    while (capos_ring_take(&ring, &completion)) {
        taken.ok += completion.result == CAPOS_OK;
        taken.cancelled += completion.result == CAPOS_E_CANCELLED;
        taken.busy += completion.result == CAPOS_E_BUSY;
        taken.refused += faults_is_want(completion.result);
    }
    return taken;
}

/* Submits, and takes what is there at once. */
static struct taken submit(void) {
    FAULTS_CHECK(capos_ring_enter(&ring, 0, CAPOS_POLL) >= 0);
    return take_all();
}

static uint64_t now(void) {
    uint64_t now_ns = 0;
    FAULTS_MUST(capos_timer_now(timer, &now_ns));
    return now_ns;
}

static unsigned cancel_all(unsigned count) {
    unsigned cancelled = 0;
    for (uint64_t user_data = 0; user_data < count; user_data++) {
        int64_t result = capos_cancel(user_data);
        FAULTS_CHECK(result == CAPOS_OK || result == CAPOS_E_NOT_FOUND);
        cancelled += result == CAPOS_OK;
    }
    return cancelled;
}

/* Scenarios. */

/* One more than there can be; whatever was armed can be cancelled. */
static void fill_pool(void) {
    faults_begin();
    for (uint64_t index = 0; index <= IN_FLIGHT; index++) {
        (void)prepare_sleep(index, CAPOS_FOREVER);
    }
    struct taken taken = submit();
    FAULTS_CHECK(taken.ok == 0 && taken.cancelled == 0);
    FAULTS_CHECK(taken.busy == 1 || taken.refused > 0);
    unsigned armed = IN_FLIGHT + 1 - taken.busy - taken.refused;
    FAULTS_CHECK(cancel_all(IN_FLIGHT + 1) == armed);
    taken = take_all();
    FAULTS_CHECK(taken.cancelled == armed);
}

static void sleep_with_deadlines(void) {
    enum { SLEEPS = 8 };
    faults_begin();
    uint64_t soon = now() + 20000;
    for (uint64_t index = 0; index < SLEEPS; index++) {
        struct capos_entry *entry = prepare_sleep(index, index % 2 == 0 ? soon : HOUR_NS);
        entry->deadline_ns = index % 4 < 2 ? HOUR_NS : soon;
    }
    FAULTS_CHECK(capos_ring_enter(&ring, 0, CAPOS_POLL) >= 0);
    /* The wait has a deadline too, for which something may be wanting. */
    int64_t standing = capos_ring_enter(&ring, SLEEPS, soon + 20000);
    FAULTS_CHECK(standing >= 0 || faults_is_want(standing));
    (void)cancel_all(SLEEPS);
    struct capos_completion completion;
    unsigned taken = 0;
    while (capos_ring_take(&ring, &completion)) {
        taken++;
    }
    FAULTS_CHECK(taken == SLEEPS);
}

/* After the first failure the rest of a chain is cancelled. */
static void chain(void) {
    enum { LINKS = 4 };
    faults_begin();
    uint64_t at = now();
    for (uint64_t index = 0; index < LINKS; index++) {
        struct capos_entry *entry = prepare_sleep(index, at + 10000 * (index + 1));
        entry->flags |= index + 1 < LINKS ? CAPOS_ENTRY_LINK : 0;
    }
    while (capos_ring_enter(&ring, LINKS, CAPOS_FOREVER) < LINKS) {
    }
    struct capos_completion completion;
    bool is_failed = false;
    unsigned taken = 0;
    while (capos_ring_take(&ring, &completion)) {
        FAULTS_CHECK(completion.result == (is_failed ? CAPOS_E_CANCELLED : CAPOS_OK) ||
                     (!is_failed && faults_is_want(completion.result)));
        is_failed = is_failed || completion.result != CAPOS_OK;
        taken++;
    }
    FAULTS_CHECK(taken == LINKS);
}

static void register_form(void) {
    faults_begin();
    uint64_t soon = now() + 10000;
    if (FAULTS_MAY(capos_timer_sleep(timer, soon))) {
        FAULTS_CHECK(now() >= soon);
    }
    FAULTS_MUST(capos_nop());
}

static void wait_for_processes(void) {
    enum { CHILDREN = 2 };
    static struct capos_process_wait_results results[CHILDREN];
    capos_cap_t children[CHILDREN];
    uint32_t detail, count = 0;
    for (; count < CHILDREN; count++) {
        const struct child child = {.words = {"sleep"}};
        FAULTS_MUST(child_spawn(&child, &children[count], &detail));
    }
    faults_begin();
    for (uint64_t index = 0; index < CHILDREN; index++) {
        results[index].root = CAPOS_PROCESS_WAIT_PARAMS_ROOT;
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_CALL;
        entry->method = CAPOS_PROCESS_METHOD_WAIT;
        entry->capability = children[index];
        entry->length = sizeof(struct capos_process_wait_params);
        entry->argument[0] = (uint64_t)(uintptr_t)&results[index];
        entry->user_data = index;
    }
    struct taken taken = submit();
    FAULTS_MUST(capos_process_kill(children[0]));
    if (taken.refused == 0) {
        FAULTS_CHECK(capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1);
    }
    (void)cancel_all(CHILDREN);
    struct taken rest = take_all();
    FAULTS_CHECK(taken.refused + rest.ok + rest.cancelled == CHILDREN);
}

static void clock_page(void) {
    uint64_t first, second;
    faults_begin();
    if (FAULTS_MAY(capos_timer_clock_page(timer, &first))) {
        FAULTS_MUST(capos_timer_clock_page(timer, &second));
        FAULTS_CHECK(first == second);
        const volatile struct capos_clock *clock = (const struct capos_clock *)first;
        (void)clock->version;
    }
}

static void console(void) {
    static uint8_t bytes[16];
    capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    uint64_t count = 0;
    faults_begin();
    for (unsigned turn = 0; turn < 2; turn++) {
        if (FAULTS_MAY(capos_console_write(console, CAPOS_CONSOLE_STREAM_OUTPUT, "# written\n", 10,
                                           &count))) {
            FAULTS_CHECK(count == 10);
        }
        if (FAULTS_MAY(capos_console_read(console, bytes, sizeof bytes, &count))) {
            FAULTS_CHECK(count == 0);
        }
    }
}

/* Ends with as much as it got in flight. */
static void end_in_flight(void) {
    faults_begin();
    for (uint64_t index = 0; index < IN_FLIGHT; index++) {
        (void)prepare_sleep(index, index % 2 == 0 ? CAPOS_FOREVER : HOUR_NS);
    }
    (void)submit();
}

static const struct faults_scenario scenarios[] = {
    {"as many operations in flight as there can be", fill_pool},
    {"deadlines", sleep_with_deadlines},
    {"a chain", chain},
    {"the register form", register_form},
    {"waits for processes", wait_for_processes},
    {"the clock page", clock_page},
    {"the console", console},
    {"an end with operations in flight", end_in_flight},
};

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "sleep") == 0) {
        (void)capos_enter(0, 1, CAPOS_FOREVER);
        return 1;
    }
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    capos_ring_open(&ring);
    return faults_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
