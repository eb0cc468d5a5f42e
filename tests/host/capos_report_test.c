#include "tools/capos/report.h"

#include "capos/report.h"
#include "core/wire.h"
#include "tests/host/test.h"

#define WORDS_MAX 256u

/* A framed report, built and then bent by each test. */
static struct {
    uint64_t words[1 + WORDS_MAX];
    struct wire_builder builder;
    struct wire_builder_struct root;
} message;

static void message_begin(void) {
    memset(message.words, 0, sizeof message.words);
    wire_builder_init(&message.builder, message.words + 1, WORDS_MAX);
    message.root =
        wire_build_root(&message.builder, CAPOS_RUN_REPORT_DATA_WORDS, CAPOS_RUN_REPORT_POINTERS);
}

static size_t message_end(void) {
    const uint64_t words = wire_builder_finish(&message.builder);
    message.words[0] = words << 32;
    return (1 + (size_t)words) * sizeof message.words[0];
}

TEST(what_init_sends_is_read) {
    struct run_report report;
    message_begin();
    wire_set_u16(message.root, CAPOS_RUN_REPORT_OUTCOME_OFFSET, CAPOS_RUN_REPORT_OUTCOME_FAULTED);
    wire_set_u32(message.root, CAPOS_RUN_REPORT_VECTOR_OFFSET, 14);
    wire_set_u64(message.root, CAPOS_RUN_REPORT_RIP_OFFSET, 0x201000);
    const struct wire_builder_list trace =
        wire_set_u64_list(message.root, CAPOS_RUN_REPORT_BACKTRACE_POINTER, 2);
    wire_builder_list_set_u64(trace, 0, 0x202000);
    wire_builder_list_set_u64(trace, 1, 0x203000);
    CHECK(report_read(&report, message.words, message_end()));
    CHECK_EQUAL(report.outcome, RUN_FAULTED);
    CHECK_EQUAL(report.vector, 14);
    CHECK_EQUAL(report.rip, 0x201000);
    CHECK_EQUAL(report.backtrace_count, 2);
    CHECK_EQUAL(report.backtrace[1], 0x203000);
}

TEST(another_version_or_outcome_is_refused) {
    struct run_report report;
    message_begin();
    wire_set_u32(message.root, CAPOS_RUN_REPORT_VERSION_OFFSET, 1); /* the value 0, on the wire */
    CHECK(!report_read(&report, message.words, message_end()));
    message_begin();
    wire_set_u16(message.root, CAPOS_RUN_REPORT_OUTCOME_OFFSET, CAPOS_RUN_REPORT_OUTCOME_COUNT);
    CHECK(!report_read(&report, message.words, message_end()));
}

TEST(what_is_cut_off_is_refused) {
    struct run_report report;
    message_begin();
    const struct wire_builder_list used =
        wire_set_pointer_list(message.root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER, 1);
    wire_builder_list_set_text(used, 0, "console", 7);
    const size_t size = message_end();
    CHECK(report_read(&report, message.words, size));
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(!report_read(&report, message.words, cut));
    }
}

TEST(texts_are_made_printable_and_bounded) {
    struct run_report report;
    char name[100];
    memset(name, 'n', sizeof name);
    name[0] = '\033';
    message_begin();
    const struct wire_builder_list used =
        wire_set_pointer_list(message.root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER, 1);
    wire_builder_list_set_text(used, 0, name, sizeof name);
    CHECK(report_read(&report, message.words, message_end()));
    CHECK_EQUAL(report.grants_used[0][0], '?');
    CHECK_EQUAL(strlen(report.grants_used[0]), REPORT_NAME_MAX);
}

TEST(more_frames_and_grants_than_fit_are_left_out) {
    struct run_report report;
    message_begin();
    (void)wire_set_u64_list(message.root, CAPOS_RUN_REPORT_BACKTRACE_POINTER,
                            REPORT_FRAMES_MAX + 1);
    (void)wire_set_pointer_list(message.root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER,
                                REPORT_GRANTS_MAX + 1);
    CHECK(report_read(&report, message.words, message_end()));
    CHECK_EQUAL(report.backtrace_count, REPORT_FRAMES_MAX);
    CHECK_EQUAL(report.grants_used_count, REPORT_GRANTS_MAX);
}

TEST(no_bytes_do_harm) {
    struct run_report report;
    for (int round = 0; round < 20000; round++) {
        message_begin();
        const struct wire_builder_list used =
            wire_set_pointer_list(message.root, CAPOS_RUN_REPORT_GRANTS_USED_POINTER, 2);
        wire_builder_list_set_text(used, 1, "timer", 5);
        const size_t size = message_end();
        for (int flips = 0; flips < 3; flips++) {
            ((uint8_t *)message.words)[test_random_below(size)] ^= (uint8_t)test_random();
        }
        (void)report_read(&report, message.words, size);
    }
}
