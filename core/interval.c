#include "core/interval.h"

#include "core/assert.h"

static uint64_t passed(const struct interval *interval, uint64_t now_ns) {
    if (now_ns < interval->first_ns || interval->first_ns == INTERVAL_NEVER) {
        return 0;
    }
    uint64_t since_first = now_ns - interval->first_ns;
    return interval->period_ns == 0 ? 1 : since_first / interval->period_ns + 1;
}

uint64_t interval_pending(const struct interval *interval, uint64_t now_ns) {
    uint64_t count = passed(interval, now_ns);
    /* Clocks of two CPUs may differ by less than it takes to get from one to the other. */
    return count > interval->told ? count - interval->told : 0;
}

uint64_t interval_take(struct interval *interval, uint64_t now_ns) {
    uint64_t count = interval_pending(interval, now_ns);
    interval->told += count;
    return count;
}

uint64_t interval_next(const struct interval *interval) {
    uint64_t offset_ns, next_ns;
    if (interval->told == 0) {
        return interval->first_ns;
    }
    if (interval->period_ns == 0 ||
        __builtin_mul_overflow(interval->told, interval->period_ns, &offset_ns) ||
        __builtin_add_overflow(interval->first_ns, offset_ns, &next_ns)) {
        return INTERVAL_NEVER;
    }
    ASSERT(next_ns > interval->first_ns);
    return next_ns;
}
