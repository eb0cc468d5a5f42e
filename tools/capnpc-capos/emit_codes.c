#include <string.h>

#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/output.h"

void emit_all(const struct model *model) {
    emit_codes(model);
    emit_headers(model);
    emit_clients(model);
    emit_rust(model);
    emit_kernel(model);
    emit_tables(model);
    emit_docs(model);
    emit_abi(model);
}

const struct enumeration *model_find_enumeration(const struct model *model, const char *name,
                                                 const struct schema_file **file) {
    for (uint32_t i = 0; i < model->count; i++) {
        const struct schema_file *candidate = &model->files[i];
        for (uint32_t j = 0; j < candidate->enumeration_count; j++) {
            if (strcmp(candidate->enumerations[j].name.schema, name) == 0) {
                *file = candidate;
                return &candidate->enumerations[j];
            }
        }
    }
    return NULL;
}

bool file_has_header(const struct schema_file *file) {
    return !file->is_vocabulary && strcmp(file->name, "errors") != 0 &&
           strcmp(file->name, "opcodes") != 0;
}

/* Every code says what it means; errors also what to do about it. */
static void check_codes(const struct schema_file *file, const struct enumeration *codes,
                        bool needs_remedy) {
    for (uint32_t i = 0; i < codes->count; i++) {
        const struct enumerant *code = &codes->enumerants[i];
        if (code->meaning[0] == 0 || (needs_remedy && code->remedy[0] == 0)) {
            refuse(text_format("%s: %s.%s", file->file_name, codes->name.schema, code->name.schema),
                   "its meaning or remedy is missing: annotate it");
        }
    }
}

static void emit_errors(const struct schema_file *file, const struct enumeration *errors) {
    const char *path = "include/capos/errors.h";
    FILE *out = output_open(path);
    fputs("#pragma once\n", out);
    output_banner(out, file->file_name);
    fputs("\n/* The result of an operation: 0 or one of these. */\nenum capos_error {\n", out);
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct enumerant *error = &errors->enumerants[i];
        fprintf(out, "    /* %s */\n", error->meaning);
        if (i == 0) {
            fprintf(out, "    CAPOS_%s = 0,\n", error->name.upper);
        } else {
            fprintf(out, "    CAPOS_E_%s = -%u,\n", error->name.upper, i);
        }
    }
    fputs("};\n", out);
    output_close(out, path);
}

static void emit_opcodes(const struct schema_file *file, const struct enumeration *opcodes) {
    const char *path = "include/capos/opcodes.h";
    FILE *out = output_open(path);
    fputs("#pragma once\n", out);
    output_banner(out, file->file_name);
    fputs("\n/* What an entry asks for. */\nenum capos_opcode {\n", out);
    for (uint32_t i = 0; i < opcodes->count; i++) {
        const struct enumerant *opcode = &opcodes->enumerants[i];
        fprintf(out, "    /* %s */\n    CAPOS_OP_%s = %u,\n", opcode->meaning, opcode->name.upper,
                i);
    }
    fputs("    CAPOS_OP_COUNT\n};\n", out);
    output_close(out, path);
}

void emit_codes(const struct model *model) {
    const struct schema_file *file;
    const struct enumeration *errors = model_find_enumeration(model, "Error", &file);
    if (errors != NULL) {
        check_codes(file, errors, true);
        emit_errors(file, errors);
    }
    const struct enumeration *opcodes = model_find_enumeration(model, "Opcode", &file);
    if (opcodes != NULL) {
        check_codes(file, opcodes, false);
        emit_opcodes(file, opcodes);
    }
}
