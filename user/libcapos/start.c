#include "capos/start.h"

#include <stdbool.h>
#include <stddef.h>

#include "capos/invoke.h"
#include "capos/string.h"
#include "user/libcapos/internal.h"

typedef void (*constructor_t)(int argc, char **argv, char **envp);
typedef void (*destructor_t)(void);

/* Defined by the linker; empty ranges when the program has none. */
extern constructor_t __init_array_start[], __init_array_end[];
extern destructor_t __fini_array_start[], __fini_array_end[];

extern int main(int argc, char **argv, char **envp);

/* A call reaches 2 GiB. Code of the large model may stand further away, so the address is in
 * memory, and volatile, or it would become the operand of a call again. */
static int (*const volatile program_main)(int argc, char **argv, char **envp) = main;

const struct capos_start *capos_start_page;
const char *capos_program_name = "program";
bool (*_Atomic internal_give_back)(void);

/* The ABI that this library was built for: the kernel and `capos run` refuse what they lack. */
static const struct abi_note {
    uint32_t name_size, descriptor_size, type;
    char name[8];
    uint32_t abi_version, reserved;
    uint64_t features;
} __attribute__((packed)) abi_note __attribute__((used, section(".note.capos"), aligned(4))) = {
    .name_size = sizeof CAPOS_NOTE_NAME,
    .descriptor_size = 16,
    .type = CAPOS_NOTE_ABI,
    .name = CAPOS_NOTE_NAME,
    .abi_version = CAPOS_ABI_VERSION,
};

static const char *last_component(const char *path) {
    const char *name = path;
    for (; *path != '\0'; path++) {
        if (*path == '/') {
            name = path + 1;
        }
    }
    return name;
}

_Noreturn void capos_start_c(const struct capos_start *start, uint64_t *stack) {
    capos_start_page = start;
    int argc = (int)stack[0];
    char **argv = (char **)(stack + 1);
    char **envp = argv + argc + 1;
    if (argc > 0) {
        capos_program_name = last_component(argv[0]);
    }
    stack_guard_seed(start->random);
    for (constructor_t *entry = __init_array_start; entry != __init_array_end; entry++) {
        (*entry)(argc, argv, envp);
    }
    int code = program_main(argc, argv, envp);
    for (destructor_t *entry = __fini_array_end; entry != __fini_array_start;) {
        (*--entry)();
    }
    capos_exit(code);
}

const struct capos_capset_entry *capos_capset_entry(uint32_t index) {
    const char *base = (const char *)capos_start_page + capos_start_page->capset_offset;
    return (const struct capos_capset_entry *)(const void *)base + index;
}

const char *capos_capset_name(uint32_t index) {
    return (const char *)capos_start_page + capos_capset_entry(index)->name_offset;
}

capos_cap_t capos_lookup(const char *name, uint64_t interface) {
    for (uint32_t index = 0; index < capos_start_page->capset_count; index++) {
        const struct capos_capset_entry *entry = capos_capset_entry(index);
        bool is_named = name == NULL || strcmp(name, capos_capset_name(index)) == 0;
        bool is_interface = interface == 0 || entry->interface == interface;
        if (is_named && is_interface) {
            return entry->id;
        }
    }
    return CAPOS_CAP_NONE;
}
