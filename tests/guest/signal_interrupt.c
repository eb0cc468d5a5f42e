// grants: console,signals,threads,thread-control,memory,park,timer,spawner
// cpus: any

/*
 * Thread.interrupt: wherever the thread is, in its program or waiting in the kernel, its handler is
 * entered, and what it waited for is as docs/abi.md says.
 */
#include <capos/handler.h>

#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

#define MILLISECOND_NS UINT64_C(1000000)

static capos_cap_t signals, timer;

static uint64_t now(void) {
    uint64_t monotonic_ns = 0;
    (void)capos_timer_now(timer, &monotonic_ns);
    return monotonic_ns;
}

/* What the handler of any thread saw. */
static uint32_t handled;        /* how often it ran */
static uint64_t handled_values; /* all bits that came */
static uint32_t last_flags;
static uint64_t last_rax;

static void note(struct capos_upcall_frame *frame) {
    __atomic_fetch_or(&handled_values, frame->value, __ATOMIC_SEQ_CST);
    last_flags = frame->flags;
    last_rax = frame->rax;
    __atomic_fetch_add(&handled, frame->kind == CAPOS_UPCALL_INTERRUPT, __ATOMIC_SEQ_CST);
}

static void forget(void) {
    handled = 0;
    handled_values = 0;
}

/* Of a thread that is tested: what it does, and what came of it. */
struct subject {
    int64_t (*run)(struct subject *subject);
    capos_handler *handler;
    uint32_t word;     /* parks here */
    uint32_t is_ready; /* the handler is there */
    int64_t result;
    uint64_t aux;
    _Alignas(64) uint8_t stack[8192];
};

static int64_t run_subject(void *argument) {
    struct subject *subject = argument;
    int64_t result =
        capos_handler_begin(signals, subject->handler, subject->stack, sizeof subject->stack);
    if (result != CAPOS_OK) {
        return result;
    }
    crew_store(&subject->is_ready, 1);
    return subject->run(subject);
}

static struct capos_thread start(struct subject *subject, int64_t (*run)(struct subject *subject),
                                 capos_handler *handler) {
    *subject = (struct subject){.run = run, .handler = handler};
    forget();
    struct capos_thread thread = crew_start(run_subject, subject);
    crew_await(&subject->is_ready, 1);
    return thread;
}

/* To oneself. */

static capos_cap_t self;

/* What is sent in a handler is delivered when that has returned, before anything else. */
static void send_again(struct capos_upcall_frame *frame) {
    note(frame);
    if (frame->value == 1) {
        (void)capos_thread_interrupt(self, 2);
    }
}

static void test_self(void) {
    static _Alignas(64) uint8_t stack[8192];
    uint64_t previous = 9;
    forget();
    CHECK_RESULT(capos_thread_self(&self), CAPOS_OK);
    CHECK_RESULT(capos_thread_interrupt(self, 0), CAPOS_E_INVALID_ARGUMENT);
    /* without a handler it waits for one */
    CHECK_RESULT(capos_thread_interrupt(self, 1), CAPOS_OK);
    CHECK_EQUAL(handled, 0);
    CHECK_RESULT(capos_handler_begin(signals, note, stack, sizeof stack), CAPOS_OK);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(handled_values, 1);
    CHECK_RESULT(capos_thread_interrupt(self, 6), CAPOS_OK);
    CHECK_EQUAL(handled, 2);
    CHECK_EQUAL(last_rax, 0); /* it came with the result of the call in RAX */
    /* masked: pending bits are merged into one */
    CHECK_RESULT(capos_signal_set_mask(signals, CAPOS_UPCALL_MASK_INTERRUPTS, &previous), CAPOS_OK);
    CHECK_EQUAL(previous, 0);
    handled_values = 0;
    CHECK_RESULT(capos_thread_interrupt(self, 8), CAPOS_OK);
    CHECK_RESULT(capos_thread_interrupt(self, 16), CAPOS_OK);
    CHECK_RESULT(capos_thread_interrupt(self, UINT64_C(1) << 63), CAPOS_OK);
    CHECK_EQUAL(handled, 2);
    CHECK_RESULT(capos_signal_set_mask(signals, 0, &previous), CAPOS_OK);
    CHECK_EQUAL(previous, CAPOS_UPCALL_MASK_INTERRUPTS);
    CHECK_EQUAL(handled, 3);
    CHECK_EQUAL(handled_values, UINT64_C(1) << 63 | 24);
    /* unregistered: it stays pending */
    CHECK_RESULT(capos_handler_end(signals), CAPOS_OK);
    CHECK_RESULT(capos_thread_interrupt(self, 32), CAPOS_OK);
    CHECK_EQUAL(handled, 3);
    CHECK_RESULT(capos_handler_begin(signals, note, stack, sizeof stack), CAPOS_OK);
    CHECK_EQUAL(handled, 4);
    CHECK_RESULT(capos_handler_begin(signals, send_again, stack, sizeof stack), CAPOS_OK);
    handled_values = 0;
    CHECK_RESULT(capos_thread_interrupt(self, 1), CAPOS_OK);
    CHECK_EQUAL(handled, 6);
    CHECK_EQUAL(handled_values, 3);
    CHECK_RESULT(capos_handler_end(signals), CAPOS_OK);
    CHECK_RESULT(capos_release(self), CAPOS_OK);
}

