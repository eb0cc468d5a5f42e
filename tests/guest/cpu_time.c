// grants: console,timer,threads,thread-control,thread-info,process-info,system-info,memory,park
// cpus: any

/*
 * CPU time: of threads that run here, elsewhere or not at all, and of the process; waiting for it;
 * and that no timer fires for what is not due.
 */
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)
#define WORKERS_MAX 8u
#define TRIES 100u
#define WINDOW_NS (20 * MILLISECOND_NS) /* four slices */

static capos_cap_t timer, thread_info, process_info, system_info;
static unsigned cpu_count;

static uint64_t now(void) {
    uint64_t now_ns = 0;
    (void)capos_timer_now(timer, &now_ns);
    return now_ns;
}

static uint64_t own_time(void) {
    uint64_t time_ns = 0;
    (void)capos_thread_info_cpu_time(thread_info, &time_ns);
    return time_ns;
}

static uint64_t process_time(void) {
    uint64_t time_ns = 0;
    (void)capos_process_info_cpu_time(process_info, &time_ns);
    return time_ns;
}

static uint64_t time_of(capos_cap_t thread) {
    return crew_info(thread).cpu_time_ns;
}

static struct capos_system_info_get_results system(void) {
    struct capos_system_info_get_results info = {0};
    (void)capos_system_info_get(system_info, &info);
    return info;
}

static void compute(uint64_t duration_ns) {
    for (uint64_t end_ns = own_time() + duration_ns; own_time() < end_ns;) {
    }
}

/* A worker computes while `mode` says so, and parks while it says that. */
enum { MODE_COMPUTE, MODE_PARK, MODE_BURSTS, MODE_END };
static uint32_t mode;

static int64_t work(void *argument) {
    uint32_t asked;
    while ((asked = crew_load(&mode)) != MODE_END) {
        if (asked == MODE_PARK) {
            (void)capos_park(&mode, MODE_PARK, CAPOS_FOREVER);
        } else if (asked == MODE_BURSTS) {
            compute(20000);
            (void)capos_timer_sleep(timer, now() + 20000);
        }
    }
    return 0;
}

static void set_mode(uint32_t value) {
    crew_store(&mode, value);
    (void)capos_unpark(&mode, WORKERS_MAX);
}

static void test_own_time(void) {
    uint64_t last_ns = own_time();
    bool is_monotonic = last_ns != 0;
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t next_ns = own_time();
        is_monotonic &= next_ns > last_ns;
        last_ns = next_ns;
    }
    CHECK(is_monotonic);
    struct capos_thread_info_get_results info = {0};
    CHECK_RESULT(capos_thread_info_get(thread_info, &info), CAPOS_OK);
    CHECK(info.cpu_time_ns > last_ns && info.cpu_time_ns < own_time());
    uint64_t wall_ns = now(), process_ns = process_time();
    compute(2 * MILLISECOND_NS);
    process_ns = process_time() - process_ns;
    CHECK(process_ns >= 2 * MILLISECOND_NS);
    CHECK(process_ns <= now() - wall_ns); /* one thread alone */
}

/* Whoever sleeps does not run. A host that stops the CPU at the wrong time looks like running, so
 * one of many tries has to show it. */
static void test_sleep(void) {
    bool is_shown = false;
    for (unsigned round = 0; round < TRIES && !is_shown; round++) {
        uint64_t wall_ns = now(), start_ns = own_time();
        (void)capos_timer_sleep(timer, wall_ns + 4 * MILLISECOND_NS);
        is_shown = own_time() - start_ns < (now() - wall_ns) / 2;
    }
    CHECK(is_shown);
}

