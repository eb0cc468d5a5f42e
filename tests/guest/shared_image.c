// grants: console,spawner,process-info
// cpus: 1

/*
 * Code and constants of a program are the pages of its file, in every process that runs it: they
 * cost none of these a frame, touched or not. Variables do.
 */
#include "tests/guest/child.h"
#include "tests/guest/tap.h"

#define PAGE ((size_t)CAPOS_PAGE_SIZE)
#define PAGES 256u

/* Not zero, or they would not be in the file. */
static const volatile uint8_t constants[PAGES * CAPOS_PAGE_SIZE] = {[0 ... PAGES * PAGE - 1] = 3};
static volatile uint8_t variables[PAGES * CAPOS_PAGE_SIZE] = {[0 ... PAGES * PAGE - 1] = 3};

static uint64_t sum_of_pages(const volatile uint8_t *bytes) {
    uint64_t sum = 0;
    for (size_t page = 0; page < PAGES; page++) {
        sum += bytes[page * PAGE];
    }
    return sum;
}

static uint64_t frames(void) {
    struct capos_process_info_get_results info = {0};
    capos_process_info_get(capos_lookup("process-info", CAPOS_PROCESS_INFO_INTERFACE), &info);
    return info.frames;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return sum_of_pages(constants) == (uint64_t)3 * PAGES ? 0 : 1;
    }
    uint64_t before = frames(), sum = sum_of_pages(constants), after = frames();
    CHECK_EQUAL(sum, 3 * PAGES);
    CHECK_EQUAL(after, before);
    CHECK_EQUAL(sum_of_pages(variables), 3 * PAGES);
    CHECK(frames() >= PAGES);
    for (unsigned turn = 0; turn < 2; turn++) {
        struct capos_process_wait_results end = {0};
        CHECK_RESULT(child_run(&(struct child){.words = {"sum"}}, &end), CAPOS_OK);
        CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
        /* The variables alone, and what each process has: not the constants as well. */
        CHECK(end.frames_peak >= PAGES && end.frames_peak < 2 * PAGES);
    }
    return tap_finish();
}
