#pragma once
/* The end of a thread, as those see it who hold its capability. */
struct thread;

/* The thread is over: answers everybody who joins it, and drops its reference to itself. */
void thread_exit_complete(struct thread *thread);
