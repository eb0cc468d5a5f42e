#pragma once
/*
 * Races of two threads of one process. A scenario is a turn that is taken many times: the first
 * thread makes ready, both do their part at the same time, each after a delay that is drawn from
 * the seed, and the first looks at what has come of it. Every scenario runs in a process of its
 * own, beside a thread that stirs (race.h); when it has ended, the machine must have what it had.
 *
 *   static void first(void) { ... }                     duel_go(first) runs it beside the second
 *   static const struct duel duels[] = {{"name", turn, second, 100}, ...};
 *
 * The program is granted default and spawner; children get what it has.
 */
#include "tests/guest/child.h"
#include "tests/guest/race.h"

#define DUEL_DELAY_MAX 200u
#define DUEL_RESULTS 32u
#define DUEL_USER_DATA 7u
#define DUEL_TWICE 2

struct duel {
    const char *name;
    bool (*turn)(uint64_t number); /* false when something was wrong */
    void (*second)(void);          /* the second thread's part; NULL: there is none */
    unsigned turns;
};

static uint32_t duel_begun, duel_ready, duel_off, duel_over; /* numbers of turns */
static uint64_t duel_delay;                                  /* of the second thread */

static inline void duel_say(uint32_t *word, uint32_t number) {
    __atomic_store_n(word, number, __ATOMIC_SEQ_CST);
    (void)capos_unpark(word, 1);
}

static inline void duel_await(const uint32_t *word, uint32_t number) {
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != number) {
        (void)capos_park(word, number - 1, CAPOS_FOREVER);
        race_pause();
    }
}

/* Goes round without PAUSE: under the instruction clock whoever has its turn then comes to what it
 * does before the other goes on from where it was stopped. */
static inline void duel_wait(uint64_t count) {
    for (volatile uint64_t left = count; left > 0; left--) {
    }
}

static inline int64_t duel_run_second(void *argument) {
    const struct duel *duel = argument;
    for (uint32_t number = 1;; number++) {
        duel_await(&duel_begun, number);
        duel_say(&duel_ready, number);
        while (__atomic_load_n(&duel_off, __ATOMIC_SEQ_CST) != number) {
            race_yield(); /* awake when the other is off */
        }
        duel_wait(duel_delay);
        duel->second();
        duel_say(&duel_over, number);
    }
}

/* Both parts at the same time; returns when both are over. */
static inline void duel_go(void (*first)(void)) {
    uint64_t delay = race_draw(DUEL_DELAY_MAX);
    duel_delay = race_draw(DUEL_DELAY_MAX);
    uint32_t number = duel_begun + 1;
    duel_say(&duel_begun, number);
    duel_await(&duel_ready, number);
    __atomic_store_n(&duel_off, number, __ATOMIC_SEQ_CST);
    if (race_draw(2) == 0) {
        race_yield(); /* the other is first then, more often than not */
    }
    duel_wait(delay);
    first();
    duel_await(&duel_over, number);
}

static inline void duel_start(int64_t (*run)(void *argument), const void *argument,
                              struct capos_thread *thread) {
    const struct capos_thread_options options = {.stack_bytes = 65536};
    if (capos_thread_create(thread, &options, run, (void *)(uintptr_t)argument) != CAPOS_OK) {
        capos_abort("a thread could not be started");
    }
}

static inline int64_t duel_run_stirrer(void *argument) {
    (void)argument;
    race_stir(capos_lookup("timer", CAPOS_TIMER_INTERFACE));
}

static inline uint64_t duel_now(void) {
    uint64_t monotonic_ns = 0;
    (void)capos_timer_now(capos_lookup("timer", CAPOS_TIMER_INTERFACE), &monotonic_ns);
    return monotonic_ns;
}

/* A ring with one operation, which the caller goes on to fill in. */
static inline struct capos_entry *duel_prepare(struct capos_ring_client *ring, uint8_t opcode,
                                               capos_cap_t capability) {
    capos_ring_open(ring);
    struct capos_entry *entry = capos_ring_prepare(ring);
    entry->opcode = opcode;
    entry->capability = capability;
    entry->user_data = DUEL_USER_DATA;
    return entry;
}

/* Its result, when it has completed; DUEL_TWICE when it has done so twice. */
static inline int64_t duel_complete(struct capos_ring_client *ring) {
    struct capos_completion completion, second;
    do {
        (void)capos_ring_enter(ring, 1, CAPOS_FOREVER);
    } while (!capos_ring_take(ring, &completion));
    return capos_ring_take(ring, &second) ? DUEL_TWICE : completion.result;
}

/* The same for one that is cancelled on its way; *cancelled is what CANCEL said. */
static inline int64_t duel_cancel(struct capos_ring_client *ring, uint64_t delay,
                                  int64_t *cancelled) {
    (void)capos_ring_enter(ring, 0, CAPOS_POLL);
    race_spin(delay);
    *cancelled = capos_cancel(DUEL_USER_DATA);
    return duel_complete(ring);
}

/* How often each result came: what a race must have of both its ends. */
static uint32_t duel_results[DUEL_RESULTS];

static inline void duel_count(int64_t result) {
    if (result <= 0 && result > -(int64_t)DUEL_RESULTS) {
        duel_results[-result]++;
    }
}

/* Under the instruction clock the same seed gives the same line. */
static inline void duel_print_results(const struct duel *duel) {
    capos_printf("# %s:", duel->name);
    for (unsigned index = 0; index < DUEL_RESULTS; index++) {
        if (duel_results[index] != 0) {
            capos_printf(" %u %s,", duel_results[index], capos_error_name(-(int64_t)index));
        }
    }
    capos_printf(" at %lu ns\n", duel_now());
}

/* In the child: all turns. The exit code. */
static inline int duel_play(const struct duel *duel) {
    struct capos_thread stirrer, second;
    duel_start(duel_run_stirrer, NULL, &stirrer);
    if (duel->second != NULL) {
        duel_start(duel_run_second, duel, &second);
    }
    for (uint64_t number = 1; number <= duel->turns; number++) {
        if (!duel->turn(number)) {
            capos_printf("# turn %lu is wrong\n", number);
            return 1;
        }
    }
    duel_print_results(duel);
    return 0;
}

static inline bool duel_run_child(unsigned index) {
    struct capos_spawn_grant grants[CHILD_GRANTS_MAX];
    char texts[2][24];
    capos_format(texts[0], sizeof texts[0], "%u", index);
    capos_format(texts[1], sizeof texts[1], "%lu", race_state);
    struct child child = {.words = {"duel", texts[0], texts[1]},
                          .grants = grants,
                          .grant_count = child_take_grants(grants)};
    return child_has_ended(child_start(&child), CAPOS_PROCESS_EXIT_REASON_EXITED);
}

/* main of such a program. */
static inline int duel_main(int argc, char **argv, const struct duel *duels, unsigned count) {
    long long index;
    if (argc > 3 && capos_parse_integer(argv[2], &index)) {
        race_seed(argc - 2, argv + 2); /* behind the scenario's number */
        return duel_play(&duels[index]);
    }
    race_seed(argc, argv);
    for (unsigned number = 0; number < count; number++) {
        struct capos_system_info_get_results before = race_machine();
        bool is_right = duel_run_child(number);
        /* What we touched for the first child is there from then on. */
        is_right &= number == 0 || race_is_given_back(&before);
        tap_report(is_right, duels[number].name);
    }
    return tap_finish();
}
