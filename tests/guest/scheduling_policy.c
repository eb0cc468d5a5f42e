// grants: console,timer,threads,thread-control,system-info,memory,park,spawner,scheduling
// cpus: any

/*
 * SchedulingPolicy: whoever is more urgent runs first, at once, on any CPU; equals take turns, and
 * none of them is forgotten behind somebody more urgent; ceilings hold, in children too.
 */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define WORKERS_MAX 66u
#define MILLISECOND_NS UINT64_C(1000000)
#define TURNS 50u

enum { LOW = 10, MIDDLE = 14, MAIN = 16, HIGH = 20, TOP = 31 };

static capos_cap_t timer, policy, self;
static unsigned cpu_count;
static uint64_t all_cpus;

static uint64_t now(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    return now_ns;
}

static void nap(void) {
    (void)capos_timer_sleep(timer, now() + MILLISECOND_NS / 5);
}

static void spin_for(uint64_t duration_ns) {
    for (uint64_t end_ns = now() + duration_ns; now() < end_ns;) {
    }
}

static void pin(capos_cap_t thread, uint64_t cpus) {
    if (capos_thread_set_affinity(thread, cpus) != CAPOS_OK) {
        capos_abort("affinity was refused");
    }
}

static void set(capos_cap_t thread, uint32_t priority) {
    if (capos_scheduling_policy_set_priority(policy, thread, priority) != CAPOS_OK) {
        capos_abort("a priority was refused");
    }
}

static struct capos_scheduling_policy_get_priority_results get(capos_cap_t thread) {
    struct capos_scheduling_policy_get_priority_results results = {0};
    (void)capos_scheduling_policy_get_priority(policy, thread, &results);
    return results;
}

/* A worker counts until it is told to stop. */
struct worker {
    struct capos_thread thread;
    uint32_t should_stop;
    uint64_t count;
};
static struct worker workers[WORKERS_MAX];

static int64_t work(void *argument) {
    struct worker *worker = argument;
    while (crew_load(&worker->should_stop) == 0) {
        __atomic_fetch_add(&worker->count, 1, __ATOMIC_SEQ_CST);
    }
    return 0;
}

static uint64_t count_of(unsigned index) {
    return __atomic_load_n(&workers[index].count, __ATOMIC_SEQ_CST);
}

static void start(unsigned index, uint32_t priority, uint64_t cpus) {
    struct worker *worker = &workers[index];
    *worker = (struct worker){0};
    worker->thread = crew_start(work, worker);
    pin(worker->thread.capability, cpus);
    set(worker->thread.capability, priority);
}

static void stop(unsigned index) {
    crew_store(&workers[index].should_stop, 1);
    (void)crew_value(&workers[index].thread);
}

/* Sleeps until the worker has run some more. */
static void await_progress(unsigned index) {
    for (uint64_t before = count_of(index); count_of(index) < before + 1000;) {
        nap();
    }
}

static void test_what_is_refused(void) {
    CHECK_EQUAL(get(self).priority, CAPOS_PRIORITY_DEFAULT);
    CHECK_EQUAL(get(self).ceiling, TOP);
    CHECK_RESULT(capos_scheduling_policy_set_priority(policy, self, 32), CAPOS_E_INVALID_ARGUMENT);
    CHECK_RESULT(capos_scheduling_policy_set_priority(policy, 12345, 1), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(capos_scheduling_policy_set_priority(policy, timer, 1), CAPOS_E_WRONG_INTERFACE);
    CHECK_RESULT(capos_scheduling_policy_set_priority(policy, self, TOP), CAPOS_OK);
    CHECK_EQUAL(get(self).priority, TOP);
    set(self, MAIN);
    CHECK_EQUAL(get(self).priority, MAIN);
}

/* On one CPU: a less urgent thread stands still while a more urgent one computes, and equals take
 * turns. */
static void test_bands(void) {
    pin(self, 1);
    start(0, LOW, 1);
    start(1, MIDDLE, 1);
    await_progress(1);
    bool is_strict = true;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        uint64_t low = count_of(0), middle = count_of(1);
        spin_for(MILLISECOND_NS / 10);
        is_strict &= count_of(0) == low && count_of(1) == middle;
        nap();
        is_strict &= count_of(0) == low; /* the other one runs then */
    }
    CHECK(is_strict);
    set(workers[0].thread.capability, MIDDLE);
    await_progress(0);
    await_progress(1);
    set(workers[1].thread.capability, LOW);
    await_progress(0);
    uint64_t low = count_of(1);
    await_progress(0);
    CHECK_EQUAL(count_of(1), low);
    stop(0);
    await_progress(1);
    stop(1);
    pin(self, all_cpus);
}