/* In its program: a loop that only the handler ends, by RIP. */

static void leave_loop(struct capos_upcall_frame *frame) {
    note(frame);
    frame->rip = frame->rbx;
    frame->rax = 77;
}
static int64_t loop(struct subject *subject) {
    int64_t value = 0;
    __asm__ volatile("leaq 2f(%%rip), %%rbx\n 1: jmp 1b\n 2:" : "+a"(value) : : "rbx", "memory");
    return value;
}

static void test_loop(void) {
    static struct subject subject;
    struct capos_thread thread = start(&subject, loop, leave_loop);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 77);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(last_flags, 0);
}

/* PARK of the register form ends. */

static int64_t park(struct subject *subject) {
    return capos_park(&subject->word, 0, CAPOS_FOREVER);
}
static int64_t park_till(struct subject *subject) {
    return capos_park(&subject->word, 0, now() + 3600000 * MILLISECOND_NS);
}

static void test_park(int64_t (*run)(struct subject *subject)) {
    static struct subject subject;
    struct capos_thread thread = start(&subject, run, note);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    CHECK_RESULT(crew_value(&thread), CAPOS_E_INTERRUPTED);
    CHECK_EQUAL(handled, 1);
    CHECK_EQUAL(last_flags, 0);
    CHECK_EQUAL((int64_t)last_rax, CAPOS_E_INTERRUPTED);
    CHECK_EQUAL(capos_unpark(&subject.word, 1), 0); /* nobody is there any more */
}

/* A masked thread is not disturbed. */
static int64_t park_masked(struct subject *subject) {
    uint64_t previous;
    (void)capos_signal_set_mask(signals, CAPOS_UPCALL_MASK_INTERRUPTS, &previous);
    int64_t result = capos_park(&subject->word, 0, CAPOS_FOREVER);
    subject->aux = handled;
    (void)capos_signal_set_mask(signals, 0, &previous);
    return result;
}

static void test_park_masked(void) {
    static struct subject subject;
    struct capos_thread thread = start(&subject, park_masked, note);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    CHECK_EQUAL(crew_state(thread.capability), CAPOS_THREAD_STATE_WAITING);
    CHECK_EQUAL(capos_unpark(&subject.word, 1), 1);
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_EQUAL(subject.aux, 0);
    CHECK_EQUAL(handled, 1);
}

/* The ring form comes back, its operations still armed. */

