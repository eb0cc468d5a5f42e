/*
 * The shell: starts programs of the boot package with exactly the capabilities that are named.
 *
 *   shell            reads commands from the console
 *   shell --demos    runs all demos and ends; 0 when each ended as it should
 */
#include <capos/capos.h>

#include "user/shell/commands.h"
#include "user/shell/demos.h"
#include "user/shell/input.h"
#include "user/shell/show.h"

int main(int argc, char **argv) {
    char line[LINE_BYTES_MAX];
    show_ledger();
    if (argc > 1 && strcmp(argv[1], "--demos") == 0) {
        return demos_run_all();
    }
    capos_print("Type help for the commands, or tour for capOS in sixty seconds.\n\n");
    while (input_read_line("> ", line) && command_run(line)) {
    }
    return 0;
}
