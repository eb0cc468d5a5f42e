#include "user/init/report.h"

#define REPORT_WORDS_MAX 1024u
#define BACKTRACE_FRAMES_MAX 8u
#define GRANTS_TRACKED_MAX 64u

static enum capos_run_report_outcome outcome_kind(const struct run_outcome *outcome) {
    if (outcome->start_error != 0) {
        return CAPOS_RUN_REPORT_OUTCOME_NOT_STARTED;
    }
    switch (outcome->end.reason) {
    case CAPOS_PROCESS_EXIT_REASON_EXITED:
        return CAPOS_RUN_REPORT_OUTCOME_EXITED;
    case CAPOS_PROCESS_EXIT_REASON_FAULTED:
        return CAPOS_RUN_REPORT_OUTCOME_FAULTED;
    default:
        return CAPOS_RUN_REPORT_OUTCOME_KILLED;
    }
}

static void build_program(struct wire_builder_struct root, const struct run_outcome *outcome) {
    struct wire_text file = wire_get_text(outcome->program, CAPOS_MANIFEST_PROGRAM_FILE_POINTER);
    if (file.data == NULL) {
        file = (struct wire_text){outcome->name, (uint32_t)strlen(outcome->name)};
    }
    wire_set_text(root, CAPOS_RUN_REPORT_PROGRAM_POINTER, file.data, file.length);
}

static void build_backtrace(struct wire_builder_struct root,
                            const struct capos_process_wait_results *end) {
    const uint64_t trace[BACKTRACE_FRAMES_MAX] = {end->trace0, end->trace1, end->trace2,
                                                  end->trace3, end->trace4, end->trace5,
                                                  end->trace6, end->trace7};
    uint32_t count =
        end->trace_count < BACKTRACE_FRAMES_MAX ? end->trace_count : BACKTRACE_FRAMES_MAX;
    struct wire_builder_list list =
        wire_set_u64_list(root, CAPOS_RUN_REPORT_BACKTRACE_POINTER, count);
    for (uint32_t index = 0; index < count; index++) {
        wire_builder_list_set_u64(list, index, trace[index]);
    }
}

/* capsetUsed speaks of grants by their place in the manifest; the host tool wants names. */
static void build_grants_used(struct wire_builder_struct root, const struct run_outcome *outcome) {
    struct wire_list grants =
        wire_get_list(outcome->program, CAPOS_MANIFEST_PROGRAM_GRANTS_POINTER);
    uint64_t used = outcome->end.capset_used;
    if (grants.count < GRANTS_TRACKED_MAX) {
        used &= (UINT64_C(1) << grants.count) - 1;
    }
    struct wire_builder_list list = wire_set_pointer_list(
        root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER, (uint32_t)__builtin_popcountll(used));
    for (uint32_t place = 0; used != 0; place++, used &= used - 1) {
        uint32_t index = (uint32_t)__builtin_ctzll(used);
        struct wire_text name =
            wire_get_text(wire_list_struct(grants, index), CAPOS_MANIFEST_GRANT_NAME_POINTER);
        wire_builder_list_set_text(list, place, name.data, name.length);
    }
}

static void build_end(struct wire_builder_struct root, const struct run_outcome *outcome) {
    const struct capos_process_wait_results *end = &outcome->end;
    wire_set_u64(root, CAPOS_RUN_REPORT_CODE_OFFSET, (uint64_t)end->code);
    wire_set_u32(root, CAPOS_RUN_REPORT_VECTOR_OFFSET, end->vector);
    wire_set_u32(root, CAPOS_RUN_REPORT_ERROR_CODE_OFFSET, end->error_code);
    wire_set_u64(root, CAPOS_RUN_REPORT_ADDRESS_OFFSET, end->address);
    wire_set_u64(root, CAPOS_RUN_REPORT_RIP_OFFSET, end->rip);
    wire_set_u64(root, CAPOS_RUN_REPORT_RSP_OFFSET, end->rsp);
    wire_set_u64(root, CAPOS_RUN_REPORT_CPU_TIME_NS_OFFSET, end->cpu_time_ns);
    wire_set_u64(root, CAPOS_RUN_REPORT_PEAK_BYTES_OFFSET, end->frames_peak * CAPOS_PAGE_SIZE);
    build_backtrace(root, end);
    build_grants_used(root, outcome);
}

static void build_boot_ledger(struct wire_builder_struct root) {
    struct capos_system_info_get_results info;
    capos_cap_t system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    if (capos_system_info_get(system_info, &info) == 0) {
        wire_set_u64(root, CAPOS_RUN_REPORT_FIRMWARE_NS_OFFSET, info.firmware_ns);
        wire_set_u64(root, CAPOS_RUN_REPORT_KERNEL_NS_OFFSET, info.kernel_ns);
        wire_set_u64(root, CAPOS_RUN_REPORT_INIT_NS_OFFSET, info.init_ns);
    }
}

int64_t report_send(const struct run_outcome *outcome) {
    /* One word before the message for the segment table: one segment, of so many words. */
    static uint64_t words[1 + REPORT_WORDS_MAX];
    struct wire_builder builder;
    wire_builder_init(&builder, words + 1, REPORT_WORDS_MAX);
    struct wire_builder_struct root =
        wire_build_root(&builder, CAPOS_RUN_REPORT_DATA_WORDS, CAPOS_RUN_REPORT_POINTERS);
    /* version 1 is the default, which stands as 0 in the message */
    wire_set_u16(root, CAPOS_RUN_REPORT_OUTCOME_OFFSET, (uint16_t)outcome_kind(outcome));
    build_program(root, outcome);
    if (outcome->start_error == 0) {
        build_end(root, outcome);
    } else {
        wire_set_u64(root, CAPOS_RUN_REPORT_START_ERROR_OFFSET, (uint64_t)outcome->start_error);
        wire_set_u64(root, CAPOS_RUN_REPORT_START_DETAIL_OFFSET, outcome->start_detail);
    }
    build_boot_ledger(root);
    uint32_t word_count = wire_builder_finish(&builder);
    if (word_count == 0) {
        return CAPOS_E_TOO_LARGE;
    }
    words[0] = (uint64_t)word_count << 32;
    capos_cap_t machine = capos_lookup("machine", CAPOS_MACHINE_INTERFACE);
    uint64_t count;
    return capos_machine_report(machine, words, (1 + word_count) * sizeof *words, &count);
}
