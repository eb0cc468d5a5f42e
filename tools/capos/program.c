#include "tools/capos/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/capos/message.h"

bool file_map(const char *path, const void **data, size_t *size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    struct stat status;
    bool mapped = false;
    if (fstat(fd, &status) == 0) {
        *data = NULL;
        *size = (size_t)status.st_size;
        if (!S_ISREG(status.st_mode)) {
            errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        } else if (status.st_size == 0) {
            mapped = true;
        } else {
            void *memory = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
            mapped = memory != MAP_FAILED;
            *data = mapped ? memory : NULL;
        }
    }
    const int error = errno;
    close(fd);
    errno = error;
    return mapped;
}

bool program_open(struct program *program, const char *path) {
    *program = (struct program){.path = path};
    const char *slash = strrchr(path, '/');
    program->name = slash != NULL ? slash + 1 : path;
    if (!file_map(path, &program->file, &program->file_size)) {
        message_error(path, "cannot be read: %s; name an ELF file built for capOS",
                      strerror(errno));
        return false;
    }
    const enum elf_error error = elf_parse(program->file, program->file_size, PROGRAM_USER_LOW,
                                           PROGRAM_USER_HIGH, &program->image);
    if (error != ELF_OK) {
        message_error(path, "%s", elf_error_text(error));
    } else if (needs_read(&program->needs, path, program->file, program->file_size)) {
        return true;
    }
    program_close(program);
    return false;
}

void program_close(struct program *program) {
    if (program->file != NULL) {
        munmap((void *)(uintptr_t)program->file, program->file_size);
    }
    program->file = NULL;
}
