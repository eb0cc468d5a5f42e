#pragma once
/* What a program requires, from the notes in its ELF file. */
#include "user/shell/program.h"

/* Says which required grants a request lacks, and the line that has them; false when it does. */
bool needs_are_met(const struct program_request *request, const void *file, size_t size);
