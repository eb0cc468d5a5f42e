/* One call by a convention, in either direction, and what comes of it. */
#include "tests/guest/calling_conventions/conventions.h"

_Thread_local struct exchange exchange;
_Thread_local uint8_t seen[PARAMETER_COUNT][VALUE_BYTES];
static _Thread_local _Alignas(VALUE_BYTES) uint8_t sent[PARAMETER_COUNT][VALUE_BYTES];
static _Thread_local _Alignas(VALUE_BYTES) uint8_t live_in[LIVE_COUNT][VALUE_BYTES];
static _Thread_local _Alignas(VALUE_BYTES) uint8_t live_out[LIVE_COUNT][VALUE_BYTES];
static _Thread_local const struct convention *called;
static _Thread_local enum function called_as;
static _Thread_local struct outcome found; /* by the call that is being made */
static _Thread_local uint64_t random;

/* Called by every callee: an ordinary function, which takes what C lets it take. */
void opaque(void);
static _Thread_local volatile uint64_t opaque_calls;
void opaque(void) {
    opaque_calls = opaque_calls * 3 + 1;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2014). */
static void fill(void *memory, size_t bytes) {
    for (size_t at = 0; at < bytes; at += sizeof random) {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        uint64_t word = random * UINT64_C(0x2545f4914f6cdd1d);
        memcpy((uint8_t *)memory + at, &word, sizeof word);
    }
}

/* Random registers, but for the control words: those are random in how they round. */
static void fill_registers(struct registers *registers) {
    fill(registers, sizeof *registers);
    registers->mxcsr = 0x1f80 | (registers->mxcsr & 3u << 13);
    registers->x87_control = (uint16_t)(0x37f | (registers->x87_control & 3u << 10));
}

static void *place_value(struct registers *registers, const struct place *place) {
    switch (place->kind) {
    case PLACE_GENERAL:
        return &registers->general[place->index];
    case PLACE_VECTOR:
        return registers->vectors[place->index];
    case PLACE_STACK:
        break;
    }
    return &registers->stack[place->index];
}

static bool is_control_kept(void) {
    const uint32_t mxcsr_control = 0xffc0, direction_flag = 1 << 10;
    return ((exchange.load.mxcsr ^ exchange.stored.mxcsr) & mxcsr_control) == 0 &&
           exchange.load.x87_control == exchange.stored.x87_control &&
           (exchange.stored.rflags & direction_flag) == 0;
}

static bool is_result_right(uint64_t integer, uint64_t double_bits) {
    return integer == RESULT_INTEGER &&
           (!called->has_double_result || double_bits == RESULT_DOUBLE_BITS);
}

/* ---- callees -------------------------------------------------------------------------------- */

static void compare_registers(void) {
    for (unsigned number = 0; number < REGISTER_COUNT; number++) {
        const uint8_t *before = exchange.load.vectors[number];
        const uint8_t *after = exchange.stored.vectors[number];
        bool is_kept = exchange.load.general[number] == exchange.stored.general[number];
        bool is_low_kept = memcmp(before, after, VECTOR_REGISTER_BYTES / 2) == 0;
        bool is_all_kept =
            exchange.is_wide != 0 && memcmp(before, after, VECTOR_REGISTER_BYTES) == 0;
        found.kept |= (uint32_t)is_kept << number;
        found.kept_vectors |= (uint32_t)is_low_kept << number;
        found.kept_wide |= (uint32_t)is_all_kept << number;
    }
}

/* Values that are passed by their address are in `sent`. */
static void place_indirect(const struct place *places) {
    for (unsigned number = 0; number < PARAMETER_COUNT; number++) {
        if (places[number].is_indirect) {
            void *address = sent[number];
            memcpy(place_value(&exchange.load, &places[number]), &address, sizeof address);
        }
    }
}

static void compare_seen(const struct place *places) {
    for (unsigned number = 0; number < PARAMETER_COUNT; number++) {
        const struct place *place = &places[number];
        const void *passed = place->is_indirect ? sent[number] : place_value(&exchange.load, place);
        if (memcmp(seen[number], passed, place->bytes) != 0) {
            found.wrong |= WRONG_ARGUMENT;
        }
    }
}

static void call_callee(void) {
    struct place places[PARAMETER_COUNT];
    bool is_full = called_as == FULL;
    uint64_t double_bits, popped = is_full ? called->popped : called->popped_plain;
    fill_registers(&exchange.load);
    fill(sent, sizeof sent);
    convention_locate(called, places);
    if (is_full) {
        place_indirect(places);
    }
    exchange.target = (uintptr_t)(is_full ? called->full : called->plain);
    harness_call();
    compare_registers();
    memcpy(&double_bits, exchange.stored.vectors[0], sizeof double_bits);
    if (is_full) {
        compare_seen(places);
        if (!is_result_right(exchange.stored.general[RAX], double_bits)) {
            found.wrong |= WRONG_RESULT;
        }
    }
    if (exchange.stored.general[RSP] != exchange.stack_before + popped) {
        found.wrong |= WRONG_STACK;
    }
    if (!is_control_kept()) {
        found.wrong |= WRONG_CONTROL;
    }
}

