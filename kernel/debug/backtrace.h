#pragma once
/* Prints the chain of callers on the log: function and offset, by frame pointers. */
#include <stdint.h>

void backtrace_print_from(uint64_t rip, uint64_t rbp);
