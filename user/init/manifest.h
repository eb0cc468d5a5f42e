#pragma once
/* The manifest: the file of the boot package that says what to start. */
#include "core/wire.h"

#define MANIFEST_PROGRAMS_MAX 64u

/*
 * Reads and opens it. programs are valid for the life of init. Returns 0 or a negative error:
 * notFound without such a file, tooLarge over the limits, badMessage when it does not hold.
 */
int64_t manifest_open(struct wire_message *message, struct wire_list *programs);
