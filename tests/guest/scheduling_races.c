// grants: console,timer,threads,thread-control,memory,park,system-info,process-info,scheduling
// seed: 1
// cpus: any
// also: --icount

/*
 * Races of scheduling and time: priorities and affinities that change while threads run, wait, wake
 * each other and end; waits for CPU time against ends of threads and deadlines; intervals that are
 * set and given up while threads wait for them. A thread that is lost in no queue shows as a test
 * that does not end.
 */
#include "tests/guest/crew.h"
#include "tests/guest/race.h"

#define WORKERS 6u
#define STEPS 60u
#define CHANGES 120u
#define TURNS 12u
#define TOP 31u

static capos_cap_t timer, policy, process_info;
static uint64_t all_cpus;

static uint64_t now(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    return now_ns;
}

static void nap(uint64_t most_ns) {
    (void)capos_timer_sleep(timer, now() + race_draw(most_ns));
}

struct worker {
    struct capos_thread thread;
    uint64_t random;
};
static struct worker workers[WORKERS];
static uint32_t words[4];
static capos_cap_t interval;

static uint64_t draw(struct worker *worker, uint64_t limit) {
    worker->random = worker->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (worker->random >> 33) % limit;
}

/* One thing that waits or wakes; none waits for ever. */
static bool step(struct worker *worker) {
    uint32_t *word = &words[draw(worker, 4)];
    uint64_t deadline_ns = now() + draw(worker, 30000), aux;
    int64_t result = 0;
    switch (draw(worker, 7)) {
    case 0:
        result = capos_park(word, crew_load(word), deadline_ns);
        return result == CAPOS_OK || result == CAPOS_E_TIMED_OUT || result == CAPOS_E_VALUE_CHANGED;
    case 1:
        crew_store(word, (uint32_t)draw(worker, 3));
        return capos_unpark(word, draw(worker, 4)) >= 0;
    case 2:
        return capos_timer_sleep(timer, deadline_ns) == CAPOS_OK;
    case 3:
        race_yield();
        return true;
    case 4:
        race_spin(draw(worker, 2000));
        return true;
    case 5:
        (void)capos_process_info_cpu_time(process_info, &aux);
        return capos_process_info_wait_cpu_time(process_info, aux + draw(worker, 5000)) == CAPOS_OK;
    default:
        return capos_interval_timer_wait(interval, &aux) == CAPOS_OK && aux > 0;
    }
}

static int64_t work(void *argument) {
    struct worker *worker = argument;
    bool is_right = true;
    for (unsigned number = 0; number < STEPS; number++) {
        is_right &= step(worker);
    }
    return is_right ? 1 : 0;
}

/* Somebody computes all the while at the lowest priority, so that CPU time goes on for those who
 * wait for it. */
static struct capos_thread background;
static uint32_t should_stop;

static int64_t compute(void *argument) {
    while (crew_load(&should_stop) == 0) {
        race_spin(100);
    }
    return 0;
}

static bool start_workers(void) {
    crew_store(&should_stop, 0);
    background = crew_start(compute, NULL);
    for (unsigned index = 0; index < WORKERS; index++) {
        workers[index].random = race_draw(UINT32_MAX);
        workers[index].thread = crew_start(work, &workers[index]);
    }
    return capos_scheduling_policy_set_priority(policy, background.capability, 0) == CAPOS_OK;
}

static bool end_workers(void) {
    bool is_right = true;
    for (unsigned index = 0; index < WORKERS; index++) {
        is_right &= crew_value(&workers[index].thread) == 1;
    }
    crew_store(&should_stop, 1);
    (void)crew_value(&background);
    return is_right;
}

static bool change(capos_cap_t thread) {
    uint64_t cpus = 1 + race_draw(all_cpus);
    return race_draw(2) == 0
               ? capos_thread_set_affinity(thread, cpus) == CAPOS_OK
               : capos_scheduling_policy_set_priority(policy, thread, (uint32_t)race_draw(20)) ==
                     CAPOS_OK;
}

