#pragma once
/* The end of a process, as those see it who hold its capability. */
#include "kernel/types.h"

struct process;

/* The process is over: answers everybody who waits, and whoever comes later. */
void process_exit_complete_waiters(struct process *process);

/* True for the interface that gives authority over time. */
bool process_is_timer(const void *interface);
