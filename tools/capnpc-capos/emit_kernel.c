/* kernel/NAME.h and kernel/interfaces.c: what the kernel serves. */
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/output.h"

static const char *params_type(const struct method *method) {
    return method->variable
               ? "struct wire_struct params"
               : text_format("const struct capos_%s *params", method->params.name.snake);
}

static void emit_handlers(FILE *out, const struct interface *interface) {
    const char *snake = interface->name.snake;
    for (uint32_t i = 0; i < interface->count; i++) {
        const struct method *method = &interface->methods[i];
        const char *name = method->name.snake;
        fputc('\n', out);
        output_comment(out, "", method->doc);
        const char *const decode[] = {"struct call *call", params_type(method)};
        output_list(out, text_format("MUST_CHECK status_t %s_decode_%s(", snake, name), decode, 2,
                    ");\n");
        const char *const invoke[] = {"struct call *call", text_format("struct capos_%s *results",
                                                                       method->results.name.snake)};
        output_list(out, text_format("void %s_invoke_%s(", snake, name), invoke, 2, ");\n");
    }
    if (interface->grant_name != NULL) {
        static const char *const grant[] = {"struct process *process",    "struct object *source",
                                            "uint64_t source_badge",      "struct wire_text facet",
                                            "struct object **object_out", "uint64_t *badge_out"};
        fputc('\n', out);
        output_list(out, text_format("MUST_CHECK status_t %s_grant(", snake), grant, 6, ");\n");
    }
}

static void emit_kernel_header(const struct schema_file *file) {
    const char *path = text_format("kernel/%s.h", file->name);
    FILE *out = output_open(path);
    fputs("#pragma once\n", out);
    output_banner(out, file->file_name);
    fprintf(out,
            "/* The handlers that kernel/cap/%s.c defines; their rules are in"
            " kernel/cap/call.h. */\n",
            file->name);
    fprintf(out, "#include \"capos/%s.h\"\n#include \"kernel/cap/call.h\"\n", file->name);
    fprintf(out, "\nextern const struct interface %s_interface;\n", file->interface->name.snake);
    emit_handlers(out, file->interface);
    output_close(out, path);
}

static void emit_decode(FILE *out, const struct interface *interface, const struct method *method) {
    const char *snake = interface->name.snake;
    const char *name = method->name.snake;
    fprintf(out, "\nstatic status_t decode_%s_%s(struct call *call) {\n", snake, name);
    if (method->variable) {
        fprintf(out,
                "    struct wire_struct params;\n"
                "    if (!open_params(call, &params)) {\n"
                "        return CAPOS_E_BAD_MESSAGE;\n"
                "    }\n"
                "    status_t status = %s_decode_%s(call, params);\n"
                "    return call->wire.failed ? CAPOS_E_BAD_MESSAGE : status;\n}\n",
                snake, name);
        return;
    }
    const char *params = method->params.name.snake;
    fprintf(out, "    const struct capos_%s *params = (const void *)call->message;\n", params);
    if (method->tail_in) {
        const struct record *record = &method->params;
        fprintf(out,
                "    if (!announces_bulk(params->%s_pointer, call->buffer_length)) {\n"
                "        return call_refuse(call, CAPOS_E_BAD_MESSAGE, %u);\n"
                "    }\n",
                record->fields[record->count - 1].name.snake, record->count);
    }
    fprintf(out, "    return %s_decode_%s(call, params);\n}\n", snake, name);
}

/* Results that only fit aux stand on the stack, so that invoke may still read the parameters. */
static void emit_invoke(FILE *out, const struct interface *interface, const struct method *method) {
    const char *snake = interface->name.snake;
    const char *name = method->name.snake;
    const char *results = method->results.name.snake;
    const char *root = method->results.name.upper;
    fprintf(out, "\nstatic void invoke_%s_%s(struct call *call) {\n", snake, name);
    if (method->writes_back) {
        fprintf(out,
                "    struct capos_%s *results = (void *)call->message;\n"
                "    *results = (struct capos_%s){\n        .root = CAPOS_%s_ROOT,\n    };\n"
                "    %s_invoke_%s(call, results);\n",
                results, results, root, snake, name);
    } else {
        fprintf(out,
                "    struct capos_%s results = {\n        .root = CAPOS_%s_ROOT,\n    };\n"
                "    %s_invoke_%s(call, &results);\n",
                results, root, snake, name);
    }
    if (method->scalars > 0) {
        fprintf(out, "    if (!call->pending) {\n        call->aux = %sresults%s%s;\n    }\n",
                method->results.fields[0].type == TYPE_UINT64 ? "" : "(uint64_t)",
                method->writes_back ? "->" : ".", method->results.fields[0].name.snake);
    }
    fputs("}\n", out);
}

