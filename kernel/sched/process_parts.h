#pragma once
/*
 * What the files of processes share: process.c (beginning, ledger, threads), process_capabilities.c
 * (the table) and process_end.c (how a process ends, and those above it). Nobody else includes
 * this.
 */
#include "kernel/sched/process.h"

/* Guards parent, children, sibling_next, children_running and reaped of every process. Taken before
 * a process's lock. */
extern struct spinlock process_tree_lock;

extern _Atomic uint32_t process_unfinished; /* all that have not ended */

/* At the end: no thread is there to look anything up. */
void process_empty_captable(struct process *process);