static int64_t wait_in_ring(struct subject *subject) {
    struct capos_ring_client ring;
    struct capos_completion completion = {0};
    capos_ring_open(&ring);
    struct capos_entry *entry = capos_ring_prepare(&ring);
    entry->opcode = CAPOS_OP_PARK;
    entry->capability = capos_park_space();
    entry->argument[0] = (uintptr_t)&subject->word;
    entry->user_data = 5;
    subject->result = capos_ring_enter(&ring, 1, CAPOS_FOREVER);
    if (capos_ring_enter(&ring, 1, CAPOS_FOREVER) == 1 && capos_ring_take(&ring, &completion)) {
        subject->aux = completion.user_data;
    }
    return completion.result;
}

static void test_ring(void) {
    static struct subject subject;
    struct capos_thread thread = start(&subject, wait_in_ring, note);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    while (__atomic_load_n(&handled, __ATOMIC_SEQ_CST) == 0) {
        capos_thread_yield();
    }
    crew_await_waiting(&thread); /* in the second capos_ring_enter */
    CHECK_RESULT(subject.result, CAPOS_E_INTERRUPTED);
    CHECK_EQUAL(capos_unpark(&subject.word, 1), 1);
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_EQUAL(subject.aux, 5);
    CHECK_EQUAL(handled, 1);
}

/* A CALL of the register form goes on. */

static int64_t sleep_ten(struct subject *subject) {
    uint64_t end_ns = now() + 10 * MILLISECOND_NS;
    int64_t result = capos_timer_sleep(timer, end_ns);
    subject->aux = now() >= end_ns;
    return result;
}

static void test_sleep(void) {
    static struct subject subject;
    struct capos_thread thread = start(&subject, sleep_ten, note);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    }
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_EQUAL(subject.aux, 1);
    CHECK(handled >= 1);
}

static capos_cap_t joined; /* the thread that a subject joins */
static uint32_t gate;      /* what the handlers below and that thread wait for */
static int64_t in_handler;

static int64_t wait_for_gate(void *argument) {
    while (crew_load(&gate) != 2) {
        (void)capos_park(&gate, crew_load(&gate), CAPOS_FOREVER);
    }
    return 0;
}
static int64_t join(struct subject *subject) {
    return capos_thread_join(joined);
}

/* Parks in the handler, by the register form, until the join below it is complete. */
static void park_in_handler(struct capos_upcall_frame *frame) {
    note(frame);
    crew_store(&gate, 1);
    (void)capos_unpark(&gate, 1);
    while (crew_load(&gate) != 3) {
        in_handler = capos_park(&gate, crew_load(&gate), CAPOS_FOREVER);
    }
}

/* The result of the join comes while the handler waits for something else, and is kept. */
static void test_call_completes_below(void) {
    static struct subject subject;
    gate = 0;
    struct capos_thread other = crew_start(wait_for_gate, NULL);
    joined = other.capability;
    struct capos_thread thread = start(&subject, join, park_in_handler);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    crew_await(&gate, 1);
    crew_await_waiting(&thread);
    CHECK_EQUAL(last_flags, CAPOS_UPCALL_IN_CALL);
    crew_store(&gate, 2);
    (void)capos_unpark(&gate, UINT64_MAX);
    CHECK_RESULT(capos_thread_join(other.capability), CAPOS_OK);
    crew_await_waiting(&thread);
    CHECK(crew_state(thread.capability) != CAPOS_THREAD_STATE_ENDED);
    crew_store(&gate, 3);
    (void)capos_unpark(&gate, UINT64_MAX);
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_RESULT(in_handler, CAPOS_OK);
    CHECK_EQUAL(crew_value(&other), 0);
    CHECK_EQUAL(handled, 1);
}

/* The handler ends the call that it interrupted, and goes on with what came of that. */
static void end_call(struct capos_upcall_frame *frame) {
    struct capos_signal_end_call_results results;
    note(frame);
    in_handler = capos_signal_end_call(signals, &results);
    frame->flags = 0;
    frame->rax = (uint64_t)results.result;
    frame->rdx = results.aux;
}

