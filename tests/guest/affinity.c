// grants: console,timer,threads,thread-control,thread-info,system-info,memory,park,spawner
// cpus: any

/*
 * Affinity: threads that run, wait, are ready or are new run where they may, and nowhere else; a
 * thread that may run elsewhere does not wait behind one that may not.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define WORKERS_MAX 8u
#define ROUNDS 200u

static capos_cap_t timer, thread_info, self;
static unsigned cpu_count;
static uint64_t all_cpus;

static uint32_t own_cpu(void) {
    struct capos_thread_info_get_results info = {0};
    (void)capos_thread_info_get(thread_info, &info);
    return info.cpu;
}

static struct capos_thread_info_results look(capos_cap_t thread) {
    struct capos_thread_info_results info = {0};
    (void)capos_thread_info(thread, &info);
    return info;
}

static uint64_t bit(uint32_t cpu) {
    return UINT64_C(1) << cpu;
}

static void pin(capos_cap_t thread, uint64_t cpus) {
    if (capos_thread_set_affinity(thread, cpus) != CAPOS_OK) {
        capos_abort("affinity was refused");
    }
}

static void nap(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    (void)capos_timer_sleep(timer, now_ns + 100000);
}

static void test_what_is_refused(void) {
    CHECK_EQUAL(look(self).cpus, all_cpus);
    CHECK_RESULT(capos_thread_set_affinity(self, 0), CAPOS_E_INVALID_ARGUMENT);
    if (cpu_count < 64) {
        CHECK_RESULT(capos_thread_set_affinity(self, ~all_cpus), CAPOS_E_INVALID_ARGUMENT);
    }
    CHECK_EQUAL(look(self).cpus, all_cpus);
    CHECK_RESULT(capos_thread_set_affinity(self, UINT64_MAX), CAPOS_OK);
    CHECK_EQUAL(look(self).cpus, all_cpus);
}

/* The caller has moved when the call returns, and stays there whatever it does. */
static void test_own(void) {
    bool is_there = true;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t cpu = round * 7 / 3 % cpu_count;
        pin(self, bit(cpu));
        is_there &= own_cpu() == cpu;
        if (round % 3 == 0) {
            nap();
        } else {
            capos_thread_yield();
        }
        is_there &= own_cpu() == cpu;
    }
    pin(self, all_cpus);
    CHECK(is_there);
}

static uint32_t should_stop;
static uint64_t counters[WORKERS_MAX];

