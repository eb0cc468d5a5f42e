#pragma once
/* What is to be booted: the program, its manifest, and the boot package around them. */
#include "tools/capos/options.h"
#include "tools/capos/package.h"
#include "tools/capos/program.h"

struct launch {
    struct program program;
    const struct grant_list *grants;
    struct package package;
    void *manifest;
};

/*
 * Composes the package of one program: manifest, init, the program under its base name. arguments
 * holds argv from argv[1] on. A required capability that is not granted is refused here. Each
 * function says what is wrong and returns false.
 */
bool launch_program(struct launch *launch, const struct run_options *options,
                    const char *program_path, char *const *arguments, int argument_count);

/*
 * The shell with wide grants, all demos and these files. Options are changed: they get the grants.
 */
bool launch_system(struct launch *launch, struct run_options *options);

void launch_fini(struct launch *launch);
