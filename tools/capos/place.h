#pragma once
/* Where the parts of capOS are: beside the tool itself, in the build folder. */
#include <limits.h>
#include <stdbool.h>

/* path gets PATH_MAX bytes: the tool's folder, then / and name. */
void place_of_build_file(char *path, const char *name);
