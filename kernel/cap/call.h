#pragma once
/*
 * One CALL on its way through the kernel, and how an interface is served.
 *
 * An interface is served by kernel/cap/NAME.c, which defines for each method M of schema/NAME.capnp
 *
 *   status_t NAME_decode_M(struct call *call, const struct capos_NAME_M_params *params);
 *   void     NAME_invoke_M(struct call *call, struct capos_NAME_M_results *results);
 *
 * decode checks everything, copies what it needs from user memory once, and changes nothing that
 * anybody can see; what it found goes to call->decoded. invoke then cannot fail: it does the work,
 * fills *results, or arms call->operation and calls call_pend, and somebody completes it later with
 * operation_complete. A method whose parameters hold pointers (text, lists) gets a struct
 * wire_struct in place of *params, and looks at call->wire.failed before it makes anything. The
 * generated tables name these functions, so a missing one does not link and a wrong one does not
 * compile.
 *
 * Rules
 * - Runs with interrupts off on the CPU of the calling thread; must not wait. Other threads of the
 *   process may run at the same time, and change everything that is guarded by a lock.
 * - A second capability that a method names is looked up by process_reference_capability.
 * - params and results are kernel memory; they may share it (results are written after params were
 *   read for the last time).
 * - call->buffer is a user range that nobody has checked; use space_copy_in and space_copy_out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "core/status.h"
#include "core/wire.h"

struct thread;
struct process;
struct object;
struct operation;
struct interface;
struct method;

#define CALL_MESSAGE_WORDS_MAX (CAPOS_MESSAGE_BYTES_MAX / 8)
#define CALL_DECODED_WORDS 10u

struct call {
    struct thread *thread; /* the caller */
    struct process *process;
    struct object *object; /* behind the capability; live during decode and invoke */
    uint64_t badge;
    const struct interface *interface;
    const struct method *method;
    struct operation *operation; /* the caller's record, for blocking methods; else NULL */

    uint64_t *message; /* parameters: root pointer, data, pointers. Then results */
    uint32_t message_words;
    uint64_t buffer; /* user address and length of the bulk buffer, unchecked */
    uint64_t buffer_length;

    uint64_t decoded[CALL_DECODED_WORDS]; /* from decode to invoke */
    uint32_t detail;                      /* of a refusal: which parameter, counted from 1 */
    bool pending;                         /* invoke has armed call->operation */
    bool is_charged;                      /* the ledger is charged for it */
    status_t status;                      /* set by invoke when a wait ended before it began */
    uint64_t aux;                         /* set by the generated code from a scalar result */
    struct wire_message wire;             /* the parameters of a method of variable size */
};

/* The generated record of a method. */
struct method {
    const char *name;
    status_t (*decode)(struct call *call); /* generated: types the message, calls NAME_decode_M */
    void (*invoke)(struct call *call);     /* generated: types the results, sets call->aux */
    uint16_t params_words;  /* whole message of a fixed-size method, root included; 0: variable */
    uint64_t params_root;   /* the root word that such a message begins with */
    uint16_t results_words; /* written back to the message, root included; 0: none or aux alone */
    bool inline_allowed;    /* at most three data words, no pointers, aux alone comes back */
    bool tail_in;           /* last parameter is Data, taken from the bulk buffer */
    bool tail_out;          /* last result is Data, written to the bulk buffer */
    bool blocking;
};

/* The generated record of an interface. */
struct interface {
    uint64_t id;
    const char *name; /* as in the schema */
    const struct method *methods;
    uint32_t method_count;
    const char *grant_name; /* NULL when it cannot be granted by name */
    /*
     * NAME_grant of kernel/cap/NAME.c, for interfaces with a Grant annotation: makes the object of
     * this kind that belongs to `process`. source is the granter's own object of the same interface
     * (NULL when the kernel itself grants to init); facet is the narrower form or empty. On success
     * *object_out holds a reference and *badge_out what the slot shall carry. notPermitted when the
     * facet is unknown or wider than what the source allows.
     */
    status_t (*grant)(struct process *process, struct object *source, uint64_t source_badge,
                      struct wire_text facet, struct object **object_out, uint64_t *badge_out);
};

/* Generated, ordered by name, both const. */
extern const struct interface *const interface_table[];
extern const size_t interface_count;

/* invoke's word that the operation completes later. */
static inline void call_pend(struct call *call) {
    call->pending = true;
}

/* decode's refusal with the number of the parameter at fault. */
static inline status_t call_refuse(struct call *call, status_t status, uint32_t parameter) {
    call->detail = parameter;
    return status;
}
