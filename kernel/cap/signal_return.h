#pragma once
/* What the system calls know of Signal. */
#include <stdbool.h>

struct thread;

/* The system call that the thread makes is Signal.returnFrom, and permitted: it goes by
 * upcall_return, without the ways of a call that comes back. */
bool signal_is_return(const struct thread *thread);
