#include "user/shell/tour.h"

#include "user/shell/input.h"
#include "user/shell/program.h"

static const struct stop {
    const char *text;
    const char *program;
    const char *grants; /* separated by commas */
} stops[] = {
    {"1. A program that was granted nothing is refused before it starts, and you are told what to\n"
     "   add. There is no setting that lets it through.",
     "hello", ""},
    {"2. The same program with that grant. It has a console now, and nothing else: no clock, no\n"
     "   files, no other process is within its reach.",
     "hello", "console"},
    {"3. A program can try. It has no name for the clock, and an id that it makes up opens "
     "nothing.",
     "refused", "console"},
    {"4. The same program, granted the clock as well.", "refused", "console,timer"},
    {"5. What was given up is gone for ever: a stale id is refused, not mistaken for a new one.",
     "stale", "console,timer"},
    {"6. A crash ends one process and says where. Everything that it held is given back.", "fault",
     "console"},
};
#define STOP_COUNT (sizeof stops / sizeof *stops)

static void run_stop(const struct stop *stop) {
    char grants[64];
    struct capos_process_wait_results end;
    struct program_request request = {.name = stop->program};
    capos_format(grants, sizeof grants, "%s", stop->grants);
    program_add_grants(&request, grants);
    capos_printf("\n%s\n\n   > run %s%s%s\n", stop->text, stop->program,
                 stop->grants[0] != '\0' ? " --grant " : "", stop->grants);
    if (program_run(&request, &end)) {
        program_print_end(stop->program, &end);
    }
}

void tour_run(void) {
    for (size_t index = 0; index < STOP_COUNT; index++) {
        run_stop(&stops[index]);
        if (index + 1 < STOP_COUNT &&
            !input_wait_key("\n-- any key goes on, q leaves the tour --")) {
            return;
        }
    }
    capos_print(
        "\nThat is all there is to it. `demos` lists more; outside, `build/capos run` does\n"
        "the same with a program of your own.\n");
}
