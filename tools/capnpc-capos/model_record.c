#include "tools/capnpc-capos/model_record.h"

#include <string.h>

bool type_is_pointer(enum type_kind type) {
    return type == TYPE_TEXT || type == TYPE_DATA || type == TYPE_LIST || type == TYPE_STRUCT;
}

uint32_t type_bits(enum type_kind type) {
    static const uint8_t bits[TYPE_KIND_COUNT] = {
        [TYPE_BOOL] = 1,    [TYPE_INT8] = 8,     [TYPE_INT16] = 16,   [TYPE_INT32] = 32,
        [TYPE_INT64] = 64,  [TYPE_UINT8] = 8,    [TYPE_UINT16] = 16,  [TYPE_UINT32] = 32,
        [TYPE_UINT64] = 64, [TYPE_FLOAT32] = 32, [TYPE_FLOAT64] = 64, [TYPE_ENUM] = 16,
    };
    return bits[type];
}

uint32_t record_words(const struct record *record) {
    return 1u + record->data_words + record->pointers;
}

uint64_t record_root(const struct record *record) {
    /* The empty struct has the offset -1, which tells it from a null pointer. */
    if (record_words(record) == 1) {
        return UINT64_C(0xfffffffc);
    }
    return (uint64_t)record->data_words << 32 | (uint64_t)record->pointers << 48;
}

const char *model_doc(const struct request *request, const char *where, uint64_t id) {
    return text_prose(where, wire_get_text(request_find_source(request, id), SOURCE_DOC_PTR));
}

const char *model_member_doc(const struct request *request, const char *where, uint64_t id,
                             uint32_t index) {
    struct wire_list members = wire_get_list(request_find_source(request, id), SOURCE_MEMBERS_PTR);
    if (index >= members.count) {
        return "";
    }
    struct wire_struct member = wire_list_struct(members, index);
    return text_prose(where, wire_get_text(member, SOURCE_MEMBER_DOC_PTR));
}

struct wire_list model_members(const char *where, struct wire_struct node) {
    struct wire_list members = wire_get_list(node, NODE_MEMBERS_PTR);
    if (members.count > MODEL_MEMBERS_MAX) {
        refuse(where, "%u members, and at most %u are supported: split it", members.count,
               MODEL_MEMBERS_MAX);
    }
    return members;
}

const char *model_annotation_text(const char *where, struct wire_list annotations, uint64_t id) {
    struct wire_struct value = request_find_annotation(annotations, id);
    return text_prose(where, wire_get_text(value, VALUE_POINTER_PTR));
}

void model_build_enumeration(const struct request *request, const char *where,
                             struct wire_struct node, struct enumeration *enumeration) {
    struct wire_list members = model_members(where, node);
    enumeration->id = wire_get_u64(node, NODE_ID_U64);
    enumeration->doc = model_doc(request, where, enumeration->id);
    enumeration->enumerants = allocate(members.count, sizeof(struct enumerant));
    enumeration->count = members.count;
    for (uint32_t i = 0; i < members.count; i++) {
        struct enumerant *enumerant = &enumeration->enumerants[i];
        struct wire_struct member = wire_list_struct(members, i);
        struct wire_list annotations = wire_get_list(member, MEMBER_ANNOTATIONS_PTR);
        struct wire_text name = wire_get_text(member, MEMBER_NAME_PTR);
        enumerant->name = name_inside(NULL, text_identifier(where, name));
        enumerant->doc = model_member_doc(request, where, enumeration->id, i);
        enumerant->meaning = model_annotation_text(where, annotations, ANNOTATION_MEANING);
        enumerant->remedy = model_annotation_text(where, annotations, ANNOTATION_REMEDY);
    }
}

/* The last part of a node's display name: timer.capnp:Timer.Kind -> Kind. */
static const char *short_name(const struct request *request, const char *where, uint64_t id) {
    struct wire_text text = wire_get_text(request_find_node(request, id), NODE_DISPLAY_NAME_PTR);
    uint32_t start = text.length;
    while (start > 0 && text.data[start - 1] != '.' && text.data[start - 1] != ':') {
        start--;
    }
    if (text.data != NULL) {
        text.data += start;
        text.length -= start;
    }
    return text_identifier(where, text);
}

