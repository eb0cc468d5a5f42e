// grants: console,threads,thread-control,memory,park,spawner

/*
 * How thread-local variables come to be: the block has memory of its own, begins as a copy of
 * .tdata with zeros after it, and FS points to its end before the first instruction, in every
 * thread, on a stack that was used before too.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define INITIAL UINT64_C(0x5eed0f7e3a110ca7)
#define THREADS 4u

/* What entry.S reads, and where it puts what it has found. */
extern _Thread_local uint64_t initial, zero;
extern uint64_t first_initial, first_zero, first_pointer;

_Thread_local uint64_t initial = INITIAL, zero;
static _Thread_local _Alignas(64) uint8_t pattern[150] = {[0] = 1, [149] = 2};
static _Thread_local uint8_t zeros[700];
uint64_t first_initial = 1, first_zero = 1, first_pointer = 1;

static uint64_t thread_pointer(void) {
    uint64_t pointer;
    __asm__ volatile("movq %%fs:0, %0" : "=r"(pointer));
    return pointer;
}

/* The linker counts from the end of the block, which is as large as its alignment makes it. */
static uint64_t block_of(uint64_t pointer) {
    const struct capos_start *start = capos_start_page;
    return pointer - (start->tls_size + start->tls_align - 1) / start->tls_align * start->tls_align;
}

static bool is_fresh(void) {
    bool is_right = initial == INITIAL && zero == 0 && pattern[0] == 1 && pattern[149] == 2;
    for (unsigned index = 1; index < sizeof pattern - 1; index++) {
        is_right &= pattern[index] == 0;
    }
    for (unsigned index = 0; index < sizeof zeros; index++) {
        is_right &= zeros[index] == 0;
    }
    return is_right;
}

static void spoil(void) {
    initial = zero = UINT64_MAX;
    memset(pattern, 0xee, sizeof pattern);
    memset(zeros, 0xee, sizeof zeros);
}

static void test_first_instruction(void) {
    CHECK_EQUAL(first_initial, INITIAL);
    CHECK_EQUAL(first_zero, 0);
    CHECK_EQUAL(first_pointer, thread_pointer());
}

static void test_template(void) {
    const struct capos_start *start = capos_start_page;
    uint64_t block = block_of(thread_pointer());
    CHECK(start->tls_size >= start->tls_image_size + sizeof zeros && start->tls_align >= 64);
    CHECK(start->tls_image_size >= sizeof initial + sizeof pattern);
    CHECK(block % start->tls_align == 0 && (uintptr_t)pattern % 64 == 0);
    CHECK(memcmp((const void *)block, (const void *)start->tls_image, start->tls_image_size) == 0);
    CHECK((uintptr_t)&initial >= block && (uintptr_t)zeros + sizeof zeros <= thread_pointer());
    CHECK(is_fresh());
}

/* Pages of its own, which may be written and not executed: neither the template nor the stack. */
static void test_memory(void) {
    struct capos_virtual_memory_query_results run = {0};
    uint64_t block = block_of(thread_pointer()), here;
    CHECK_RESULT(capos_virtual_memory_query(crew_capability("memory"), block, &run), CAPOS_OK);
    CHECK(run.kind == CAPOS_VIRTUAL_MEMORY_KIND_IMAGE && run.protection == READ_WRITE);
    CHECK(run.start <= block && run.start + run.size >= thread_pointer() + 64);
    CHECK(block < capos_start_page->image_low || block >= capos_start_page->image_high);
    here = (uintptr_t)&here;
    CHECK(here < run.start || here >= run.start + run.size);
}

/* ---- other threads ----------------------------------------------------------------------------
 */

/* Its thread pointer, or 0 when something is not as it should be. */
static int64_t begin(void *argument) {
    bool is_right = is_fresh() && *(uint64_t *)thread_pointer() == thread_pointer();
    spoil();
    capos_thread_yield();
    is_right &= zero == UINT64_MAX && zeros[699] == 0xee && pattern[149] == 0xee;
    return is_right ? (int64_t)thread_pointer() : 0;
}

static void test_threads(void) {
    struct capos_thread threads[THREADS];
    int64_t pointers[THREADS];
    bool is_right = true;
    for (unsigned index = 0; index < THREADS; index++) {
        threads[index] = crew_start(begin, NULL);
    }
    for (unsigned index = 0; index < THREADS; index++) {
        pointers[index] = crew_value(&threads[index]);
        is_right &= pointers[index] != 0;
        for (unsigned other = 0; other < index; other++) {
            int64_t distance = pointers[index] - pointers[other];
            uint64_t size = (uint64_t)(distance < 0 ? -distance : distance);
            is_right &= size >= capos_start_page->tls_size + 64;
        }
    }
    CHECK(is_right);
    CHECK(is_fresh());
}

/* A stack that a thread has left, with its spoilt variables, goes to the next one. */
static void test_used_stack(void) {
    struct capos_thread first, second;
    int64_t before, after;
    if (capos_thread_create(&first, NULL, begin, NULL) != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
    before = crew_value(&first);
    if (capos_thread_create(&second, NULL, begin, NULL) != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
    after = crew_value(&second);
    CHECK(before != 0);
    CHECK_EQUAL(after, before);
}

/* What the first thread writes reaches neither the template nor another process of the program. */
static void test_processes(void) {
    spoil();
    struct child child = {.words = {"child"}};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
    struct capos_thread thread = crew_start(begin, NULL);
    CHECK(crew_value(&thread) != 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return first_initial == INITIAL && first_zero == 0 && is_fresh() ? 0 : 1;
    }
    test_first_instruction();
    test_template();
    test_memory();
    test_threads();
    test_used_stack();
    test_processes();
    return tap_finish();
}
