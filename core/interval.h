#pragma once
/*
 * An interval: moments that are a period apart, and how many of them somebody has been told of.
 * Each is computed from the first, so that they do not drift. Pure arithmetic: time is an argument.
 */
#include <stdint.h>

#define INTERVAL_NEVER UINT64_MAX

struct interval {
    uint64_t first_ns;  /* absolute; INTERVAL_NEVER: stopped */
    uint64_t period_ns; /* 0: the first moment is the only one */
    uint64_t told;      /* moments that were taken */
};

/* Moments that have passed at now_ns and were not taken. */
uint64_t interval_pending(const struct interval *interval, uint64_t now_ns);

/* Takes them. */
uint64_t interval_take(struct interval *interval, uint64_t now_ns);

/* The first moment that was not taken; INTERVAL_NEVER when there is none. */
uint64_t interval_next(const struct interval *interval);
