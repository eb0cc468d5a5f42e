#pragma once
/* Starting a program from plain C values: builds the message of ProcessSpawner.spawn. */
#include <stdint.h>

#include "capos/abi.h"
#include "capos/linkage.h"
#include "capos/process_spawner.h"

CAPOS_LINKAGE_BEGIN

struct capos_spawn_grant {
    const char *name; /* under which the program finds it */
    capos_cap_t capability;
    enum capos_spawn_grant_mode mode;
    const char *facet; /* NULL: none */
};

struct capos_spawn {
    const char *program; /* its file in the boot package */
    const char *const *arguments;
    const char *const *environment;
    const struct capos_spawn_grant *grants;
    uint32_t argument_count, environment_count, grant_count;
    uint64_t frames_limit; /* 0: what the caller may use */
};

/* What the kernel takes in one message. */
#define CAPOS_SPAWN_WORDS_MAX (CAPOS_MESSAGE_BYTES_MAX / 8)

/* Builds the message alone, for an entry of a ring. Returns its length in words, 0 when it does not
 * fit. */
uint32_t capos_spawn_build(const struct capos_spawn *spawn, uint64_t *words,
                           uint32_t word_count_max);

/*
 * *process is a new capability of the interface Process. On failure *detail says more; see
 * CAPOS_DETAIL_GRANT_FIRST in capos/abi.h. tooLarge when arguments, environment
 * and grants together do not fit into a message.
 */
int64_t capos_spawn(capos_cap_t spawner, const struct capos_spawn *spawn, capos_cap_t *process,
                    uint32_t *detail);

CAPOS_LINKAGE_END
