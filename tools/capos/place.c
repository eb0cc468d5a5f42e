#include "tools/capos/place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void place_of_build_file(char *path, const char *name) {
    char folder[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    /* Without /proc the build folder is sought in the current one. */
    if (snprintf(path, PATH_MAX, "%s/%s", slash != NULL ? folder : "build", name) >= PATH_MAX) {
        path[0] = '\0';
    }
}
