#include "capos/handler.h"

#include "capos/signal.h"

static capos_handler *_Atomic function;
static _Atomic capos_cap_t capability;

/* The kernel comes here as if by a call from nowhere, with the stack aligned as one leaves it. */
_Noreturn static void enter(struct capos_upcall_frame *frame, uint64_t kind) {
    function(frame);
    (void)capos_signal_return_from(capability, (uintptr_t)frame);
    __builtin_trap();
}

int64_t capos_handler_begin(capos_cap_t signal, capos_handler *handler, void *stack,
                            uint64_t stack_size) {
    function = handler;
    capability = signal;
    return capos_signal_set_handler(signal, (uintptr_t)enter, (uintptr_t)stack, stack_size);
}

int64_t capos_handler_end(capos_cap_t signal) {
    return capos_signal_set_handler(signal, 0, 0, 0);
}