static const char *type_name(const struct request *request, const char *where,
                             struct wire_struct type, uint32_t depth_left) {
    static const char *const names[TYPE_KIND_COUNT] = {
        [TYPE_BOOL] = "Bool",       [TYPE_INT8] = "Int8",       [TYPE_INT16] = "Int16",
        [TYPE_INT32] = "Int32",     [TYPE_INT64] = "Int64",     [TYPE_UINT8] = "UInt8",
        [TYPE_UINT16] = "UInt16",   [TYPE_UINT32] = "UInt32",   [TYPE_UINT64] = "UInt64",
        [TYPE_FLOAT32] = "Float32", [TYPE_FLOAT64] = "Float64", [TYPE_TEXT] = "Text",
        [TYPE_DATA] = "Data",
    };
    uint16_t kind = wire_get_u16(type, TYPE_KIND_U16);
    if (kind == TYPE_ENUM || kind == TYPE_STRUCT) {
        return short_name(request, where, wire_get_u64(type, TYPE_ID_U64));
    }
    if (kind == TYPE_LIST && depth_left > 0) {
        struct wire_struct element = wire_get_struct(type, TYPE_ELEMENT_PTR);
        return text_format("List(%s)", type_name(request, where, element, depth_left - 1));
    }
    if (kind == TYPE_INTERFACE) {
        refuse(where, "a capability cannot be a field: pass its id as UInt64");
    }
    if (kind >= TYPE_KIND_COUNT || names[kind] == NULL) {
        refuse(where, "its type (number %u of schema.capnp's Type) is not supported", kind);
    }
    return names[kind];
}

static const struct enumeration *find_enumeration(const struct schema_file *file, uint64_t id) {
    for (uint32_t i = 0; i < file->enumeration_count; i++) {
        if (file->enumerations[i].id == id) {
            return &file->enumerations[i];
        }
    }
    return NULL;
}

/* Whether the field lies within its struct, whatever the request claims. */
static bool field_fits(const struct record *record, const struct field *field) {
    if (type_is_pointer(field->type)) {
        return field->offset < record->pointers;
    }
    uint64_t end = ((uint64_t)field->offset + 1) * type_bits(field->type);
    return end <= (uint64_t)record->data_words * 64;
}

static void build_field(const struct request *request, const char *where,
                        const struct schema_file *file, const struct record *record,
                        struct wire_struct member, struct field *field) {
    struct wire_struct type = wire_get_struct(member, FIELD_TYPE_PTR);
    struct wire_struct value = wire_get_struct(member, FIELD_DEFAULT_PTR);
    struct wire_text name = wire_get_text(member, MEMBER_NAME_PTR);
    field->name = name_inside(NULL, text_identifier(where, name));
    where = text_format("%s: %s", where, field->name.schema);
    if (wire_get_u16(member, FIELD_KIND_U16) != 0) {
        refuse(where, "groups are not supported: name a struct instead");
    }
    field->type_name = type_name(request, where, type, 4);
    field->type = (enum type_kind)wire_get_u16(type, TYPE_KIND_U16);
    field->offset = wire_get_u32(member, FIELD_OFFSET_U32);
    field->default_value = request_scalar(value);
    if (field->type == TYPE_ENUM) {
        field->enumeration = find_enumeration(file, wire_get_u64(type, TYPE_ID_U64));
    }
    if (!field_fits(record, field)) {
        refuse(where, "the request places it outside its struct");
    }
}

void model_build_record(const struct request *request, const char *where,
                        const struct schema_file *file, struct wire_struct node,
                        struct record *record) {
    if (node.message == NULL || wire_get_u16(node, NODE_KIND_U16) != NODE_STRUCT) {
        refuse(where, "the request does not describe its struct");
    }
    if (wire_get_u16(node, NODE_UNION_SIZE_U16) != 0) {
        refuse(where, "unions are not supported: use an enum beside the fields");
    }
    if (wire_get_bool(node, NODE_IS_GENERIC_BOOL)) {
        refuse(where, "type parameters are not supported: write the type out");
    }
    struct wire_list members = model_members(where, node);
    uint64_t id = wire_get_u64(node, NODE_ID_U64);
    record->doc = model_doc(request, where, id);
    record->data_words = wire_get_u16(node, NODE_DATA_WORDS_U16);
    record->pointers = wire_get_u16(node, NODE_POINTERS_U16);
    record->fields = allocate(members.count, sizeof(struct field));
    record->count = members.count;
    for (uint32_t i = 0; i < members.count; i++) {
        record->fields[i].doc = model_member_doc(request, where, id, i);
        build_field(request, where, file, record, wire_list_struct(members, i), &record->fields[i]);
    }
}
