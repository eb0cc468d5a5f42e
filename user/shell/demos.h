#pragma once
/* The demos that the shell knows: what each shows, what it needs, and how it ends. */
#include <stdbool.h>

/* Lists them, each with the line to type. */
void demos_print(void);

/* Runs all of them in order and prints what they print. Returns 0 when each ended as it should. */
int demos_run_all(void);
