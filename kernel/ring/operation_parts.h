#pragma once
/*
 * What the files of operations share: operation.c (records, from being prepared to being complete),
 * operation_end.c (what ends them before their time: CANCEL, a deadline, an upcall, the thread's
 * end) and operation_queue.c (those of an object). Nobody else includes this.
 */
#include "kernel/ring/operation.h"

/* The record is free again. Under the ring's lock. */
void operation_release_record(struct operation *operation);
/* Takes a claimed operation out of the timers, if it is in them. */
void operation_remove_deadline(struct operation *operation);
/* Gives back what a claimed record holds besides itself: deadline, charges, object. */
void operation_drop_resources(struct operation *operation);
/* Gives the memory of a ring's records back; none is in use. */
void operation_free_pool(struct thread *thread);
