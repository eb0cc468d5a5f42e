#include "tests/fuzz/seed.h"

#include <stdio.h>
#include <stdlib.h>

void seed_write(const char *name, const void *data, size_t size) {
    const char *folder = getenv("CAPOS_FUZZ_SEEDS");
    if (folder == NULL) {
        return;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fprintf(stderr, "%s: the seed cannot be written; is the disk full?\n", path);
        exit(1);
    }
}
