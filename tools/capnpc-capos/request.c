#include "tools/capnpc-capos/request.h"

/* What capnp itself allows a reader to visit. */
#define TRAVERSAL_WORDS_MAX (UINT64_C(8) << 20)

bool request_open(struct request *request, const void *bytes, size_t size) {
    if (!wire_open_framed(&request->message, bytes, size, TRAVERSAL_WORDS_MAX)) {
        return false;
    }
    struct wire_struct root = wire_root(&request->message);
    request->files = wire_get_list(root, REQUEST_FILES_PTR);
    request->nodes = wire_get_list(root, REQUEST_NODES_PTR);
    request->source_info = wire_get_list(root, REQUEST_SOURCE_INFO_PTR);
    return !request->message.failed;
}

/* Nodes, their source information and annotations all carry their id in the first word. */
static struct wire_struct find(struct wire_list list, uint64_t id) {
    for (uint32_t i = 0; i < list.count; i++) {
        struct wire_struct element = wire_list_struct(list, i);
        if (wire_get_u64(element, 0) == id) {
            return element;
        }
    }
    return (struct wire_struct){0};
}

struct wire_struct request_find_node(const struct request *request, uint64_t id) {
    return find(request->nodes, id);
}

struct wire_struct request_find_source(const struct request *request, uint64_t id) {
    return find(request->source_info, id);
}

struct wire_struct request_find_annotation(struct wire_list annotations, uint64_t id) {
    return wire_get_struct(find(annotations, id), ANNOTATION_VALUE_PTR);
}

uint64_t request_scalar(struct wire_struct value) {
    switch (wire_get_u16(value, 0)) {
    case TYPE_BOOL:
        return wire_get_bool(value, 16);
    case TYPE_INT8:
        return (uint64_t)(int8_t)wire_get_u8(value, 2);
    case TYPE_INT16:
        return (uint64_t)(int16_t)wire_get_u16(value, 1);
    case TYPE_INT32:
        return (uint64_t)(int32_t)wire_get_u32(value, 1);
    case TYPE_UINT8:
        return wire_get_u8(value, 2);
    case TYPE_UINT16:
    case TYPE_ENUM:
        return wire_get_u16(value, 1);
    case TYPE_UINT32:
    case TYPE_FLOAT32:
        return wire_get_u32(value, 1);
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_FLOAT64:
        return wire_get_u64(value, 1);
    default:
        return 0;
    }
}
