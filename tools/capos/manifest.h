#pragma once
/* The manifest of a run (schema/manifest.capnp): one program with its arguments and grants. */
#include <stddef.h>

#include "capos/abi.h"
#include "tools/capos/grants.h"

struct manifest_program {
    const char *file;       /* its name in the boot package */
    char *const *arguments; /* argv, argv[0] included */
    uint32_t argument_count;
    const struct grant_list *grants;
};

/* What the kernel takes. */
#define MANIFEST_ARGUMENTS_MAX CAPOS_SPAWN_STRINGS_MAX
#define MANIFEST_ARGUMENT_BYTES_MAX CAPOS_SPAWN_STRING_BYTES_MAX

/* A framed message in memory of its own, for free(). NULL when the arguments are too long: said. */
void *manifest_create(const struct manifest_program *program, size_t *size);
