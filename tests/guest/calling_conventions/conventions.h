#pragma once
/*
 * Calling conventions, looked at register by register: what is written in C, in LLVM IR and in
 * assembly meets here. Offsets of struct exchange are known to harness.S.
 */
#include "tests/guest/calling_conventions/shape.h"

#define REGISTER_COUNT 16
#define VECTOR_REGISTER_BYTES 32
#define STACK_WORDS 40
#define VALUE_BYTES 16

#define REGISTERS_RFLAGS 128
#define REGISTERS_MXCSR 136
#define REGISTERS_X87 140
#define REGISTERS_VECTORS 144
#define REGISTERS_STACK 656
#define REGISTERS_BYTES 976
#define EXCHANGE_STORED REGISTERS_BYTES
#define EXCHANGE_TARGET 1952
#define EXCHANGE_STACK_BEFORE 1960
#define EXCHANGE_STACK_SAVED 1968
#define EXCHANGE_SPINS 1976
#define EXCHANGE_SPINS_LEFT 1984
#define EXCHANGE_HITS 1992
#define EXCHANGE_HOLD 2000
#define EXCHANGE_IS_WIDE 2008
#define EXCHANGE_BROKEN 2016

#ifndef __ASSEMBLER__
#include <capos/capos.h>

/* Numbers as the machine counts them; masks have bit 1 << number. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* All registers that a program has. */
struct registers {
    uint64_t general[REGISTER_COUNT];
    uint64_t rflags;
    uint32_t mxcsr;
    uint16_t x87_control, reserved;
    uint8_t vectors[REGISTER_COUNT][VECTOR_REGISTER_BYTES];
    uint64_t stack[STACK_WORDS]; /* from the first argument on the stack on */
};
_Static_assert(offsetof(struct registers, rflags) == REGISTERS_RFLAGS, "harness.S");
_Static_assert(offsetof(struct registers, mxcsr) == REGISTERS_MXCSR, "harness.S");
_Static_assert(offsetof(struct registers, x87_control) == REGISTERS_X87, "harness.S");
_Static_assert(offsetof(struct registers, vectors) == REGISTERS_VECTORS, "harness.S");
_Static_assert(offsetof(struct registers, stack) == REGISTERS_STACK, "harness.S");
_Static_assert(sizeof(struct registers) == REGISTERS_BYTES, "harness.S");

/* Between a thread and the assembly that it runs. The handler of upcalls counts here too. */
struct exchange {
    struct registers load;   /* what the callee, or the caller after its call, begins with */
    struct registers stored; /* what the callee left, or the caller called with */
    uint64_t target;         /* the callee */
    uint64_t stack_before;   /* RSP at the CALL */
    uint64_t stack_saved;
    uint64_t spins; /* for which registers are held at most */
    uint64_t spins_left;
    uint64_t hits;    /* interrupts that came while code of the conventions ran */
    uint64_t hold;    /* at which of the places, from 1 on */
    uint64_t is_wide; /* there are YMM registers */
    uint64_t broken;  /* calls from a handler that did not keep their promise */
};
_Static_assert(offsetof(struct exchange, target) == EXCHANGE_TARGET, "harness.S");
_Static_assert(offsetof(struct exchange, stack_before) == EXCHANGE_STACK_BEFORE, "harness.S");
_Static_assert(offsetof(struct exchange, stack_saved) == EXCHANGE_STACK_SAVED, "harness.S");
_Static_assert(offsetof(struct exchange, spins) == EXCHANGE_SPINS, "harness.S");
_Static_assert(offsetof(struct exchange, spins_left) == EXCHANGE_SPINS_LEFT, "harness.S");
_Static_assert(offsetof(struct exchange, hits) == EXCHANGE_HITS, "harness.S");
_Static_assert(offsetof(struct exchange, hold) == EXCHANGE_HOLD, "harness.S");
_Static_assert(offsetof(struct exchange, is_wide) == EXCHANGE_IS_WIDE, "harness.S");
_Static_assert(offsetof(struct exchange, broken) == EXCHANGE_BROKEN, "harness.S");
extern _Thread_local struct exchange exchange;

