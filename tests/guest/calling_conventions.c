// grants: console,signals,threads,thread-control,memory,park,timer,scheduling
// cpus: any
// also: --cpu qemu64

/*
 * Every calling convention that a program can have, register by register, while interrupts come by
 * timer, their handler spoils whatever it can, and there are more threads than CPUs.
 *
 * Callees: assembly fills all registers, calls a compiled function that destroys all that it may,
 * and looks what is left. Callers: a compiled function with values of its own to keep calls
 * assembly that looks for the arguments, destroys whatever a callee may, and returns.
 */
#include "tests/guest/calling_conventions/conventions.h"

#include "demos/c/float/state.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MICROSECOND_NS UINT64_C(1000)
#define PAUSE_NS (150 * MICROSECOND_NS)
#define PERIOD_NS (100 * MICROSECOND_NS)
#define SPINS 20000u   /* each time that registers are held */
#define CALLS_MIN 6u   /* of each function */
#define HITS_MIN 6u    /* interrupts while a function ran */
#define CALLS_MAX 500u /* after which it was not interrupted at all, or so it seems */
#define URGENCY 8u     /* less than that of who interrupts: they come at any instruction */
#define BURST 3u

static const char *const function_names[FUNCTION_COUNT] = {
    [PLAIN] = "keeps registers",
    [FULL] = "takes arguments and keeps registers",
    [CALL_PLAIN] = "keeps values over a call",
    [CALL_FULL] = "passes arguments and keeps values over a call",
};

static struct outcome outcomes[CONVENTION_COUNT][FUNCTION_COUNT];

static capos_cap_t timer, policy;
static bool is_wide, can_iret;

/* ---- what some of them are for ------------------------------------------------------------- */

#define DEPTH 1000000
int64_t tail_deep(int64_t depth), swifttail_deep(int64_t depth);
static int64_t run_tail(void *argument) {
    return tail_deep(DEPTH);
}
static int64_t run_swifttail(void *argument) {
    return swifttail_deep(DEPTH);
}

/* On the stacks of crew_start, of 16 KiB. Two functions in turn add 1 and 3. */
static void test_deep(void) {
    struct capos_thread tail = crew_start(run_tail, NULL);
    struct capos_thread swifttail = crew_start(run_swifttail, NULL);
    tap_report(crew_value(&tail) == DEPTH * 2, "tail calls a million deep");
    tap_report(crew_value(&swifttail) == DEPTH * 2, "swifttail calls a million deep");
}

const void *call_swift(const void *self);
int64_t call_swifttail(uintptr_t context, uintptr_t self);

static void test_swift(void) {
    tap_report(call_swift(&timer) == &timer, "swift has self in r13 and the error in r12");
    tap_report(call_swifttail(40, 2) == 42, "swifttail has self in r13 and the context in r14");
}

extern _Thread_local int64_t thread_variable;
const int64_t *find_thread_variable(const void *live_in, void *live_out);

/* Each thread has its own, and its caller has its values afterwards. */
static bool is_variable_found(void) {
    static _Thread_local uint64_t live_in[LIVE_COUNT * 2], live_out[LIVE_COUNT * 2];
    for (unsigned index = 0; index < LIVE_INTEGER_COUNT; index++) {
        live_in[index * 2] = (uintptr_t)&live_in[index];
    }
    thread_variable++;
    bool is_right = find_thread_variable(live_in, live_out) == &thread_variable;
    return is_right && memcmp(live_in, live_out, sizeof live_in) == 0;
}

/* ---- threads -------------------------------------------------------------------------------- */

#define WORKERS 6u
struct worker {
    bool is_done;
    bool has_own_stack; /* for upcalls */
    bool has_found;     /* its thread-local variable, each time */
    uint64_t broken;
    struct capos_thread handle;
    _Alignas(64) uint8_t stack[16384];
};
static struct worker workers[WORKERS];

/* QEMU before 9.1 lets IRETQ of a program read its stack as the kernel would, and where there is
 * SMAP (CPUID.7:EBX bit 20) that is a page fault. */
static bool has_smap(void) {
    uint32_t leaves = 0, eax = 7, ebx = 0, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(leaves), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (leaves < 7) {
        return false;
    }
    ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return (ebx >> 20 & 1) != 0;
}

static bool can_run(unsigned index, enum function function) {
    const struct convention *convention = &conventions[index];
    return convention_has(convention, function) && (is_wide || convention->kept_wide == 0) &&
           (can_iret || !convention->has_iret);
}

