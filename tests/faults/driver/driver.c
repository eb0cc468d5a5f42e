#include "kernel/debug/inject.h"
#include "tests/faults/faults.h"
#include "tests/guest/tap.h"

#define STACK_BYTES 32768u /* more than any scenario needs */
#define LOOKS_MAX 1000u

static uint64_t request; /* of this child */

/* Hands a request to the kernel; kernel/debug/inject.h says what comes back. */
static int64_t hand_over(uint64_t inject_request) {
    capos_cap_t process;
    uint32_t detail;
    return child_spawn(&(struct child){.frames_limit = inject_request}, &process, &detail);
}

/* The child. */

static void touch_stack(void) {
    volatile uint8_t stack[STACK_BYTES];
    for (size_t offset = 0; offset < sizeof stack; offset += CAPOS_PAGE_SIZE / 2) {
        stack[offset] = 0;
    }
}

static void touch_image(void) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    struct capos_virtual_memory_query_results run = {0};
    for (uint64_t at = capos_start_page->image_low; at < capos_start_page->image_high;
         at += CAPOS_PAGE_SIZE) {
        if (at >= run.start + run.size) {
            (void)capos_virtual_memory_query(memory, at, &run);
        }
        volatile uint8_t *byte = (volatile uint8_t *)at;
        if ((run.protection & CAPOS_PROTECTION_WRITE) != 0) {
            *byte = *byte;
        } else if ((run.protection & CAPOS_PROTECTION_READ) != 0) {
            (void)*byte;
        }
    }
}

void faults_begin(void) {
    touch_stack();
    touch_image();
    (void)hand_over(INJECT_DISARM); /* what this very way needs is there afterwards */
    FAULTS_CHECK(hand_over(request) == CAPOS_E_BUSY);
}

/* The parent. */

static struct capos_system_info_get_results machine(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    return info;
}

/* Whoever ended last may still be giving back its share: so we look more than once. */
static bool is_given_back(const struct capos_system_info_get_results *before,
                          struct capos_system_info_get_results *after) {
    for (unsigned look = 0; look < LOOKS_MAX; look++) {
        *after = machine();
        if (after->free_bytes == before->free_bytes &&
            after->process_count == before->process_count &&
            after->thread_count == before->thread_count) {
            return true;
        }
        (void)capos_enter(0, CAPOS_RING_COMPLETIONS, CAPOS_POLL); /* lets others run */
    }
    return false;
}

/* What came of one run. */
struct run {
    uint64_t first, every;
    int64_t result;   /* of spawning the child and waiting for it */
    int64_t injected; /* of the request to disarm */
    struct capos_process_wait_results end;
    struct capos_system_info_get_results before, after;
    bool is_given_back;
};

/* What ends a child that lacks a page: the page fault, or that its handler cannot be entered for
 * the invalid instruction, or the interrupt, that it had at the time. */
enum { INVALID_INSTRUCTION = 6, PAGE_FAULT = 14, UPCALL_FAULT = 65 };

static bool is_right(const struct run *run) {
    bool is_refused = run->injected == CAPOS_E_CANCELLED;
    bool is_exit = run->end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && run->end.code == 0;
    bool is_fault = run->end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED &&
                    (run->end.vector == PAGE_FAULT || run->end.vector == INVALID_INSTRUCTION ||
                     run->end.vector == UPCALL_FAULT);
    return run->result == CAPOS_OK && run->is_given_back &&
           (is_refused || run->injected == CAPOS_E_TIMED_OUT) &&
           (is_exit || (is_fault && is_refused));
}

static void print_run(const struct run *run) {
    capos_printf("# from number %lu on, each %lu: %s\n", run->first, run->every,
                 capos_error_name(run->injected));
    child_print_end(run->result, &run->end);
    capos_printf("# free bytes %lu, then %lu; processes %u, then %u; threads %u, then %u\n",
                 run->before.free_bytes, run->after.free_bytes, run->before.process_count,
                 run->after.process_count, run->before.thread_count, run->after.thread_count);
}

static void run_child(unsigned number, struct run *run) {
    struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    char number_text[12], request_text[24];
    capos_format(number_text, sizeof number_text, "%u", number);
    capos_format(request_text, sizeof request_text, "%lu",
                 INJECT_ARM(run->first, run->every) & ~INJECT_MASK);
    struct child child = {.words = {"play", number_text, request_text},
                          .grants = grants,
                          .grant_count = child_take_grants(grants)};
    capos_cap_t process = CAPOS_CAP_NONE;
    uint32_t detail;
    run->before = machine();
    run->result = child_spawn(&child, &process, &detail);
    if (run->result == CAPOS_OK) {
        run->result = capos_process_wait(process, &run->end);
    }
    run->injected = hand_over(INJECT_DISARM);
    (void)capos_release(process);
    run->is_given_back = is_given_back(&run->before, &run->after);
}

/* Until a run is not refused anything. False when one was wrong. */
static bool run_scenario(unsigned number, uint64_t every, uint64_t *runs) {
    struct run run;
    for (uint64_t first = 1;; first++) {
        run = (struct run){.first = first, .every = every};
        run_child(number, &run);
        ++*runs;
        if (!is_right(&run)) {
            print_run(&run);
            return false;
        }
        if (run.injected == CAPOS_E_TIMED_OUT) {
            return true;
        }
    }
}

static void run_all(const struct faults_scenario *scenarios, unsigned count) {
    struct run run = {.first = INJECT_FIRST_MAX};
    run_child(0, &run); /* what we need ourselves is there when the memory is compared */
    for (unsigned number = 0; number < count; number++) {
        uint64_t runs = 0;
        bool is_passed = run_scenario(number, 0, &runs) && run_scenario(number, 1, &runs);
        tap_report(is_passed, scenarios[number].name);
        capos_printf("# %lu runs\n", runs);
    }
}

int faults_main(int argc, char **argv, const struct faults_scenario *scenarios, unsigned count) {
    long long number, low_bits;
    if (argc == 1) {
        run_all(scenarios, count);
        return tap_finish();
    }
    if (argc != 4 || !capos_parse_integer(argv[2], &number) ||
        !capos_parse_integer(argv[3], &low_bits) || number < 0 || number >= (long long)count) {
        return 2;
    }
    request = INJECT_REQUEST | (uint64_t)low_bits;
    scenarios[number].play();
    return 0;
}
