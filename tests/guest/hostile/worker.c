/* The hostile worker: which class of operation comes next, and how it all ends. */
#include "tests/guest/child.h"
#include "tests/guest/hostile.h"

enum operation_class {
    CLASS_NOP,
    CLASS_OPCODE,
    CLASS_RELEASE,
    CLASS_CANCEL,
    CLASS_CALL_RIGHT,
    CLASS_CALL_MUTATED,
    CLASS_CALL_NOISE,
    CLASS_BATCH,
    CLASS_CHAIN,
    CLASS_ENTER,
    CLASS_SYSTEM_CALL,
    CLASS_SPAWN,
    CLASS_COUNT,
};

static const char *const class_names[CLASS_COUNT] = {
    "nop",        "opcode",     "release", "cancel", "call",        "mutated call",
    "noise call", "ring batch", "chain",   "enter",  "system call", "spawn"};

static uint64_t random_state;
static uint64_t reached[CLASS_COUNT];
static struct capos_ring_client ring;
static uint64_t last_now_ns;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2014). */
uint64_t hostile_random(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t hostile_below(uint64_t limit) {
    return (hostile_random() >> 16) % limit;
}

uint64_t hostile_deadline(void) {
    switch (hostile_below(4)) {
    case 0:
        return CAPOS_POLL;
    case 1:
        return 1 + hostile_below(1000);
    default:
        return last_now_ns + hostile_below(200000);
    }
}

static void update_now(void) {
    capos_timer_now(capos_lookup("timer", CAPOS_TIMER_INTERFACE), &last_now_ns);
}

/* Any entry in the register form; the reserved bits of the control word are drawn too. */
static void invoke(const struct capos_entry *entry) {
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)entry->opcode << CAPOS_ENTER_OPCODE_SHIFT |
                       (uint64_t)entry->flags << CAPOS_ENTER_FLAGS_SHIFT |
                       (uint64_t)entry->method << CAPOS_ENTER_METHOD_SHIFT |
                       (uint64_t)entry->length << CAPOS_ENTER_LENGTH_SHIFT;
    if (hostile_below(64) == 0) {
        control ^= UINT64_C(1) << (56 + hostile_below(7));
    }
    capos_invoke(control, entry->capability, entry->argument[0], entry->argument[1],
                 entry->argument[2], entry->deadline_ns);
}

/* Noise in every field, but for what would stop the worker: a deadline that never comes. */
static void make_noise(struct capos_entry *entry) {
    uint64_t *words = (uint64_t *)(void *)entry;
    for (size_t index = 0; index < sizeof *entry / sizeof *words; index++) {
        words[index] = hostile_random();
    }
    entry->opcode = (uint8_t)hostile_below(hostile_below(2) == 0 ? 10 : 256);
    entry->flags = (uint8_t)hostile_below(hostile_below(2) == 0 ? 4 : 256);
    entry->method = (uint16_t)hostile_below(12);
    entry->capability = entry->opcode == CAPOS_OP_RELEASE ? hostile_random() : hostile_capability();
    entry->argument[0] = hostile_address();
    entry->argument[1] = hostile_address();
    entry->argument[2] = hostile_below(16384);
    entry->deadline_ns = hostile_deadline();
    entry->length &= 0xffff;
    if (hostile_below(4) != 0) {
        entry->reserved = 0;
    }
    if ((entry->flags & CAPOS_ENTRY_INLINE) != 0 && entry->opcode == CAPOS_OP_CALL) {
        /* inline, the arguments are parameters: of a mapping, perhaps the worker's own */
        entry->capability = capos_lookup("timer", 0);
        entry->argument[0] = hostile_deadline();
    }
}

static void drain(void) {
    struct capos_completion completion;
    while (capos_ring_take(&ring, &completion)) {
    }
}

static void run_batch(bool is_chain) {
    uint64_t count = 1 + hostile_below(24);
    for (uint64_t index = 0; index < count; index++) {
        struct capos_entry *entry = capos_ring_prepare(&ring);
        if (entry == NULL) {
            break;
        }
        if (hostile_below(2) == 0) {
            make_noise(entry);
        } else {
            hostile_make_call(entry, (enum hostile_call)hostile_below(3));
        }
        entry->user_data = hostile_below(40);
        entry->flags = is_chain ? entry->flags | CAPOS_ENTRY_LINK
                                : (uint8_t)(entry->flags & ~CAPOS_ENTRY_LINK);
    }
    capos_ring_enter(&ring, (uint32_t)hostile_below(3), hostile_deadline());
    for (uint64_t user_data = 0; user_data < 40 && hostile_below(4) == 0; user_data++) {
        capos_cancel(user_data);
    }
    drain();
}