static bool is_done(unsigned index, enum function function) {
    const struct outcome *outcome = &outcomes[index][function];
    uint32_t calls = __atomic_load_n(&outcome->calls, __ATOMIC_RELAXED);
    uint32_t hits = __atomic_load_n(&outcome->hits, __ATOMIC_RELAXED);
    return !can_run(index, function) || calls >= CALLS_MAX ||
           (calls >= CALLS_MIN && hits >= HITS_MIN);
}

static void add(struct outcome *outcome, const struct outcome *found) {
    __atomic_fetch_add(&outcome->calls, found->calls, __ATOMIC_RELAXED);
    __atomic_fetch_add(&outcome->hits, found->hits, __ATOMIC_RELAXED);
    __atomic_fetch_and(&outcome->kept, found->kept, __ATOMIC_RELAXED);
    __atomic_fetch_and(&outcome->kept_vectors, found->kept_vectors, __ATOMIC_RELAXED);
    __atomic_fetch_and(&outcome->kept_wide, found->kept_wide, __ATOMIC_RELAXED);
    __atomic_fetch_or(&outcome->held, found->held, __ATOMIC_RELAXED);
    __atomic_fetch_or(&outcome->held_vectors, found->held_vectors, __ATOMIC_RELAXED);
    __atomic_fetch_or(&outcome->wrong, found->wrong, __ATOMIC_RELAXED);
}

static void call_once(unsigned index, enum function function, unsigned turn) {
    struct outcome found = convention_call(&conventions[index], function, turn);
    add(&outcomes[index][function], &found);
}

static int64_t run_worker(void *argument) {
    struct worker *worker = argument;
    unsigned number = (unsigned)(worker - workers), count = CONVENTION_COUNT * FUNCTION_COUNT;
    uintptr_t stack = worker->has_own_stack ? (uintptr_t)worker->stack : 0;
    convention_call_begin(number, SPINS, is_wide);
    bool is_right = capos_signal_set_handler(harness_signals, (uintptr_t)harness_handler, stack,
                                             stack != 0 ? sizeof worker->stack : 0) == CAPOS_OK;
    for (unsigned idle = 0, at = number * count / WORKERS; is_right && idle < count; at++) {
        unsigned index = at % count / FUNCTION_COUNT;
        enum function function = at % FUNCTION_COUNT;
        idle = is_done(index, function) ? idle + 1 : 0;
        for (unsigned turn = 0; turn < BURST && !is_done(index, function); turn++) {
            call_once(index, function, turn);
            worker->has_found &= is_variable_found();
        }
    }
    worker->broken = exchange.broken;
    __atomic_store_n(&worker->is_done, true, __ATOMIC_RELEASE);
    return is_right;
}

static bool interrupt(struct worker *worker) {
    return __atomic_load_n(&worker->is_done, __ATOMIC_ACQUIRE) ||
           capos_thread_interrupt(worker->handle.capability, 1) == CAPOS_OK;
}

static bool are_all_done(void) {
    bool are_done = true;
    for (unsigned i = 0; i < WORKERS; i++) {
        are_done &= __atomic_load_n(&workers[i].is_done, __ATOMIC_ACQUIRE);
    }
    return are_done;
}

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    return capos_timer_now(timer, &monotonic_ns) == CAPOS_OK ? monotonic_ns : 0;
}

/* Interrupts all of them, and pauses. */
static int64_t interrupt_all(void *argument) {
    bool is_right = true;
    while (is_right && !are_all_done()) {
        for (unsigned i = 0; i < WORKERS; i++) {
            is_right &= interrupt(&workers[i]);
        }
        is_right &= capos_timer_sleep(timer, now() + PAUSE_NS) == CAPOS_OK;
    }
    return is_right;
}

/* Interrupts them one after the other, at the moments of an interval timer. */
static int64_t interrupt_by_timer(void *argument) {
    capos_cap_t interval;
    uint64_t passed;
    bool is_right =
        capos_timer_interval(timer, now() + PERIOD_NS, PERIOD_NS, &interval) == CAPOS_OK;
    for (unsigned turn = 0; is_right && !are_all_done(); turn++) {
        is_right &= capos_interval_timer_wait(interval, &passed) == CAPOS_OK;
        is_right &= interrupt(&workers[turn % WORKERS]);
    }
    return is_right;
}

