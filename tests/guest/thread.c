// grants: console,threads,thread-control,memory,park,timer,process-info,spawner
// cpus: any

/* Thread: join by many, late and in vain, names, state and time, and what others may do with it. */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define FLAG UINT64_C(0x200000000)

static uint32_t gate;

static int64_t wait_for_gate(void *argument) {
    while (crew_load(&gate) == 0) {
        (void)capos_park(&gate, 0, CAPOS_FOREVER);
    }
    return 5;
}

static void open_gate(void) {
    crew_store(&gate, 1);
    (void)capos_unpark(&gate, UINT64_MAX);
}

/* Joining. */

enum { JOINERS = 24 };

static int64_t join(void *argument) {
    return capos_thread_join(*(const capos_cap_t *)argument);
}

static void test_join_storm(void) {
    struct capos_thread joiners[JOINERS];
    bool is_right = true;
    gate = 0;
    struct capos_thread thread = crew_start(wait_for_gate, NULL);
    for (unsigned index = 0; index < JOINERS; index++) {
        joiners[index] = crew_start(join, &thread.capability);
        if (index % 2 == 0) {
            crew_await_waiting(&joiners[index]);
        }
    }
    crew_await_waiting(&thread);
    open_gate();
    for (unsigned index = 0; index < JOINERS; index++) {
        is_right &= crew_value(&joiners[index]) == CAPOS_OK;
    }
    CHECK(is_right);
    /* as often as one likes, when it has ended */
    CHECK_RESULT(capos_thread_join(thread.capability), CAPOS_OK);
    CHECK_RESULT(capos_thread_join(thread.capability), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 5);
    CHECK_RESULT(capos_thread_join(thread.capability), CAPOS_E_BAD_CAPABILITY);
}

/* Each joins the one before it: they end one after the other. */
static void test_join_chain(void) {
    struct capos_thread chain[JOINERS];
    bool is_right = true;
    gate = 0;
    chain[0] = crew_start(wait_for_gate, NULL);
    for (unsigned index = 1; index < JOINERS; index++) {
        chain[index] = crew_start(join, &chain[index - 1].capability);
    }
    open_gate();
    CHECK_RESULT(capos_thread_join(chain[JOINERS - 1].capability), CAPOS_OK);
    for (unsigned index = 0; index < JOINERS; index++) {
        is_right &= crew_state(chain[index].capability) == CAPOS_THREAD_STATE_ENDED;
        is_right &= crew_value(&chain[index]) == (index == 0 ? 5 : CAPOS_OK);
    }
    CHECK(is_right);
}

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    (void)capos_timer_now(crew_capability("timer"), &monotonic_ns);
    return monotonic_ns;
}

static struct capos_entry *prepare_join(struct capos_ring_client *ring, capos_cap_t thread,
                                        uint64_t user_data) {
    struct capos_entry *entry = capos_ring_prepare_call(ring, thread, CAPOS_THREAD_METHOD_JOIN);
    entry->user_data = user_data;
    return entry;
}

/* In a ring: with a deadline, cancelled, and one that completes. */
static void test_join_in_ring(void) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    int64_t results[4] = {1, 1, 1, 1};
    gate = 0;
    struct capos_thread thread = crew_start(wait_for_gate, NULL);
    capos_ring_open(&ring);
    prepare_join(&ring, thread.capability, 0)->deadline_ns = now() + MILLISECOND_NS;
    prepare_join(&ring, thread.capability, 1);
    prepare_join(&ring, thread.capability, 2);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    CHECK_RESULT(capos_cancel(1), CAPOS_OK);
    CHECK_EQUAL(capos_ring_enter(&ring, 2, CAPOS_FOREVER), 2);
    open_gate();
    CHECK_EQUAL(capos_ring_enter(&ring, 3, CAPOS_FOREVER), 3);
    prepare_join(&ring, thread.capability, 3);
    CHECK_EQUAL(capos_ring_enter(&ring, 4, CAPOS_FOREVER), 4);
    while (capos_ring_take(&ring, &completion)) {
        results[completion.user_data % 4] = completion.result;
    }
    CHECK_RESULT(results[0], CAPOS_E_TIMED_OUT);
    CHECK_RESULT(results[1], CAPOS_E_CANCELLED);
    CHECK_RESULT(results[2], CAPOS_OK);
    CHECK_RESULT(results[3], CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 5);
}

/* Somebody waits for a thread whose capability goes meanwhile. */
static void test_release_under_join(void) {
    gate = 0;
    struct capos_thread thread = crew_start(wait_for_gate, NULL);
    struct capos_thread joiner = crew_start(join, &thread.capability);
    crew_await_waiting(&joiner);
    CHECK_RESULT(capos_thread_detach(&thread), CAPOS_OK);
    CHECK_RESULT(capos_thread_join(thread.capability), CAPOS_E_BAD_CAPABILITY);
    open_gate();
    CHECK_RESULT(crew_value(&joiner), CAPOS_OK);
}

/* What it tells. */

static int64_t burn(void *argument) {
    crew_store(argument, 1);
    while (crew_load(argument) == 1) {
    }
    return 0;
}

