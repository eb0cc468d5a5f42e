#pragma once
/*
 * What a run has to say, kept until all is measured: output would come back as interrupts. A result
 * is a line `bench NAME MINIMUM MEDIAN`.
 */
#include <stdint.h>

void report_words(const char *words);
void report_number(uint64_t number);
/* The result with this name; the values are totals over so many operations. */
void report_result(const char *name, uint64_t minimum, uint64_t median, uint64_t operations);
/* That of a group for a number of CPUs: its name is GROUP, CPUS, an underscore and NAME. */
void report_result_of_cpus(const char *group, uint32_t cpus, const char *name, uint64_t total,
                           uint64_t operations);
void report_write(void);
