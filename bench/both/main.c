/*
 * The program that measures, the same on both systems. Writes a line for each result,
 *
 *   bench NAME MINIMUM MEDIAN
 *
 * and `bench end` when all went well. Its first argument says what to measure.
 */
#include "bench/both/report.h"
#include "bench/both/run.h"
#include "bench/side.h"

static const struct run {
    const char *name;
    void (*run)(void);
} runs[] = {
    {"metrics", run_metrics},
    {"cpus", run_cpus},
    {"speedup", run_speedup},
};

static bool is_equal(const char *left, const char *right) {
    while (*left != '\0' && *left == *right) {
        left++;
        right++;
    }
    return *left == *right;
}

int main(int argc, char **argv) {
    const char *what = side_open(argc, argv);
    report_words("\n");
    for (size_t index = 0; index < sizeof runs / sizeof *runs; index++) {
        if (is_equal(runs[index].name, what)) {
            runs[index].run();
            report_words("bench end\n");
        }
    }
    report_write();
    side_close(0);
}
