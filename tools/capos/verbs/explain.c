#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capos_tables.h"
#include "tools/capos/crash.h"
#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/verb.h"

#define VECTORS 32

struct exit_explanation {
    int code;
    const char *name, *meaning, *remedy;
};

static const struct exit_explanation exit_explanations[] = {
    {EXIT_CODE_PROGRAM_MAX, "exit code 123",
     "the program ended with an exit code of 123, or outside 0 to 123",
     "capos run --json FILE keeps the code whole"},
    {EXIT_CODE_TIMEOUT, "exit code 124", "the time of --timeout passed before the program ended",
     "raise --timeout, or look where it waits: capos run --debug PORT"},
    {EXIT_CODE_TOOL, "exit code 125",
     "the program was not run: the tool, the image or a grant is at fault, or the machine failed",
     "the message on standard error names the thing, the reason and the remedy"},
    {EXIT_CODE_PANIC, "exit code 126", "the kernel panicked",
     "this is a bug of capOS whatever the program did; report it with the log (--log FILE)"},
};

/* Letters and digits alone, lower case: E_BAD_ADDRESS and badAddress are the same word. */
static void fold_name(char *folded, size_t size, const char *name) {
    size_t used = 0;
    for (; *name != '\0' && used + 1 < size; name++) {
        if (isalnum((unsigned char)*name)) {
            folded[used++] = (char)tolower((unsigned char)*name);
        }
    }
    folded[used] = '\0';
}

static const struct capos_error_entry *find_by_name(const char *name) {
    static const char *const prefixes[] = {"CAPOS_E_", "CAPOS_", "E_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncasecmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            name += strlen(prefixes[i]);
            break;
        }
    }
    char wanted[64];
    fold_name(wanted, sizeof wanted, name);
    for (size_t i = 0; i < capos_error_count; i++) {
        char known[64];
        fold_name(known, sizeof known, capos_errors[i].name);
        if (strcmp(wanted, known) == 0) {
            return &capos_errors[i];
        }
    }
    return NULL;
}

static void print_explanation(const char *name, const char *meaning, const char *remedy) {
    printf("%s\n  meaning  %s\n  remedy   %s\n", name, meaning, remedy);
}

static void print_error(const struct capos_error_entry *error) {
    char name[96];
    snprintf(name, sizeof name, "%s (%d)", error->name, error->code);
    print_explanation(name, error->meaning, error->remedy);
}

static bool explain_number(long number) {
    for (size_t i = 0; i < capos_error_count; i++) {
        const long code = capos_errors[i].code;
        if (number == code || number == -code) {
            print_error(&capos_errors[i]);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof exit_explanations / sizeof exit_explanations[0]; i++) {
        const struct exit_explanation *explanation = &exit_explanations[i];
        if (number == explanation->code) {
            print_explanation(explanation->name, explanation->meaning, explanation->remedy);
            return true;
        }
    }
    if (number >= EXIT_CODE_FAULT && number < EXIT_CODE_FAULT + VECTORS) {
        char name[64];
        char meaning[128];
        snprintf(name, sizeof name, "exit code %ld", number);
        snprintf(meaning, sizeof meaning, "the program ended by CPU exception %ld: %s",
                 number - EXIT_CODE_FAULT, crash_vector_name((uint32_t)(number - EXIT_CODE_FAULT)));
        print_explanation(name, meaning,
                          "the message on standard error names function, file and line");
        return true;
    }
    return false;
}

static int explain_run(int argc, char **argv) {
    if (argc != 2) {
        message_error("explain", "takes one code; write capos explain badAddress, or a number");
        return EXIT_CODE_TOOL;
    }
    char *end;
    const long number = strtol(argv[1], &end, 10);
    if (end != argv[1] && *end == '\0') {
        if (explain_number(number)) {
            return 0;
        }
    } else {
        const struct capos_error_entry *error = find_by_name(argv[1]);
        if (error != NULL) {
            print_error(error);
            return 0;
        }
    }
    char known[1024] = "";
    for (size_t i = 0; i < capos_error_count; i++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                 capos_errors[i].name);
    }
    message_error(
        argv[1], "no such code; the names are %s; exit codes are 123 to 126 and 128 to 159", known);
    return EXIT_CODE_TOOL;
}

const struct verb verb_explain = {
    .name = "explain",
    .summary = "say what an error or exit code means, and what to do",
    .help = "usage: capos explain CODE\n\n"
            "CODE is an error of a completion, by number (-6 or 6) or by name (badAddress,\n"
            "E_BAD_ADDRESS, CAPOS_E_BAD_ADDRESS), or an exit code of `capos run` above 122.\n",
    .run = explain_run,
};
