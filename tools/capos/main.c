#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capos/abi.h"
#include "core/assert.h"
#include "tools/capos/exit_codes.h"
#include "tools/capos/message.h"
#include "tools/capos/verb.h"

#define CAPOS_VERSION "0.1"

void assert_failed(const char *expression, const char *file, int line) {
    message_error("internal error", "%s does not hold at %s:%d; please report it", expression, file,
                  line);
    exit(EXIT_CODE_TOOL);
}

static void print_help(void) {
    printf("capos: runs programs on capOS, each with exactly the capabilities it is granted\n\n"
           "usage: capos VERB [OPTION]... [ARGUMENT]...\n\n");
    for (size_t i = 0; i < verb_count; i++) {
        printf("  %-9s %s\n", verb_table[i]->name, verb_table[i]->summary);
    }
    printf("\n`capos VERB --help` tells more. First steps:\n"
           "  build/bin/capos-cc hello.c -o hello.elf\n"
           "  capos run --grant console hello.elf\n");
}

static const struct verb *find_verb(const char *name) {
    for (size_t i = 0; i < verb_count; i++) {
        if (strcmp(verb_table[i]->name, name) == 0) {
            return verb_table[i];
        }
    }
    return NULL;
}

/* Files 0 to 2 must exist: the next one opened would else become the program's output. */
static void open_standard_files(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

int main(int argc, char **argv) {
    open_standard_files();
    if (argc < 2) {
        message_error("no verb", "say what to do; `capos --help` lists the verbs");
        return EXIT_CODE_TOOL;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("capos %s (ABI %u)\n", CAPOS_VERSION, CAPOS_ABI_VERSION);
        return 0;
    }
    const struct verb *verb = find_verb(argv[1]);
    if (verb == NULL) {
        message_error(argv[1], "no such verb; `capos --help` lists them");
        return EXIT_CODE_TOOL;
    }
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
        printf("%s", verb->help);
        return 0;
    }
    if (argc > 2 && strcmp(argv[2], "--version") == 0) {
        printf("capos %s (ABI %u)\n", CAPOS_VERSION, CAPOS_ABI_VERSION);
        return 0;
    }
    return verb->run(argc - 1, argv + 1);
}
