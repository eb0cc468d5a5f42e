#pragma once
/*
 * Races provoked on purpose. A program that has them takes a seed as its first argument, draws its
 * delays from it, and goes through scenarios many times, each time with other delays. Nothing here
 * measures time: what is lost shows as a program that does not end, as wrong contents, as a panic,
 * or as memory that is missing afterwards.
 *
 * Under the instruction clock (capos run --icount) the same seed gives the same run, instruction by
 * instruction, also on several CPUs. QEMU then lets one CPU run at a time: until it waits in the
 * kernel, until its program executes PAUSE, or until a timer is due. So:
 *
 * Rules
 * - Who goes round in a loop until another CPU has done something, or for ever, calls race_yield,
 *   race_pause or race_spin in it: else the other may never have its turn.
 * - A thread that sleeps for a short while again and again (race_stir) stops the others in the
 *   midst of whatever they do, in the kernel too.
 */
#include "tests/guest/tap.h"

#define RACE_LOOKS_MAX 1000u
#define RACE_STIRS 16u      /* so many times */
#define RACE_STIR_NS 32000u /* in so much time */

static uint64_t race_state;

/* From the program's first argument; without one, always the same. Prints it. */
static inline void race_seed(int argc, char **argv) {
    long long seed = 1;
    if (argc > 1 && !capos_parse_integer(argv[1], &seed)) {
        capos_abort("the seed is a whole number");
    }
    race_state = (uint64_t)seed;
    capos_printf("# seed %lld\n", seed);
}

/* The next number below limit of a generator that is the caller's own. */
static inline uint64_t race_draw_from(uint64_t *state, uint64_t limit) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % limit;
}

/* For the thread that has set the seed, and no other. */
static inline uint64_t race_draw(uint64_t limit) {
    return race_draw_from(&race_state, limit);
}

static inline void race_pause(void) {
    __builtin_ia32_pause();
}

static inline void race_spin(uint64_t count) {
    for (volatile uint64_t left = count; left > 0; left--) {
        if (left % 64 == 0) {
            race_pause();
        }
    }
}

/* Lets others run: those who wait for this CPU, and those on others. */
static inline void race_yield(void) {
    race_pause();
    (void)capos_enter(0, CAPOS_RING_COMPLETIONS, CAPOS_POLL);
}

/* For a thread or process of its own, which somebody else ends. */
_Noreturn static inline void race_stir(capos_cap_t timer) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    uint64_t seed = race_state;
    capos_ring_open(&ring);
    for (;;) {
        uint64_t now = 0;
        (void)capos_timer_now(timer, &now);
        for (unsigned index = 0; index < RACE_STIRS; index++) {
            struct capos_entry *entry =
                capos_ring_prepare_call(&ring, timer, CAPOS_TIMER_METHOD_SLEEP);
            entry->argument[0] = now + race_draw_from(&seed, RACE_STIR_NS);
        }
        (void)capos_ring_enter(&ring, RACE_STIRS, CAPOS_FOREVER);
        while (capos_ring_take(&ring, &completion)) {
        }
        race_pause();
    }
}

static inline struct capos_system_info_get_results race_machine(void) {
    struct capos_system_info_get_results info = {0};
    capos_system_info_get(capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE), &info);
    return info;
}

/* Whoever ended last may still be giving back its share, on another CPU: so we look more than once.
 */
static inline bool race_is_given_back(const struct capos_system_info_get_results *before) {
    for (unsigned look = 0; look < RACE_LOOKS_MAX; look++) {
        struct capos_system_info_get_results after = race_machine();
        if (after.free_bytes == before->free_bytes &&
            after.process_count == before->process_count &&
            after.thread_count == before->thread_count) {
            return true;
        }
        race_yield();
    }
    struct capos_system_info_get_results after = race_machine();
    capos_printf("# free bytes %lu, then %lu; processes %u, then %u; threads %u, then %u\n",
                 before->free_bytes, after.free_bytes, before->process_count, after.process_count,
                 before->thread_count, after.thread_count);
    return false;
}

/* One turn to touch what we need ourselves, then those that count. All that was taken must come
 * back. */
static inline void race_run(const char *name, bool (*turn)(unsigned), unsigned turns) {
    bool is_right = turn(0);
    struct capos_system_info_get_results before = race_machine();
    for (unsigned number = 1; number <= turns && is_right; number++) {
        is_right = turn(number);
        if (!is_right) {
            capos_printf("# turn %u is wrong\n", number);
        }
    }
    tap_report(is_right && race_is_given_back(&before), name);
}
