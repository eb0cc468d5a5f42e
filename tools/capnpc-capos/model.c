#include "tools/capnpc-capos/model.h"

#include <stdlib.h>
#include <string.h>

#include "tools/capnpc-capos/model_record.h"

#define NESTING_MAX 4u /* declarations inside declarations */

/* A message whose bytes are a C struct: no pointers but for a Data at its end. */
static bool ends_in_tail(const struct record *record) {
    return record->pointers == 1 && record->count > 0 &&
           record->fields[record->count - 1].type == TYPE_DATA;
}

static void check_fixed(const char *where, const struct record *record) {
    for (uint32_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        if (field->default_value != 0) {
            refuse(where, "%s has a default: parameters and results start from zero",
                   field->name.schema);
        }
        if (field->type == TYPE_BOOL || field->type == TYPE_FLOAT32 ||
            field->type == TYPE_FLOAT64) {
            refuse(where,
                   "%s is a %s, which has no place in a C struct of this ABI: use an "
                   "integer or an enum",
                   field->name.schema, field->type_name);
        }
    }
    if (record_words(record) > MODEL_MESSAGE_WORDS_MAX) {
        refuse(where, "the message has %u words, and a call carries at most %u",
               record_words(record), MODEL_MESSAGE_WORDS_MAX);
    }
}

/* Decides how the method's messages travel; see include/capos/abi.h and kernel/cap/call.h. */
static void build_shape(const char *where, struct method *method) {
    method->tail_in = ends_in_tail(&method->params);
    method->tail_out = ends_in_tail(&method->results);
    method->variable = method->params.pointers > 0 && !method->tail_in;
    method->scalars = method->results.count - (method->tail_out ? 1 : 0);
    method->writes_back = method->scalars > 1;
    method->inline_allowed = method->params.pointers == 0 &&
                             method->params.data_words <= MODEL_INLINE_WORDS_MAX &&
                             !method->tail_out && !method->writes_back;
    check_fixed(where, &method->params);
    check_fixed(where, &method->results);
    if (method->results.pointers > 0 && !method->tail_out) {
        refuse(where, "results may hold one pointer, a Data at their end: return the bytes there");
    }
    if (method->tail_in && method->tail_out) {
        refuse(where, "a call has one bulk buffer: Data in parameters or in results, not in both");
    }
    if (method->variable && method->writes_back) {
        refuse(where, "text or lists as parameters go with one result: make it two methods");
    }
}

static void build_method(const struct request *request, const char *where,
                         const struct schema_file *file, const struct interface *interface,
                         struct wire_struct member, struct method *method) {
    struct wire_text text = wire_get_text(member, MEMBER_NAME_PTR);
    struct wire_list annotations = wire_get_list(member, MEMBER_ANNOTATIONS_PTR);
    const char *name = text_identifier(where, text);
    struct name path = name_inside(&interface->name, name);
    method->name = name_inside(NULL, name);
    where = text_format("%s: %s", file->file_name, path.schema);
    if (wire_get_list(member, METHOD_IMPLICIT_PTR).count > 0) {
        refuse(where, "type parameters are not supported: write the type out");
    }
    method->blocking = request_find_annotation(annotations, ANNOTATION_BLOCKING).message != NULL;
    method->owner = request_find_annotation(annotations, ANNOTATION_OWNER).message != NULL;
    method->unsafe_reason = model_annotation_text(where, annotations, ANNOTATION_UNSAFE);
    struct wire_struct params = request_find_node(request, wire_get_u64(member, METHOD_PARAMS_U64));
    struct wire_struct results =
        request_find_node(request, wire_get_u64(member, METHOD_RESULTS_U64));
    model_build_record(request, text_format("%s: parameters", where), file, params,
                       &method->params);
    model_build_record(request, text_format("%s: results", where), file, results, &method->results);
    method->params.name = name_inside(&path, "params");
    method->results.name = name_inside(&path, "results");
    build_shape(where, method);
}

