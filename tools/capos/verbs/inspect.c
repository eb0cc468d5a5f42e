#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/capos/exit_codes.h"
#include "tools/capos/json.h"
#include "tools/capos/message.h"
#include "tools/capos/program.h"
#include "tools/capos/verb.h"

static const char *format_protection(uint32_t protection, char text[4]) {
    text[0] = (protection & ELF_READ) != 0 ? 'r' : '-';
    text[1] = (protection & ELF_WRITE) != 0 ? 'w' : '-';
    text[2] = (protection & ELF_EXECUTE) != 0 ? 'x' : '-';
    text[3] = '\0';
    return text;
}

/* "console,timer": what must be granted (required_only), or what serves every stub. */
static void format_grant_line(const struct needs *needs, bool required_only, char *line,
                              size_t size) {
    line[0] = '\0';
    for (uint32_t i = 0; i < needs->count; i++) {
        const char *name = need_grant_name(&needs->items[i]);
        bool listed = name == NULL || (required_only && !needs->items[i].required);
        for (uint32_t before = 0; before < i && !listed; before++) {
            const struct need *other = &needs->items[before];
            listed = other->interface == needs->items[i].interface &&
                     (other->required || !required_only);
        }
        if (!listed) {
            const size_t used = strlen(line);
            snprintf(line + used, size - used, "%s%s", used > 0 ? "," : "", name);
        }
    }
}

static void print_needs(const struct program *program) {
    char line[512];
    if (program->needs.count == 0) {
        printf("needs     nothing: it computes and exits\n");
        return;
    }
    printf("needs\n");
    for (uint32_t i = 0; i < program->needs.count; i++) {
        const struct need *need = &program->needs.items[i];
        need_format_methods(need, line, sizeof line);
        if (need->interface != NULL) {
            printf("  %-15s %-9s %s%s%s\n",
                   need->name[0] != '\0'                 ? need->name
                   : need->interface->grant_name != NULL ? need->interface->grant_name
                                                         : "-",
                   need->required ? "required" : "used", need->interface->name,
                   line[0] != '\0' ? ": " : "", line);
        } else {
            printf("  %-15s %-9s interface 0x%016" PRIx64 " (not known here)%s%s\n",
                   need->name[0] != '\0' ? need->name : "-", need->required ? "required" : "used",
                   need->interface_id, line[0] != '\0' ? ": " : "", line);
        }
    }
    format_grant_line(&program->needs, false, line, sizeof line);
    if (line[0] != '\0') {
        printf("run it    capos run --grant %s %s\n", line, program->path);
    }
}

static void print_image(const struct program *program) {
    const struct elf_image *image = &program->image;
    printf("program   %s, %zu bytes\n", program->path, program->file_size);
    if (image->abi_version != 0) {
        printf("ABI       version %" PRIu32 ", features 0x%" PRIx64 "\n", image->abi_version,
               image->features);
    } else {
        printf("ABI       not said\n");
    }
    printf("entry     0x%" PRIx64 "\n", image->entry);
    if (image->stack_size != 0) {
        printf("stack     %" PRIu64 " KiB\n", image->stack_size >> 10);
    } else {
        printf("stack     the kernel's default\n");
    }
    if (image->tls_size != 0) {
        printf("TLS       %" PRIu64 " bytes (%" PRIu64 " of them initialised), aligned to %" PRIu64
               "\n",
               image->tls_size, image->tls_file_size, image->tls_align);
    } else {
        printf("TLS       none\n");
    }
    printf("segments  %" PRIu64 " KiB from 0x%" PRIx64 "\n", (image->high - image->low) >> 10,
           image->low);
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        char protection[4];
        printf("  0x%016" PRIx64 " %s %10" PRIu64 " bytes, %" PRIu64 " from the file\n",
               segment->address, format_protection(segment->protection, protection), segment->size,
               segment->file_size);
    }
}

static void write_needs_json(struct json *json, const struct needs *needs) {
    json_array_begin(json, "needs");
    for (uint32_t i = 0; i < needs->count; i++) {
        const struct need *need = &needs->items[i];
        json_object_begin(json, NULL);
        json_hex(json, "interface_id", need->interface_id);
        if (need->interface != NULL) {
            json_string(json, "interface", need->interface->name);
        } else {
            json_null(json, "interface");
        }
        if (need_grant_name(need) != NULL) {
            json_string(json, "grant", need_grant_name(need));
        } else {
            json_null(json, "grant");
        }
        json_bool(json, "required", need->required);
        json_array_begin(json, "methods");
        for (uint32_t method = 0; method < 64; method++) {
            if ((need->methods >> method & 1) != 0 && need->interface != NULL &&
                method < need->interface->method_count) {
                json_string(json, NULL, need->interface->methods[method].name);
            } else if ((need->methods >> method & 1) != 0) {
                json_unsigned(json, NULL, method);
            }
        }
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_json(const struct program *program) {
    const struct elf_image *image = &program->image;
    struct json json;
    json_begin(&json, stdout);
    json_unsigned(&json, "version", 1);
    json_string(&json, "program", program->path);
    json_unsigned(&json, "file_bytes", program->file_size);
    json_unsigned(&json, "abi_version", image->abi_version);
    json_hex(&json, "features", image->features);
    json_hex(&json, "entry", image->entry);
    json_unsigned(&json, "stack_bytes", image->stack_size);
    json_unsigned(&json, "tls_bytes", image->tls_size);
    json_unsigned(&json, "tls_file_bytes", image->tls_file_size);
    json_unsigned(&json, "tls_align", image->tls_align);
    json_array_begin(&json, "segments");
    for (uint32_t i = 0; i < image->segment_count; i++) {
        char protection[4];
        json_object_begin(&json, NULL);
        json_hex(&json, "address", image->segments[i].address);
        json_unsigned(&json, "bytes", image->segments[i].size);
        json_unsigned(&json, "file_bytes", image->segments[i].file_size);
        json_string(&json, "protection",
                    format_protection(image->segments[i].protection, protection));
        json_object_end(&json);
    }
    json_array_end(&json);
    write_needs_json(&json, &program->needs);
    char line[512];
    format_grant_line(&program->needs, false, line, sizeof line);
    json_string(&json, "grant_line", line);
    format_grant_line(&program->needs, true, line, sizeof line);
    json_string(&json, "required_grant_line", line);
    json_end(&json);
}

static int inspect_run(int argc, char **argv) {
    bool as_json = false;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            as_json = true;
        } else if (path != NULL || argv[i][0] == '-') {
            message_error(argv[i], "not expected here; write capos inspect [--json] PROGRAM");
            return EXIT_CODE_TOOL;
        } else {
            path = argv[i];
        }
    }
    if (path == NULL) {
        message_error("inspect", "no program is named; write capos inspect PROGRAM");
        return EXIT_CODE_TOOL;
    }
    static struct program program;
    if (!program_open(&program, path)) {
        return EXIT_CODE_TOOL;
    }
    if (as_json) {
        write_json(&program);
    } else {
        print_image(&program);
        print_needs(&program);
    }
    program_close(&program);
    return 0;
}

const struct verb verb_inspect = {
    .name = "inspect",
    .summary = "show what a program needs, its segments, TLS and size",
    .help = "usage: capos inspect [--json] PROGRAM\n\n"
            "Shows the capabilities that PROGRAM requires and those that its client stubs can\n"
            "use, with the --grant line that serves them; its segments, TLS, stack, entry point\n"
            "and ABI version. --json writes the same for other programs.\n",
    .run = inspect_run,
};
