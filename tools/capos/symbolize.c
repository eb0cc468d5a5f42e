#include "tools/capos/symbolize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capos/arguments.h"
#include "tools/capos/process.h"

#define SYMBOLIZER_TIMEOUT_MS 20000
#define OUTPUT_BYTES (64u << 10)

/* Takes the next line off *text, without its end. */
static char *next_line(char **text) {
    char *line = *text;
    const size_t length = strcspn(line, "\n");
    *text = line + length + (line[length] == '\n' ? 1 : 0);
    line[length] = '\0';
    return line;
}

static void copy_known(char *target, size_t size, const char *text) {
    if (strncmp(text, "??", 2) == 0) {
        text = "";
    }
    if (strncmp(text, "./", 2) == 0) {
        text += 2; /* the build makes all paths relative to its folder */
    }
    snprintf(target, size, "%s", text);
    for (char *at = target; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            *at = '?'; /* the names are the program's, and go to a terminal */
        }
    }
}

/* For each address: a line FUNCTION, a line FILE:LINE:COLUMN, an empty line. */
static void parse_output(char *output, struct symbol *symbols, size_t count) {
    for (size_t i = 0; i < count; i++) {
        copy_known(symbols[i].function, sizeof symbols[i].function, next_line(&output));
        char *place = next_line(&output);
        char *column = strrchr(place, ':');
        if (column != NULL) {
            *column = '\0';
        }
        char *line = strrchr(place, ':');
        if (line != NULL) {
            *line = '\0';
            symbols[i].line = (unsigned)strtoul(line + 1, NULL, 10);
        }
        copy_known(symbols[i].file, sizeof symbols[i].file, place);
        next_line(&output);
    }
}

static bool run_symbolizer(const char *tool, const char *program_path, const struct symbol *symbols,
                           size_t count, char *output) {
    struct arguments arguments = {.count = 0};
    arguments_add(&arguments, "%s", tool);
    arguments_add(&arguments, "--obj=%s", program_path);
    arguments_add(&arguments, "--no-inlines");
    arguments_add(&arguments, "--no-debuginfod");
    for (size_t i = 0; i < count; i++) {
        arguments_add(&arguments, "0x%" PRIx64, symbols[i].address - (i > 0 ? 1 : 0));
    }
    const int code = process_capture(arguments.items, output, OUTPUT_BYTES, SYMBOLIZER_TIMEOUT_MS);
    arguments_fini(&arguments);
    return code == 0;
}

bool symbolize(const char *program_path, struct symbol *symbols, size_t count) {
    static const char *const tools[] = {"llvm-symbolizer-19", "llvm-symbolizer"};
    char *output = malloc(OUTPUT_BYTES);
    bool done = false;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0] && output != NULL && !done; i++) {
        done = run_symbolizer(tools[i], program_path, symbols, count, output);
    }
    if (done) {
        parse_output(output, symbols, count);
    }
    free(output);
    return done;
}
