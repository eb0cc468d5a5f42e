#include "tools/capos/result_json.h"

#include "tools/capos/json.h"

#define RESULT_VERSION 1

/* An unknown function or file is null. */
static void write_known(struct json *json, const char *key, const char *text) {
    if (text[0] != '\0') {
        json_string(json, key, text);
    } else {
        json_null(json, key);
    }
}

static void write_frame(struct json *json, const struct symbol *symbol) {
    json_hex(json, "rip", symbol->address);
    write_known(json, "function", symbol->function);
    write_known(json, "file", symbol->file);
    if (symbol->line != 0) {
        json_unsigned(json, "line", symbol->line);
    } else {
        json_null(json, "line");
    }
}

static void write_fault(struct json *json, const struct outcome *outcome) {
    const struct crash *crash = &outcome->crash;
    if (crash->frame_count == 0) {
        json_null(json, "fault");
        return;
    }
    json_object_begin(json, "fault");
    json_unsigned(json, "vector", outcome->report.vector);
    json_string(json, "name", crash_vector_name(outcome->report.vector));
    json_unsigned(json, "error_code", outcome->report.error_code);
    json_hex(json, "address", outcome->report.address);
    json_hex(json, "rsp", outcome->report.rsp);
    write_frame(json, &crash->frames[0]);
    json_array_begin(json, "backtrace");
    for (size_t i = 1; i < crash->frame_count; i++) {
        json_object_begin(json, NULL);
        write_frame(json, &crash->frames[i]);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_given(struct json *json, const struct grant_list *grants) {
    json_array_begin(json, "given");
    for (uint32_t i = 0; i < grants->count; i++) {
        const struct grant *grant = &grants->items[i];
        char text[128];
        snprintf(text, sizeof text, "%s%s%s", grant->interface->grant_name,
                 grant->facet[0] != '\0' ? "=" : "", grant->facet);
        json_string(json, NULL, text);
    }
    json_array_end(json);
}

static void write_grants(struct json *json, const struct outcome *outcome,
                         const struct launch *launch) {
    json_object_begin(json, "grants");
    write_given(json, launch->grants);
    json_array_begin(json, "used");
    for (uint32_t i = 0; i < outcome->report.grants_used_count; i++) {
        json_string(json, NULL, outcome->report.grants_used[i]);
    }
    json_array_end(json);
    /* What the program's stubs need and was not granted. */
    json_array_begin(json, "refused");
    for (uint32_t i = 0; i < launch->program.needs.count; i++) {
        const struct need *need = &launch->program.needs.items[i];
        const char *name = need_grant_name(need);
        if (name != NULL && !need_is_served(need, launch->grants)) {
            json_string(json, NULL, name);
        }
    }
    json_array_end(json);
    json_object_end(json);
}

static void write_figures(struct json *json, const struct outcome *outcome,
                          const struct result_facts *facts) {
    const struct run_report *report = &outcome->report;
    json_unsigned(json, "cpu_time_ns", report->cpu_time_ns);
    if (facts->machine->instruction_clock && outcome->has_report) {
        /* The clock is set to one instruction a nanosecond. */
        json_unsigned(json, "instructions", report->cpu_time_ns);
    } else {
        json_null(json, "instructions");
    }
    json_unsigned(json, "peak_memory_bytes", report->peak_bytes);
    json_object_begin(json, "boot");
    json_unsigned(json, "firmware_ns", report->firmware_ns);
    json_unsigned(json, "kernel_ns", report->kernel_ns);
    json_unsigned(json, "init_ns", report->init_ns);
    json_object_end(json);
    json_string(json, "accelerator", accelerator_name(facts->machine->accelerator));
    json_string(json, "machine", machine_kind_name(facts->machine->kind));
    json_unsigned(json, "cpus", facts->machine->cpus);
    json_unsigned(json, "memory_bytes", facts->machine->memory_bytes);
    json_integer(json, "wall_ms", facts->wall_ms);
}

void result_write_json(FILE *out, const struct outcome *outcome, const struct result_facts *facts) {
    struct json json;
    json_begin(&json, out);
    json_unsigned(&json, "version", RESULT_VERSION);
    json_string(&json, "program", facts->launch->program.path);
    json_string(&json, "outcome", outcome->name);
    write_known(&json, "reason", outcome->reason);
    if (outcome->has_report && outcome->report.outcome == RUN_EXITED) {
        json_integer(&json, "code", outcome->report.code);
    } else {
        json_null(&json, "code");
    }
    json_integer(&json, "exit_code", outcome->exit_code);
    write_fault(&json, outcome);
    write_grants(&json, outcome, facts->launch);
    write_figures(&json, outcome, facts);
    json_end(&json);
}
