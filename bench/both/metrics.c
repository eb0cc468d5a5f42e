/* The metrics of bench/metrics.def, one by one, and those that need nothing of a side. */
#include "bench/both/report.h"
#include "bench/both/run.h"
#include "bench/side.h"

static const struct metric {
    const char *name;
    void (*run)(struct measure *measure);
} metrics[] = {
#define METRIC(name, class, goal, words) {#name, bench_##name},
#include "bench/metrics.def"
#undef METRIC
};

static void sort(uint64_t *values, uint32_t count) {
    for (uint32_t at = 1; at < count; at++) {
        const uint64_t value = values[at];
        uint32_t place = at;
        for (; place > 0 && values[place - 1] > value; place--) {
            values[place] = values[place - 1];
        }
        values[place] = value;
    }
}

BENCH(tick_overhead) {
    measure->overhead = 0;
    MEASURE(measure, 1, ROUNDS, (void)0);
}

/* The same instructions on both sides: if these differ, the two do not count alike. */

static char source[65536], target[65536];

static void clear_page(void *page) {
    uint64_t words = PAGE_BYTES / sizeof(uint64_t);
    __asm__ volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(UINT64_C(0)) : "memory");
}

BENCH(rep_stosq_4096) {
    MEASURE(measure, 1, ROUNDS, clear_page(target));
}

static void copy(void *to, const void *from, uint64_t size) {
    uint64_t words = size / sizeof(uint64_t);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

BENCH(rep_movsq_64k) {
    MEASURE(measure, 1, ROUNDS_FEW, copy(target, source, sizeof source));
}

void run_metrics(void) {
    static struct measure measure;
    bench_tick_overhead(&measure);
    sort(measure.samples, measure.count);
    const uint64_t overhead = measure.samples[0];
    for (size_t index = 0; index < sizeof metrics / sizeof *metrics; index++) {
        if (metrics[index].run != NULL) {
            measure.count = 0;
            measure.operations = 1;
            measure.overhead = overhead;
            metrics[index].run(&measure);
            sort(measure.samples, measure.count);
            report_result(metrics[index].name, measure.samples[0],
                          measure.samples[measure.count / 2], measure.operations);
        }
    }
}
