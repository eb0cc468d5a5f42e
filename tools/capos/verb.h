#pragma once
/*
 * A verb is the first word after `capos`. Each stands in one file, verbs/NAME.c, that defines
 * verb_NAME; the table is made by the build from the names of these files.
 */
#include <stddef.h>

struct verb {
    const char *name;
    const char *summary;               /* one line */
    const char *help;                  /* what `capos NAME --help` prints */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
};

extern const struct verb *const verb_table[];
extern const size_t verb_count;
