#pragma once
/*
 * How C sees a method: the struct that is the message, and the prototype of the client stub.
 */
#include <stdio.h>

#include "tools/capnpc-capos/model.h"

#define LAYOUT_MEMBERS_MAX (2u * MODEL_MEMBERS_MAX + 2u)
#define SIGNATURE_ARGUMENTS_MAX (MODEL_MEMBERS_MAX + 4u)

/* One member of a message struct: a field, the root pointer, or padding (field is NULL). */
struct layout_member {
    const char *type, *name;
    uint32_t offset, size; /* in bytes, from the root pointer's first */
    uint32_t array_count;  /* 0: not an array */
    const struct field *field;
};

struct layout {
    struct layout_member members[LAYOUT_MEMBERS_MAX];
    uint32_t count;
};

/* Refuses when fields overlap. The record has the fixed form that model_build checked. */
void layout_build(struct layout *layout, const char *where, const struct record *record);

/* uint64_t, int32_t ...; an enum is the uint16_t that it is in a message. */
const char *layout_scalar_type(enum type_kind type);

/* The arguments of the stub, as "type name". Refuses names that cannot stand together. */
struct signature {
    const char *arguments[SIGNATURE_ARGUMENTS_MAX];
    uint32_t count;
};
void signature_build(struct signature *signature, const char *file_name,
                     const struct interface *interface, const struct method *method);

/* "int64_t capos_timer_sleep(" and so on, closed by tail. */
void signature_write(FILE *out, const struct interface *interface, const struct method *method,
                     const struct signature *signature, const char *tail);