static void build_grant(const char *where, struct wire_struct node, struct interface *interface) {
    struct wire_list annotations = wire_get_list(node, NODE_ANNOTATIONS_PTR);
    struct wire_struct value = request_find_annotation(annotations, ANNOTATION_GRANT);
    if (value.message == NULL) {
        return;
    }
    struct wire_struct grant = wire_get_struct(value, VALUE_POINTER_PTR);
    struct wire_list facets = wire_get_list(grant, GRANT_FACETS_PTR);
    if (facets.count > MODEL_MEMBERS_MAX) {
        refuse(where, "%u facets, and at most %u are supported", facets.count, MODEL_MEMBERS_MAX);
    }
    interface->grant_name = text_prose(where, wire_get_text(grant, GRANT_NAME_PTR));
    interface->summary = text_prose(where, wire_get_text(grant, GRANT_SUMMARY_PTR));
    interface->in_default = wire_get_bool(grant, GRANT_IN_DEFAULT_BOOL);
    interface->facets = allocate(facets.count, sizeof(const char *));
    interface->facet_count = facets.count;
    if (interface->grant_name[0] == 0 || interface->summary[0] == 0) {
        refuse(where, "its grant annotation lacks a name or a summary: add them");
    }
    for (uint32_t i = 0; i < facets.count; i++) {
        interface->facets[i] = text_prose(where, wire_list_text(facets, i));
    }
}

static void build_interface(const struct request *request, const struct schema_file *file,
                            const char *name, struct wire_struct node,
                            struct interface *interface) {
    const char *where = text_format("%s: %s", file->file_name, name);
    struct wire_list members = model_members(where, node);
    interface->name = name_inside(NULL, name);
    interface->id = wire_get_u64(node, NODE_ID_U64);
    interface->doc = model_doc(request, where, interface->id);
    if (strcmp(interface->name.snake, file->name) != 0) {
        refuse(where, "an interface stands in the file of its name: move it to %s.capnp",
               interface->name.snake);
    }
    if (wire_get_list(node, NODE_SUPERCLASSES_PTR).count > 0) {
        refuse(where, "interfaces cannot extend others: repeat the methods");
    }
    build_grant(where, node, interface);
    interface->methods = allocate(members.count, sizeof(struct method));
    interface->count = members.count;
    for (uint32_t i = 0; i < members.count; i++) {
        interface->methods[i].ordinal = i;
        interface->methods[i].doc = model_member_doc(request, where, interface->id, i);
        build_method(request, where, file, interface, wire_list_struct(members, i),
                     &interface->methods[i]);
    }
}

static struct record *add_record(const char *where, struct schema_file *file) {
    if (file->record_count == MODEL_DECLARATIONS_MAX) {
        refuse(where, "the file declares more than %u structs: split it", MODEL_DECLARATIONS_MAX);
    }
    return &file->records[file->record_count++];
}

static struct enumeration *add_enumeration(const char *where, struct schema_file *file) {
    if (file->enumeration_count == MODEL_DECLARATIONS_MAX) {
        refuse(where, "the file declares more than %u enums: split it", MODEL_DECLARATIONS_MAX);
    }
    return &file->enumerations[file->enumeration_count++];
}

/* Fields name enumerations, so those of the whole file are read in a first pass. */
enum pass { PASS_ENUMERATIONS, PASS_OTHERS };

static void build_declaration(const struct request *request, struct schema_file *file,
                              const struct name *name, struct wire_struct node, bool is_top,
                              enum pass pass) {
    const char *where = text_format("%s: %s", file->file_name, name->schema);
    enum node_kind kind = (enum node_kind)wire_get_u16(node, NODE_KIND_U16);
    if (kind == NODE_ANNOTATION) {
        file->is_vocabulary = true;
    } else if (kind == NODE_ENUM && pass == PASS_ENUMERATIONS) {
        struct enumeration *enumeration = add_enumeration(where, file);
        enumeration->name = *name;
        model_build_enumeration(request, where, node, enumeration);
    } else if (kind == NODE_STRUCT && pass == PASS_OTHERS) {
        struct record *record = add_record(where, file);
        record->name = *name;
        model_build_record(request, where, file, node, record);
    } else if (kind == NODE_INTERFACE && pass == PASS_OTHERS) {
        if (!is_top || file->interface != NULL) {
            refuse(where, "a file has one interface, at its top: give this one its own file");
        }
        file->interface = allocate(1, sizeof(struct interface));
        build_interface(request, file, name->schema, node, file->interface);
    } else if (kind != NODE_ENUM && kind != NODE_STRUCT && kind != NODE_INTERFACE) {
        refuse(where, "only interfaces, structs, enums and annotations are supported");
    }
}