static void run_storm(void) {
    memset(outcomes, 0, sizeof outcomes);
    for (unsigned i = 0; i < CONVENTION_COUNT * FUNCTION_COUNT; i++) {
        struct outcome *outcome = &outcomes[i / FUNCTION_COUNT][i % FUNCTION_COUNT];
        outcome->kept = outcome->kept_vectors = outcome->kept_wide = ~0u;
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i].has_own_stack = i % 2 == 0;
        workers[i].has_found = true;
        workers[i].handle = crew_start(run_worker, &workers[i]);
        CHECK_RESULT(
            capos_scheduling_policy_set_priority(policy, workers[i].handle.capability, URGENCY),
            CAPOS_OK);
    }
    struct capos_thread sender = crew_start(interrupt_all, NULL);
    struct capos_thread clock = crew_start(interrupt_by_timer, NULL);
    CHECK(crew_value(&sender) == true);
    CHECK(crew_value(&clock) == true);
    uint64_t broken = 0;
    bool have_found = true;
    for (unsigned i = 0; i < WORKERS; i++) {
        CHECK(crew_value(&workers[i].handle) == true);
        broken += workers[i].broken;
        have_found &= workers[i].has_found;
    }
    tap_report(have_found, "cxx_fast_tls finds each thread's variable");
    tap_report(broken == 0, "a handler calls by preserve_most and preserve_all");
}

/* ---- report --------------------------------------------------------------------------------- */

static const char *const general_names[REGISTER_COUNT] = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static void print_registers(uint32_t general, uint32_t vectors, uint32_t wide) {
    for (unsigned number = 0; number < REGISTER_COUNT; number++) {
        if ((general >> number & 1) != 0) {
            capos_printf(" %s", general_names[number]);
        }
    }
    for (unsigned number = 0; number < REGISTER_COUNT; number++) {
        if ((vectors >> number & 1) != 0) {
            capos_printf(" %cmm%u", (wide >> number & 1) != 0 ? 'y' : 'x', number);
        }
    }
}

static void report_wrong(uint32_t wrong) {
    static const char *const names[] = {"argument", "result", "stack", "control", "value"};
    for (unsigned bit = 0; bit < sizeof names / sizeof *names; bit++) {
        if ((wrong >> bit & 1) != 0) {
            capos_printf("#   wrong: %s\n", names[bit]);
        }
    }
}

static unsigned count_bits(uint32_t bits) {
    return (unsigned)__builtin_popcount(bits);
}

/* All that is promised, and nothing else: or the function destroys less than it could. */
static bool is_promise_kept(const struct convention *convention, const struct outcome *outcome,
                            bool is_full) {
    uint32_t kept = convention->kept & ~(is_full ? convention->used : 0);
    uint32_t kept_vectors = convention->kept_vectors & ~(is_full ? convention->used_vectors : 0);
    return outcome->kept == kept && outcome->kept_vectors == kept_vectors &&
           outcome->kept_wide == (convention->kept_wide & kept_vectors);
}

/* Or the caller would have its values elsewhere, and nothing would be shown. */
static bool are_enough_held(const struct convention *convention, const struct outcome *outcome) {
    return count_bits(outcome->held) >= count_bits(convention->kept) / 2 &&
           count_bits(outcome->held_vectors) >= count_bits(convention->kept_vectors) / 2;
}

static void report(unsigned index, enum function function) {
    const struct convention *convention = &conventions[index];
    const struct outcome *outcome = &outcomes[index][function];
    char name[96];
    (void)capos_format(name, sizeof name, "%s %s", convention->name, function_names[function]);
    bool is_callee = function == PLAIN || function == FULL;
    bool is_right = outcome->wrong == 0 && outcome->hits >= HITS_MIN;
    is_right &= !is_callee || is_promise_kept(convention, outcome, function == FULL);
    is_right &= function != CALL_PLAIN || are_enough_held(convention, outcome);
    tap_report(is_right, name);
    report_wrong(outcome->wrong);
    capos_printf("# %s: %s", convention->name, is_callee ? "kept" : "values in");
    if (is_callee) {
        print_registers(outcome->kept, outcome->kept_vectors, outcome->kept_wide);
    } else {
        print_registers(outcome->held, outcome->held_vectors, 0);
    }
    capos_printf(" over %u calls, %u upcalls inside\n", outcome->calls, outcome->hits);
}

int main(void) {
    harness_signals = crew_capability("signals");
    timer = crew_capability("timer");
    policy = crew_capability("scheduling");
    is_wide = state_is_wide();
    can_iret = !has_smap();
    test_deep();
    test_swift();
    run_storm();
    for (unsigned i = 0; i < CONVENTION_COUNT * FUNCTION_COUNT; i++) {
        if (can_run(i / FUNCTION_COUNT, i % FUNCTION_COUNT)) {
            report(i / FUNCTION_COUNT, i % FUNCTION_COUNT);
        }
    }
    return tap_finish();
}