/* Whoever wakes a more urgent thread on its own CPU finds that it has run. */
static uint32_t door, passed;

static int64_t pass(void *argument) {
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        while (crew_load(&door) == turn) {
            (void)capos_park(&door, turn, CAPOS_FOREVER);
        }
        crew_store(&passed, turn + 1);
    }
    return 0;
}

static struct capos_thread start_passing(uint32_t priority, uint64_t cpus) {
    door = passed = 0;
    struct capos_thread thread = crew_start(pass, NULL);
    set(thread.capability, priority);
    pin(thread.capability, cpus);
    return thread;
}

static void await_parked(const struct capos_thread *thread) {
    while (crew_state(thread->capability) != CAPOS_THREAD_STATE_WAITING) {
        nap();
    }
}

static void test_waking(void) {
    bool is_first = true;
    pin(self, 1);
    struct capos_thread thread = start_passing(HIGH, 1);
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        await_parked(&thread);
        crew_store(&door, turn);
        (void)capos_unpark(&door, 1);
        is_first &= crew_load(&passed) == turn;
    }
    CHECK(is_first);
    (void)crew_value(&thread);
    pin(self, all_cpus);
}

/* Whoever raises another above itself makes way at once, and so does who lowers itself. */
static int64_t count_to_the_end(void *argument) {
    for (volatile unsigned count = 0; count < 100000; count++) {
    }
    return 0;
}

static void test_changes(void) {
    bool is_at_once = true;
    pin(self, 1);
    for (unsigned turn = 0; turn < 10; turn++) {
        set(self, LOW); /* which the new thread inherits */
        struct capos_thread thread = crew_start(count_to_the_end, NULL);
        is_at_once &= get(thread.capability).priority == LOW;
        if (turn % 2 == 0) {
            set(thread.capability, HIGH);
        } else {
            set(self, LOW - 1);
        }
        is_at_once &= crew_state(thread.capability) == CAPOS_THREAD_STATE_ENDED;
        (void)crew_value(&thread);
        set(self, MAIN);
    }
    CHECK(is_at_once);
    pin(self, all_cpus);
}

/* A thread whose own CPU runs a more urgent one displaces the least urgent one elsewhere, which was
 * alone there and had no end of its turn to expect. */
static void test_displacement(void) {
    if (cpu_count == 1) {
        return;
    }
    pin(self, 1);
    for (unsigned index = 1; index < cpu_count; index++) {
        start(index, LOW, all_cpus & ~UINT64_C(1));
        await_progress(index);
    }
    struct capos_thread thread = start_passing(MIDDLE, 1);
    for (uint32_t turn = 1; turn < TURNS; turn += 2) {
        pin(thread.capability, 1);
        await_parked(&thread);
        crew_store(&door, turn);
        (void)capos_unpark(&door, 1);
        await_parked(&thread); /* it has run here last */
        pin(thread.capability, all_cpus);
        crew_store(&door, turn + 1);
        (void)capos_unpark(&door, 1);
        while (crew_load(&passed) != turn + 1) { /* for ever, if it is not displaced */
        }
    }
    crew_store(&door, TURNS + 1);
    (void)capos_unpark(&door, 1);
    (void)crew_value(&thread);
    for (unsigned index = 1; index < cpu_count; index++) {
        stop(index);
    }
    pin(self, all_cpus);
    CHECK(true);
}

/* Two threads are stuck on a CPU that runs a more urgent one for ever. The others each run one as
 * urgent as they are, alone and bound: they have to share. */
static void test_nobody_is_stuck(void) {
    if (cpu_count == 1) {
        return;
    }
    set(self, TOP);
    const unsigned stuck[] = {cpu_count, cpu_count + 1};
    for (unsigned index = 0; index < 2; index++) {
        start(stuck[index], LOW, 1);
        await_progress(stuck[index]);
    }
    for (unsigned index = 1; index < cpu_count; index++) {
        start(index, LOW, UINT64_C(1) << index);
        await_progress(index);
    }
    for (unsigned index = 0; index < 2; index++) {
        pin(workers[stuck[index]].thread.capability, all_cpus);
    }
    start(0, HIGH, 1);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned index = 0; index < cpu_count + 2; index++) {
            await_progress(index); /* for ever, if it is stuck */
        }
    }
    for (unsigned index = 0; index < cpu_count + 2; index++) {
        stop(index);
    }
    set(self, MAIN);
    CHECK(true);
}

