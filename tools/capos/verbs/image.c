#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tools/capos/exit_codes.h"
#include "tools/capos/launch.h"
#include "tools/capos/message.h"
#include "tools/capos/verb.h"

static bool write_image(const struct launch *launch, const char *path) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        message_error(path, "cannot be written: %s; give -o another file", strerror(errno));
        return false;
    }
    const bool written = package_write(&launch->package, fd);
    if (close(fd) != 0 || !written) {
        unlink(path);
        return false;
    }
    return true;
}

static int image_run(int argc, char **argv) {
    struct run_options options;
    if (!options_parse(&options, OPTIONS_IMAGE, argc, argv)) {
        return EXIT_CODE_TOOL;
    }
    if (options.image_path == NULL) {
        message_error("image", "no file to write is named; add -o FILE");
        return EXIT_CODE_TOOL;
    }
    static struct launch launch;
    if (!launch_system(&launch, &options)) {
        return EXIT_CODE_TOOL;
    }
    const bool written = write_image(&launch, options.image_path);
    launch_fini(&launch);
    return written ? 0 : EXIT_CODE_TOOL;
}

const struct verb verb_image = {
    .name = "image",
    .summary = "write the boot package of shell and demos to a file",
    .help = "usage: capos image -o PACKAGE [OPTION]... [FILE]...\n\n"
            "Writes what `capos boot` boots: manifest, init, shell, demos and each FILE. A boot\n"
            "loader hands it to the kernel as a module.\n\n"
            "  -o PACKAGE      the file to write\n"
            "  --demos         the shell runs its demos and ends\n"
            "  --grant ...     replaces what the shell is given, as in `capos run`\n"
            "  --init FILE     another init than the one beside this tool\n",
    .run = image_run,
};
