/* client/NAME.c: the client stubs, on top of capos_invoke. */
#include "tools/capnpc-capos/emit.h"
#include "tools/capnpc-capos/layout.h"
#include "tools/capnpc-capos/output.h"

/*
 * Each stub carries a note that says which method it calls, in a section that is linked to the
 * stub's own (SHF_LINK_ORDER): when the linker drops the one it drops the other, and what is left
 * says what the program can ask for. The assembler wants to have seen the section that is named.
 */
static const char stub_preamble[] =
    "\n#include \"capos/errors.h\"\n"
    "#include \"capos/invoke.h\"\n"
    "#include \"capos/opcodes.h\"\n"
    "\n#define CALL(method, flags, length)"
    " \\\n    (CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |"
    " \\\n     (uint64_t)(flags) << CAPOS_ENTER_FLAGS_SHIFT |"
    " \\\n     (uint64_t)(method) << CAPOS_ENTER_METHOD_SHIFT |"
    " \\\n     (uint64_t)(length) << CAPOS_ENTER_LENGTH_SHIFT)\n"
    "\n/* The note CAPOS_NOTE_USES of one stub, kept by the linker exactly when the stub is. */\n"
    "#define USES(function, interface, ordinal)"
    " \\\n    __asm__(\".pushsection .text.\" function \",\\\"ax\\\",@progbits\\n\""
    " \\\n            \".popsection\\n\""
    " \\\n            \".pushsection .note.capos,\\\"ao\\\",@note,.text.\" function \"\\n\""
    " \\\n            \".balign 4\\n\""
    " \\\n            \".long 6, 16, 2\\n\""
    " \\\n            \".asciz \\\"capOS\\\"\\n\""
    " \\\n            \".balign 4\\n\""
    " \\\n            \".quad \" interface \"\\n\""
    " \\\n            \".long \" ordinal \", 0\\n\""
    " \\\n            \".popsection\\n\")\n";

/* The parameter as the unsigned integer of its size: a sign must not spill into its neighbours. */
static const char *field_bits(const struct field *field) {
    return text_format("(uint64_t)(uint%u_t)%s", type_bits(field->type), field->name.snake);
}

/* The data word `word` of the parameters as an expression of the arguments. */
static const char *data_word(const struct method *method, uint32_t word) {
    const char *expression = NULL;
    for (uint32_t i = 0; i < method->params.count; i++) {
        const struct field *field = &method->params.fields[i];
        uint32_t bit = field->offset * type_bits(field->type);
        if (bit / 64 != word) {
            continue;
        }
        const char *term = field->type == TYPE_UINT64 ? field->name.snake : field_bits(field);
        if (bit % 64 != 0) {
            term = text_format("%s << %u", term, bit % 64);
        }
        expression = expression == NULL ? term : text_format("%s | %s", expression, term);
    }
    return expression == NULL ? "0" : expression;
}

static void emit_invoke(FILE *out, const struct interface *interface, const struct method *method,
                        const char *flags, const char *length, const char *const arguments[3]) {
    const char *const control[] = {
        text_format("CAPOS_%s_METHOD_%s", interface->name.upper, method->name.upper), flags,
        length};
    const char *const items[] = {"control",    interface->name.snake, arguments[0],
                                 arguments[1], arguments[2],          "CAPOS_FOREVER"};
    output_list(out, "    uint64_t control = CALL(", control, 3, ");\n");
    output_list(out, "    struct capos_reply reply = capos_invoke(", items, 6, ");\n");
}

static void emit_inline_call(FILE *out, const struct interface *interface,
                             const struct method *method) {
    const char *arguments[3];
    for (uint32_t i = 0; i < 3; i++) {
        arguments[i] = i < method->params.data_words ? data_word(method, i) : "0";
    }
    emit_invoke(out, interface, method, "CAPOS_ENTRY_INLINE", "0", arguments);
}

