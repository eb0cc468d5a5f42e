// grants: default,spawner
// seed: 1
// cpus: any
// also: --icount

/*
 * Interrupts of a thread against whatever it is about to do: to park, to be woken, to call, to
 * fault, to end. Its handler gets every bit that was sent, and nothing that it waited for is lost
 * or comes twice.
 */
#include <capos/handler.h>

#include "tests/guest/duel.h"

#define TURNS 60u
#define SENDS 8u
#define FAULTS 4u
#define STACK_BYTES 16384u
#define ALL_SENT ((UINT64_C(1) << SENDS) - 1)

static capos_cap_t signals, timer;
static uint32_t word; /* where the second thread parks while it is 0 */
static uint64_t deadline_ns;
static int64_t result; /* of what the second thread did */
static int64_t woken;  /* by the first thread */

/* The handler. */

static uint64_t received; /* all bits that came */
static unsigned faults;
static bool ends_call; /* what it does with a call that it has interrupted */

static void end_call(struct capos_upcall_frame *frame) {
    struct capos_signal_end_call_results results;
    if (capos_signal_end_call(signals, &results) == CAPOS_OK) {
        frame->flags = 0;
        frame->rax = (uint64_t)results.result;
        frame->rdx = results.aux;
    }
}

static void handle(struct capos_upcall_frame *frame) {
    if (frame->kind == CAPOS_UPCALL_FAULT) {
        faults++;
        frame->rip += 2; /* behind UD2 */
        return;
    }
    if (ends_call && (frame->flags & CAPOS_UPCALL_IN_CALL) != 0) {
        end_call(frame);
    }
    __atomic_fetch_or(&received, frame->value, __ATOMIC_SEQ_CST);
}

static void begin_handling(capos_handler *handler, void *stack, capos_cap_t *self) {
    capos_cap_t id;
    if (capos_handler_begin(signals, handler, stack, STACK_BYTES) != CAPOS_OK ||
        capos_thread_self(&id) != CAPOS_OK) {
        capos_abort("a handler was refused");
    }
    __atomic_store_n(self, id, __ATOMIC_SEQ_CST);
}

/* The second thread, once it handles what is sent to it. */
static capos_cap_t target = CAPOS_CAP_NONE;

static void get_ready(void) {
    static _Alignas(64) uint8_t stack[STACK_BYTES];
    if (target == CAPOS_CAP_NONE) {
        begin_handling(handle, stack, &target);
    }
}

static int64_t sent;

static void send(capos_cap_t *to, uint64_t bits) {
    while (__atomic_load_n(to, __ATOMIC_SEQ_CST) == CAPOS_CAP_NONE) {
        race_yield();
    }
    int64_t answer = capos_thread_interrupt(*to, bits);
    sent = answer != CAPOS_OK ? answer : sent;
}

static void send_one(void) {
    send(&target, 1);
}

static void wake(void) {
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    woken = capos_unpark(&word, 1);
}

static void send_and_wake(void) {
    send_one();
    wake();
}

static void wake_and_send(void) {
    wake();
    send_one();
}

/* Both parts of a turn; true when all bits came. */
static bool play(void (*first)(void), uint64_t bits) {
    word = 0;
    woken = 0;
    sent = CAPOS_OK;
    received = 0;
    deadline_ns = CAPOS_FOREVER;
    duel_go(first);
    while ((__atomic_load_n(&received, __ATOMIC_SEQ_CST) & bits) != bits) {
        race_yield();
    }
    duel_count(result);
    return sent == CAPOS_OK && received == bits;
}

/* PARK in registers ends by the interrupt, or by whoever wakes it, and both sides agree. */
static void park(void) {
    get_ready();
    result = capos_park(&word, 0, CAPOS_FOREVER);
}

static bool is_agreed(void) {
    return (woken == 1 && result == CAPOS_OK) ||
           (woken == 0 && (result == CAPOS_E_VALUE_CHANGED || result == CAPOS_E_INTERRUPTED));
}

static bool interrupt_park(uint64_t number) {
    return play(number % 2 == 0 ? send_and_wake : wake_and_send, 1) && is_agreed();
}

static void park_until_soon(void) {
    get_ready();
    result = capos_park(&word, 0, duel_now() + 20 * duel_delay);
}

static bool interrupt_deadline(uint64_t number) {
    (void)number;
    return play(send_one, 1) && (result == CAPOS_E_TIMED_OUT || result == CAPOS_E_INTERRUPTED);
}

/* In a ring the wait ends, and the operation stays. */
static void park_in_ring(void) {
    struct capos_ring_client ring;
    get_ready();
    struct capos_entry *entry = duel_prepare(&ring, CAPOS_OP_PARK, capos_park_space());
    entry->argument[0] = (uint64_t)(uintptr_t)&word;
    result = duel_complete(&ring);
}

