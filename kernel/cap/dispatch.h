#pragma once
/* From an entry to the method of an interface. */
#include "capos/abi.h"
#include "kernel/types.h"

struct thread;
struct operation;

/* What became of an entry. */
struct outcome {
    status_t status;
    uint32_t detail;
    uint64_t aux;
    bool pending; /* `operation` is armed and completes it; the rest means nothing */
};

/* operation is a record in state PREPARING, for methods that pend. */
void dispatch_call(struct thread *thread, const struct capos_entry *entry,
                   struct operation *operation, struct outcome *outcome);