static int64_t spin(void *argument) {
    uint64_t *counter = argument;
    while (crew_load(&should_stop) == 0) {
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

static uint64_t count(unsigned index) {
    return __atomic_load_n(&counters[index], __ATOMIC_RELAXED);
}

/* Goes on when all of them have run some more. */
static void await_progress(unsigned workers) {
    uint64_t before[WORKERS_MAX];
    for (unsigned index = 0; index < workers; index++) {
        before[index] = count(index);
    }
    for (unsigned index = 0; index < workers; index++) {
        while (count(index) < before[index] + 1000) {
            nap();
        }
    }
}

static unsigned start_spinners(struct capos_thread *threads, unsigned workers) {
    crew_store(&should_stop, 0);
    for (unsigned index = 0; index < workers; index++) {
        counters[index] = 0;
        threads[index] = crew_start(spin, &counters[index]);
    }
    return workers;
}

static void stop_spinners(struct capos_thread *threads, unsigned workers) {
    crew_store(&should_stop, 1);
    for (unsigned index = 0; index < workers; index++) {
        (void)crew_value(&threads[index]);
    }
}

/* A thread that never enters the kernel moves too. */
static void test_running(void) {
    struct capos_thread thread;
    unsigned workers = start_spinners(&thread, 1);
    for (unsigned round = 0; round < ROUNDS / 4; round++) {
        uint32_t cpu = (round * 5 + round / 3) % cpu_count;
        pin(thread.capability, bit(cpu));
        while (look(thread.capability).cpu != cpu) {
            capos_thread_yield();
        }
        for (unsigned look_again = 0; look_again < 10; look_again++) {
            if (look(thread.capability).cpu != cpu) {
                capos_abort("it runs where it may not");
            }
        }
    }
    stop_spinners(&thread, workers);
    CHECK(true);
}

/* All on the last CPU: they take turns there and leave the others idle. Then let go: whoever is in
 * that queue is taken by the others. */
static void test_crowd(void) {
    struct capos_thread threads[WORKERS_MAX];
    uint32_t last = cpu_count - 1;
    unsigned workers = start_spinners(threads, 4);
    for (unsigned index = 0; index < workers; index++) {
        pin(threads[index].capability, bit(last));
    }
    pin(self, bit(0));
    await_progress(workers);
    bool is_there = true;
    for (unsigned index = 0; index < workers; index++) {
        is_there &= look(threads[index].capability).cpu == last;
    }
    CHECK(is_there);
    for (unsigned index = 0; index < workers; index++) {
        pin(threads[index].capability, all_cpus);
    }
    await_progress(workers);
    stop_spinners(threads, workers);
    pin(self, all_cpus);
    CHECK(true);
}

/* A mask of some CPUs: never anywhere else, seen by the thread itself. The sequence is odd while
 * the mask changes. */
static uint64_t mask;
static uint32_t sequence;

static int64_t sample(void *argument) {
    int64_t wrong = 0;
    for (unsigned round = 0; crew_load(&should_stop) == 0; round++) {
        uint32_t before = crew_load(&sequence);
        uint64_t wanted = __atomic_load_n(&mask, __ATOMIC_SEQ_CST);
        uint32_t cpu = own_cpu();
        if (before % 2 == 0 && crew_load(&sequence) == before) {
            wrong += (wanted >> cpu & 1) == 0;
        }
        if (round % 16 == 0) {
            nap();
        } else if (round % 4 == 0) {
            capos_thread_yield();
        }
    }
    return wrong;
}

static void test_masks(void) {
    struct capos_thread thread;
    uint64_t random = 0x2545f4914f6cdd1d;
    mask = all_cpus;
    crew_store(&should_stop, 0);
    thread = crew_start(sample, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint64_t cpus = (random >> 33 & all_cpus) != 0 ? random >> 33 & all_cpus : all_cpus;
        crew_store(&sequence, 2 * round + 1);
        pin(thread.capability, cpus);
        __atomic_store_n(&mask, cpus, __ATOMIC_SEQ_CST);
        while ((cpus >> look(thread.capability).cpu & 1) == 0) {
            capos_thread_yield();
        }
        crew_store(&sequence, 2 * round + 2);
        if (round % 2 == 0) {
            nap();
        }
    }
    crew_store(&should_stop, 1);
    CHECK_EQUAL(crew_value(&thread), 0);
}

/* A new thread runs where its creator may. */
static int64_t report_cpus(void *argument) {
    capos_cap_t own;
    if (capos_thread_self(&own) != CAPOS_OK) {
        return 0;
    }
    int64_t cpus = (int64_t)look(own).cpus;
    (void)capos_release(own);
    return own_cpu() == cpu_count - 1 ? cpus : 0;
}

static void test_inheritance(void) {
    pin(self, bit(cpu_count - 1));
    struct capos_thread thread = crew_start(report_cpus, NULL);
    CHECK_EQUAL(crew_value(&thread), bit(cpu_count - 1));
    pin(self, all_cpus);
}

/* Another process may not. */
static int play_stranger(void) {
    capos_cap_t thread = capos_lookup("thread", CAPOS_THREAD_INTERFACE);
    return capos_thread_set_affinity(thread, 1) == CAPOS_E_NOT_PERMITTED ? 7 : 1;
}

static void test_stranger(void) {
    const struct capos_spawn_grant grants[] = {
        {.name = "thread", .capability = self, .mode = CAPOS_SPAWN_GRANT_MODE_COPY},
    };
    const struct child child = {.words = {"stranger"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {0};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK_EQUAL(end.code, 7);
}

int main(int argument_count, char **arguments) {
    if (argument_count > 1) {
        return play_stranger();
    }
    struct capos_system_info_get_results system = {0};
    (void)capos_system_info_get(crew_capability("system-info"), &system);
    timer = crew_capability("timer");
    thread_info = crew_capability("thread-info");
    cpu_count = system.cpu_count;
    all_cpus = UINT64_MAX >> (64 - cpu_count);
    CHECK_RESULT(capos_thread_self(&self), CAPOS_OK);
    test_what_is_refused();
    test_own();
    test_running();
    test_crowd();
    test_masks();
    test_inheritance();
    test_stranger();
    return tap_finish();
}
