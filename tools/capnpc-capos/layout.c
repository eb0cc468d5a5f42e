#include "tools/capnpc-capos/layout.h"

#include <stdlib.h>
#include <string.h>

#include "tools/capnpc-capos/output.h"

#define WORD_BYTES 8u

const char *layout_scalar_type(enum type_kind type) {
    static const char *const names[TYPE_KIND_COUNT] = {
        [TYPE_INT8] = "int8_t",     [TYPE_INT16] = "int16_t",   [TYPE_INT32] = "int32_t",
        [TYPE_INT64] = "int64_t",   [TYPE_UINT8] = "uint8_t",   [TYPE_UINT16] = "uint16_t",
        [TYPE_UINT32] = "uint32_t", [TYPE_UINT64] = "uint64_t", [TYPE_ENUM] = "uint16_t",
    };
    return names[type];
}

static struct layout_member member_of_field(const struct record *record,
                                            const struct field *field) {
    if (type_is_pointer(field->type)) {
        return (struct layout_member){
            .type = "uint64_t",
            .name = text_format("%s_pointer", field->name.snake),
            .offset = (1u + record->data_words + field->offset) * WORD_BYTES,
            .size = WORD_BYTES,
            .field = field,
        };
    }
    uint32_t size = type_bits(field->type) / 8;
    return (struct layout_member){
        .type = layout_scalar_type(field->type),
        .name = field->name.snake,
        .offset = WORD_BYTES + field->offset * size,
        .size = size,
        .field = field,
    };
}

static int compare_members(const void *left, const void *right) {
    const struct layout_member *a = left;
    const struct layout_member *b = right;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Bytes that no field takes stand in the struct by name, so that a filled struct has no holes. */
static void add_padding(struct layout *layout, uint32_t *offset, uint32_t end) {
    static const char *const names[] = {"padding0", "padding1", "padding2", "padding3"};
    uint32_t index = 0;
    for (uint32_t i = 0; i < layout->count; i++) {
        index += layout->members[i].array_count > 0;
    }
    if (*offset == end) {
        return;
    }
    layout->members[layout->count++] = (struct layout_member){
        .type = "uint8_t",
        .name = index < 4 ? names[index] : text_format("padding%u", index),
        .offset = *offset,
        .size = end - *offset,
        .array_count = end - *offset,
    };
    *offset = end;
}

void layout_build(struct layout *layout, const char *where, const struct record *record) {
    struct layout_member *fields = allocate(record->count, sizeof(struct layout_member));
    uint32_t offset = WORD_BYTES;
    for (uint32_t i = 0; i < record->count; i++) {
        fields[i] = member_of_field(record, &record->fields[i]);
    }
    qsort(fields, record->count, sizeof(struct layout_member), compare_members);
    layout->count = 0;
    layout->members[layout->count++] =
        (struct layout_member){.type = "uint64_t", .name = "root", .size = WORD_BYTES};
    for (uint32_t i = 0; i < record->count; i++) {
        const char *name = fields[i].name;
        if (fields[i].offset < offset) {
            refuse(where, "the request lets the field %s overlap another one", name);
        }
        if (strcmp(name, "root") == 0 || strncmp(name, "padding", 7) == 0 ||
            text_is_keyword(name)) {
            refuse(where, "%s is a word of C, of C++ or of the generated struct: rename the field",
                   name);
        }
        add_padding(layout, &offset, fields[i].offset);
        layout->members[layout->count++] = fields[i];
        offset += fields[i].size;
    }
    add_padding(layout, &offset, record_words(record) * WORD_BYTES);
    free(fields);
}

static void add_argument(struct signature *signature, const char *where, const char *type,
                         const char *name) {
    /* A pointer's star stands at the name. */
    const char *space = type[strlen(type) - 1] == '*' ? "" : " ";
    for (uint32_t i = 0; i < signature->count; i++) {
        const char *other = signature->arguments[i];
        const char *end = strrchr(other, ' ') + 1;
        end += end[0] == '*';
        if (strcmp(end, name) == 0) {
            refuse(where, "two arguments of the client function would be called %s: rename one",
                   name);
        }
    }
    if (strcmp(name, "reply") == 0 || strcmp(name, "control") == 0 ||
        strcmp(name, "call_message") == 0 || text_is_keyword(name)) {
        refuse(where, "%s is a word of C, of C++ or of the generated function: rename it", name);
    }
    signature->arguments[signature->count++] = text_format("%s%s%s", type, space, name);
}

static void add_params(struct signature *signature, const char *where,
                       const struct method *method) {
    if (method->variable) {
        add_argument(signature, where, "const uint64_t *", "message");
        add_argument(signature, where, "uint32_t", "words");
        return;
    }
    for (uint32_t i = 0; i < method->params.count; i++) {
        const struct field *field = &method->params.fields[i];
        const char *type = layout_scalar_type(field->type);
        if (field->type == TYPE_DATA) {
            add_argument(signature, where, "const void *", field->name.snake);
            add_argument(signature, where, "size_t", "size");
        } else if (field->enumeration != NULL) {
            type = text_format("enum capos_%s", field->enumeration->name.snake);
            add_argument(signature, where, type, field->name.snake);
        } else {
            add_argument(signature, where, type, field->name.snake);
        }
    }
}

static void add_results(struct signature *signature, const char *where,
                        const struct method *method) {
    const struct record *results = &method->results;
    if (method->tail_out) {
        const struct field *tail = &results->fields[results->count - 1];
        add_argument(signature, where, "void *", tail->name.snake);
        add_argument(signature, where, "size_t", "size");
    }
    if (method->writes_back) {
        add_argument(signature, where, text_format("struct capos_%s *", results->name.snake),
                     "results");
    } else if (method->scalars == 1) {
        const struct field *field = &results->fields[0];
        add_argument(signature, where, text_format("%s *", layout_scalar_type(field->type)),
                     field->name.snake);
    }
}

void signature_build(struct signature *signature, const char *file_name,
                     const struct interface *interface, const struct method *method) {
    const char *where =
        text_format("%s: %s.%s", file_name, interface->name.schema, method->name.schema);
    signature->count = 0;
    add_argument(signature, where, "capos_cap_t", interface->name.snake);
    add_params(signature, where, method);
    add_results(signature, where, method);
}

void signature_write(FILE *out, const struct interface *interface, const struct method *method,
                     const struct signature *signature, const char *tail) {
    const char *head =
        text_format("int64_t capos_%s_%s(", interface->name.snake, method->name.snake);
    output_list(out, head, signature->arguments, signature->count, tail);
}