static void test_info(void) {
    uint32_t word = 0;
    gate = 0;
    struct capos_thread parked = crew_start(wait_for_gate, NULL);
    struct capos_thread burner = crew_start(burn, &word);
    crew_await(&word, 1);
    crew_await_still(&parked);
    struct capos_thread_info_results info = crew_info(burner.capability);
    CHECK_EQUAL(info.thread_id, burner.id);
    CHECK(info.state == CAPOS_THREAD_STATE_RUNNING || info.state == CAPOS_THREAD_STATE_READY);
    uint64_t first_ns = info.cpu_time_ns;
    uint64_t parked_ns = crew_info(parked.capability).cpu_time_ns;
    uint64_t later_ns = now() + MILLISECOND_NS;
    while (now() < later_ns) {
        capos_thread_yield();
    }
    CHECK_EQUAL(crew_info(parked.capability).cpu_time_ns, parked_ns);
    crew_store(&word, 2);
    open_gate();
    CHECK_RESULT(capos_thread_join(burner.capability), CAPOS_OK);
    info = crew_info(burner.capability);
    CHECK_EQUAL(info.state, CAPOS_THREAD_STATE_ENDED);
    CHECK_EQUAL(info.thread_id, burner.id);
    uint64_t last_ns = info.cpu_time_ns;
    CHECK(last_ns > first_ns);
    CHECK_EQUAL(crew_info(burner.capability).cpu_time_ns, last_ns);
    (void)crew_value(&burner);
    (void)crew_value(&parked);
}

/* Names: messages as a program may write them. */
static void test_names(void) {
    gate = 0;
    struct capos_thread thread = crew_start(wait_for_gate, NULL);
    CHECK_RESULT(capos_thread_name(&thread, ""), CAPOS_OK);
    CHECK_RESULT(capos_thread_name(&thread, "exactly thirty-one bytes in all"), CAPOS_OK);
    CHECK_RESULT(capos_thread_name(&thread, "and a name of thirty-two bytes.."), CAPOS_E_TOO_LARGE);
    /* a text of 32 bytes, its end included, and one of 33 */
    uint64_t message[8] = {UINT64_C(0x0001000000000000), UINT64_C(0x0000010200000001)};
    memset(&message[2], 'x', 40);
    ((char *)message)[16 + 31] = 0;
    CHECK_RESULT(capos_thread_set_name(thread.capability, message, 6), CAPOS_OK);
    ((char *)message)[16 + 31] = 'x';
    ((char *)message)[16 + 32] = 0;
    message[1] = UINT64_C(0x0000010a00000001);
    CHECK_RESULT(capos_thread_set_name(thread.capability, message, 7), CAPOS_E_TOO_LARGE);
    message[1] = UINT64_C(0x0000020a00000001); /* points beyond the message */
    CHECK_RESULT(capos_thread_set_name(thread.capability, message, 7), CAPOS_E_BAD_MESSAGE);
    open_gate();
    CHECK_EQUAL(crew_value(&thread), 5);
}

/* In another process, which says that it has looked by unmapping a page of ours. */

static int look_from_outside(const struct capos_thread *thread) {
    struct capos_thread_info_results info = {0};
    if (capos_thread_info(thread->capability, &info) != CAPOS_OK || info.thread_id == 0 ||
        info.state == CAPOS_THREAD_STATE_ENDED) {
        return 1;
    }
    return capos_thread_name(thread, "stolen") == CAPOS_E_NOT_PERMITTED ? 0 : 2;
}

static int play(void) {
    struct capos_thread thread = {.capability = crew_capability("thread")};
    int code = look_from_outside(&thread);
    (void)capos_virtual_memory_unmap(crew_capability("parents-memory"), FLAG, CAPOS_PAGE_SIZE);
    if (code == 0 && capos_thread_join(thread.capability) != CAPOS_OK) {
        code = 3;
    }
    return code == 0 && crew_state(thread.capability) != CAPOS_THREAD_STATE_ENDED ? 4 : code;
}

static bool is_flag_raised(void) {
    struct capos_virtual_memory_query_results run = {0};
    (void)capos_virtual_memory_query(crew_capability("memory"), FLAG, &run);
    return run.kind == CAPOS_VIRTUAL_MEMORY_KIND_FREE;
}

static void test_outside(void) {
    uint64_t address;
    gate = 0;
    struct capos_thread thread = crew_start(wait_for_gate, NULL);
    const struct capos_spawn_grant grants[] = {
        {"thread", thread.capability, CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
        {"parents-memory", crew_capability("memory"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL},
    };
    struct child child = {.words = {"outside"}, .grants = grants, .grant_count = 2};
    capos_cap_t process;
    uint32_t detail;
    CHECK_RESULT(capos_virtual_memory_map(crew_capability("memory"), FLAG, CAPOS_PAGE_SIZE,
                                          READ_WRITE, &address),
                 CAPOS_OK);
    CHECK_RESULT(child_spawn(&child, &process, &detail), CAPOS_OK);
    struct capos_process_wait_results end = {.reason = 99};
    while (!is_flag_raised()) {
        capos_thread_yield();
    }
    open_gate();
    CHECK_RESULT(capos_process_wait(process, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    CHECK_RESULT(capos_release(process), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 5);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play();
    }
    test_join_storm();
    test_join_chain();
    test_join_in_ring();
    test_release_under_join();
    test_info();
    test_names();
    test_outside();
    return tap_finish();
}
