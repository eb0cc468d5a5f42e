#pragma once
/* Starting programs of the boot package with exactly the grants that were named. */
#include <capos/capos.h>

#define PROGRAM_WORDS_MAX 16u

struct program_request {
    const char *name;                         /* "hello" or "hello.elf" */
    const char *arguments[PROGRAM_WORDS_MAX]; /* without argv[0] */
    const char *grants[PROGRAM_WORDS_MAX];    /* "timer" or "timer=monotonic" */
    uint32_t argument_count, grant_count;
};

/* Adds the grants of a list such as "console,timer" to a request; the text is cut up in place.
 * False when there are too many. */
bool program_add_grants(struct program_request *request, char *list);

/*
 * Starts it. When it cannot be started, says why: no such file, a required grant that is missing
 * (with the line to type), a grant that the shell does not have, or what the kernel said.
 */
bool program_start(const struct program_request *request, capos_cap_t *process);

/* Waits for its end and releases it. */
bool program_finish(capos_cap_t process, struct capos_process_wait_results *end);

/* program_start and program_finish. */
bool program_run(const struct program_request *request, struct capos_process_wait_results *end);

/* Tells how it ended, with function names for a crash; nothing for exit code 0. */
void program_print_end(const char *name, const struct capos_process_wait_results *end);
