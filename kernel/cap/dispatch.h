#pragma once
/* From an entry to the method of an interface. */
#include "capos/abi.h"
#include "kernel/types.h"

struct thread;

/* What became of an entry. */
struct outcome {
    status_t status;
    uint32_t detail;
    uint64_t aux;
    bool pending; /* a record is armed and completes it; the rest means nothing */
};

/* One CALL of the thread that runs here, from its ring or from registers. */
void dispatch_call(struct thread *thread, const struct capos_entry *entry, bool is_register,
                   struct outcome *outcome);