/* A thread that computes and never enters the kernel, seen from another CPU. */
static void test_running_elsewhere(void) {
    set_mode(MODE_COMPUTE);
    struct capos_thread worker = crew_start(work, NULL);
    bool is_monotonic = true;
    uint64_t last_ns = 0, process_ns = process_time();
    while (last_ns < 10 * MILLISECOND_NS) { /* for ever, if running is not counted */
        uint64_t next_ns = time_of(worker.capability), next_process_ns = process_time();
        is_monotonic &= next_ns >= last_ns && next_process_ns >= process_ns;
        last_ns = next_ns;
        process_ns = next_process_ns;
        capos_thread_yield();
    }
    CHECK(is_monotonic);
    uint64_t own_ns = own_time(), other_ns = time_of(worker.capability);
    CHECK(process_time() >= own_ns + other_ns);
    set_mode(MODE_PARK);
    crew_await_still(&worker);
    other_ns = time_of(worker.capability);
    (void)capos_timer_sleep(timer, now() + 2 * MILLISECOND_NS);
    CHECK_EQUAL(time_of(worker.capability), other_ns);
    set_mode(MODE_END);
    (void)crew_value(&worker);
}

static void test_wait_for_thread(void) {
    set_mode(MODE_COMPUTE);
    struct capos_thread worker = crew_start(work, NULL);
    bool is_right = true;
    for (unsigned round = 0; round < 10; round++) {
        uint64_t wanted_ns = time_of(worker.capability) + round * MILLISECOND_NS / 2;
        is_right &= capos_thread_wait_cpu_time(worker.capability, wanted_ns) == CAPOS_OK &&
                    time_of(worker.capability) >= wanted_ns;
    }
    CHECK(is_right);
    set_mode(MODE_BURSTS); /* is reached when it goes to sleep, or runs; never while it sleeps */
    for (unsigned round = 0; round < 10; round++) {
        uint64_t wanted_ns = time_of(worker.capability) + 50000;
        is_right &= capos_thread_wait_cpu_time(worker.capability, wanted_ns) == CAPOS_OK &&
                    time_of(worker.capability) >= wanted_ns;
    }
    CHECK(is_right);
    set_mode(MODE_PARK);
    crew_await_waiting(&worker);
    uint64_t time_ns = time_of(worker.capability);
    CHECK_RESULT(capos_thread_wait_cpu_time(worker.capability, time_ns), CAPOS_OK);
    set_mode(MODE_END);
    (void)crew_value(&worker);
}

static struct capos_entry *prepare_wait(struct capos_ring_client *ring, capos_cap_t thread,
                                        uint64_t time_ns, uint64_t user_data) {
    struct capos_entry *entry =
        capos_ring_prepare_call(ring, thread, CAPOS_THREAD_METHOD_WAIT_CPU_TIME);
    entry->argument[0] = time_ns;
    entry->user_data = user_data;
    return entry;
}

/* Deadline, CANCEL and the thread's end, while it does not run at all. */
static void test_other_ends_of_waits(void) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    capos_ring_open(&ring);
    set_mode(MODE_PARK);
    struct capos_thread worker = crew_start(work, NULL);
    crew_await_waiting(&worker);

    prepare_wait(&ring, worker.capability, UINT64_MAX - 1, 1)->deadline_ns = now() + MILLISECOND_NS;
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    CHECK(capos_ring_take(&ring, &completion));
    CHECK_RESULT(completion.result, CAPOS_E_TIMED_OUT);

    prepare_wait(&ring, worker.capability, UINT64_MAX - 1, 2);
    prepare_wait(&ring, worker.capability, UINT64_MAX - 2, 3);
    struct capos_entry *cancel = capos_ring_prepare(&ring);
    cancel->opcode = CAPOS_OP_CANCEL;
    cancel->argument[0] = 2;
    cancel->user_data = 4;
    CHECK_EQUAL(capos_ring_enter(&ring, 2, CAPOS_FOREVER), 2);
    bool is_cancelled = false;
    while (capos_ring_take(&ring, &completion)) {
        is_cancelled |= completion.user_data == 2 && completion.result == CAPOS_E_CANCELLED;
        CHECK(completion.user_data != 3);
    }
    CHECK(is_cancelled);

    set_mode(MODE_END);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    CHECK(capos_ring_take(&ring, &completion));
    CHECK_EQUAL(completion.user_data, 3);
    CHECK_RESULT(completion.result, CAPOS_E_DISCONNECTED);
    CHECK_RESULT(capos_thread_wait_cpu_time(worker.capability, UINT64_MAX), CAPOS_E_DISCONNECTED);
    CHECK_RESULT(capos_thread_wait_cpu_time(worker.capability, 1), CAPOS_OK);
    (void)crew_value(&worker);
}

