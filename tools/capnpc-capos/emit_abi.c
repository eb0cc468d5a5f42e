/* abi.txt: what must not change by accident, one fact a line, for comparison with a golden file. */
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/output.h"

static void emit_enumeration(FILE *out, const struct enumeration *enumeration) {
    for (uint32_t i = 0; i < enumeration->count; i++) {
        fprintf(out, "enum %s %s %u\n", enumeration->name.schema,
                enumeration->enumerants[i].name.schema, i);
    }
}

static void emit_record(FILE *out, const char *name, const struct record *record) {
    fprintf(out, "%s data %u pointers %u\n", name, record->data_words, record->pointers);
    for (uint32_t i = 0; i < record->count; i++) {
        const struct field *field = &record->fields[i];
        bool is_pointer = type_is_pointer(field->type);
        fprintf(out, "%s.%s %s %s %u", name, field->name.schema, field->type_name,
                is_pointer ? "pointer" : "bit",
                is_pointer ? field->offset : field->offset * type_bits(field->type));
        if (field->default_value != 0) {
            fprintf(out, " default %llu", (unsigned long long)field->default_value);
        }
        fputc('\n', out);
    }
}

static void emit_interface(FILE *out, const struct interface *interface) {
    fprintf(out, "interface %s 0x%016llx", interface->name.schema,
            (unsigned long long)interface->id);
    if (interface->grant_name != NULL) {
        fprintf(out, " grant %s", interface->grant_name);
    }
    fputc('\n', out);
    for (uint32_t i = 0; i < interface->count; i++) {
        const struct method *method = &interface->methods[i];
        const char *name = text_format("method %s.%s", interface->name.schema, method->name.schema);
        fprintf(out, "%s ordinal %u%s%s%s%s%s\n", name, method->ordinal,
                method->variable ? " variable" : "", method->tail_in ? " tail-in" : "",
                method->tail_out ? " tail-out" : "", method->writes_back ? " writes-back" : "",
                method->inline_allowed ? " inline" : "");
        emit_record(out, text_format("%s params", name), &method->params);
        emit_record(out, text_format("%s results", name), &method->results);
    }
}

void emit_abi(const struct model *model) {
    const char *path = "abi.txt";
    FILE *out = output_open(path);
    for (uint32_t i = 0; i < model->count; i++) {
        const struct schema_file *file = &model->files[i];
        if (file->is_vocabulary) {
            continue;
        }
        for (uint32_t j = 0; j < file->enumeration_count; j++) {
            emit_enumeration(out, &file->enumerations[j]);
        }
        for (uint32_t j = 0; j < file->record_count; j++) {
            const struct record *record = &file->records[j];
            emit_record(out, text_format("struct %s", record->name.schema), record);
        }
        if (file->interface != NULL) {
            emit_interface(out, file->interface);
        }
    }
    output_close(out, path);
}
