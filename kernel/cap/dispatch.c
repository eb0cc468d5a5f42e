#include "kernel/cap/dispatch.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/speculation.h"
#include "kernel/cap/call.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/process.h"

/* Parameters in the arguments: the root and the data words, as the message would have them. */
static status_t load_inline(struct call *call, const struct capos_entry *entry) {
    const struct method *method = call->method;
    if (!method->inline_allowed || entry->length != 0) {
        return CAPOS_E_BAD_MESSAGE;
    }
    call->message[0] = method->params_root;
    for (uint32_t i = 0; i < 3; i++) {
        if (i + 1 < method->params_words) {
            call->message[i + 1] = entry->argument[i];
        } else if (entry->argument[i] != 0) {
            return call_refuse(call, CAPOS_E_BAD_MESSAGE, i + 1);
        }
    }
    call->message_words = method->params_words;
    return CAPOS_OK;
}

/* Parameters in memory: copied once, and only the copy is looked at. */
static status_t load_message(struct call *call, const struct capos_entry *entry) {
    const struct method *method = call->method;
    uint64_t bytes = entry->length;
    if (bytes % 8 != 0 || bytes == 0) {
        return CAPOS_E_BAD_MESSAGE;
    }
    if (bytes > CALL_MESSAGE_WORDS_MAX * 8) {
        return CAPOS_E_TOO_LARGE;
    }
    call->message_words = (uint32_t)(bytes / 8);
    if (method->params_words != 0 && call->message_words != method->params_words) {
        return CAPOS_E_BAD_MESSAGE;
    }
    status_t status =
        space_copy_in(&call->process->space, call->message, entry->argument[0], bytes);
    if (status != CAPOS_OK) {
        return status;
    }
    if (method->params_words != 0 && call->message[0] != method->params_root) {
        return CAPOS_E_BAD_MESSAGE;
    }
    if (method->tail_in || method->tail_out) {
        call->buffer = entry->argument[1];
        call->buffer_length = entry->argument[2];
    } else if ((entry->argument[1] | entry->argument[2]) != 0) {
        return CAPOS_E_BAD_MESSAGE;
    }
    return CAPOS_OK;
}

static bool writes_results(const struct method *method) {
    return method->results_words > 0;
}

static status_t load_params(struct call *call, const struct capos_entry *entry) {
    if ((entry->flags & CAPOS_ENTRY_INLINE) != 0) {
        return writes_results(call->method) ? CAPOS_E_BAD_MESSAGE : load_inline(call, entry);
    }
    status_t status = load_message(call, entry);
    if (status == CAPOS_OK && writes_results(call->method)) {
        /* Results go back to where the parameters were; say no before anything has happened. */
        uint64_t bytes = UINT64_C(8) * call->method->results_words;
        if (!space_is_mapped(&call->process->space, entry->argument[0], bytes, PROTECT_WRITE)) {
            status = CAPOS_E_BAD_ADDRESS;
        }
        if (call->operation != NULL) {
            call->operation->message = entry->argument[0];
        }
    }
    return status;
}

/*
 * The object behind the capability, without a lock or a reference. Another thread of the process
 * may give the capability up meanwhile: it empties the slot, and then waits for every CPU whose
 * target is the object (process_drop_removed). So this CPU says what its target is, and then looks
 * whether the slot is still there. A process with one thread need not.
 */
static status_t find_target(struct call *call, const struct capos_entry *entry) {
    struct process *process = call->process;
    struct captable_slot *slot = captable_lookup(&process->captable, entry->capability);
    if (slot == NULL) {
        return CAPOS_E_BAD_CAPABILITY;
    }
    /* acquire: the look-up below comes after them (captable_lookup) */
    call->object = __atomic_load_n(&slot->object, __ATOMIC_ACQUIRE);
    call->interface = __atomic_load_n(&slot->interface, __ATOMIC_ACQUIRE);
    call->badge = __atomic_load_n(&slot->badge, __ATOMIC_ACQUIRE);
    if (atomic_load_explicit(&process->thread_count, memory_order_relaxed) > 1) {
        /* seq_cst: pairs with the fence in wait_for_users (process_capabilities.c) */
        atomic_store_explicit(&cpu_current()->target, call->object, memory_order_seq_cst);
        if (captable_lookup(&process->captable, entry->capability) != slot) {
            return CAPOS_E_BAD_CAPABILITY;
        }
    }
    if (entry->method >= call->interface->method_count) {
        return CAPOS_E_BAD_METHOD;
    }
    if (slot->used == 0) {
        slot->used = 1;
    }
    call->method =
        &call->interface->methods[speculation_clamp(entry->method, call->interface->method_count)];
    return CAPOS_OK;
}

/* From the parameters to the work. */
static status_t run_call(struct call *call, const struct capos_entry *entry, bool is_register) {
    status_t status = CAPOS_OK;
    if (call->method->blocking) {
        status = operation_prepare(call->thread, entry, is_register, &call->operation);
    }
    if (status == CAPOS_OK) {
        status = load_params(call, entry);
    }
    if (status == CAPOS_OK) {
        status = call->method->decode(call);
    }
    if (status == CAPOS_OK && call->operation != NULL) {
        status = operation_charge(call->operation);
        call->is_charged = status == CAPOS_OK;
    }
    if (status == CAPOS_OK) {
        call->method->invoke(call);
        status = call->status;
    }
    return status;
}

void dispatch_call(struct thread *thread, const struct capos_entry *entry, bool is_register,
                   struct outcome *outcome) {
    /* Not cleared as a whole: `wire` is large, and the methods that use it open it. */
    struct call call;
    call.thread = thread;
    call.process = thread->process;
    call.operation = NULL;
    call.is_charged = false;
    call.message = cpu_current()->message;
    call.buffer = call.buffer_length = 0;
    call.detail = 0;
    call.pending = false;
    call.status = CAPOS_OK;
    call.aux = 0;
    call.wire.failed = false;
    status_t status = find_target(&call, entry);
    if (status == CAPOS_OK) {
        status = run_call(&call, entry, is_register);
    }
    /* release: our last use of the object came before; pairs with process_drop_removed. */
    atomic_store_explicit(&cpu_current()->target, NULL, memory_order_release);
    if (call.pending) {
        outcome->pending = true;
        return; /* record and charge go back when it is complete */
    }
    if (call.is_charged) {
        operation_refund(call.operation);
    }
    if (call.operation != NULL) {
        operation_give(call.operation);
    }
    if (status == CAPOS_OK && writes_results(call.method)) {
        status = space_copy_out(&call.process->space, entry->argument[0], call.message,
                                UINT64_C(8) * call.method->results_words);
    }
    outcome->status = status;
    outcome->detail = call.detail;
    outcome->aux = call.aux;
}
