#include <stdio.h>

#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/session.h"
#include "tools/capos/verb.h"

static int run_run(int argc, char **argv) {
    struct run_options options;
    if (!options_parse(&options, OPTIONS_RUN, argc, argv)) {
        return EXIT_CODE_TOOL;
    }
    if (options.list_grants) {
        grants_print_table(stdout);
        return 0;
    }
    if (options.rest_count == 0) {
        message_error("run", "no program is named; write capos run --grant console hello.elf");
        return EXIT_CODE_TOOL;
    }
    static struct launch launch;
    if (!launch_program(&launch, &options, options.rest[0], options.rest + 1,
                        options.rest_count - 1)) {
        return EXIT_CODE_TOOL;
    }
    const int code = session_run(&options, &launch);
    launch_fini(&launch);
    return code;
}

const struct verb verb_run = {
    .name = "run",
    .summary = "run a program with exactly the capabilities it is granted",
    .help =
        "usage: capos run [OPTION]... PROGRAM [ARGUMENT]...\n"
        "       capos run --grants\n\n"
        "Boots a virtual machine around PROGRAM. Its standard output, error output and input are\n"
        "those of this command; nothing else is written to standard output.\n\n"
        "  --grant NAME[=FACET][,...]  give the program this capability; nothing is the default\n"
        "  --grants                    list the names, their facets, and the default set\n"
        "  --cpus N                    number of CPUs (1)\n"
        "  --memory SIZE               memory of the machine (64M)\n"
        "  --timeout SECONDS           stop it after this time, with exit code 124\n"
        "  --log FILE                  where the kernel's log goes\n"
        "  --json FILE                 write how it ended: code, fault, grants, times\n"
        "  --machine microvm|q35       kind of virtual machine (microvm)\n"
        "  --accel tcg|kvm|auto        how it is run (auto: KVM where it really works)\n"
        "  --cpu MODEL                 CPU model, as QEMU names it (max)\n"
        "  --icount                    time counts instructions: the same in each run\n"
        "  --debug PORT                wait for gdb at this port before the first instruction\n"
        "  --raw                       hand each key to the program; Ctrl-A X ends the machine\n"
        "  --kernel FILE, --init FILE  others than those beside this tool\n"
        "  -v                          the kernel's log and the accelerator on standard error\n\n"
        "exit code: 0-123 the program's own (above 123 becomes 123), 124 timeout, 125 the tool,\n"
        "the image or a grant is at fault, 126 kernel panic, 128+n the program's CPU exception "
        "n.\n",
    .run = run_run,
};
