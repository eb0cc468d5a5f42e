/* The hostile worker: which class of operation comes next, and how it all ends. */
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
    CLASS_SPAWN_MUTATED,
    CLASS_COUNT,
};

static const char *const class_names[CLASS_COUNT] = {
    "nop",        "opcode", "release", "cancel",      "call",  "mutated call", "noise call",
    "ring batch", "chain",  "enter",   "system call", "spawn", "mutated spawn"};

static uint64_t random_state;
static uint64_t reached[CLASS_COUNT], succeeded[CLASS_COUNT];
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
static int64_t invoke(const struct capos_entry *entry) {
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)entry->opcode << CAPOS_ENTER_OPCODE_SHIFT |
                       (uint64_t)entry->flags << CAPOS_ENTER_FLAGS_SHIFT |
                       (uint64_t)entry->method << CAPOS_ENTER_METHOD_SHIFT |
                       (uint64_t)entry->length << CAPOS_ENTER_LENGTH_SHIFT;
    if (hostile_below(64) == 0) {
        control ^= UINT64_C(1) << (56 + hostile_below(7));
    }
    return capos_invoke(control, entry->capability, entry->argument[0], entry->argument[1],
                        entry->argument[2], entry->deadline_ns)
        .result;
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

static int64_t run_batch(bool is_chain) {
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
    int64_t standing = capos_ring_enter(&ring, (uint32_t)hostile_below(3), hostile_deadline());
    for (uint64_t user_data = 0; user_data < 40 && hostile_below(4) == 0; user_data++) {
        capos_cancel(user_data);
    }
    drain();
    return standing;
}

static int64_t run_system_call(void) {
    int64_t number = (int64_t)(2 + hostile_below(UINT64_C(1) << 40));
    register uint64_t argument __asm__("r10") = hostile_random();
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(hostile_address()), "S"(hostile_random()), "r"(argument)
                     : "rcx", "r11", "rdx", "memory");
    return number;
}

static enum operation_class draw_class(void) {
    /* a spawn costs as much as a thousand of the others */
    if (hostile_below(200) == 0) {
        return hostile_below(2) == 0 ? CLASS_SPAWN : CLASS_SPAWN_MUTATED;
    }
    return (enum operation_class)hostile_below(CLASS_SPAWN);
}

/* One operation; returns its result, or how many completions stood. */
static int64_t run_class(enum operation_class kind) {
    struct capos_entry entry = {.deadline_ns = hostile_deadline()};
    int64_t result;
    switch (kind) {
    case CLASS_NOP:
        entry.argument[0] = hostile_below(2) == 0 ? 0 : hostile_random();
        return invoke(&entry);
    case CLASS_OPCODE:
        make_noise(&entry);
        return invoke(&entry);
    case CLASS_RELEASE:
        return capos_release(hostile_random());
    case CLASS_CANCEL:
        return capos_cancel(hostile_below(64));
    case CLASS_CALL_RIGHT:
    case CLASS_CALL_MUTATED:
    case CLASS_CALL_NOISE:
        hostile_make_call(&entry, (enum hostile_call)(kind - CLASS_CALL_RIGHT));
        return invoke(&entry);
    case CLASS_BATCH:
    case CLASS_CHAIN:
        return run_batch(kind == CLASS_CHAIN);
    case CLASS_ENTER:
        result = capos_enter(hostile_random(), hostile_below(100), hostile_deadline());
        drain();
        return result;
    case CLASS_SYSTEM_CALL:
        return run_system_call();
    case CLASS_SPAWN:
        return hostile_spawn();
    default:
        return hostile_spawn_mutated();
    }
}

/* "call 931 (402 ok)" for each class; false when one never came. */
static bool print_reached(uint64_t seed, uint64_t count) {
    bool is_complete = true;
    capos_printf("# seed %lu, %lu operations:", seed, count);
    for (unsigned kind = 0; kind < CLASS_COUNT; kind++) {
        is_complete &= reached[kind] != 0;
        capos_printf(" %s %lu (%lu ok)%s", class_names[kind], reached[kind], succeeded[kind],
                     kind + 1 < CLASS_COUNT ? "," : "\n");
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
        enum operation_class kind = draw_class();
        reached[kind]++;
        succeeded[kind] += run_class(kind) >= 0;
    }
    if (!print_reached(seed, count)) {
        return 1;
    }
    hostile_act(&ring, act);
    return 0;
}
