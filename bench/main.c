/*
 * The program that measures, the same on both systems. Writes a line for each metric,
 *
 *   bench NAME MINIMUM MEDIAN
 *
 * and `bench end` when all went well.
 */
#include "bench/measure.h"

#define TEXT_BYTES_MAX 8192u

static const struct metric {
    const char *name;
    void (*run)(struct measure *measure);
} metrics[] = {
#define METRIC(name, class, goal, words) {#name, bench_##name},
#include "bench/metrics.def"
#undef METRIC
};

static char text[TEXT_BYTES_MAX];
static size_t text_size;

static void add_text(const char *words) {
    while (*words != '\0' && text_size < sizeof text) {
        text[text_size++] = *words++;
    }
}

static void add_number(uint64_t number) {
    char digits[21];
    char *first = &digits[sizeof digits - 1];
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    add_text(first);
}

/* Total over operations, with one decimal where it is not whole. */
static void add_quotient(uint64_t total, uint64_t operations) {
    const uint64_t tenths = (total * 10 + operations / 2) / operations;
    add_text(" ");
    add_number(tenths / 10);
    if (tenths % 10 != 0) {
        add_text(".");
        add_number(tenths % 10);
    }
}

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

static void add_result(const struct metric *metric, struct measure *measure) {
    sort(measure->samples, measure->count);
    add_text("bench ");
    add_text(metric->name);
    add_quotient(measure->samples[0], measure->operations);
    add_quotient(measure->samples[measure->count / 2], measure->operations);
    add_text("\n");
}

_Noreturn void measure_fail(const char *file, int line, const char *condition) {
    add_text("\nbench failed: ");
    add_text(file);
    add_text(":");
    add_number((uint64_t)line);
    add_text(": ");
    add_text(condition);
    add_text("\n");
    side_write(text, text_size);
    side_close(1);
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

int main(int argc, char **argv) {
    static struct measure measure;
    side_open(argc, argv);
    bench_tick_overhead(&measure);
    sort(measure.samples, measure.count);
    const uint64_t overhead = measure.samples[0];
    add_text("\n");
    for (size_t index = 0; index < sizeof metrics / sizeof *metrics; index++) {
        if (metrics[index].run != NULL) {
            measure.count = 0;
            measure.operations = 1;
            measure.overhead = overhead;
            metrics[index].run(&measure);
            add_result(&metrics[index], &measure);
        }
    }
    add_text("bench end\n");
    side_write(text, text_size);
    side_close(0);
}
