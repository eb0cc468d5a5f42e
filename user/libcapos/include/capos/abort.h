#pragma once
/* Ending in a way that tells where: a message on the console, if there is one, then a fault. */

#include "capos/linkage.h"

CAPOS_LINKAGE_BEGIN

/* Prints "PROGRAM: message" as an error and faults with invalid opcode, so that the crash report
 * names the caller. */
_Noreturn void capos_abort(const char *message);

/* As capos_abort, for the ASSERT of core/assert.h. */
_Noreturn void assert_failed(const char *expression, const char *file, int line);

CAPOS_LINKAGE_END