static void build_nested(const struct request *request, struct schema_file *file,
                         const struct name *outer, struct wire_struct node, uint32_t depth,
                         enum pass pass) {
    struct wire_list nested = wire_get_list(node, NODE_NESTED_PTR);
    if (nested.count > MODEL_MEMBERS_MAX || depth > NESTING_MAX) {
        refuse(file->file_name, "declarations are too many or nested too deeply: split the file");
    }
    for (uint32_t i = 0; i < nested.count; i++) {
        struct wire_struct entry = wire_list_struct(nested, i);
        struct wire_text text = wire_get_text(entry, NESTED_NAME_PTR);
        struct name name = name_inside(outer, text_identifier(file->file_name, text));
        struct wire_struct inner = request_find_node(request, wire_get_u64(entry, NESTED_ID_U64));
        build_declaration(request, file, &name, inner, outer == NULL, pass);
        build_nested(request, file, &name, inner, depth + 1, pass);
    }
}

/* The name becomes a path: letters, digits and underscores, then ".capnp". */
static void name_file(struct schema_file *file, struct wire_text text) {
    static const char ending[] = ".capnp";
    uint32_t start = text.length;
    while (start > 0 && text.data[start - 1] != '/') {
        start--;
    }
    const char *base = text_format("%.*s", (int)(text.length - start), text.data + start);
    size_t length = strspn(base, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (length == 0 || length > TEXT_NAME_MAX || strcmp(base + length, ending) != 0) {
        refuse("schema file", "its name is not of the form snake_case.capnp: rename it");
    }
    file->file_name = base;
    file->name = text_format("%.*s", (int)length, base);
}

static int compare_files(const void *left, const void *right) {
    const struct schema_file *a = left;
    const struct schema_file *b = right;
    return strcmp(a->name, b->name);
}

void model_build(struct model *model, struct request *request) {
    if (request->files.count > MODEL_MEMBERS_MAX) {
        refuse("request", "more than %u schema files", MODEL_MEMBERS_MAX);
    }
    model->count = request->files.count;
    model->files = allocate(model->count, sizeof(struct schema_file));
    for (uint32_t i = 0; i < model->count; i++) {
        struct schema_file *file = &model->files[i];
        struct wire_struct entry = wire_list_struct(request->files, i);
        struct wire_struct node = request_find_node(request, wire_get_u64(entry, FILE_ID_U64));
        struct wire_text name = wire_get_text(entry, FILE_NAME_PTR);
        if (name.data == NULL) {
            refuse("request", "a schema file has no name");
        }
        name_file(file, name);
        file->enumerations = allocate(MODEL_DECLARATIONS_MAX, sizeof(struct enumeration));
        file->records = allocate(MODEL_DECLARATIONS_MAX, sizeof(struct record));
        build_nested(request, file, NULL, node, 1, PASS_ENUMERATIONS);
        build_nested(request, file, NULL, node, 1, PASS_OTHERS);
    }
    if (request->message.failed) {
        refuse("request", "it is truncated or its pointers do not hold: is it from capnp 0.9?");
    }
    qsort(model->files, model->count, sizeof(struct schema_file), compare_files);
    for (uint32_t i = 1; i < model->count; i++) {
        if (strcmp(model->files[i - 1].name, model->files[i].name) == 0) {
            refuse(model->files[i].file_name, "two schema files have this name: rename one");
        }
    }
}