static void test_end_call(void) {
    static struct subject subject;
    gate = 0;
    struct capos_thread other = crew_start(wait_for_gate, NULL);
    joined = other.capability;
    struct capos_thread thread = start(&subject, join, end_call);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    CHECK_RESULT(crew_value(&thread), CAPOS_E_CANCELLED);
    CHECK_RESULT(in_handler, CAPOS_OK);
    crew_store(&gate, 2);
    (void)capos_unpark(&gate, UINT64_MAX);
    CHECK_EQUAL(crew_value(&other), 0);
}

/* A handler that unmasks and calls: the second interrupt ends its call, not the one below. */
static void join_in_handler(struct capos_upcall_frame *frame) {
    uint64_t previous;
    if (frame->flags == 0) {
        note(frame);
        return;
    }
    crew_store(&gate, 1);
    (void)capos_signal_set_mask(signals, 0, &previous);
    in_handler = capos_thread_join(joined);
    note(frame);
}

static void test_nested_call(void) {
    static struct subject subject;
    gate = 0;
    struct capos_thread other = crew_start(wait_for_gate, NULL);
    joined = other.capability;
    struct capos_thread thread = start(&subject, join, join_in_handler);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    crew_await(&gate, 1);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 2), CAPOS_OK);
    crew_await(&handled, 2);
    CHECK_RESULT(in_handler, CAPOS_E_INTERRUPTED);
    CHECK_EQUAL(handled_values, 3);
    crew_await_waiting(&thread); /* in the first join again */
    crew_store(&gate, 2);
    (void)capos_unpark(&gate, UINT64_MAX);
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_EQUAL(crew_value(&other), 0);
}

/* Ends. */

/* A thread that ends in its handler leaves its call behind; one with pending bits leaves those. */
static void end_thread(struct capos_upcall_frame *frame) {
    note(frame);
    capos_thread_exit(12);
}
static int64_t leave_pending(struct subject *subject) {
    capos_cap_t own = CAPOS_CAP_NONE;
    uint64_t previous;
    (void)capos_signal_set_mask(signals, CAPOS_UPCALL_MASK_ALL, &previous);
    (void)capos_thread_self(&own);
    (void)capos_thread_interrupt(own, 1);
    return capos_release(own);
}

static void test_ends(void) {
    static struct subject subject;
    gate = 0;
    struct capos_thread other = crew_start(wait_for_gate, NULL);
    joined = other.capability;
    struct capos_thread thread = start(&subject, join, end_thread);
    crew_await_waiting(&thread);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK);
    CHECK_EQUAL(crew_value(&thread), 12);
    crew_store(&gate, 2);
    (void)capos_unpark(&gate, UINT64_MAX);
    CHECK_EQUAL(crew_value(&other), 0);
    thread = start(&subject, leave_pending, note);
    CHECK_RESULT(capos_thread_join(thread.capability), CAPOS_OK);
    CHECK_RESULT(capos_thread_interrupt(thread.capability, 1), CAPOS_OK); /* in vain */
    CHECK_RESULT(crew_value(&thread), CAPOS_OK);
    CHECK_EQUAL(handled, 0);
}

/* In a child: the capability is of a thread of another process. */
static int play_outsider(void) {
    capos_cap_t thread = capos_lookup("thread", CAPOS_THREAD_INTERFACE);
    return capos_thread_interrupt(thread, 1) == CAPOS_E_NOT_PERMITTED ? 0 : 1;
}

static void test_outsider(void) {
    CHECK_RESULT(capos_thread_self(&self), CAPOS_OK);
    const struct capos_spawn_grant grants[] = {{"thread", self, CAPOS_SPAWN_GRANT_MODE_COPY, NULL}};
    struct child child = {.words = {"outsider"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {.code = 9};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK_EQUAL(end.code, 0);
    CHECK_RESULT(capos_release(self), CAPOS_OK);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return play_outsider();
    }
    signals = crew_capability("signals");
    timer = crew_capability("timer");
    test_self();
    test_loop();
    test_park(park);
    test_park(park_till);
    test_park_masked();
    test_ring();
    test_sleep();
    test_call_completes_below();
    test_end_call();
    test_nested_call();
    test_ends();
    test_outsider();
    return tap_finish();
}
