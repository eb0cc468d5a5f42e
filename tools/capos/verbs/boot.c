#include <unistd.h>

#include "tools/capos/exit_codes.h"
#include "tools/capos/session.h"
#include "tools/capos/verb.h"

static int boot_run(int argc, char **argv) {
    struct run_options options;
    if (!options_parse(&options, OPTIONS_BOOT, argc, argv)) {
        return EXIT_CODE_TOOL;
    }
    /* Nobody types at a shell without a terminal. */
    options.demos = options.demos || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    options.raw_terminal = !options.demos;
    static struct launch launch;
    if (!launch_system(&launch, &options)) {
        return EXIT_CODE_TOOL;
    }
    const int code = session_run(&options, &launch);
    launch_fini(&launch);
    return code;
}

const struct verb verb_boot = {
    .name = "boot",
    .summary = "boot to the shell; without a terminal, run the demos",
    .help = "usage: capos boot [OPTION]... [FILE]...\n\n"
            "Boots to the shell with every demo and each FILE in the boot package. `exit` or\n"
            "Ctrl-A X leaves. Without a terminal the demos are run and the exit code tells.\n\n"
            "  --demos  run the demos also on a terminal\n\n"
            "and the options of `capos run` but --raw. --grant replaces what the shell is given.\n",
    .run = boot_run,
};