static void emit_method_record(FILE *out, const struct interface *interface,
                               const struct method *method) {
    const char *snake = interface->name.snake;
    const char *name = method->name.snake;
    fprintf(out, "    [CAPOS_%s_METHOD_%s] = {\n        .name = \"%s\",\n", interface->name.upper,
            method->name.upper, method->name.schema);
    fprintf(out, "        .decode = decode_%s_%s,\n        .invoke = invoke_%s_%s,\n", snake, name,
            snake, name);
    if (!method->variable) {
        fprintf(out, "        .params_words = %u,\n        .params_root = CAPOS_%s_ROOT,\n",
                record_words(&method->params), method->params.name.upper);
    }
    if (method->writes_back) {
        fprintf(out, "        .results_words = %u,\n", record_words(&method->results));
    }
    fputs(method->inline_allowed ? "        .inline_allowed = true,\n" : "", out);
    fputs(method->tail_in ? "        .tail_in = true,\n" : "", out);
    fputs(method->tail_out ? "        .tail_out = true,\n" : "", out);
    fputs(method->blocking ? "        .blocking = true,\n" : "", out);
    fputs("    },\n", out);
}

static void emit_interface(FILE *out, const struct interface *interface) {
    const char *snake = interface->name.snake;
    for (uint32_t i = 0; i < interface->count; i++) {
        emit_decode(out, interface, &interface->methods[i]);
        emit_invoke(out, interface, &interface->methods[i]);
    }
    fprintf(out, "\nstatic const struct method %s_methods[] = {\n", snake);
    for (uint32_t i = 0; i < interface->count; i++) {
        emit_method_record(out, interface, &interface->methods[i]);
    }
    fprintf(out,
            "};\n\nconst struct interface %s_interface = {\n    .id = CAPOS_%s_INTERFACE,\n"
            "    .name = \"%s\",\n    .methods = %s_methods,\n"
            "    .method_count = CAPOS_%s_METHODS,\n",
            snake, interface->name.upper, interface->name.schema, snake, interface->name.upper);
    if (interface->grant_name != NULL) {
        fputs("    .grant_name = ", out);
        output_string(out, interface->grant_name);
        fprintf(out, ",\n    .grant = %s_grant,\n", snake);
    }
    fputs("};\n", out);
}

static const char helpers[] =
    "\n/* The one form in which a bulk buffer is announced: a list of bytes that begins where the "
    "message\n"
    " * ends. Its length has 29 bits. */\n"
    "static inline bool announces_bulk(uint64_t pointer, uint64_t length) {\n"
    "    return length <= 0x1fffffff && pointer == (UINT64_C(1) | UINT64_C(2) << 32 | length << "
    "35);\n"
    "}\n"
    "\n#define PARAMS_TRAVERSAL_WORDS_MAX (2 * CALL_MESSAGE_WORDS_MAX)\n"
    "\nstatic inline bool open_params(struct call *call, struct wire_struct *params) {\n"
    "    if (!wire_open_segment(&call->wire, call->message, call->message_words,\n"
    "                           PARAMS_TRAVERSAL_WORDS_MAX)) {\n"
    "        return false;\n"
    "    }\n"
    "    *params = wire_root(&call->wire);\n"
    "    return !call->wire.failed;\n"
    "}\n";

static void emit_table(const struct model *model) {
    const char *path = "kernel/interfaces.c";
    FILE *out = output_open(path);
    output_banner(out, "files");
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            fprintf(out, "#include \"%s.h\"\n", model->files[i].name);
        }
    }
    fputs(helpers, out);
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_interface(out, model->files[i].interface);
        }
    }
    fputs("\nconst struct interface *const interface_table[] = {\n", out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            fprintf(out, "    &%s_interface,\n", model->files[i].name);
            count++;
        }
    }
    fprintf(out, "};\nconst size_t interface_count = %u;\n", count);
    output_close(out, path);
}

void emit_kernel(const struct model *model) {
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_kernel_header(&model->files[i]);
        }
    }
    emit_table(model);
}
