#pragma once
/*
 * Failures on demand, for tests. build/capos-kernel-faults.elf is the kernel with one more file,
 * inject.c, which counts what is taken (charges to a ledger, frames, slots of capability tables)
 * and lets it fail as a test asks for. The kernel that is delivered has none of this.
 *
 * A test asks by ProcessSpawner.spawn with a framesLimit that stands for a request. Nothing is
 * spawned then; the error says what came of it:
 *
 *   INJECT_ARM(first, every)  busy: from here on the first-th thing that the caller or one of its
 *                             descendants takes is refused, and after that each every-th (0: no
 *                             more)
 *   INJECT_DISARM             everything goes as it should again. cancelled: something was refused;
 *                             timedOut: less was taken than that; notFound: nobody had armed it
 *
 * Rules
 * - One request at a time in the machine. Whoever armed it must not be freed before it is disarmed:
 *   somebody else holds its Process until then.
 */
#include <stdint.h>

#define INJECT_MASK UINT64_C(0xffff000000000000)
#define INJECT_REQUEST UINT64_C(0xfa17000000000000)

#define INJECT_FIRST_MAX UINT64_C(0xffffffff)
#define INJECT_EVERY_SHIFT 32u
#define INJECT_EVERY_MAX UINT64_C(0xffff)

/* first is from 1. */
#define INJECT_ARM(first, every)                                                                   \
    (INJECT_REQUEST | (uint64_t)(every) << INJECT_EVERY_SHIFT | (uint64_t)(first))
#define INJECT_DISARM INJECT_REQUEST