/* ---- callers -------------------------------------------------------------------------------- */

static bool is_live(const void *value, size_t bytes, unsigned first, unsigned end) {
    for (unsigned number = first; number < end; number++) {
        if (memcmp(value, live_in[number], bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* What the callee leaves: what it must keep is as it was, the results are where they belong, and
 * all else is destroyed. */
static void load_after_call(bool is_full) {
    uint32_t kept = called->kept & ~(is_full ? called->used : 0);
    uint32_t kept_vectors = called->kept_vectors & ~(is_full ? called->used_vectors : 0);
    const uint64_t double_bits = RESULT_DOUBLE_BITS;
    struct registers *load = &exchange.load, *stored = &exchange.stored;
    fill_registers(load);
    load->mxcsr = stored->mxcsr;
    load->x87_control = stored->x87_control;
    for (unsigned number = 0; number < REGISTER_COUNT; number++) {
        if ((kept >> number & 1) != 0) {
            load->general[number] = stored->general[number];
        }
        if ((kept_vectors >> number & 1) != 0) {
            bool is_all_kept = (called->kept_wide >> number & 1) != 0;
            memcpy(load->vectors[number], stored->vectors[number],
                   is_all_kept ? VECTOR_REGISTER_BYTES : VECTOR_REGISTER_BYTES / 2);
        }
    }
    if (is_full) {
        load->general[RAX] = RESULT_INTEGER;
        if (called->has_double_result) {
            memcpy(load->vectors[0], &double_bits, sizeof double_bits);
        }
    }
}

static void find_live_values(void) {
    const struct registers *stored = &exchange.stored;
    for (unsigned number = 0; number < REGISTER_COUNT; number++) {
        bool is_integer =
            is_live(&stored->general[number], sizeof(uint64_t), 0, LIVE_INTEGER_COUNT);
        bool is_vector =
            is_live(stored->vectors[number], VALUE_BYTES, LIVE_INTEGER_COUNT, LIVE_COUNT);
        found.held |= (called->kept >> number & 1 & is_integer) << number;
        found.held_vectors |= (called->kept_vectors >> number & 1 & is_vector) << number;
    }
}

uint64_t record_inspect(const uint64_t *stack) {
    struct place places[PARAMETER_COUNT];
    bool is_full = called_as == CALL_FULL;
    convention_locate(called, places);
    memcpy(exchange.stored.stack, stack, sizeof exchange.stored.stack);
    for (unsigned number = 0; is_full && number < PARAMETER_COUNT; number++) {
        const void *value = place_value(&exchange.stored, &places[number]);
        if (places[number].is_indirect) {
            memcpy(&value, value, sizeof value);
        }
        if (memcmp(value, sent[number], places[number].bytes) != 0) {
            found.wrong |= WRONG_ARGUMENT;
        }
    }
    if ((uintptr_t)stack % 16 != 0) {
        found.wrong |= WRONG_STACK;
    }
    if ((exchange.stored.rflags & 1 << 10) != 0) {
        found.wrong |= WRONG_CONTROL;
    }
    find_live_values();
    load_after_call(is_full);
    return is_full ? called->popped : called->popped_plain;
}

static void call_caller(void) {
    fill(sent, sizeof sent);
    fill(live_in, sizeof live_in);
    memset(live_out, 0, sizeof live_out);
    if (called_as == CALL_PLAIN) {
        called->call_plain(live_in, live_out);
    } else {
        uint64_t double_bits = called->has_double_result ? RESULT_DOUBLE_BITS : 0;
        uint64_t sum = (uint64_t)called->call_full(sent, live_in, live_out);
        if (!is_result_right(sum ^ double_bits, double_bits)) {
            found.wrong |= WRONG_RESULT;
        }
    }
    for (unsigned number = 0; number < LIVE_COUNT; number++) {
        size_t bytes = number < LIVE_INTEGER_COUNT ? sizeof(uint64_t) : VALUE_BYTES;
        if (memcmp(live_in[number], live_out[number], bytes) != 0) {
            found.wrong |= WRONG_VALUE;
        }
    }
}

bool convention_has(const struct convention *convention, enum function function) {
    switch (function) {
    case PLAIN:
        return convention->plain != NULL;
    case FULL:
        return convention->full != NULL;
    case CALL_PLAIN:
        return convention->call_plain != NULL;
    case CALL_FULL:
        return convention->call_full != NULL;
    case FUNCTION_COUNT:
        break;
    }
    return false;
}

struct outcome convention_call(const struct convention *convention, enum function function,
                               unsigned turn) {
    called = convention;
    called_as = function;
    found = (struct outcome){.calls = 1};
    bool is_callee = function == PLAIN || function == FULL;
    exchange.hits = 0;
    exchange.hold = 1 + (is_callee ? turn % 3 : 0); /* before, in and after a callee */
    (is_callee ? call_callee : call_caller)();
    found.hits = (uint32_t)exchange.hits;
    return found;
}

void convention_call_begin(uint64_t seed, uint64_t spins, bool has_wide) {
    random = seed * 2 + 1; /* the generator would stay at 0 */
    exchange.spins = spins;
    exchange.is_wide = has_wide;
}
