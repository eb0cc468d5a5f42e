#include "user/shell/demos.h"

#include "user/shell/program.h"

#define EXIT_EXPECTED 0u
#define PAGE_FAULT 14u

struct demo {
    const char *name, *grants, *arguments, *summary;
    uint32_t vector; /* of the fault that it is to end by; 0: it is to exit with 0 */
};

static const struct demo demos[] = {
    {"hello", "console", "", "the smallest program that says something", EXIT_EXPECTED},
    {"cat", "console", "4", "what is typed, until Ctrl-D", EXIT_EXPECTED},
    {"refused", "console", "", "a capability that was not granted", EXIT_EXPECTED},
    {"tls", "console", "", "thread-local variables", EXIT_EXPECTED},
    {"float", "console", "", "floating point under preemption", EXIT_EXPECTED},
    {"timer", "console,timer", "", "sleeping, deadlines, cancel", EXIT_EXPECTED},
    {"memory", "console,memory", "", "reserve, commit, decommit, protect", EXIT_EXPECTED},
    {"threads", "console,threads,thread-control,memory,park", "", "threads, and variables of each",
     EXIT_EXPECTED},
    {"stale", "console,timer", "", "an id after its release", EXIT_EXPECTED},
    {"fault", "console", "", "a null pointer, and its report", PAGE_FAULT},
    {"overflow", "console", "", "a stack without end, and its report", PAGE_FAULT},
};
#define DEMO_COUNT (sizeof demos / sizeof *demos)

/* Names in columns: pads with blanks to a width. */
static void print_padded(const char *text, size_t width) {
    capos_print(text);
    for (size_t length = strlen(text); length < width; length++) {
        capos_print(" ");
    }
}

void demos_print(void) {
    for (size_t index = 0; index < DEMO_COUNT; index++) {
        const struct demo *demo = &demos[index];
        char line[96];
        capos_format(line, sizeof line, "run %s%s%s --grant %s", demo->name,
                     demo->arguments[0] != '\0' ? " " : "", demo->arguments, demo->grants);
        capos_print("  ");
        print_padded(demo->summary, 42);
        capos_printf("%s\n", line);
    }
}

static bool ended_as_expected(const struct demo *demo,
                              const struct capos_process_wait_results *end) {
    if (demo->vector != EXIT_EXPECTED) {
        return end->reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end->vector == demo->vector;
    }
    return end->reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end->code == 0;
}

static bool run_demo(const struct demo *demo) {
    char grants[64];
    struct capos_process_wait_results end;
    struct program_request request = {.name = demo->name};
    capos_format(grants, sizeof grants, "%s", demo->grants);
    program_add_grants(&request, grants);
    if (demo->arguments[0] != '\0') {
        request.arguments[request.argument_count++] = demo->arguments;
    }
    capos_printf("== %s: %s (--grant %s)\n", demo->name, demo->summary, demo->grants);
    if (!program_run(&request, &end)) {
        return false;
    }
    program_print_end(demo->name, &end);
    return ended_as_expected(demo, &end);
}

int demos_run_all(void) {
    size_t failures = 0;
    for (size_t index = 0; index < DEMO_COUNT; index++) {
        if (!run_demo(&demos[index])) {
            capos_printf("%s: did not end as it should\n", demos[index].name);
            failures++;
        }
    }
    capos_printf("== %zu demos, %zu failed\n", DEMO_COUNT, failures);
    return failures == 0 ? 0 : 1;
}
