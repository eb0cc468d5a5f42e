#pragma once
/* Between model.c and model_record.c: single declarations. `where` is for refusals. */
#include "tools/capnpc-capos/model.h"

void model_build_enumeration(const struct request *request, const char *where,
                             struct wire_struct node, struct enumeration *enumeration);

/* Enumerations of fields are looked up among those of `file`. */
void model_build_record(const struct request *request, const char *where,
                        const struct schema_file *file, struct wire_struct node,
                        struct record *record);

/* The comment of a node, and of its member with this index. */
const char *model_doc(const struct request *request, const char *where, uint64_t id);
const char *model_member_doc(const struct request *request, const char *where, uint64_t id,
                             uint32_t index);

/* The text of the annotation with this id, "" when there is none. */
const char *model_annotation_text(const char *where, struct wire_list annotations, uint64_t id);

/* Fields, enumerants or methods of a node; too many are refused. */
struct wire_list model_members(const char *where, struct wire_struct node);