static bool interrupt_ring(uint64_t number) {
    return play(number % 2 == 0 ? send_and_wake : wake_and_send, 1) &&
           result != CAPOS_E_INTERRUPTED && is_agreed();
}

/* A call goes on behind the handler. */
static uint64_t slept_ns;

static void sleep_until_soon(void) {
    get_ready();
    uint64_t end_ns = duel_now() + 50 * duel_delay;
    result = capos_timer_sleep(timer, end_ns);
    slept_ns = duel_now() - end_ns;
}

static bool interrupt_call(uint64_t number) {
    (void)number;
    return play(send_one, 1) && result == CAPOS_OK && (int64_t)slept_ns >= 0;
}

/* Unless the handler ends it, which may come too late. */
static bool interrupt_and_end_call(uint64_t number) {
    (void)number;
    ends_call = true;
    return play(send_one, 1) &&
           (result == CAPOS_E_CANCELLED || (result == CAPOS_OK && (int64_t)slept_ns >= 0));
}

static void send_all(void) {
    for (unsigned bit = 0; bit < SENDS; bit++) {
        send(&target, UINT64_C(1) << bit);
        duel_wait(race_draw(50));
    }
}

static void fault_often(void) {
    get_ready();
    for (unsigned count = 0; count < FAULTS; count++) {
        __asm__ volatile("ud2" ::: "memory");
    }
    result = CAPOS_OK;
}

static bool interrupt_faults(uint64_t number) {
    (void)number;
    faults = 0;
    return play(send_all, ALL_SENT) && faults == FAULTS;
}

static void mask_often(void) {
    get_ready();
    result = CAPOS_OK;
    for (unsigned count = 0; count < SENDS; count++) {
        uint64_t previous, mask = count % 2 == 0 ? CAPOS_UPCALL_MASK_INTERRUPTS : 0;
        int64_t answer = capos_signal_set_mask(signals, mask, &previous);
        uint64_t seen = __atomic_load_n(&received, __ATOMIC_SEQ_CST);
        duel_wait(duel_delay % 50);
        bool is_disturbed = mask != 0 && __atomic_load_n(&received, __ATOMIC_SEQ_CST) != seen;
        result = answer != CAPOS_OK || is_disturbed ? 1 : result;
    }
}

static bool interrupt_masks(uint64_t number) {
    (void)number;
    return play(send_all, ALL_SENT) && result == CAPOS_OK;
}

/* A thread that ends, by itself or by its handler, against interrupts from both sides. */
static struct capos_thread thread;
static capos_cap_t ending;

_Noreturn static void end_thread(struct capos_upcall_frame *frame) {
    (void)frame;
    capos_thread_exit(7);
}

static int64_t run_until(void *delay) {
    static _Alignas(64) uint8_t stack[STACK_BYTES];
    begin_handling(end_thread, stack, &ending);
    duel_wait((uintptr_t)delay);
    return 7;
}

static void send_to_ending(void) {
    send(&ending, 1);
}

static void send_more_to_ending(void) {
    for (unsigned bit = 0; bit < SENDS; bit++) {
        send(&ending, UINT64_C(1) << bit);
    }
}

static bool interrupt_exit(uint64_t number) {
    int64_t value = 0;
    (void)number;
    sent = CAPOS_OK;
    ending = CAPOS_CAP_NONE;
    duel_start(run_until, (void *)(uintptr_t)race_draw(2000), &thread);
    duel_go(send_to_ending);
    result = capos_thread_wait(&thread, &value);
    duel_count(result);
    return sent == CAPOS_OK && result == CAPOS_OK && value == 7 &&
           capos_release(ending) == CAPOS_OK;
}

static const struct duel duels[] = {
    {"interrupt against park and unpark", interrupt_park, park, TURNS},
    {"interrupt against a deadline", interrupt_deadline, park_until_soon, TURNS},
    {"interrupt against a wait in a ring", interrupt_ring, park_in_ring, TURNS},
    {"interrupt against a call", interrupt_call, sleep_until_soon, TURNS},
    {"interrupt that ends a call", interrupt_and_end_call, sleep_until_soon, TURNS},
    {"interrupt against faults", interrupt_faults, fault_often, TURNS},
    {"interrupt against changes of the mask", interrupt_masks, mask_often, TURNS},
    {"interrupt against exit", interrupt_exit, send_more_to_ending, TURNS},
};

int main(int argc, char **argv) {
    signals = capos_lookup("signals", CAPOS_SIGNAL_INTERFACE);
    timer = capos_lookup("timer", CAPOS_TIMER_INTERFACE);
    return duel_main(argc, argv, duels, sizeof duels / sizeof *duels);
}
