// grants: console,thread-control,threads,memory,park,process-info,spawner
// cpus: any

/* ThreadControl: the FS base of the calling thread, its capability, and its end. */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

static _Thread_local uint64_t local = 1;

static void test_fs_base(void) {
    capos_cap_t control = crew_capability("thread-control");
    uint64_t base = 0, self;
    CHECK_RESULT(capos_thread_control_get_fs_base(control, &base), CAPOS_OK);
    __asm__("movq %%fs:0, %0" : "=r"(self));
    CHECK_EQUAL(base, self);

    /* A second block: the same offsets, other contents. Below it stands its copy of local. */
    static _Alignas(64) uint64_t block[32];
    uint64_t offset = base - (uintptr_t)&local;
    uint64_t other = (uintptr_t)&block[16];
    *(uint64_t *)(other - offset) = 77;
    block[16] = other;
    CHECK_RESULT(capos_thread_control_set_fs_base(control, other), CAPOS_OK);
    uint64_t seen = *(volatile uint64_t *)&local;
    uint64_t set = 0;
    int64_t get_result = capos_thread_control_get_fs_base(control, &set);
    int64_t yield_result = capos_thread_control_yield(control);
    uint64_t after_yield;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(after_yield));
    CHECK_RESULT(capos_thread_control_set_fs_base(control, base), CAPOS_OK);
    CHECK_EQUAL(seen, 77);
    CHECK_RESULT(get_result, CAPOS_OK);
    CHECK_RESULT(yield_result, CAPOS_OK);
    CHECK_EQUAL(set, other);
    CHECK_EQUAL(after_yield, other);
    CHECK_EQUAL(local, 1);

    /* WRMSR faults on what is not canonical: it must never get there. */
    static const uint64_t bad[] = {UINT64_C(1) << 47, UINT64_C(0x8000000000000000),
                                   UINT64_C(0xffffffff80000000), UINT64_MAX};
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        CHECK_RESULT(capos_thread_control_set_fs_base(control, bad[index]),
                     CAPOS_E_INVALID_ARGUMENT);
    }
    CHECK_EQUAL(local, 1);
}

/* The capability of oneself. */
static void test_self(void) {
    capos_cap_t first = 0, second = 0;
    struct capos_thread_info_results info = {0}, same = {0};
    CHECK_RESULT(capos_thread_control_self(crew_capability("thread-control"), &first), CAPOS_OK);
    CHECK_RESULT(capos_thread_control_self(crew_capability("thread-control"), &second), CAPOS_OK);
    CHECK(first != second);
    CHECK_RESULT(capos_thread_info(first, &info), CAPOS_OK);
    CHECK_RESULT(capos_thread_info(second, &same), CAPOS_OK);
    CHECK(info.thread_id != 0 && info.thread_id == same.thread_id);
    CHECK_EQUAL(info.state, CAPOS_THREAD_STATE_RUNNING);
    CHECK_RESULT(capos_release(first), CAPOS_OK);
    CHECK_RESULT(capos_thread_info(first, &info), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_release(second), CAPOS_OK);
}

/* Ends, each by a thread of its own. */

struct end {
    uint64_t word, stack, stack_bytes;
    int64_t result; /* of an exit that was refused */
    uint64_t unmap; /* an address whose page goes before the exit */
    bool is_refused;
};

static int64_t leave(void *argument) {
    struct end *end = argument;
    if (end->unmap != 0) {
        (void)capos_virtual_memory_unmap(crew_capability("memory"), end->unmap, CAPOS_PAGE_SIZE);
    }
    end->result = capos_thread_control_exit(crew_capability("thread-control"), end->word,
                                            end->stack, end->stack_bytes);
    end->is_refused = true;
    return 1;
}