/* Assigns the parameters to the message struct `target`. */
static void emit_fill(FILE *out, const struct method *method, const char *target) {
    const struct record *params = &method->params;
    fprintf(out, "    %s = (struct capos_%s){\n        .root = CAPOS_%s_ROOT,\n", target,
            params->name.snake, params->name.upper);
    for (uint32_t i = 0; i < params->count; i++) {
        const struct field *field = &params->fields[i];
        const char *name = field->name.snake;
        if (field->type == TYPE_DATA) {
            fprintf(
                out,
                "        /* A list of bytes that begins where the message ends. */\n"
                "        .%s_pointer = UINT64_C(1) | UINT64_C(2) << 32 | (uint64_t)size << 35,\n",
                name);
        } else {
            fprintf(out, "        .%s = %s%s,\n", name,
                    field->type == TYPE_ENUM ? "(uint16_t)" : "", name);
        }
    }
    fputs("    };\n", out);
}

/* The name of the bulk buffer's argument, or NULL. */
static const char *tail_name(const struct method *method) {
    const struct record *record = method->tail_in ? &method->params : &method->results;
    return method->tail_in || method->tail_out ? record->fields[record->count - 1].name.snake
                                               : NULL;
}

static void emit_memory_call(FILE *out, const struct interface *interface,
                             const struct method *method) {
    const char *tail = tail_name(method);
    const char *address = "(uint64_t)(uintptr_t)";
    const char *params = method->params.name.snake;
    const char *arguments[3] = {text_format("%s&call_message", address),
                                tail != NULL ? text_format("%s%s", address, tail) : "0",
                                tail != NULL ? "size" : "0"};
    const char *length = text_format("sizeof(struct capos_%s)", params);
    if (method->tail_in) {
        fputs("    if (size > 0x1fffffff) {\n        return CAPOS_E_TOO_LARGE;\n    }\n", out);
    }
    if (method->variable) {
        fputs("    if (words > CAPOS_ENTER_LENGTH_MAX / 8) {\n        return CAPOS_E_TOO_LARGE;\n"
              "    }\n",
              out);
        arguments[0] = text_format("%smessage", address);
        length = "words * UINT64_C(8)";
    } else if (method->writes_back) {
        const char *results = method->results.name.snake;
        fprintf(out,
                "    /* The results come back where the parameters were. */\n"
                "    union {\n        struct capos_%s params;\n        struct capos_%s results;\n"
                "    } call_message = {.results = {0}};\n",
                params, results);
        emit_fill(out, method, "call_message.params");
    } else {
        emit_fill(out, method, text_format("struct capos_%s call_message", params));
    }
    emit_invoke(out, interface, method, "0", length, arguments);
}

static void emit_results(FILE *out, const struct method *method) {
    if (method->writes_back) {
        fputs("    if (reply.result == CAPOS_OK) {\n        *results = call_message.results;\n    "
              "}\n",
              out);
    } else if (method->scalars == 1) {
        const struct field *field = &method->results.fields[0];
        const char *cast = layout_scalar_type(field->type);
        fprintf(out, "    *%s = %s%s%sreply.aux;\n", field->name.snake,
                field->type == TYPE_UINT64 ? "" : "(", field->type == TYPE_UINT64 ? "" : cast,
                field->type == TYPE_UINT64 ? "" : ")");
    }
    fputs("    return reply.result;\n}\n", out);
}

static void emit_stub(FILE *out, const struct schema_file *file, const struct method *method) {
    const struct interface *interface = file->interface;
    struct signature *signature = allocate(1, sizeof(struct signature));
    signature_build(signature, file->file_name, interface, method);
    fprintf(out, "\nUSES(\"capos_%s_%s\", \"0x%016llx\", \"%u\");\n", interface->name.snake,
            method->name.snake, (unsigned long long)interface->id, method->ordinal);
    signature_write(out, interface, method, signature, ") {\n");
    if (method->inline_allowed) {
        emit_inline_call(out, interface, method);
    } else {
        emit_memory_call(out, interface, method);
    }
    emit_results(out, method);
}

static void emit_client(const struct schema_file *file) {
    const char *path = text_format("client/%s.c", file->name);
    FILE *out = output_open(path);
    output_banner(out, file->file_name);
    fprintf(out, "#include \"capos/%s.h\"\n", file->name);
    fputs(stub_preamble, out);
    for (uint32_t i = 0; i < file->interface->count; i++) {
        emit_stub(out, file, &file->interface->methods[i]);
    }
    output_close(out, path);
}

void emit_clients(const struct model *model) {
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->files[i].interface != NULL) {
            emit_client(&model->files[i]);
        }
    }
}
