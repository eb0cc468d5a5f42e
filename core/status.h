#pragma once
/*
 * The result of everything that can be refused: 0, or a negative code of schema/errors.capnp.
 * A function that returns a status changes nothing when it returns one that is not 0.
 */
#include <stdint.h>

#include "capos/errors.h"

typedef int32_t status_t;

#define MUST_CHECK __attribute__((warn_unused_result))
