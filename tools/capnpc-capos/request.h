#pragma once
/*
 * What the capnp compiler sends to its plugins: a CodeGeneratorRequest of /capnp/schema.capnp
 * (0.9). The constants are the offsets of that schema, named TYPE_FIELD_KIND: a kind of U16, U32,
 * U64 or BOOL counts in units of that size as wire_get_* wants it, PTR is a pointer index.
 */
#include "core/wire.h"

enum {
    REQUEST_NODES_PTR = 0,
    REQUEST_FILES_PTR = 1,
    REQUEST_SOURCE_INFO_PTR = 3,

    FILE_ID_U64 = 0,
    FILE_NAME_PTR = 0,

    NODE_ID_U64 = 0,
    NODE_DISPLAY_NAME_PTR = 0,
    NODE_KIND_U16 = 6,
    NODE_DATA_WORDS_U16 = 7,
    NODE_POINTERS_U16 = 12,
    NODE_IS_GROUP_BOOL = 224,
    NODE_UNION_SIZE_U16 = 15,
    NODE_NESTED_PTR = 1,
    NODE_ANNOTATIONS_PTR = 2,
    NODE_MEMBERS_PTR = 3, /* fields, enumerants or methods */
    NODE_SUPERCLASSES_PTR = 4,
    NODE_IS_GENERIC_BOOL = 288,

    NESTED_ID_U64 = 0,
    NESTED_NAME_PTR = 0,

    SOURCE_ID_U64 = 0,
    SOURCE_DOC_PTR = 0,
    SOURCE_MEMBERS_PTR = 1,
    SOURCE_MEMBER_DOC_PTR = 0,

    MEMBER_NAME_PTR = 0, /* the same in Field, Enumerant and Method */
    MEMBER_ANNOTATIONS_PTR = 1,

    FIELD_KIND_U16 = 4, /* 0 slot, 1 group */
    FIELD_OFFSET_U32 = 1,
    FIELD_TYPE_PTR = 2,
    FIELD_DEFAULT_PTR = 3,

    METHOD_PARAMS_U64 = 1,
    METHOD_RESULTS_U64 = 2,
    METHOD_IMPLICIT_PTR = 4,

    TYPE_KIND_U16 = 0,
    TYPE_ELEMENT_PTR = 0,
    TYPE_ID_U64 = 1,

    VALUE_POINTER_PTR = 0,

    ANNOTATION_ID_U64 = 0,
    ANNOTATION_VALUE_PTR = 0,
};

enum node_kind { NODE_FILE, NODE_STRUCT, NODE_ENUM, NODE_INTERFACE, NODE_CONST, NODE_ANNOTATION };

/* Type.which, and Value.which alike. */
enum type_kind {
    TYPE_VOID,
    TYPE_BOOL,
    TYPE_INT8,
    TYPE_INT16,
    TYPE_INT32,
    TYPE_INT64,
    TYPE_UINT8,
    TYPE_UINT16,
    TYPE_UINT32,
    TYPE_UINT64,
    TYPE_FLOAT32,
    TYPE_FLOAT64,
    TYPE_TEXT,
    TYPE_DATA,
    TYPE_LIST,
    TYPE_ENUM,
    TYPE_STRUCT,
    TYPE_INTERFACE,
    TYPE_ANY_POINTER,
    TYPE_KIND_COUNT,
};

/* The annotations of schema/capos.capnp, and the offsets of its struct Grant. */
#define ANNOTATION_GRANT UINT64_C(0xbd4d2859722a3bb0)
#define ANNOTATION_BLOCKING UINT64_C(0x8b101c0ae4ea82b2)
#define ANNOTATION_OWNER UINT64_C(0xb48594a5aad05a59)
#define ANNOTATION_UNSAFE UINT64_C(0xc90aaa4b8df8c675)
#define ANNOTATION_MEANING UINT64_C(0xb96d4d5f2964d949)
#define ANNOTATION_REMEDY UINT64_C(0xdf811e34b90bb0dd)
enum { GRANT_NAME_PTR = 0, GRANT_SUMMARY_PTR = 1, GRANT_FACETS_PTR = 2, GRANT_IN_DEFAULT_BOOL = 0 };

struct request {
    struct wire_message message;
    struct wire_list files, nodes, source_info;
};

/* False when the bytes are not a request. They must outlive the request and be 8-aligned. */
bool request_open(struct request *request, const void *bytes, size_t size);

/* The node with this id; a struct whose message is NULL when there is none. */
struct wire_struct request_find_node(const struct request *request, uint64_t id);

/* What the comments beside a node said, alike. */
struct wire_struct request_find_source(const struct request *request, uint64_t id);

/* The Value of the annotation with this id in a List(Annotation), alike. */
struct wire_struct request_find_annotation(struct wire_list annotations, uint64_t id);

/* The bits of a scalar Value, sign-extended; 0 for everything else. */
uint64_t request_scalar(struct wire_struct value);
