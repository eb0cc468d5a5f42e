#pragma once
/*
 * Failure injection: scenarios, each of which is run again and again as a child of this program,
 * with another of the things that it takes refused each time (frames, charges, slots; see
 * kernel/debug/inject.h). In the first run it is the first, in the second the second, until a run
 * takes less than that. So once with this one thing refused alone, and once with all that come
 * after it, which shows that giving back takes nothing.
 *
 *   static void map_and_unmap(void) {
 *       uint64_t address;
 *       faults_begin();
 *       if (FAULTS_MAY(capos_virtual_memory_map(memory, 0, SIZE, READ_WRITE, &address))) {
 *           FAULTS_MUST(capos_virtual_memory_unmap(memory, address, SIZE));
 *       }
 *   }
 *
 * Rules
 * - What takes something may be refused, with an error that says so. What gives back may not.
 * - A page that is touched and cannot be had ends the child with a page fault. Not so those that
 *   the program has of itself: faults_begin brings them in.
 * - After each run the machine has the free memory, processes and threads that it had before.
 */
#include "tests/guest/child.h"

struct faults_scenario {
    const char *name;
    void (*play)(void);
};

/* From here on things are refused; what was done before stays as it is. */
void faults_begin(void);

/* A child that sees what it must not ends with the number of the line as its code. */
#define FAULTS_CHECK(condition) ((condition) ? (void)0 : capos_exit(__LINE__))
#define FAULTS_MUST(result) FAULTS_CHECK((result) == CAPOS_OK)
/* True when it worked, false when it was refused for want of something. */
#define FAULTS_MAY(result) faults_may(result, __LINE__)

static inline bool faults_is_want(int64_t result) {
    return result == CAPOS_E_OVER_QUOTA || result == CAPOS_E_NO_MEMORY || result == CAPOS_E_NO_SLOT;
}

static inline bool faults_may(int64_t result, int line) {
    if (result != CAPOS_OK && !faults_is_want(result)) {
        capos_exit(line);
    }
    return result == CAPOS_OK;
}

/* main: runs all scenarios and prints TAP, or plays the part of the child that argv names. The
 * program is granted the spawner, memory and system-info; children get what it has. */
int faults_main(int argc, char **argv, const struct faults_scenario *scenarios, unsigned count);
