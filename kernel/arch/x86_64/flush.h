#pragma once
/*
 * Translations that CPUs may have cached.
 *
 * Rules
 * - The caller of flush_range holds no lock of a space or of a memory object: it waits until every
 *   CPU that has the space active has flushed, and those may be waiting for a lock themselves. They
 *   serve requests while they spin (arch_spin_pause), in the flush interrupt, and in
 * scheduler_pick.
 * - One function does all flushing; with PCID it would be the only one to change.
 */
#include "kernel/types.h"

struct space;

/* After it returns no CPU uses translations of [address, address + size) older than the call. */
void flush_range(struct space *space, uint64_t address, uint64_t size);

/* The same where no CPU but this one has the space active, which takes no waiting: locks may be
 * held. False, with nothing done, where others have. */
MUST_CHECK bool flush_if_alone(struct space *space, uint64_t address, uint64_t size);

/* On this CPU alone, after tables have come to allow more: others that have not noticed take a page
 * fault, and find that there is nothing to do. */
void flush_here(struct space *space, uint64_t address, uint64_t size);

/* Serves what other CPUs have asked of this one. */
void flush_serve(void);
