#pragma once
/* What the files of libcapos share and programs do not see. */
#include <stdint.h>

#include "capos/abi.h"

/* Called by _start. */
_Noreturn void capos_start_c(const struct capos_start *start, uint64_t *stack);

/* Draws the stack guard from the process's random bytes. Before any protected function runs. */
void stack_guard_seed(const uint8_t random[32]);
