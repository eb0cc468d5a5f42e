#pragma once
/*
 * What a program needs, read from the notes that the linker kept (include/capos/abi.h): interfaces
 * that it declares required, and the methods whose client stubs it contains.
 */
#include "core/elf.h"
#include "tools/capos/grants.h"

#define NEEDS_MAX 64u
#define NEED_NAME_MAX 63u

struct need {
    uint64_t interface_id;
    const struct capos_interface_entry *interface; /* NULL: this tool does not know it */
    bool required;
    char name[NEED_NAME_MAX + 1]; /* of the required capability; else empty */
    uint64_t methods;             /* bit n: the stub of method n is there */
};

struct needs {
    struct need items[NEEDS_MAX];
    uint32_t count;
};

/* thing names the program in messages. False (and said) when a note does not hold. */
bool needs_read(struct needs *needs, const char *thing, const void *file, size_t file_size);

/* Refuses what is required and not granted, and says which --grant to add. */
bool needs_check(const struct needs *needs, const char *thing, const struct grant_list *grants);

/* "now, sleep": the methods used of this interface. */
void need_format_methods(const struct need *need, char *buffer, size_t size);
/* The grant name, or NULL when no grant gives this interface. */
const char *need_grant_name(const struct need *need);
/* Is there a grant that serves this need? */
bool need_is_served(const struct need *need, const struct grant_list *grants);