static bool change_places(unsigned turn) {
    bool is_right = capos_timer_interval(timer, now(), 5000, &interval) == CAPOS_OK;
    is_right &= start_workers();
    for (unsigned number = 0; number < CHANGES; number++) {
        is_right &= change(workers[race_draw(WORKERS)].thread.capability);
        if (race_draw(4) == 0) {
            nap(RACE_STIR_NS);
        }
    }
    is_right &= end_workers();
    return is_right && capos_release(interval) == CAPOS_OK;
}

/* A wait on a thread that ends, or not, or is moved meanwhile, before or after the deadline. */
static int64_t live_shortly(void *argument) {
    race_spin(*(const uint64_t *)argument);
    return 0;
}

static struct capos_entry *prepare(struct capos_ring_client *ring, capos_cap_t capability,
                                   uint16_t method, uint64_t argument) {
    struct capos_entry *entry = capos_ring_prepare_call(ring, capability, method);
    entry->argument[0] = argument;
    return entry;
}

static bool is_end_of_wait(int64_t result) {
    return result == CAPOS_OK || result == CAPOS_E_TIMED_OUT || result == CAPOS_E_DISCONNECTED;
}

static bool end_awaited(unsigned turn) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    bool is_right = true;
    capos_ring_open(&ring);
    for (unsigned number = 0; number < 10; number++) {
        uint64_t length = race_draw(20000);
        struct capos_thread thread = crew_start(live_shortly, &length);
        for (unsigned wait = 0; wait < 3; wait++) {
            struct capos_entry *entry = prepare(
                &ring, thread.capability, CAPOS_THREAD_METHOD_WAIT_CPU_TIME, race_draw(40000));
            if (wait > 0) {
                entry->deadline_ns = now() + race_draw(60000);
            }
        }
        (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
        if (race_draw(2) == 0) {
            (void)change(thread.capability);
        }
        is_right &= capos_ring_enter(&ring, 3, CAPOS_FOREVER) == 3;
        while (capos_ring_take(&ring, &completion)) {
            is_right &= is_end_of_wait(completion.result);
        }
        (void)crew_value(&thread);
    }
    return is_right;
}

/* Waits for an interval against set, stop and the end of its last capability. */
static bool move_interval(unsigned turn) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    bool is_right = capos_timer_interval(timer, now(), 3000, &interval) == CAPOS_OK;
    capos_ring_open(&ring);
    is_right &= start_workers();
    for (unsigned number = 0; number < 40; number++) {
        is_right &= capos_interval_timer_set(interval, now() + race_draw(10000),
                                             1000 + race_draw(5000)) == CAPOS_OK;
        prepare(&ring, interval, CAPOS_INTERVAL_TIMER_METHOD_WAIT, 0)->deadline_ns =
            now() + race_draw(8000);
        is_right &= capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1;
        while (capos_ring_take(&ring, &completion)) {
            is_right &= is_end_of_wait(completion.result);
        }
    }
    is_right &= end_workers();
    prepare(&ring, interval, CAPOS_INTERVAL_TIMER_METHOD_WAIT, 0)->deadline_ns =
        now() + race_draw(8000);
    (void)capos_ring_enter(&ring, 0, CAPOS_POLL);
    is_right &= capos_release(interval) == CAPOS_OK;
    is_right &= capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1;
    (void)capos_ring_take(&ring, &completion);
    return is_right && is_end_of_wait(completion.result);
}

int main(int argument_count, char **arguments) {
    capos_cap_t self;
    race_seed(argument_count, arguments);
    timer = crew_capability("timer");
    policy = crew_capability("scheduling");
    process_info = crew_capability("process-info");
    all_cpus = UINT64_MAX >> (64 - race_machine().cpu_count);
    if (capos_thread_self(&self) != CAPOS_OK ||
        capos_scheduling_policy_set_priority(policy, self, TOP) != CAPOS_OK) {
        capos_abort("the test lacks a grant");
    }
    race_run("places change while threads run, wait and wake each other", change_places, TURNS);
    race_run("threads end while somebody waits for their CPU time", end_awaited, TURNS);
    race_run("intervals change while threads wait for them", move_interval, TURNS);
    return tap_finish();
}
