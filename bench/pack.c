/*
 * Packs a boot package out of files as they are: pack PACKAGE NAME=FILE...
 *
 * `capos run` and `capos image` choose what goes in; a benchmark needs a second program beside the
 * one that runs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "tools/capos/package.h"

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    fprintf(stderr, "pack: %s:%d: %s does not hold\n", file, line, expression);
    abort();
}

static bool add_argument(struct package *package, char *argument) {
    char *equals = strchr(argument, '=');
    if (equals == NULL) {
        fprintf(stderr, "pack: '%s' is not of the form NAME=FILE\n", argument);
        return false;
    }
    *equals = '\0';
    return package_add_path(package, argument, equals + 1);
}

int main(int argc, char **argv) {
    static struct package package;
    bool done = argc > 2;
    for (int at = 2; at < argc && done; at++) {
        done = add_argument(&package, argv[at]);
    }
    int fd = done ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    done = fd >= 0 && package_write(&package, fd) && close(fd) == 0;
    package_fini(&package);
    if (!done) {
        fprintf(stderr, "usage: pack PACKAGE NAME=FILE...; it could not be written\n");
    }
    return done ? 0 : 1;
}
