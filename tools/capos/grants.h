#pragma once
/*
 * What the user grants: NAME[=FACET][,NAME[=FACET]]..., checked against the interfaces of the
 * schema.
 *
 * Rules
 * - A name given twice is an error. `default` stands for the default set; a name that is also
 *   given by itself, such as default,memory=16M, then means what it says by itself.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "capos_tables.h"

#define GRANTS_MAX 64u
#define GRANT_FACET_MAX 31u

struct grant {
    const struct capos_interface_entry *interface;
    char facet[GRANT_FACET_MAX + 1]; /* empty: the whole interface */
    bool from_default;
};

struct grant_list {
    struct grant items[GRANTS_MAX];
    uint32_t count;
    bool has_default;
};

/* Adds what one --grant says. Says what is wrong and returns false when it does not hold. */
bool grants_parse(struct grant_list *list, const char *text);

const struct grant *grants_find(const struct grant_list *list, const char *name);

/* The interface that is granted by this name, or NULL. */
const struct capos_interface_entry *grant_interface(const char *name, size_t length);
const struct capos_interface_entry *grant_interface_by_id(uint64_t id);

/* The bytes of memory=SIZE, or 0 when the memory is not limited by a grant. */
uint64_t grants_memory_bytes(const struct grant_list *list);

/* The table of `capos run --grants`. */
void grants_print_table(FILE *out);