/* The arguments that a callee has found, VALUE_BYTES for each. */
extern _Thread_local uint8_t seen[PARAMETER_COUNT][VALUE_BYTES];

/* What a convention promises, and the functions that follow it. */
struct convention {
    const char *name;
    uint32_t kept;         /* general registers that a callee leaves as they were */
    uint32_t kept_vectors; /* XMM registers, all 128 bits */
    uint32_t kept_wide;    /* YMM registers, all 256 bits */
    uint32_t used; /* of `kept`: not kept by a function that has arguments or results there */
    uint32_t used_vectors;
    uint8_t integers[REGISTER_COUNT]; /* where integers are passed, in order */
    uint8_t integer_count;
    uint8_t double_count; /* XMM registers for doubles and vectors, from XMM0 on */
    /* Register and word of the stack by the place among all parameters, but for so many that have
     * no word; vectors from so many on are passed by their address. */
    bool is_positional;
    uint8_t homeless, vector_count;
    bool has_double_result; /* in XMM0, beside the integer in RAX */
    bool has_iret;          /* ends with IRETQ */
    bool has_frame_pointer; /* RBP of its caller holds no value */
    /* Bytes of the stack that a callee takes away: without parameters, and with all of them. */
    uint8_t popped_plain, popped;
    void (*plain)(void); /* void(void), destroys all that it may */
    void (*full)(void);  /* with all parameters and results */
    void (*call_plain)(const void *live_in, void *live_out);
    int64_t (*call_full)(const void *sent, const void *live_in, void *live_out);
};
/* The functions of a convention: two callees and two callers. */
enum function { PLAIN, FULL, CALL_PLAIN, CALL_FULL, FUNCTION_COUNT };
#define CONVENTION_COUNT 24u
extern const struct convention conventions[];

enum place_kind { PLACE_GENERAL, PLACE_VECTOR, PLACE_STACK };
/* Where a parameter is, and whether it is the address of the value that is there. */
struct place {
    enum place_kind kind;
    unsigned index; /* register, or word of the stack */
    unsigned bytes; /* of the value */
    bool is_indirect;
};
void convention_locate(const struct convention *convention, struct place places[PARAMETER_COUNT]);

/* Of one call of a function, or of all of them. */
struct outcome {
    uint32_t calls, hits;
    uint32_t kept, kept_vectors, kept_wide; /* each time */
    uint32_t held, held_vectors; /* registers in which a caller had values, at least once */
    uint32_t wrong;              /* bits: see enum wrong */
};
enum wrong {
    WRONG_ARGUMENT = 1 << 0,
    WRONG_RESULT = 1 << 1,
    WRONG_STACK = 1 << 2,   /* RSP */
    WRONG_CONTROL = 1 << 3, /* control words, direction flag */
    WRONG_VALUE = 1 << 4,   /* of the caller, after the call */
};

/* For each thread, before its first call. */
void convention_call_begin(uint64_t seed, uint64_t spins, bool has_wide);
/* Not every convention has all functions. */
bool convention_has(const struct convention *convention, enum function function);
/* Where it is held for an interrupt depends on the turn. */
struct outcome convention_call(const struct convention *convention, enum function function,
                               unsigned turn);

/* Loads all registers and the stack from exchange.load, calls exchange.target, and stores
 * everything to exchange.stored. */
void harness_call(void);
/* What record asks, between storing all registers and loading others: looks at exchange.stored,
 * fills exchange.load, and returns the number of bytes that the callee pops. */
uint64_t record_inspect(const uint64_t *stack);

void harness_handler(void); /* of upcalls: spoils every register */
extern uint64_t harness_signals;
#endif
