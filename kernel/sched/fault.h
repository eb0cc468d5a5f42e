#pragma once
/* CPU exceptions of programs. */
#include "kernel/arch/x86_64/trap.h"

/* exit_record.vector for an end that no CPU exception caused: the ring's shared words make no
 * sense. */
#define EXIT_VECTOR_CORRUPT_RING 64u
/* The frame that an upcall came back with is not sound, or an interrupt had no stack to go to. */
#define EXIT_VECTOR_UPCALL 65u

/* Brings the page in, or ends the process with a record of the thread's state. */
void fault_handle(struct trap_frame *frame, uint64_t address);
