#include "kernel/boot/init_process.h"

#include "kernel/boot/package.h"
#include "kernel/cap/call.h"
#include "kernel/cap/machine_object.h"
#include "kernel/debug/log.h"
#include "kernel/sched/loader.h"
#include "machine.h"

static const char file_name[] = "init";
static const char machine_name[] = "machine";

static void add(struct process *process, struct loader_request *request, const char *name,
                const struct interface *interface, struct object *object, uint64_t badge) {
    uint64_t id;
    if (process_add_capability(process, object, interface, badge, &id) != CAPOS_OK ||
        request->capset_count == PROCESS_CAPSET_MAX) {
        panic("init cannot be given %s", name);
    }
    process->capset[process->capset_count++] = id;
    request->capset[request->capset_count++] =
        (struct loader_capset_entry){id, interface->id, {name, (uint32_t)strlen(name)}};
}

static void add_all(struct process *process, struct loader_request *request) {
    for (size_t i = 0; i < interface_count; i++) {
        const struct interface *interface = interface_table[i];
        struct wire_text no_facet = {NULL, 0};
        struct object *object;
        uint64_t badge;
        if (interface->grant == NULL) {
            continue;
        }
        if (interface->grant(process, NULL, 0, no_facet, &object, &badge) != CAPOS_OK) {
            panic("init cannot be granted %s", interface->grant_name);
        }
        add(process, request, interface->grant_name, interface, object, badge);
    }
    add(process, request, machine_name, &machine_interface, object_ref(machine_object()), 0);
}

void init_process_start(void) {
    const struct boot_package *package = package_get();
    const struct boot_package_file *file =
        boot_package_find(package, file_name, sizeof file_name - 1);
    if (file == NULL) {
        panic("the boot package has no file named %s", file_name);
    }
    static struct elf_image image;
    static struct loader_request request = {.image = &image};
    request.file = package->data + file->offset;
    enum elf_error error = elf_parse(request.file, file->size, USER_LOW, USER_HIGH, &image);
    if (error != ELF_OK) {
        panic("%s is not a program for capOS: %s", file_name, elf_error_text(error));
    }
    request.arguments[0] = (struct wire_text){file_name, sizeof file_name - 1};
    request.argument_count = 1;
    struct process *process;
    status_t status =
        process_create(file_name, sizeof file_name - 1, NULL, 0, image.high, &process);
    if (status != CAPOS_OK) {
        panic("no memory for the first process");
    }
    add_all(process, &request);
    if (loader_load(process, &request) != CAPOS_OK) {
        panic("no memory for the first process");
    }
    process_start(process);
}
