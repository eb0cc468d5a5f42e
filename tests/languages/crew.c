/*
 * Threads that were begun in each of the languages, more than there are CPUs, in which each
 * language looks at each, itself included; while interrupts come, whose handler leaves no register
 * as it was and rounds otherwise. Each thread has a way of rounding.
 */
#include "tests/guest/crew.h"

#include "tests/guest/signal_storm/storm.h"
#include "tests/guest/tap.h"
#include "tests/languages/languages.h"

#define LANGUAGES 3u
#define THREADS 6u
#define ROUNDS 12u          /* of each thread, at least */
#define INTERRUPTS_MIN 300u /* in all, before anybody stops */
#define PAUSE_NS UINT64_C(100000)
#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_ROUNDING_SHIFT 13

static const struct language *const languages[LANGUAGES] = {&c_language, &cpp_language,
                                                            &rust_language};

struct member {
    uint32_t index;
    uint32_t wrong[LANGUAGES][LANGUAGES]; /* by who looked, and at whom */
    bool is_rounding_kept, are_counts_right;
    capos_cap_t thread; /* there once is_ready is */
    uint32_t is_ready, is_done;
    void *handle;
    _Alignas(64) uint8_t stack[8192]; /* of the handler */
};

static struct member members[THREADS];

/* Plus and minus a tenth, to the nearest, down, up, and to zero. */
static const struct rounding roundings[] = {
    {.plus = 0x1.999999999999ap-4, .minus = -0x1.999999999999ap-4, .control = 0x0000},
    {.plus = 0x1.9999999999999p-4, .minus = -0x1.999999999999ap-4, .control = 0x2000},
    {.plus = 0x1.999999999999ap-4, .minus = -0x1.9999999999999p-4, .control = 0x4000},
    {.plus = 0x1.9999999999999p-4, .minus = -0x1.9999999999999p-4, .control = 0x6000},
};

static bool is_rounding(const struct rounding *wanted) {
    bool is_right = true;
    for (size_t i = 0; i < LANGUAGES; i++) {
        struct rounding found = languages[i]->round();
        is_right &= found.plus == wanted->plus && found.minus == wanted->minus &&
                    found.control == wanted->control;
    }
    return is_right;
}

static bool is_storm_over(void) {
    return __atomic_load_n(&storm_interrupts, __ATOMIC_RELAXED) >= INTERRUPTS_MIN;
}

/* Each language was looked at by three, twice each. */
static bool are_counts(uint64_t rounds) {
    bool is_right = languages_count == 1000 + rounds * LANGUAGES * LANGUAGES * 2;
    for (size_t i = 0; i < LANGUAGES; i++) {
        is_right &= languages[i]->count() == rounds * LANGUAGES * 2 + 1;
    }
    return is_right;
}

static int64_t run(void *argument) {
    struct member *member = argument;
    const struct rounding *rounding = &roundings[member->index % 4];
    uint32_t mxcsr = MXCSR_DEFAULT | (uint32_t)rounding->control;
    uint64_t seed = (member->index + 1) * UINT64_C(0x9e3779b97f4a7c15), rounds = 0;
    if (capos_thread_self(&member->thread) != CAPOS_OK ||
        capos_signal_set_handler(storm_signals, (uintptr_t)storm_handler, (uintptr_t)member->stack,
                                 sizeof member->stack) != CAPOS_OK) {
        return -1;
    }
    crew_store(&member->is_ready, 1);
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    for (; rounds < ROUNDS || !is_storm_over(); rounds++) {
        for (size_t who = 0; who < LANGUAGES; who++) {
            for (size_t whom = 0; whom < LANGUAGES; whom++) {
                member->wrong[who][whom] |= languages[who]->look_at(languages[whom], seed);
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407; /* Knuth */
            }
        }
        capos_thread_yield();
    }
    member->is_rounding_kept = is_rounding(rounding);
    member->are_counts_right = are_counts(rounds);
    crew_store(&member->is_done, 1);
    return member->index;
}

/* Interrupts all again and again until all are done, with pauses in which they get on. */
static void send_interrupts(capos_cap_t timer) {
    for (bool is_anybody_left = true; is_anybody_left;) {
        uint64_t now_ns = 0;
        is_anybody_left = false;
        for (size_t i = 0; i < THREADS; i++) {
            if (crew_load(&members[i].is_done) == 0) {
                is_anybody_left = true;
                if (crew_load(&members[i].is_ready) != 0) {
                    (void)capos_thread_interrupt(members[i].thread, 1);
                }
            }
        }
        (void)capos_timer_now(timer, &now_ns);
        (void)capos_timer_sleep(timer, now_ns + PAUSE_NS);
    }
}

static void report(size_t who, size_t whom) {
    char name[40];
    uint32_t wrong = 0;
    for (size_t i = 0; i < THREADS; i++) {
        wrong |= members[i].wrong[who][whom];
    }
    capos_format(name, sizeof name, "%s calls %s", languages[who]->name, languages[whom]->name);
    if (!tap_report(wrong == 0, name)) {
        capos_printf("#   wrong: 0x%x\n", wrong);
    }
}

static void test_threads(void) {
    bool are_right = true, is_rounding_kept = true, are_counts_right = true;
    for (uint32_t i = 0; i < THREADS; i++) {
        members[i].index = i;
        members[i].handle = languages[i % LANGUAGES]->start(run, &members[i]);
        if (members[i].handle == NULL) {
            capos_abort("a thread could not be started");
        }
    }
    send_interrupts(crew_capability("timer"));
    for (uint32_t i = 0; i < THREADS; i++) {
        are_right &= languages[i % LANGUAGES]->wait(members[i].handle) == i;
        is_rounding_kept &= members[i].is_rounding_kept;
        are_counts_right &= members[i].are_counts_right;
    }
    for (size_t pair = 0; pair < LANGUAGES * LANGUAGES; pair++) {
        report(pair / LANGUAGES, pair % LANGUAGES);
    }
    tap_report(are_right, "threads of all languages return what they should");
    tap_report(is_rounding_kept, "each thread rounds its own way in all languages");
    tap_report(are_counts_right, "each thread has variables of its own in all languages");
    CHECK_EQUAL(cpp_objects_begun(), THREADS);
    CHECK_EQUAL(cpp_objects_ended(), THREADS);
    CHECK(storm_interrupts >= INTERRUPTS_MIN);
}

/* Through all three, to see who called whom. */
static void end(const char *how) {
    if (strcmp(how, "panic") == 0) {
        cpp_language.apply_twice(rust_panics, NULL, 1);
    } else if (strcmp(how, "pure") == 0) {
        rust_language.apply_twice(cpp_calls_nothing, NULL, 1);
    }
}

int languages_run(int argc, char **argv) {
    if (argc > 1) {
        end(argv[1]);
        return 99;
    }
    CHECK(c_is_constructed());
    CHECK(cpp_is_constructed());
    CHECK(is_rounding(&roundings[0]));
    storm_signals = crew_capability("signals");
    test_threads();
    CHECK_EQUAL(languages_count, 1000);
    return tap_finish();
}
