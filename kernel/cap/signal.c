#include "signal.h"

#include "capos/opcodes.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/cap/object.h"
#include "kernel/cap/signal_return.h"
#include "kernel/sched/process.h"

/* RDI of Signal.returnFrom in the register form. */
#define RETURN_FROM                                                                                \
    (CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |                  \
     (uint64_t)CAPOS_ENTRY_INLINE << CAPOS_ENTER_FLAGS_SHIFT |                                     \
     (uint64_t)CAPOS_SIGNAL_METHOD_RETURN_FROM << CAPOS_ENTER_METHOD_SHIFT)

/* Acts on whoever calls, so one object serves everybody. */
static const struct object_type signal_type = {"Signal", NULL};
static struct object signal = {&signal_type, 1};

status_t signal_grant(struct process *process, struct object *source, uint64_t source_badge,
                      struct wire_text facet, struct object **object_out, uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&signal);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t signal_decode_set_handler(struct call *call,
                                   const struct capos_signal_set_handler_params *params) {
    uint64_t low = params->stack, size = params->stack_size;
    if (params->handler >= USER_HIGH) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    if (low >= USER_HIGH || (low != 0 && (size == 0 || params->handler == 0))) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 2);
    }
    if (size > USER_HIGH - low || (size != 0 && (low == 0 || size < CAPOS_UPCALL_STACK_MIN))) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 3);
    }
    call->decoded[0] = params->handler;
    call->decoded[1] = low;
    call->decoded[2] = size;
    return CAPOS_OK;
}

void signal_invoke_set_handler(struct call *call,
                               struct capos_signal_set_handler_results *results) {
    const struct upcall_stack stack = {.low = call->decoded[1], .size_bytes = call->decoded[2]};
    upcall_set_handler(call->thread, call->decoded[0], &stack);
}

status_t signal_decode_return_from(struct call *call,
                                   const struct capos_signal_return_from_params *params) {
    /* signal_is_return has what is right; another form has more to come back to. */
    return CAPOS_E_BAD_OPCODE;
}

void signal_invoke_return_from(struct call *call,
                               struct capos_signal_return_from_results *results) {
}

bool signal_is_return(const struct thread *thread) {
    const struct trap_frame *frame = &thread->frame;
    if (frame->rdi != RETURN_FROM || (frame->r10 | frame->r8) != 0) {
        return false;
    }
    struct captable_slot *slot = captable_lookup(&thread->process->captable, frame->rsi);
    /* Only compared, never followed: another thread may give the capability up just now. */
    if (slot == NULL || __atomic_load_n(&slot->interface, __ATOMIC_RELAXED) != &signal_interface) {
        return false;
    }
    if (slot->used == 0) {
        slot->used = 1;
    }
    return true;
}

status_t signal_decode_set_mask(struct call *call,
                                const struct capos_signal_set_mask_params *params) {
    if (params->mask > CAPOS_UPCALL_MASK_ALL) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    call->decoded[0] = params->mask;
    return CAPOS_OK;
}

void signal_invoke_set_mask(struct call *call, struct capos_signal_set_mask_results *results) {
    results->previous = upcall_set_mask(call->thread, (uint32_t)call->decoded[0]);
}

status_t signal_decode_end_call(struct call *call,
                                const struct capos_signal_end_call_params *params) {
    return call->thread->upcall.in_call == NULL ? CAPOS_E_NOT_FOUND : CAPOS_OK;
}

void signal_invoke_end_call(struct call *call, struct capos_signal_end_call_results *results) {
    status_t result;
    operation_end_call(call->thread, &result, &results->aux);
    results->result = result;
}
