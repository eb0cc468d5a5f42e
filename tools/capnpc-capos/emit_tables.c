/* host/capos_tables: what the host tool says of errors, opcodes, interfaces and grants. */
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/output.h"

static const char tables_header[] =
    "#include <stdbool.h>\n"
    "#include <stddef.h>\n"
    "#include <stdint.h>\n"
    "\nstruct capos_error_entry {\n"
    "    int code;         /* 0 or negative */\n"
    "    const char *name; /* as in the schema: badCapability */\n"
    "    const char *meaning, *remedy;\n"
    "};\n"
    "\nstruct capos_opcode_entry {\n"
    "    unsigned code;\n"
    "    const char *name, *meaning;\n"
    "};\n"
    "\nstruct capos_method_entry {\n"
    "    const char *name; /* its index is its ordinal */\n"
    "    bool blocking;\n"
    "};\n"
    "\nstruct capos_interface_entry {\n"
    "    uint64_t id;\n"
    "    const char *name;       /* VirtualMemory */\n"
    "    const char *snake;      /* virtual_memory */\n"
    "    const char *grant_name; /* NULL when it cannot be granted by name */\n"
    "    const char *summary;    /* of the grant, else NULL */\n"
    "    bool in_default;        /* part of --grant default */\n"
    "    const char *const *facets;\n"
    "    size_t facet_count;\n"
    "    const struct capos_method_entry *methods;\n"
    "    size_t method_count;\n"
    "};\n"
    "\nextern const struct capos_error_entry capos_errors[]; /* index: minus the code */\n"
    "extern const size_t capos_error_count;\n"
    "extern const struct capos_opcode_entry capos_opcodes[];\n"
    "extern const size_t capos_opcode_count;\n"
    "extern const struct capos_interface_entry capos_interfaces[]; /* ordered by snake name */\n"
    "extern const size_t capos_interface_count;\n";

static void emit_string_member(FILE *out, const char *name, const char *text) {
    fprintf(out, "        .%s = ", name);
    output_string(out, text);
    fputs(",\n", out);
}

static void emit_error_table(FILE *out, const struct enumeration *errors) {
    fputs("\nconst struct capos_error_entry capos_errors[] = {\n", out);
    for (uint32_t i = 0; i < errors->count; i++) {
        fprintf(out, "    {\n        .code = -%u,\n", i);
        emit_string_member(out, "name", errors->enumerants[i].name.schema);
        emit_string_member(out, "meaning", errors->enumerants[i].meaning);
        emit_string_member(out, "remedy", errors->enumerants[i].remedy);
        fputs("    },\n", out);
    }
    fprintf(out, "};\nconst size_t capos_error_count = %u;\n", errors->count);
}

static void emit_opcode_table(FILE *out, const struct enumeration *opcodes) {
    fputs("\nconst struct capos_opcode_entry capos_opcodes[] = {\n", out);
    for (uint32_t i = 0; i < opcodes->count; i++) {
        fprintf(out, "    {\n        .code = %u,\n", i);
        emit_string_member(out, "name", opcodes->enumerants[i].name.schema);
        emit_string_member(out, "meaning", opcodes->enumerants[i].meaning);
        fputs("    },\n", out);
    }
    fprintf(out, "};\nconst size_t capos_opcode_count = %u;\n", opcodes->count);
}

/* The arrays that an interface's entry points to; empty ones are left out. */
static void emit_parts(FILE *out, const struct interface *interface) {
    if (interface->facet_count > 0) {
        fprintf(out, "\nstatic const char *const %s_facets[] = {\n", interface->name.snake);
        for (uint32_t i = 0; i < interface->facet_count; i++) {
            fputs("    ", out);
            output_string(out, interface->facets[i]);
            fputs(",\n", out);
        }
        fputs("};\n", out);
    }
    if (interface->count > 0) {
        fprintf(out, "\nstatic const struct capos_method_entry %s_methods[] = {\n",
                interface->name.snake);
        for (uint32_t i = 0; i < interface->count; i++) {
            const struct method *method = &interface->methods[i];
            fprintf(out, "    {.name = \"%s\"%s},\n", method->name.schema,
                    method->blocking ? ", .blocking = true" : "");
        }
        fputs("};\n", out);
    }
}

static void emit_entry(FILE *out, const struct interface *interface) {
    const char *snake = interface->name.snake;
    fprintf(out, "    {\n        .id = UINT64_C(0x%016llx),\n", (unsigned long long)interface->id);
    emit_string_member(out, "name", interface->name.schema);
    emit_string_member(out, "snake", snake);
    if (interface->grant_name != NULL) {
        emit_string_member(out, "grant_name", interface->grant_name);
        emit_string_member(out, "summary", interface->summary);
        fprintf(out, "        .in_default = %s,\n", interface->in_default ? "true" : "false");
    }
    if (interface->facet_count > 0) {
        fprintf(out, "        .facets = %s_facets,\n        .facet_count = %u,\n", snake,
                interface->facet_count);
    }
    if (interface->count > 0) {
        fprintf(out, "        .methods = %s_methods,\n        .method_count = %u,\n", snake,
                interface->count);
    }
    fputs("    },\n", out);
}

static void emit_interface_table(FILE *out, const struct model *model) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_parts(out, model->files[i].interface);
        }
    }
    fputs("\nconst struct capos_interface_entry capos_interfaces[] = {\n", out);
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_entry(out, model->files[i].interface);
            count++;
        }
    }
    fprintf(out, "};\nconst size_t capos_interface_count = %u;\n", count);
}

void emit_tables(const struct model *model) {
    const char *path = "host/capos_tables.h";
    FILE *out = output_open(path);
    fputs("#pragma once\n", out);
    output_banner(out, "files");
    fputs(tables_header, out);
    output_close(out, path);

    const struct schema_file *file;
    const struct enumeration *errors = model_find_enumeration(model, "Error", &file);
    const struct enumeration *opcodes = model_find_enumeration(model, "Opcode", &file);
    path = "host/capos_tables.c";
    out = output_open(path);
    output_banner(out, "files");
    fputs("#include \"capos_tables.h\"\n", out);
    if (errors != NULL) {
        emit_error_table(out, errors);
    }
    if (opcodes != NULL) {
        emit_opcode_table(out, opcodes);
    }
    emit_interface_table(out, model);
    output_close(out, path);
}