/* With as many threads as CPUs none idles. */
static void test_no_idling(void) {
    capos_cap_t info = crew_capability("system-info");
    struct capos_system_info_get_results before = {0}, after = {.idle_ns = 1};
    for (unsigned index = 1; index < cpu_count; index++) {
        start(index, MAIN, all_cpus);
    }
    for (unsigned turn = 0; turn < TURNS && before.idle_ns != after.idle_ns; turn++) {
        (void)capos_system_info_get(info, &before);
        spin_for(MILLISECOND_NS);
        (void)capos_system_info_get(info, &after);
    }
    CHECK_EQUAL(after.idle_ns, before.idle_ns);
    for (unsigned index = 1; index < cpu_count; index++) {
        stop(index);
    }
}

/* What a child may: argv[1] is its ceiling, argv[2] its priority at first. With argv[3] it has a
 * child of its own. */
static uint32_t number(const char *text) {
    uint32_t value = 0;
    for (; *text != '\0'; text++) {
        value = value * 10 + (uint32_t)(*text - '0');
    }
    return value;
}

static int64_t run_child(const char *ceiling, const char *priority, const char *more,
                         const char *facet, uint16_t mode) {
    const struct capos_spawn_grant grants[] = {
        {.name = "scheduling", .capability = policy, .mode = mode, .facet = facet},
        {.name = "thread-control", .capability = crew_capability("thread-control")},
        {.name = "spawner", .capability = crew_capability("spawner")},
        {.name = "parent", .capability = self},
    };
    const struct child child = {
        .words = {ceiling, priority, more}, .grants = grants, .grant_count = 4};
    struct capos_process_wait_results end = {0};
    int64_t result = child_run(&child, &end);
    return result != 0 ? result : end.code;
}

static int play_child(uint32_t ceiling, uint32_t priority, bool has_child) {
    capos_cap_t parent = capos_lookup("parent", CAPOS_THREAD_INTERFACE);
    policy = crew_capability("scheduling");
    if (capos_thread_self(&self) != CAPOS_OK || get(self).ceiling != ceiling ||
        get(self).priority != priority) {
        return 1;
    }
    set(self, ceiling);
    if (capos_scheduling_policy_set_priority(policy, self, ceiling + 1) !=
        (ceiling == TOP ? CAPOS_E_INVALID_ARGUMENT : CAPOS_E_NOT_PERMITTED)) {
        return 2;
    }
    if (capos_scheduling_policy_set_priority(policy, parent, 0) != CAPOS_E_NOT_PERMITTED) {
        return 3;
    }
    /* Its own child cannot have more. */
    if (has_child && run_child("20", "16", NULL, "25", CAPOS_SPAWN_GRANT_MODE_DERIVE) != 7) {
        return 4;
    }
    return 7;
}

static void test_children(void) {
    const uint16_t derive = CAPOS_SPAWN_GRANT_MODE_DERIVE;
    CHECK_EQUAL(run_child("31", "16", NULL, "", derive), 7);
    CHECK_EQUAL(run_child("20", "16", "parent", "20", derive), 7);
    CHECK_EQUAL(run_child("5", "5", NULL, "5", derive), 7);
    CHECK_EQUAL(run_child("16", "16", NULL, "", CAPOS_SPAWN_GRANT_MODE_COPY), 7);
    CHECK_RESULT(run_child("0", "0", NULL, "32", derive), CAPOS_E_NOT_PERMITTED);
    CHECK_RESULT(run_child("0", "0", NULL, "low", derive), CAPOS_E_NOT_PERMITTED);
}

int main(int argument_count, char **arguments) {
    if (argument_count > 2) {
        return play_child(number(arguments[1]), number(arguments[2]), argument_count > 3);
    }
    struct capos_system_info_get_results system = {0};
    (void)capos_system_info_get(crew_capability("system-info"), &system);
    timer = crew_capability("timer");
    policy = crew_capability("scheduling");
    cpu_count = system.cpu_count;
    all_cpus = UINT64_MAX >> (64 - cpu_count);
    CHECK_RESULT(capos_thread_self(&self), CAPOS_OK);
    test_what_is_refused();
    test_children();
    test_bands();
    test_waking();
    test_changes();
    test_displacement();
    test_nobody_is_stuck();
    test_no_idling();
    return tap_finish();
}
