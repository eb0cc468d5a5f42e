#include "tools/capos/grants.h"

#include <string.h>

#include "capos/abi.h"
#include "tools/capos/message.h"
#include "tools/capos/size.h"

#define FACET_SIZE "SIZE"         /* in the schema: stands for an amount of memory */
#define FACET_PRIORITY "PRIORITY" /* stands for a number of SchedulingPolicy */
#define PAGE_BYTES 4096u

const struct capos_interface_entry *grant_interface(const char *name, size_t length) {
    for (size_t i = 0; i < capos_interface_count; i++) {
        const struct capos_interface_entry *interface = &capos_interfaces[i];
        if (interface->grant_name != NULL && strlen(interface->grant_name) == length &&
            memcmp(interface->grant_name, name, length) == 0) {
            return interface;
        }
    }
    return NULL;
}

const struct capos_interface_entry *grant_interface_by_id(uint64_t id) {
    for (size_t i = 0; i < capos_interface_count; i++) {
        if (capos_interfaces[i].id == id) {
            return &capos_interfaces[i];
        }
    }
    return NULL;
}

/* Appends to the list "a, b, c" in buffer. */
static void join_names(char *buffer, size_t size, const char *name) {
    const size_t used = strlen(buffer);
    snprintf(buffer + used, size - used, "%s%s", used > 0 ? ", " : "", name);
}

static bool complain_unknown_name(const char *name, size_t length) {
    char known[1024] = "";
    for (size_t i = 0; i < capos_interface_count; i++) {
        if (capos_interfaces[i].grant_name != NULL) {
            join_names(known, sizeof known, capos_interfaces[i].grant_name);
        }
    }
    message_error("--grant", "no grant is named '%.*s'; the names are default, %s", (int)length,
                  name, known);
    return false;
}

static bool complain_unknown_facet(const struct capos_interface_entry *interface,
                                   const char *facet) {
    char known[512] = "";
    for (size_t i = 0; i < interface->facet_count; i++) {
        join_names(known, sizeof known, interface->facets[i]);
    }
    if (interface->facet_count == 0) {
        message_error("--grant", "%s has no facet '%s'; write --grant %s", interface->grant_name,
                      facet, interface->grant_name);
    } else {
        message_error("--grant", "%s has no facet '%s'; its facets are %s", interface->grant_name,
                      facet, known);
    }
    return false;
}

/* Memory is given by the page; the kernel reads the same form that size_format writes. */
static bool set_size_facet(struct grant *grant, const char *text) {
    uint64_t bytes;
    if (!size_parse(text, &bytes) || bytes == 0 || bytes % PAGE_BYTES != 0) {
        message_error("--grant",
                      "%s=%s is not an amount of memory; write a multiple of 4K, such as %s=16M",
                      grant->interface->grant_name, text, grant->interface->grant_name);
        return false;
    }
    size_format(grant->facet, sizeof grant->facet, bytes);
    return true;
}

static bool set_priority_facet(struct grant *grant, const char *text) {
    uint64_t priority;
    if (strspn(text, "0123456789") != strlen(text) || !size_parse(text, &priority) ||
        priority >= CAPOS_PRIORITY_COUNT) {
        message_error("--grant", "%s=%s is not a priority; write a number from 0 to %u",
                      grant->interface->grant_name, text, CAPOS_PRIORITY_COUNT - 1);
        return false;
    }
    snprintf(grant->facet, sizeof grant->facet, "%u", (unsigned)priority);
    return true;
}

/* A facet of the schema that stands for many. */
static bool is_placeholder(const char *facet) {
    return strcmp(facet, FACET_SIZE) == 0 || strcmp(facet, FACET_PRIORITY) == 0;
}

static bool set_facet(struct grant *grant, const char *text) {
    const struct capos_interface_entry *interface = grant->interface;
    for (size_t i = 0; i < interface->facet_count; i++) {
        if (is_placeholder(interface->facets[i]) && text[0] >= '0' && text[0] <= '9') {
            return strcmp(interface->facets[i], FACET_SIZE) == 0 ? set_size_facet(grant, text)
                                                                 : set_priority_facet(grant, text);
        }
        if (strcmp(interface->facets[i], text) == 0 && !is_placeholder(text)) {
            snprintf(grant->facet, sizeof grant->facet, "%s", text);
            return true;
        }
    }
    return complain_unknown_facet(interface, text);
}

