#pragma once
/* The end of a process, as those see it who hold its capability. */
#include "kernel/types.h"

struct process;

/* The process is over: drops its reference to itself and answers everybody who waits. */
void process_exit_complete(struct process *process);

/* True for the interface that gives authority over time. */
bool process_is_timer(const void *interface);