/* Runs a thread that ends so, on a stack that is not its own to free. */
static void run(struct end *end) {
    static _Alignas(16) uint8_t stack[16384];
    const struct capos_thread_options options = {.stack = stack, .stack_bytes = sizeof stack};
    struct capos_thread thread;
    if (capos_thread_create(&thread, &options, leave, end) != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
    (void)crew_value(&thread);
}

static enum capos_virtual_memory_kind kind_at(uint64_t address) {
    struct capos_virtual_memory_query_results run = {0};
    (void)capos_virtual_memory_query(crew_capability("memory"), address, &run);
    return (enum capos_virtual_memory_kind)run.kind;
}

static void test_refused_ends(void) {
    uint64_t page = (uintptr_t)crew_map(CAPOS_PAGE_SIZE);
    const struct end bad[] = {
        {.word = page + 2},
        {.word = UINT64_C(1) << 47},
        {.word = UINT64_C(0xffffffff80000000)},
        {.stack = page + 8, .stack_bytes = CAPOS_PAGE_SIZE},
        {.stack = page, .stack_bytes = 8},
        {.stack = page, .stack_bytes = UINT64_MAX - 4095},
        {.stack = UINT64_C(1) << 47, .stack_bytes = CAPOS_PAGE_SIZE},
        {.stack = 0, .stack_bytes = CAPOS_PAGE_SIZE},
    };
    for (unsigned index = 0; index < sizeof bad / sizeof *bad; index++) {
        struct end end = bad[index];
        run(&end);
        CHECK(end.is_refused);
        CHECK_RESULT(end.result, CAPOS_E_INVALID_ARGUMENT);
    }
    CHECK_EQUAL(kind_at(page), CAPOS_VIRTUAL_MEMORY_KIND_ANONYMOUS);
}

static int64_t await_zero(void *argument) {
    const uint32_t *word = argument;
    while (crew_load(word) != 0) {
        (void)capos_park(word, crew_load(word), CAPOS_FOREVER);
    }
    return 6;
}

static void test_word(void) {
    struct {
        uint32_t before, word, after;
    } words = {77, 77, 77};
    struct capos_thread waiter = crew_start(await_zero, &words.word);
    crew_await_waiting(&waiter);
    struct end end = {.word = (uintptr_t)&words.word};
    run(&end);
    CHECK(!end.is_refused && words.before == 77 && words.word == 0 && words.after == 77);
    CHECK_EQUAL(crew_value(&waiter), 6);
}

/* The stack goes first: a word in it is not there any more. And words that are not there, or that
 * the program may not write, hurt nobody. */
static void test_stack(void) {
    uint64_t pages = (uintptr_t)crew_map(3 * CAPOS_PAGE_SIZE);
    *(volatile uint32_t *)(pages + 2 * CAPOS_PAGE_SIZE) = 8;
    struct end end = {.stack = pages, .stack_bytes = 2 * CAPOS_PAGE_SIZE, .word = pages};
    run(&end);
    CHECK(!end.is_refused);
    CHECK_EQUAL(kind_at(pages), CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    CHECK_EQUAL(kind_at(pages + CAPOS_PAGE_SIZE), CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    end = (struct end){.word = pages + 2 * CAPOS_PAGE_SIZE};
    (void)capos_virtual_memory_protect(crew_capability("memory"), end.word, CAPOS_PAGE_SIZE,
                                       CAPOS_PROTECTION_READ);
    run(&end);
    CHECK(!end.is_refused);
    CHECK_EQUAL(*(volatile uint32_t *)end.word, 8);
    end.unmap = end.word;
    run(&end);
    CHECK(!end.is_refused);
    CHECK_EQUAL(kind_at(end.word), CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    /* what is free stays free */
    end = (struct end){.stack = pages, .stack_bytes = 3 * CAPOS_PAGE_SIZE};
    run(&end);
    CHECK(!end.is_refused);
}

/* The pages of a ring are nobody's to unmap, and an exit that tries still ends its thread. */
static void test_ring_as_stack(void) {
    struct end end = {.stack = capos_start_page->ring, .stack_bytes = CAPOS_PAGE_SIZE};
    run(&end);
    CHECK_EQUAL(kind_at(capos_start_page->ring), CAPOS_VIRTUAL_MEMORY_KIND_RING);
    CHECK_RESULT(capos_nop(), CAPOS_OK);
}

/* What a thread has in flight ends with it, and its ring goes. */
static int64_t leave_in_flight(void *argument) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    for (unsigned index = 0; index < CAPOS_RING_IN_FLIGHT_MAX; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        entry->opcode = CAPOS_OP_PARK;
        entry->capability = crew_capability("park");
        entry->argument[0] = (uintptr_t)argument;
    }
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
    return ring.ring->in_flight;
}

static void test_in_flight(void) {
    static uint32_t word;
    struct capos_thread thread = crew_start(leave_in_flight, &word);
    uint64_t ring = (uintptr_t)thread.ring;
    CHECK_EQUAL(crew_value(&thread), CAPOS_RING_IN_FLIGHT_MAX);
    CHECK_EQUAL(kind_at(ring), CAPOS_VIRTUAL_MEMORY_KIND_FREE);
    CHECK_EQUAL(capos_unpark(&word, UINT64_MAX), 0);
}

/* An exit by an entry of the ring: what stands behind it is not done. */
static int64_t leave_by_ring(void *argument) {
    struct capos_ring_client ring;
    capos_ring_open(&ring);
    struct capos_entry *entry = capos_ring_prepare_call(&ring, crew_capability("thread-control"),
                                                        CAPOS_THREAD_CONTROL_METHOD_EXIT);
    entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_RELEASE;
    entry->capability = *(const capos_cap_t *)argument;
    (void)capos_ring_enter(&ring, 2, CAPOS_FOREVER);
    return 1;
}

static void test_rest_of_batch(void) {
    capos_cap_t self = CAPOS_CAP_NONE;
    CHECK_RESULT(capos_thread_self(&self), CAPOS_OK);
    struct capos_thread thread = crew_start(leave_by_ring, &self);
    CHECK_EQUAL(crew_value(&thread), 0);
    CHECK_RESULT(capos_release(self), CAPOS_OK);
}

/* The only thread's end is the process's, with code 0. */
static void test_only_thread(void) {
    const struct capos_spawn_grant grants[] = {
        {"thread-control", crew_capability("thread-control"), CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {"leave"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return (int)capos_thread_control_exit(crew_capability("thread-control"), 0, 0, 0);
    }
    test_fs_base();
    test_self();
    test_refused_ends();
    test_word();
    test_stack();
    test_ring_as_stack();
    test_in_flight();
    test_rest_of_batch();
    test_only_thread();
    return tap_finish();
}
