#pragma once
/*
 * Makes a process out of a program image: segments, first thread's TLS, stack, start page.
 *
 * Rules
 * - The image is a file of the boot package: read-only memory that never changes, so its read-only
 *   pages are mapped in place and shared by all processes of the program.
 * - Everything is charged to the process. On failure the caller abandons the process.
 */
#include "core/elf.h"
#include "core/wire.h"
#include "kernel/sched/process.h"

struct loader_capset_entry {
    uint64_t id, interface;
    struct wire_text name;
};

struct loader_request {
    const uint8_t *file; /* in the boot package */
    const struct elf_image *image;
    struct wire_text arguments[CAPOS_SPAWN_STRINGS_MAX];
    struct wire_text environment[CAPOS_SPAWN_STRINGS_MAX];
    uint32_t argument_count, environment_count;
    struct loader_capset_entry capset[PROCESS_CAPSET_MAX];
    uint32_t capset_count;
};

MUST_CHECK status_t loader_load(struct process *process, const struct loader_request *request);
