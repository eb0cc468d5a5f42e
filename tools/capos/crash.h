#pragma once
/* A fault of a program, in words and with the place in its source. */
#include <stdio.h>

#include "tools/capos/report.h"
#include "tools/capos/symbolize.h"

#define CRASH_TEXT_MAX 160u

struct crash {
    char text[CRASH_TEXT_MAX]; /* "page fault reading address 0x0 (null pointer)" */
    struct symbol frames[REPORT_FRAMES_MAX + 1]; /* the fault, then its callers */
    size_t frame_count;
    bool has_symbols;
};

void crash_describe(struct crash *crash, const struct run_report *report, const char *program_path);
void crash_print(const struct crash *crash, const char *program_name);

/* "page fault" for 14; never NULL. */
const char *crash_vector_name(uint32_t vector);
