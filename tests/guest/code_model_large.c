// grants: console,threads,thread-control,memory,park,spawner,signals
// stdout: # a destructor above 2 GiB has run

/*
 * The large code model: code and data of the program above 6 GiB, libcapos below 2 GiB, and calls
 * from each to the other.
 */
#include "tests/guest/code_model_large/shapes.h"

#include <capos/handler.h>

#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define HIGH UINT64_C(0x180000000)
#define SKIPPED UINT64_C(0x600d)

int main(int argc, char **argv);

static uint64_t constructed = 5;
static uint8_t zeros[3 * 65536];
static _Thread_local uint64_t own = 77;
static _Thread_local uint8_t own_zeros[300];

__attribute__((constructor)) static void construct(void) {
    constructed = low_double(constructed) + own;
}

__attribute__((destructor)) static void destruct(void) {
    capos_printf("# a destructor above 2 GiB has run\n");
}

static bool is_high(uintptr_t address) {
    return address >= HIGH && address < HIGH + (UINT64_C(1) << 30);
}

static void test_places(void) {
    CHECK(is_high((uintptr_t)main) && is_high((uintptr_t)test_places));
    CHECK(is_high((uintptr_t)shapes.choose) && is_high((uintptr_t)shapes_plain.choose));
    CHECK(is_high((uintptr_t)&constructed) && is_high((uintptr_t)zeros));
    CHECK(is_high((uintptr_t)&shapes) && is_high((uintptr_t)"a literal"));
    CHECK((uintptr_t)capos_printf < UINT64_C(1) << 31 && (uintptr_t)low_double < UINT64_C(1) << 31);
}

static void test_start(void) {
    CHECK_EQUAL(constructed, 10 + 77);
    CHECK(own == 77 && own_zeros[0] == 0 && own_zeros[299] == 0);
    CHECK(zeros[0] == 0 && zeros[sizeof zeros - 1] == 0);
    zeros[sizeof zeros - 1] = 1;
    CHECK(zeros[sizeof zeros - 1] == 1 && zeros[sizeof zeros - 2] == 0);
}

/* ---- what compilers make ----------------------------------------------------------------------
 */

static void test_branches(const struct shapes *of) {
    static const uint64_t wanted[] = {200, 117, 10000, 400, ~UINT64_C(100), 12, 201, 0x31, 0, 0};
    bool is_right = true;
    for (unsigned which = 0; which < sizeof wanted / sizeof *wanted; which++) {
        is_right &= of->choose(which, 100) == wanted[which];
    }
    CHECK(is_right);
    CHECK(of->jump(0, 2) == 21 && of->jump(1, 2) == 1 && of->jump(2, 2) == 2);
    CHECK_EQUAL(of->recurse(4), 4 + 3 * (3 + 3 * (2 + 3 * (1 + 3))));
    CHECK_EQUAL(of->guard(64), (uint8_t)(63 * 5));
}

static void test_data(const struct shapes *of) {
    CHECK(strcmp(of->name(2), "two") == 0 && strcmp(of->name(9), "many") == 0);
    CHECK(of->evaluate(4.0) == ((0.125 * 4 + 3.75) * 4 - 1.5) * 4 + 1e10);
    CHECK(of->evaluate_long(2.0L) == 2.0L * 1.1L + 0.3L);
    CHECK(of->divide((unsigned __int128)90 << 64, 45) == (unsigned __int128)2 << 64);
    CHECK_EQUAL(of->sum_vectors(), 2 * 11 + 1 + 3 * 13 + 2 + 5 * 17 + 3 + 7 * 19 + 4);
    struct shape_block from, to;
    memset(&from, 0x3c, sizeof from);
    of->copy(&to, &from);
    CHECK(memcmp(&from, &to, sizeof to) == 0);
    CHECK_EQUAL(of->count(), 101 + 1001 + 1);
    CHECK_EQUAL(of->count(), 102 + 1002 + 2);
}

/* ---- calls from below -------------------------------------------------------------------------
 */

static uint64_t triple(uint64_t value) {
    return 3 * value;
}

static void test_calls(void) {
    uint64_t before = low_calls;
    CHECK_EQUAL(low_apply(triple, 5), 45);
    CHECK_EQUAL(low_apply(low_double, 5), 20);
    CHECK_EQUAL(low_calls, before + 4);
}

static int64_t run_thread(void *argument) {
    bool is_right = own == 77 && own_zeros[0] == 0;
    for (unsigned turn = 0; turn < 100; turn++) {
        own += *(const uint64_t *)argument;
        own_zeros[turn]++;
        capos_thread_yield();
        is_right &= own_zeros[turn] == 1;
    }
    return is_right ? (int64_t)own : 0;
}

static void test_threads(void) {
    uint64_t steps[] = {1, 1000};
    struct capos_thread left = crew_start(run_thread, &steps[0]),
                        right = crew_start(run_thread, &steps[1]);
    CHECK_EQUAL(crew_value(&left), 77 + 100);
    CHECK_EQUAL(crew_value(&right), 77 + 100000);
    CHECK_EQUAL(own, 77);
}

/* A fault in code above enters a handler above. */

static uint64_t faulted_at;

static void handle(struct capos_upcall_frame *frame) {
    faulted_at = frame->rip;
    frame->rip = frame->rbx;
    frame->rax = SKIPPED;
}

static void test_handler(void) {
    static _Alignas(16) uint8_t stack[16384];
    capos_cap_t signals = crew_capability("signals");
    uint64_t result = 0;
    CHECK_RESULT(capos_handler_begin(signals, handle, stack, sizeof stack), CAPOS_OK);
    __asm__ volatile("leaq 1f(%%rip), %%rbx\n movq 16, %%rax\n 1:" : "+a"(result) : : "rbx");
    CHECK_EQUAL(result, SKIPPED);
    CHECK(is_high(faulted_at));
    CHECK_RESULT(capos_handler_end(signals), CAPOS_OK);
}

/* And without one it ends the process, whose report says where it was. */
static void test_end(const char *which, const struct shapes *of) {
    struct child child = {.words = {"fault", which}};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 14 && end.address == 8);
    CHECK(end.rip >= (uintptr_t)of->fault && end.rip < (uintptr_t)of->fault + 100);
}

int main(int argc, char **argv) {
    if (argc > 2) {
        return (int)(strcmp(argv[2], "plain") == 0 ? shapes_plain : shapes).fault();
    }
    test_places();
    test_start();
    test_branches(&shapes);
    test_branches(&shapes_plain);
    test_data(&shapes);
    test_data(&shapes_plain);
    test_calls();
    test_threads();
    test_handler();
    test_end("optimized", &shapes);
    test_end("plain", &shapes_plain);
    return tap_finish();
}
