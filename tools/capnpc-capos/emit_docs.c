/* docs/interfaces/NAME.md and docs/errors.md. */
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/layout.h"
#include "tools/capnpc-capos/output.h"

/* A cell of a table: one line, and no bar. */
static void emit_cell(FILE *out, const char *text) {
    for (; text[0] != 0; text++) {
        if (text[0] == '|') {
            fputc('\\', out);
        }
        fputc(text[0] == '\n' ? ' ' : text[0], out);
    }
}

/* sleep (deadlineNs :UInt64) -> () */
static void emit_declaration(FILE *out, const struct record *record) {
    fputc('(', out);
    for (uint32_t i = 0; i < record->count; i++) {
        fprintf(out, "%s%s :%s", i > 0 ? ", " : "", record->fields[i].name.schema,
                record->fields[i].type_name);
    }
    fputc(')', out);
}

/* base: what stands before the data, in bytes: the root pointer of a message. */
static void emit_fields(FILE *out, const struct record *record, const char *title, uint32_t base) {
    if (record->count == 0) {
        return;
    }
    fprintf(out, "| %s | type | place | |\n| --- | --- | --- | --- |\n", title);
    for (uint32_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        fprintf(out, "| `%s` | %s | ", field->name.schema, field->type_name);
        if (type_is_pointer(field->type)) {
            fprintf(out, "pointer %u, byte %u", field->offset,
                    base + (record->data_words + field->offset) * 8);
        } else {
            uint32_t bit = field->offset * type_bits(field->type);
            fprintf(out, "byte %u", base + bit / 8);
            if (type_bits(field->type) == 1) {
                fprintf(out, ", bit %u", bit % 8);
            }
        }
        fputs(" | ", out);
        emit_cell(out, field->doc);
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void emit_enumeration(FILE *out, const struct enumeration *enumeration) {
    fprintf(out, "## enum %s\n\n", enumeration->name.schema);
    if (enumeration->doc[0] != 0) {
        fprintf(out, "%s\n\n", enumeration->doc);
    }
    fputs("| value | name | |\n| --- | --- | --- |\n", out);
    for (uint32_t i = 0; i < enumeration->count; i++) {
        fprintf(out, "| %u | `%s` | ", i, enumeration->enumerants[i].name.schema);
        emit_cell(out, enumeration->enumerants[i].doc);
        fputs(" |\n", out);
    }
    fputc('\n', out);
}

static void emit_grant(FILE *out, const struct interface *interface) {
    if (interface->grant_name == NULL) {
        fputs("It cannot be granted by name.\n\n", out);
        return;
    }
    fprintf(out, "Granted as `%s` (%s)%s.", interface->grant_name, interface->summary,
            interface->in_default ? ", part of `--grant default`" : "");
    for (uint32_t i = 0; i < interface->facet_count; i++) {
        fprintf(out, "%s `%s=%s`", i == 0 ? " Narrower forms:" : ",", interface->grant_name,
                interface->facets[i]);
    }
    fputs(interface->facet_count > 0 ? ".\n\n" : "\n\n", out);
}

static void emit_method(FILE *out, const struct schema_file *file, const struct method *method) {
    struct signature *signature = allocate(1, sizeof(struct signature));
    signature_build(signature, file->file_name, file->interface, method);
    fprintf(out, "### %u. %s\n\n```capnp\n%s ", method->ordinal, method->name.schema,
            method->name.schema);
    emit_declaration(out, &method->params);
    fputs(" -> ", out);
    emit_declaration(out, &method->results);
    fputs("\n```\n```c\n", out);
    signature_write(out, file->interface, method, signature, ");\n");
    fputs("```\n\n", out);
    if (method->doc[0] != 0) {
        fprintf(out, "%s\n\n", method->doc);
    }
    fputs(method->blocking ? "It may complete later than its submission.\n\n" : "", out);
    fputs(method->owner ? "It acts on the object for all its holders.\n\n" : "", out);
    emit_fields(out, &method->params, "parameter", 8);
    emit_fields(out, &method->results, "result", 8);
    if (method->writes_back) {
        fprintf(out, "The results, %u bytes, are written over the parameters.%s\n\n",
                record_words(&method->results) * 8,
                method->tail_out ? " The Data goes to the bulk buffer." : "");
    } else if (method->scalars == 1) {
        fprintf(out, "`%s` comes back in `aux`.%s\n\n", method->results.fields[0].name.schema,
                method->tail_out ? " The Data goes to the bulk buffer." : "");
    }
    fputs(method->tail_in ? "The bytes of the Data are taken from the bulk buffer.\n\n" : "", out);
    fputs(method->inline_allowed ? "The data words may stand in the entry's arguments.\n\n" : "",
          out);
}

static void emit_page(const struct schema_file *file) {
    const struct interface *interface = file->interface;
    const char *path = text_format("docs/interfaces/%s.md", file->name);
    FILE *out = output_open(path);
    fprintf(out, "# %s\n\n", interface->name.schema);
    if (interface->doc[0] != 0) {
        fprintf(out, "%s\n\n", interface->doc);
    }
    fprintf(out, "Interface id `0x%016llx`, declared in `schema/%s`. ",
            (unsigned long long)interface->id, file->file_name);
    emit_grant(out, interface);
    fputs("## Methods\n\n", out);
    for (uint32_t i = 0; i < interface->count; i++) {
        emit_method(out, file, &interface->methods[i]);
    }
    for (uint32_t i = 0; i < file->enumeration_count; i++) {
        emit_enumeration(out, &file->enumerations[i]);
    }
    for (uint32_t i = 0; i < file->record_count; i++) {
        const struct record *record = &file->records[i];
        fprintf(out, "## struct %s\n\n", record->name.schema);
        if (record->doc[0] != 0) {
            fprintf(out, "%s\n\n", record->doc);
        }
        fprintf(out, "%u data words, %u pointers.\n\n", record->data_words, record->pointers);
        emit_fields(out, record, "field", 0);
    }
    output_close(out, path);
}

static void emit_error_page(const struct enumeration *errors) {
    const char *path = "docs/errors.md";
    FILE *out = output_open(path);
    fputs("# Errors\n\n| code | name | meaning | what to do |\n| --- | --- | --- | --- |\n", out);
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct enumerant *error = &errors->enumerants[i];
        fprintf(out, "| %s%u | `%s` | ", i > 0 ? "-" : "", i, error->name.schema);
        emit_cell(out, error->meaning);
        fputs(" | ", out);
        emit_cell(out, error->remedy);
        fputs(" |\n", out);
    }
    output_close(out, path);
}

void emit_docs(const struct model *model) {
    const struct schema_file *file;
    const struct enumeration *errors = model_find_enumeration(model, "Error", &file);
    if (errors != NULL) {
        emit_error_page(errors);
    }
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_page(&model->files[i]);
        }
    }
}
