#include "bench/both/report.h"

#include "bench/side.h"

#define TEXT_BYTES_MAX 8192u

static char text[TEXT_BYTES_MAX];
static size_t text_size;

void report_words(const char *words) {
    while (*words != '\0' && text_size < sizeof text) {
        text[text_size++] = *words++;
    }
}

void report_number(uint64_t number) {
    char digits[21];
    char *first = &digits[sizeof digits - 1];
    *first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    report_words(first);
}

/* With one decimal where it is not whole. */
static void report_quotient(uint64_t total, uint64_t operations) {
    const uint64_t tenths = (total * 10 + operations / 2) / operations;
    report_words(" ");
    report_number(tenths / 10);
    if (tenths % 10 != 0) {
        report_words(".");
        report_number(tenths % 10);
    }
}

static void report_values(uint64_t minimum, uint64_t median, uint64_t operations) {
    report_quotient(minimum, operations);
    report_quotient(median, operations);
    report_words("\n");
}

void report_result(const char *name, uint64_t minimum, uint64_t median, uint64_t operations) {
    report_words("bench ");
    report_words(name);
    report_values(minimum, median, operations);
}

void report_result_of_cpus(const char *group, uint32_t cpus, const char *name, uint64_t total,
                           uint64_t operations) {
    report_words("bench ");
    report_words(group);
    report_number(cpus);
    report_words("_");
    report_words(name);
    report_values(total, total, operations);
}

void report_write(void) {
    side_write(text, text_size);
}

_Noreturn void measure_fail(const char *file, int line, const char *condition) {
    report_words("\nbench failed: ");
    report_words(file);
    report_words(":");
    report_number((uint64_t)line);
    report_words(": ");
    report_words(condition);
    report_words("\n");
    report_write();
    side_close(1);
}
