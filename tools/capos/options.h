#pragma once
/* The options of the verbs that boot something: run, boot, image. */
#include "tools/capos/grants.h"
#include "tools/capos/machine.h"

enum options_verb {
    OPTIONS_RUN = 1 << 0,
    OPTIONS_BOOT = 1 << 1,
    OPTIONS_IMAGE = 1 << 2,
};

struct run_options {
    struct grant_list grants;
    bool list_grants; /* --grants */
    struct machine_options machine;
    long long timeout_ms; /* 0: none */
    const char *log_path, *json_path, *image_path;
    const char *init; /* path, or NULL for the one beside the tool */
    bool verbose;
    bool raw_terminal;
    bool demos;  /* the shell runs its demos and ends */
    char **rest; /* what follows the options: PROGRAM and its arguments */
    int rest_count;
};

/* argv[0] is the verb. Says what is wrong and returns false when it does not hold. */
bool options_parse(struct run_options *options, enum options_verb verb, int argc, char **argv);