/* More threads than CPUs, and no more of them than wanted while nobody else runs. */
static void test_wait_for_process(void) {
    struct capos_thread workers[WORKERS_MAX];
    unsigned count = cpu_count + 1 < WORKERS_MAX ? cpu_count + 1 : WORKERS_MAX;
    set_mode(MODE_COMPUTE);
    for (unsigned index = 0; index < count; index++) {
        workers[index] = crew_start(work, NULL);
    }
    static const uint32_t modes[] = {MODE_COMPUTE, MODE_BURSTS};
    bool is_right = true;
    for (unsigned round = 0; round < 20; round++) {
        set_mode(modes[round % 2]);
        uint64_t wanted_ns = process_time() + (1 + round) * MILLISECOND_NS / 4;
        is_right &= capos_process_info_wait_cpu_time(process_info, wanted_ns) == CAPOS_OK &&
                    process_time() >= wanted_ns;
    }
    CHECK(is_right);
    CHECK_RESULT(capos_process_info_wait_cpu_time(process_info, 0), CAPOS_OK);
    set_mode(MODE_END);
    for (unsigned index = 0; index < count; index++) {
        (void)crew_value(&workers[index]);
    }
}

/* While one thread computes and nothing is due no timer fires, on no CPU; a wait for the CPU time
 * of a thread that does not run makes no difference. What was armed before may fire once in vain.
 */
static bool has_quiet_window(void) {
    for (unsigned round = 0; round < TRIES; round++) {
        uint64_t before = system().timer_interrupts;
        compute(WINDOW_NS);
        if (system().timer_interrupts == before) {
            return true;
        }
    }
    return false;
}

static void test_no_tick(void) {
    struct capos_ring_client ring;
    struct capos_completion completion;
    CHECK(has_quiet_window());
    set_mode(MODE_PARK);
    struct capos_thread worker = crew_start(work, NULL);
    crew_await_waiting(&worker);
    capos_ring_open(&ring);
    prepare_wait(&ring, worker.capability, UINT64_MAX - 1, 1);
    (void)capos_ring_enter(&ring, 0, CAPOS_FOREVER);
    CHECK(has_quiet_window());
    set_mode(MODE_END);
    CHECK_EQUAL(capos_ring_enter(&ring, 1, CAPOS_FOREVER), 1);
    (void)capos_ring_take(&ring, &completion);
    (void)crew_value(&worker);
}

/* The other CPUs have nobody to run, while this one has. */
static void test_idle(void) {
    uint64_t wall_ns = now(), idle_ns = system().idle_ns;
    compute(2 * MILLISECOND_NS);
    uint64_t idle_after_ns = system().idle_ns;
    wall_ns = now() - wall_ns;
    CHECK(idle_after_ns >= idle_ns);
    CHECK(idle_after_ns - idle_ns <= (cpu_count - 1) * wall_ns);
    CHECK(cpu_count == 1 || idle_after_ns - idle_ns >= MILLISECOND_NS);
    idle_ns = idle_after_ns;
    (void)capos_timer_sleep(timer, now() + 2 * MILLISECOND_NS);
    CHECK(system().idle_ns > idle_ns);
}

int main(void) {
    timer = crew_capability("timer");
    thread_info = crew_capability("thread-info");
    process_info = crew_capability("process-info");
    system_info = crew_capability("system-info");
    cpu_count = system().cpu_count;
    test_no_tick();
    test_own_time();
    test_sleep();
    test_idle();
    test_running_elsewhere();
    test_wait_for_thread();
    test_other_ends_of_waits();
    test_wait_for_process();
    CHECK_RESULT(capos_release(timer), CAPOS_OK);
    CHECK_RESULT(capos_process_info_wait_cpu_time(process_info, 0), CAPOS_E_NEEDS_TIMER);
    return tap_finish();
}
