#pragma once
/* The emitters: each writes files of one kind under the working directory. */
#include "tools/capnpc-capos/model.h"

/* All of the following. */
void emit_all(const struct model *model);

/* include/capos/errors.h, include/capos/opcodes.h */
void emit_codes(const struct model *model);
/* include/capos/NAME.h */
void emit_headers(const struct model *model);
/* client/NAME.c */
void emit_clients(const struct model *model);
/* rust/NAME.rs, rust/mod.rs and, for the codes, rust/errors.rs, rust/opcodes.rs */
void emit_rust(const struct model *model);
/* kernel/NAME.h, kernel/interfaces.c */
void emit_kernel(const struct model *model);
/* host/capos_tables.c, host/capos_tables.h */
void emit_tables(const struct model *model);
/* docs/interfaces/NAME.md, docs/errors.md */
void emit_docs(const struct model *model);
/* abi.txt: every id, ordinal, offset and code, one a line */
void emit_abi(const struct model *model);

/* The enum that declares the errors or the opcodes: model_find_enumeration(model, "Error"). NULL
 * when no file declares it. */
const struct enumeration *model_find_enumeration(const struct model *model, const char *name,
                                                 const struct schema_file **file);
/* Files that C code is made from: not vocabularies, not the two enums above. */
bool file_has_header(const struct schema_file *file);
