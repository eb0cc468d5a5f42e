#pragma once
/* bench/side.h for Linux, and what the metrics of Linux alone share. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "bench/linux/ring.h"
#include "bench/measure.h"

/* A system call as it is, without errno, which is the C library's. */
static inline long call_kernel(long number, long first, long second, long third, long fourth) {
    register long tenth __asm__("r10") = fourth;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(tenth)
                     : "rcx", "r11", "memory");
    return result;
}

/* One without arguments: no register need be cleared. */
static inline long call_kernel_plainly(long number) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
    return result;
}

static inline void side_null_request(void) {
    CHECK(call_kernel_plainly(SYS_getppid) >= 0);
}

static inline void side_yield(void) {
    CHECK(sched_yield() == 0);
}

static inline volatile uint8_t *map_bytes(uint64_t size, int protection, int flags) {
    void *address = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    CHECK(address != MAP_FAILED);
    return address;
}

static inline volatile uint8_t *side_map(uint64_t size) {
    return map_bytes(size, PROT_READ | PROT_WRITE, 0);
}

static inline void side_unmap(volatile uint8_t *memory, uint64_t size) {
    CHECK(munmap((void *)memory, size) == 0);
}

static inline void side_protect(volatile uint8_t *memory, uint64_t size, bool writable) {
    CHECK(mprotect((void *)memory, size, writable ? PROT_READ | PROT_WRITE : PROT_READ) == 0);
}

static inline void side_decommit(volatile uint8_t *memory, uint64_t size) {
    CHECK(madvise((void *)memory, size, MADV_DONTNEED) == 0);
}

static inline volatile uint8_t *side_reserve(uint64_t size) {
    return map_bytes(size, PROT_NONE, MAP_NORESERVE);
}

static inline void side_commit(volatile uint8_t *memory, uint64_t size) {
    side_protect(memory, size, true);
}

struct side_thread {
    pthread_t id;
    void (*run)(void *argument);
    void *argument;
};

static inline void wait_on_futex(_Atomic uint32_t *word, uint32_t expected, int flags) {
    const long result = call_kernel(SYS_futex, (long)word, FUTEX_WAIT | flags, expected, 0);
    CHECK(result == 0 || result == -EAGAIN);
}

static inline uint64_t wake_on_futex(_Atomic uint32_t *word, int flags) {
    const long result = call_kernel(SYS_futex, (long)word, FUTEX_WAKE | flags, 1, 0);
    CHECK(result == 0 || result == 1);
    return (uint64_t)result;
}

static inline void side_park(_Atomic uint32_t *word, uint32_t expected) {
    wait_on_futex(word, expected, FUTEX_PRIVATE_FLAG);
}

static inline uint64_t side_unpark(_Atomic uint32_t *word) {
    return wake_on_futex(word, FUTEX_PRIVATE_FLAG);
}

static inline void side_park_shared(_Atomic uint32_t *word, uint32_t expected) {
    wait_on_futex(word, expected, 0);
}

static inline uint64_t side_unpark_shared(_Atomic uint32_t *word) {
    return wake_on_futex(word, 0);
}

struct side_process {
    pid_t id;
};

/*
 * Of the calling thread and of what it starts from then on. Under the ordinary policy a yield often
 * does not switch.
 */
void set_policy(int policy, int priority);