static void run_spawn(void) {
    const struct capos_spawn_grant grants[] = {
        {"a", hostile_capability(), (enum capos_spawn_grant_mode)hostile_below(4), NULL},
        {hostile_below(2) == 0 ? "a" : "b", hostile_capability(), CAPOS_SPAWN_GRANT_MODE_COPY,
         hostile_below(4) == 0 ? "facet" : NULL},
    };
    /* what a move would take away, the worker needs for the rest */
    bool is_move = grants[0].mode == CAPOS_SPAWN_GRANT_MODE_MOVE;
    struct child child = {
        .words = {"exit"},
        .grants = grants,
        .grant_count = is_move ? 0 : (uint32_t)hostile_below(3),
        .frames_limit = hostile_below(2) == 0 ? 0 : hostile_below(200),
    };
    capos_cap_t process;
    uint32_t detail;
    if (child_spawn(&child, &process, &detail) == 0) {
        struct capos_process_wait_results end;
        if (hostile_below(2) == 0) {
            capos_process_kill(process);
        }
        if (hostile_below(2) == 0) {
            capos_process_wait(process, &end);
        }
        capos_release(process);
    }
}

static void run_system_call(void) {
    int64_t number = (int64_t)(2 + hostile_below(UINT64_C(1) << 40));
    register uint64_t argument __asm__("r10") = hostile_random();
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(hostile_address()), "S"(hostile_random()), "r"(argument)
                     : "rcx", "r11", "rdx", "memory");
}

static enum operation_class draw_class(void) {
    /* a spawn costs as much as a thousand of the others */
    return hostile_below(300) == 0 ? CLASS_SPAWN : (enum operation_class)hostile_below(CLASS_SPAWN);
}

static void run_class(enum operation_class class) {
    struct capos_entry entry = {.deadline_ns = hostile_deadline()};
    switch (class) {
    case CLASS_NOP:
        entry.argument[0] = hostile_random();
        invoke(&entry);
        break;
    case CLASS_OPCODE:
        make_noise(&entry);
        invoke(&entry);
        break;
    case CLASS_RELEASE:
        capos_release(hostile_random());
        break;
    case CLASS_CANCEL:
        capos_cancel(hostile_below(64));
        break;
    case CLASS_CALL_RIGHT:
    case CLASS_CALL_MUTATED:
    case CLASS_CALL_NOISE:
        hostile_make_call(&entry, (enum hostile_call)(class - CLASS_CALL_RIGHT));
        invoke(&entry);
        break;
    case CLASS_BATCH:
    case CLASS_CHAIN:
        run_batch(class == CLASS_CHAIN);
        break;
    case CLASS_ENTER:
        capos_enter(hostile_random(), hostile_below(100), hostile_deadline());
        drain();
        break;
    case CLASS_SYSTEM_CALL:
        run_system_call();
        break;
    default:
        run_spawn();
        break;
    }
}

/* Things that a process does once. */
static void run_act(unsigned act) {
    volatile struct capos_ring *words = ring.ring;
    uint64_t count;
    switch (act) {
    case 0: /* ring words that make no sense */
        words->submission_tail = (uint32_t)hostile_random();
        words->completion_head = (uint32_t)hostile_random();
        capos_enter(64, 1, CAPOS_POLL);
        break;
    case 1: /* noise over the whole ring, written by the kernel itself */
        capos_entropy_source_fill(capos_lookup("entropy", 0), ring.ring, 4096, &count);
        capos_enter(64, 64, CAPOS_POLL);
        break;
    case 2: /* every mapping of its own away */
        capos_virtual_memory_unmap(capos_lookup("memory", 0), capos_start_page->image_low,
                                   capos_start_page->image_high - capos_start_page->image_low);
        break;
    case 3: /* an end with operations in flight */
        for (uint32_t index = 0; index < 16; index++) {
            struct capos_entry *entry = capos_ring_prepare(&ring);
            *entry = (struct capos_entry){.opcode = CAPOS_OP_CALL,
                                          .flags = CAPOS_ENTRY_INLINE,
                                          .method = CAPOS_TIMER_METHOD_SLEEP,
                                          .capability = capos_lookup("timer", 0),
                                          .argument = {UINT64_MAX - 1},
                                          .deadline_ns = CAPOS_FOREVER};
        }
        capos_ring_enter(&ring, 0, CAPOS_POLL);
        break;
    case 4: /* a jump to anywhere */
        ((void (*)(void))hostile_random())();
        break;
    default: /* just returning */
        break;
    }
}

static bool print_reached(uint64_t seed, uint64_t count) {
    bool is_complete = true;
    capos_printf("# seed %lu, %lu operations:", seed, count);
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        is_complete &= reached[class] != 0;
        capos_printf(" %s %lu%s", class_names[class], reached[class],
                     class + 1 < CLASS_COUNT ? "," : "\n");
    }
    return is_complete;
}

int hostile_work(uint64_t seed, uint64_t count, unsigned act) {
    random_state = seed * 2 + 1; /* the generator would stay at 0 */
    capos_ring_open(&ring);
    hostile_arena_open();
    for (uint64_t number = 0; number < count; number++) {
        if (number % 64 == 0) {
            update_now();
            hostile_arena_mend();
        }
        enum operation_class class = draw_class();
        reached[class]++;
        run_class(class);
    }
    if (!print_reached(seed, count)) {
        return 1;
    }
    run_act(act);
    return 0;
}
