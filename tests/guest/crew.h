#pragma once
/* Threads for test programs: what fails here ends the test. */
#include <capos/capos.h>

#define READ_WRITE (CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE)

static inline capos_cap_t crew_capability(const char *name) {
    capos_cap_t id = capos_lookup(name, 0);
    if (id == CAPOS_CAP_NONE) {
        capos_abort("the test lacks a grant");
    }
    return id;
}

static inline struct capos_thread crew_start(int64_t (*run)(void *argument), void *argument) {
    const struct capos_thread_options options = {.stack_bytes = 16384};
    struct capos_thread thread;
    if (capos_thread_create(&thread, &options, run, argument) != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
    return thread;
}

/* The thread's value, after its end. */
static inline int64_t crew_value(struct capos_thread *thread) {
    int64_t value;
    if (capos_thread_wait(thread, &value) != CAPOS_OK) {
        capos_abort("a thread could not be waited for");
    }
    return value;
}

static inline struct capos_thread_info_results crew_info(capos_cap_t thread) {
    struct capos_thread_info_results info = {0};
    if (capos_thread_info(thread, &info) != CAPOS_OK) {
        capos_abort("a thread could not be looked at");
    }
    return info;
}

static inline enum capos_thread_state crew_state(capos_cap_t thread) {
    return (enum capos_thread_state)crew_info(thread).state;
}

/* Returns when the thread waits in the kernel, for whatever. */
static inline void crew_await_waiting(const struct capos_thread *thread) {
    while (crew_state(thread->capability) != CAPOS_THREAD_STATE_WAITING) {
        capos_thread_yield();
    }
}

/* The same, and the turn in which it began to wait is over: one that goes on counts, so that two
 * looks at its CPU time differ. A host that stops the CPU in between makes it last. */
static inline void crew_await_still(const struct capos_thread *thread) {
    uint64_t before_ns;
    do {
        crew_await_waiting(thread);
        before_ns = crew_info(thread->capability).cpu_time_ns;
    } while (crew_info(thread->capability).cpu_time_ns != before_ns);
}

/* Fresh pages, zero, and never touched. */
static inline void *crew_map(uint64_t size) {
    uint64_t address;
    if (capos_virtual_memory_map(crew_capability("memory"), 0, size, READ_WRITE, &address) !=
        CAPOS_OK) {
        capos_abort("memory that the test needs was refused");
    }
    return (void *)(uintptr_t)address;
}

static inline uint32_t crew_load(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void crew_store(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Returns when the word holds the value; gives others the CPU meanwhile. */
static inline void crew_await(const uint32_t *word, uint32_t value) {
    while (crew_load(word) != value) {
        capos_thread_yield();
    }
}