static struct grant *add_grant(struct grant_list *list,
                               const struct capos_interface_entry *interface) {
    for (uint32_t i = 0; i < list->count; i++) {
        struct grant *grant = &list->items[i];
        if (grant->interface == interface && grant->from_default) {
            grant->from_default = false;
            return grant;
        }
        if (grant->interface == interface) {
            message_error("--grant", "'%s' is given twice; give it once", interface->grant_name);
            return NULL;
        }
    }
    if (list->count == GRANTS_MAX) {
        message_error("--grant", "more than %u grants; leave some out", GRANTS_MAX);
        return NULL;
    }
    struct grant *grant = &list->items[list->count++];
    *grant = (struct grant){.interface = interface};
    return grant;
}

static bool add_default(struct grant_list *list) {
    if (list->has_default) {
        message_error("--grant", "'default' is given twice; give it once");
        return false;
    }
    list->has_default = true;
    for (size_t i = 0; i < capos_interface_count; i++) {
        const struct capos_interface_entry *interface = &capos_interfaces[i];
        if (interface->grant_name == NULL || !interface->in_default ||
            grants_find(list, interface->grant_name) != NULL) {
            continue;
        }
        struct grant *grant = add_grant(list, interface);
        if (grant == NULL) {
            return false;
        }
        grant->from_default = true;
    }
    return true;
}

static bool add_item(struct grant_list *list, const char *item, size_t length) {
    const char *equals = memchr(item, '=', length);
    const size_t name_length = equals != NULL ? (size_t)(equals - item) : length;
    if (length == strlen("default") && memcmp(item, "default", length) == 0) {
        return add_default(list);
    }
    const struct capos_interface_entry *interface = grant_interface(item, name_length);
    if (interface == NULL) {
        return complain_unknown_name(item, name_length);
    }
    struct grant *grant = add_grant(list, interface);
    if (grant == NULL) {
        return false;
    }
    if (equals == NULL) {
        return true;
    }
    char facet[GRANT_FACET_MAX + 1];
    snprintf(facet, sizeof facet, "%.*s", (int)(length - name_length - 1), equals + 1);
    return set_facet(grant, facet);
}

bool grants_parse(struct grant_list *list, const char *text) {
    while (true) {
        const size_t length = strcspn(text, ",");
        if (!add_item(list, text, length)) {
            return false;
        }
        if (text[length] == '\0') {
            return true;
        }
        text += length + 1;
    }
}

const struct grant *grants_find(const struct grant_list *list, const char *name) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].interface->grant_name, name) == 0) {
            return &list->items[i];
        }
    }
    return NULL;
}

static bool has_facet(const struct capos_interface_entry *interface, const char *facet) {
    for (size_t i = 0; i < interface->facet_count; i++) {
        if (strcmp(interface->facets[i], facet) == 0) {
            return true;
        }
    }
    return false;
}

uint64_t grants_memory_bytes(const struct grant_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        const struct grant *grant = &list->items[i];
        uint64_t bytes;
        if (has_facet(grant->interface, FACET_SIZE) && size_parse(grant->facet, &bytes)) {
            return bytes;
        }
    }
    return 0;
}

void grants_print_table(FILE *out) {
    fprintf(out, "%-16s %-8s %-20s %s\n", "NAME", "DEFAULT", "FACETS", "WHAT IT ALLOWS");
    for (size_t i = 0; i < capos_interface_count; i++) {
        const struct capos_interface_entry *interface = &capos_interfaces[i];
        if (interface->grant_name == NULL) {
            continue;
        }
        char facets[256] = "";
        for (size_t f = 0; f < interface->facet_count; f++) {
            join_names(facets, sizeof facets, interface->facets[f]);
        }
        fprintf(out, "%-16s %-8s %-20s %s\n", interface->grant_name,
                interface->in_default ? "yes" : "", facets, interface->summary);
    }
    fprintf(out,
            "\n--grant default gives those marked in the second column. SIZE is an amount of\n"
            "memory such as 16M, PRIORITY a number from 0 to 31. Nothing is given that is not\n"
            "named.\n");
}
