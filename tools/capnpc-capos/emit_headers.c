/* include/capos/NAME.h: what programs and the kernel share. */
#include <string.h>

#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/layout.h"
#include "tools/capnpc-capos/output.h"

static void emit_enumeration(FILE *out, const struct enumeration *enumeration) {
    fputc('\n', out);
    output_comment(out, "", enumeration->doc);
    fprintf(out, "enum capos_%s {\n", enumeration->name.snake);
    for (uint32_t i = 0; i < enumeration->count; i++) {
        const struct enumerant *enumerant = &enumeration->enumerants[i];
        if (strcmp(enumerant->name.upper, "COUNT") == 0) {
            refuse(enumeration->name.schema, "CAPOS_%s_COUNT is the number of values: rename count",
                   enumeration->name.upper);
        }
        output_comment(out, "    ", enumerant->doc);
        fprintf(out, "    CAPOS_%s_%s = %u,\n", enumeration->name.upper, enumerant->name.upper, i);
    }
    fprintf(out, "};\n#define CAPOS_%s_COUNT %uu\n", enumeration->name.upper, enumeration->count);
}

/* Offsets for core/wire.h, of a record that is read and built field by field. */
static void emit_offsets(FILE *out, const struct record *record) {
    const char *upper = record->name.upper;
    fputc('\n', out);
    output_comment(out, "", record->doc);
    fprintf(out, "/* %s: sizes and places as core/wire.h wants them. */\nenum {\n",
            record->name.schema);
    fprintf(out, "    CAPOS_%s_DATA_WORDS = %u,\n    CAPOS_%s_POINTERS = %u,\n", upper,
            record->data_words, upper, record->pointers);
    for (uint32_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        fprintf(out, "    CAPOS_%s_%s_%s = %u, /* %s */\n", upper, field->name.upper,
                type_is_pointer(field->type) ? "POINTER" : "OFFSET", field->offset,
                field->type_name);
    }
    fputs("};\n", out);
    for (uint32_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        if (field->default_value != 0) {
            fprintf(out, "/* On the wire the value is XORed with its default. */\n");
            fprintf(out, "#define CAPOS_%s_%s_DEFAULT UINT64_C(%llu)\n", upper, field->name.upper,
                    (unsigned long long)field->default_value);
        }
    }
}

/* The struct that is the message. */
static void emit_message(FILE *out, const char *file_name, const struct record *record) {
    struct layout *layout = allocate(1, sizeof(struct layout));
    layout_build(layout, text_format("%s: %s", file_name, record->name.schema), record);
    const char *snake = record->name.snake;
    fprintf(out, "\nstruct capos_%s {\n", snake);
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct layout_member *member = &layout->members[i];
        if (member->array_count > 0) {
            fprintf(out, "    %s %s[%u];\n", member->type, member->name, member->array_count);
        } else if (member->field != NULL && member->field->enumeration != NULL) {
            fprintf(out, "    %s %s; /* enum capos_%s */\n", member->type, member->name,
                    member->field->enumeration->name.snake);
        } else {
            fprintf(out, "    %s %s;\n", member->type, member->name);
        }
    }
    fprintf(out, "};\n#define CAPOS_%s_ROOT UINT64_C(0x%llx)\n", record->name.upper,
            (unsigned long long)record_root(record));
    fprintf(out, "_Static_assert(sizeof(struct capos_%s) == %u, \"ABI\");\n", snake,
            record_words(record) * 8);
    for (uint32_t i = 1; i < layout->count; i++) {
        const char *const items[] = {text_format("struct capos_%s", snake),
                                     layout->members[i].name};
        output_list(out, "_Static_assert(__builtin_offsetof(", items, 2,
                    text_format(") == %u, \"ABI\");\n", layout->members[i].offset));
    }
}

static void emit_methods(FILE *out, const struct schema_file *file) {
    const struct interface *interface = file->interface;
    fprintf(out, "\n#define CAPOS_%s_INTERFACE UINT64_C(0x%016llx)\n\nenum {\n",
            interface->name.upper, (unsigned long long)interface->id);
    for (uint32_t i = 0; i < interface->count; i++) {
        fprintf(out, "    CAPOS_%s_METHOD_%s = %u,\n", interface->name.upper,
                interface->methods[i].name.upper, i);
    }
    fprintf(out, "    CAPOS_%s_METHODS\n};\n", interface->name.upper);
    for (uint32_t i = 0; i < interface->count; i++) {
        const struct method *method = &interface->methods[i];
        if (method->variable) {
            emit_offsets(out, &method->params);
        } else {
            emit_message(out, file->file_name, &method->params);
        }
        emit_message(out, file->file_name, &method->results);
    }
}

/* What the types of a prototype do not say. */
static const char *stub_doc(const struct method *method) {
    const char *doc = method->doc;
    const char *separator = doc[0] != 0 ? "\n" : "";
    if (method->variable) {
        doc = text_format("%s%smessage: the parameters, %u data words and %u pointers, built with "
                          "core/wire.h.",
                          doc, separator, method->params.data_words, method->params.pointers);
    }
    return doc;
}

static void emit_prototypes(FILE *out, const struct schema_file *file) {
    const struct interface *interface = file->interface;
    struct signature *signature = allocate(1, sizeof(struct signature));
    fprintf(out, "\n#ifndef CAPOS_KERNEL\n"
                 "CAPOS_LINKAGE_BEGIN\n\n"
                 "/* The client: 0 or a negative error; results are set when it is 0. */\n");
    for (uint32_t i = 0; i < interface->count; i++) {
        const struct method *method = &interface->methods[i];
        signature_build(signature, file->file_name, interface, method);
        fputc('\n', out);
        output_comment(out, "", stub_doc(method));
        signature_write(out, interface, method, signature, ");\n");
    }
    fputs("\nCAPOS_LINKAGE_END\n#endif\n", out);
}

static void emit_header(const struct schema_file *file) {
    const char *path = text_format("include/capos/%s.h", file->name);
    FILE *out = output_open(path);
    fputs("#pragma once\n", out);
    output_banner(out, file->file_name);
    if (file->interface != NULL) {
        output_comment(out, "", file->interface->doc);
    }
    fputs("#include <stddef.h>\n#include <stdint.h>\n", out);
    if (file->interface != NULL) {
        fputs("\n#include \"capos/abi.h\"\n#include \"capos/linkage.h\"\n", out);
    }
    for (uint32_t i = 0; i < file->enumeration_count; i++) {
        emit_enumeration(out, &file->enumerations[i]);
    }
    for (uint32_t i = 0; i < file->record_count; i++) {
        emit_offsets(out, &file->records[i]);
    }
    if (file->interface != NULL) {
        emit_methods(out, file);
        emit_prototypes(out, file);
    }
    output_close(out, path);
}

void emit_headers(const struct model *model) {
    for (uint32_t i = 0; i < model->count; i++) {
        if (file_has_header(&model->files[i])) {
            emit_header(&model->files[i]);
        }
    }
}
