// grants: console,signals,threads,thread-control,memory,park,timer
// cpus: any
// also: --cpu qemu64

/*
 * Interrupts, sent by two threads to others that compute, fault, call, park, sleep and wait, and by
 * those to each other. Each finds its registers and its results as they should be. An argument is
 * the number of turns that each takes.
 */
#include "tests/guest/signal_storm/storm.h"

#include "demos/c/float/registers.h"
#include "demos/c/float/state.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define TURNS_DEFAULT 8u    /* of each worker, at least */
#define INTERRUPTS_MIN 300u /* in all, before anybody stops */
#define SPINS 2000u
#define MICROSECOND_NS UINT64_C(1000)
#define PAUSE_NS (100 * MICROSECOND_NS)

static capos_cap_t timer, memory;
static uint64_t turns = TURNS_DEFAULT;

static bool is_storm_over(void) {
    return __atomic_load_n(&storm_interrupts, __ATOMIC_RELAXED) >= INTERRUPTS_MIN;
}

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    return capos_timer_now(timer, &monotonic_ns) == CAPOS_OK ? monotonic_ns : 0;
}

struct worker {
    const char *name;
    bool (*turn)(uint64_t seed);
    bool is_done;
    capos_cap_t thread;
    struct capos_thread handle;
    _Alignas(64) uint8_t stack[8192];
};

static bool turn_general(uint64_t seed) {
    return storm_hold_general(seed * UINT64_C(0x9e3779b97f4a7c15), SPINS);
}

static bool turn_faults(uint64_t seed) {
    return storm_hold_general_faulting(seed * UINT64_C(0x9e3779b97f4a7c15), 16);
}

/* Vector registers and both control words, through a system call. */
static bool turn_vectors(uint64_t seed) {
    struct vectors pattern, found;
    uint16_t x87 = 0xb7f, x87_found, x87_default = 0x37f;
    uint32_t mxcsr = 0x3f80, mxcsr_found, mxcsr_default = 0x1f80;
    size_t bytes = state_is_wide() ? VECTOR_BYTES : VECTOR_BYTES / 2;
    memset(&pattern, (int)seed + 1, sizeof pattern);
    __asm__ volatile("fldcw %0\n ldmxcsr %1\n fldpi" : : "m"(x87), "m"(mxcsr));
    (bytes == VECTOR_BYTES ? hold_ymm : hold_xmm)(&pattern, &found, SPINS);
    bool is_pi;
    __asm__ volatile("fldpi\n fcomip\n sete %0\n fstp %%st(0)" : "=r"(is_pi) : : "cc");
    __asm__ volatile("fnstcw %0\n stmxcsr %1" : "=m"(x87_found), "=m"(mxcsr_found));
    __asm__ volatile("fldcw %0\n ldmxcsr %1" : : "m"(x87_default), "m"(mxcsr_default));
    bool is_kept = is_pi && x87_found == x87 && mxcsr_found == mxcsr;
    for (size_t index = 0; index < VECTOR_COUNT; index++) {
        is_kept &= memcmp(pattern.bytes[index], found.bytes[index], bytes) == 0;
    }
    return is_kept;
}

/* Calls that are done at once, in registers and by a message; and page faults that are mended. */
static bool turn_calls(uint64_t seed) {
    uint64_t address = 0;
    struct capos_virtual_memory_query_results run = {0};
    bool is_right = capos_nop() == CAPOS_OK && now() != 0;
    is_right &=
        capos_virtual_memory_map(memory, 0, 2 * CAPOS_PAGE_SIZE, READ_WRITE, &address) == CAPOS_OK;
    volatile uint64_t *word = (volatile uint64_t *)(uintptr_t)(address + CAPOS_PAGE_SIZE);
    is_right &= *word == 0;
    *word = seed;
    is_right &= *word == seed;
    is_right &= capos_virtual_memory_query(memory, address, &run) == CAPOS_OK;
    is_right &= run.start == address;
    return is_right && capos_virtual_memory_unmap(memory, address, 2 * CAPOS_PAGE_SIZE) == CAPOS_OK;
}

static bool turn_sleep(uint64_t seed) {
    uint64_t end_ns = now() + 200 * MICROSECOND_NS;
    return capos_timer_sleep(timer, end_ns) == CAPOS_OK && now() >= end_ns;
}

/* A deadline ends it, or an interrupt. */
static bool turn_park(uint64_t seed) {
    static const uint32_t word;
    uint64_t end_ns = now() + 200 * MICROSECOND_NS;
    int64_t result = capos_park(&word, 0, end_ns);
    return result == CAPOS_E_INTERRUPTED || (result == CAPOS_E_TIMED_OUT && now() >= end_ns);
}

