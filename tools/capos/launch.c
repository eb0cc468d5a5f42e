#include "tools/capos/launch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "tools/capos/manifest.h"
#include "tools/capos/message.h"
#include "tools/capos/place.h"

/* What the shell is given: everything that it can show, and what its demos need from it. */
static const char system_grants[] = "default,spawner,boot";

static bool create_manifest(struct launch *launch, char *const *arguments, int argument_count) {
    const uint32_t count = 1 + (uint32_t)argument_count;
    char **argv = calloc(count, sizeof *argv);
    ASSERT(argv != NULL);
    argv[0] = (char *)(uintptr_t)launch->program.name;
    for (int i = 0; i < argument_count; i++) {
        argv[i + 1] = arguments[i];
    }
    const struct manifest_program program = {
        .file = launch->program.name,
        .arguments = argv,
        .argument_count = count,
        .grants = launch->grants,
    };
    size_t size;
    launch->manifest = manifest_create(&program, &size);
    free(argv);
    return launch->manifest != NULL &&
           package_add(&launch->package, "manifest", launch->manifest, size);
}

static bool add_init(struct launch *launch, const struct run_options *options) {
    char path[PATH_MAX];
    place_of_build_file(path, "user/init.elf");
    return package_add_path(&launch->package, "init", options->init != NULL ? options->init : path);
}

bool launch_program(struct launch *launch, const struct run_options *options,
                    const char *program_path, char *const *arguments, int argument_count) {
    launch->grants = &options->grants;
    launch->manifest = NULL;
    launch->package.count = 0;
    struct program *program = &launch->program;
    if (!program_open(program, program_path)) {
        return false;
    }
    if (needs_check(&program->needs, program->name, launch->grants) &&
        create_manifest(launch, arguments, argument_count) && add_init(launch, options) &&
        package_add(&launch->package, program->name, program->file, program->file_size)) {
        return true;
    }
    launch_fini(launch);
    return false;
}

static int is_elf_name(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".elf") == 0;
}

static bool add_demos(struct launch *launch) {
    char folder[PATH_MAX];
    place_of_build_file(folder, "demos");
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_elf_name, alphasort);
    if (count < 0) {
        message_error(folder, "cannot be read: %s; `make` builds the demos", strerror(errno));
        return false;
    }
    bool added = true;
    for (int i = 0; i < count; i++) {
        char path[2 * PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        added = added && package_add_path(&launch->package, NULL, path);
        free(entries[i]);
    }
    free(entries);
    return added;
}

bool launch_system(struct launch *launch, struct run_options *options) {
    char shell[PATH_MAX];
    place_of_build_file(shell, "user/shell.elf");
    static char demos[] = "--demos";
    char *const arguments[] = {demos};
    if (options->grants.count == 0 && !grants_parse(&options->grants, system_grants)) {
        return false;
    }
    if (!launch_program(launch, options, shell, arguments, options->demos ? 1 : 0)) {
        return false;
    }
    bool added = add_demos(launch);
    for (int i = 0; i < options->rest_count && added; i++) {
        added = package_add_path(&launch->package, NULL, options->rest[i]);
    }
    if (!added) {
        launch_fini(launch);
    }
    return added;
}

void launch_fini(struct launch *launch) {
    package_fini(&launch->package);
    free(launch->manifest);
    launch->manifest = NULL;
    program_close(&launch->program);
}