/* Two that wake each other. */
static uint32_t ball;
static bool play_ball(uint32_t own) {
    while (crew_load(&ball) != own) {
        int64_t result = capos_park(&ball, 1 - own, CAPOS_FOREVER);
        if (result != CAPOS_OK && result != CAPOS_E_INTERRUPTED &&
            result != CAPOS_E_VALUE_CHANGED) {
            return false;
        }
    }
    crew_store(&ball, 1 - own);
    return capos_unpark(&ball, 1) >= 0;
}
static bool turn_ping(uint64_t seed) {
    return seed >= turns || play_ball(0);
}
static bool turn_pong(uint64_t seed) {
    return seed >= turns || play_ball(1);
}

/* Four sleeps in the ring, each of which completes once, however often the wait is interrupted. */
static bool turn_ring(uint64_t seed) {
    struct capos_ring_client ring;
    uint64_t end_ns = now() + 200 * MICROSECOND_NS;
    uint32_t seen = 0;
    capos_ring_open(&ring);
    for (uint64_t index = 0; index < 4; index++) {
        struct capos_entry *entry = capos_ring_prepare_call(&ring, timer, CAPOS_TIMER_METHOD_SLEEP);
        entry->argument[0] = end_ns;
        entry->user_data = index;
    }
    while (seen != 0xf) {
        struct capos_completion completion;
        int64_t result = capos_ring_enter(&ring, 1, CAPOS_FOREVER);
        if (result < 0 && result != CAPOS_E_INTERRUPTED) {
            return false;
        }
        while (capos_ring_take(&ring, &completion)) {
            uint32_t bit = 1u << completion.user_data;
            if (completion.result != CAPOS_OK || (seen & bit) != 0) {
                return false;
            }
            seen |= bit;
        }
    }
    return true;
}

/* A thread of its own, and its end. */
static int64_t return_seed(void *argument) {
    return (int64_t)(uintptr_t)argument;
}
static bool turn_join(uint64_t seed) {
    struct capos_thread thread = crew_start(return_seed, (void *)(uintptr_t)seed);
    return crew_value(&thread) == (int64_t)seed;
}

static struct worker workers[] = {
    {.name = "general registers", .turn = turn_general},
    {.name = "vector registers", .turn = turn_vectors},
    {.name = "faults besides", .turn = turn_faults},
    {.name = "calls", .turn = turn_calls},
    {.name = "sleep", .turn = turn_sleep},
    {.name = "park with a deadline", .turn = turn_park},
    {.name = "park and wake", .turn = turn_ping},
    {.name = "wake and park", .turn = turn_pong},
    {.name = "ring", .turn = turn_ring},
    {.name = "threads", .turn = turn_join},
};
#define WORKERS (sizeof workers / sizeof *workers)

/* Itself, and the next. */
static bool interrupt_others(const struct worker *worker) {
    const struct worker *next = &workers[(size_t)(worker - workers + 1) % WORKERS];
    return capos_thread_interrupt(worker->thread, 1) == CAPOS_OK &&
           (__atomic_load_n(&next->is_done, __ATOMIC_ACQUIRE) ||
            capos_thread_interrupt(next->thread, 2) == CAPOS_OK);
}

static uint32_t have_all_started;
static int64_t run_worker(void *argument) {
    struct worker *worker = argument;
    crew_await(&have_all_started, 1);
    bool is_right =
        capos_signal_set_handler(storm_signals, (uintptr_t)storm_handler, (uintptr_t)worker->stack,
                                 sizeof worker->stack) == CAPOS_OK;
    for (uint64_t turn = 0; is_right && (turn < turns || !is_storm_over()); turn++) {
        is_right = worker->turn(turn) && interrupt_others(worker);
    }
    __atomic_store_n(&worker->is_done, true, __ATOMIC_RELEASE);
    return is_right;
}

/* Interrupts all workers in turn until all are done. Pauses, since a thread that is interrupted
 * again whenever it comes back from its handler would get nowhere. */
static int64_t send(void *argument) {
    for (bool is_anybody_left = true; is_anybody_left;) {
        is_anybody_left = false;
        for (size_t i = 0; i < WORKERS; i++) {
            if (!__atomic_load_n(&workers[i].is_done, __ATOMIC_ACQUIRE)) {
                is_anybody_left = true;
                if (capos_thread_interrupt(workers[i].thread, 1) != CAPOS_OK) {
                    return false;
                }
            }
        }
        if (capos_timer_sleep(timer, now() + PAUSE_NS) != CAPOS_OK) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    long long number;
    if (argc > 1 && capos_parse_integer(argv[1], &number) && number > 0) {
        turns = (uint64_t)number;
    }
    storm_signals = crew_capability("signals");
    timer = crew_capability("timer");
    memory = crew_capability("memory");
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].handle = crew_start(run_worker, &workers[i]);
        workers[i].thread = workers[i].handle.capability;
    }
    crew_store(&have_all_started, 1);
    struct capos_thread sender = crew_start(send, NULL);
    CHECK(send(NULL) == true);
    CHECK(crew_value(&sender) == true);
    for (size_t i = 0; i < WORKERS; i++) {
        tap_report(crew_value(&workers[i].handle) == true, workers[i].name);
    }
    CHECK(storm_interrupts >= INTERRUPTS_MIN);
    CHECK(storm_faults >= 16 * turns);
    return tap_finish();
}
