#include "core/ring.h"

#include "capos/opcodes.h"
#include "tests/host/test.h"

static struct capos_ring shared;
static struct ring_state ring;

/* A ring on which `age` operations were done already, with entries that carry their number. */
static void start(uint32_t age) {
    memset(&shared, 0xff, sizeof shared);
    ring_state_init(&ring, &shared);
    CHECK_EQUAL(shared.submission_head, 0);
    CHECK_EQUAL(shared.completion_tail, 0);
    ring.submission_head = ring.completion_tail = ring.completion_head = age;
    shared.submission_tail = shared.completion_head = age;
    ring_check(&ring);
}

static void submit(uint64_t user_data) {
    shared.entries[shared.submission_tail % CAPOS_RING_ENTRIES] =
        (struct capos_entry){.opcode = CAPOS_OP_NOP, .user_data = user_data};
    shared.submission_tail++;
}

static void complete(uint64_t user_data) {
    struct capos_completion completion = {.user_data = user_data, .aux = ~user_data};
    ring_complete(&ring, &completion);
    ring_check(&ring);
}

TEST(empty_ring_is_empty) {
    start(0);
    struct capos_entry entry;
    CHECK_EQUAL(ring_take(&ring, &entry), RING_EMPTY);
    CHECK_EQUAL(ring_completion_count(&ring), 0);
}

TEST(entries_come_in_order_and_completions_go_out) {
    start(0);
    struct capos_entry entry;
    submit(1);
    submit(2);
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    CHECK_EQUAL(entry.user_data, 1);
    CHECK_EQUAL(shared.in_flight, 1);
    CHECK_EQUAL(shared.submission_head, 1);
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    CHECK_EQUAL(entry.user_data, 2);
    CHECK_EQUAL(ring_take(&ring, &entry), RING_EMPTY);
    complete(2);
    CHECK_EQUAL(ring_completion_count(&ring), 1);
    CHECK_EQUAL(shared.completion_tail, 1);
    CHECK_EQUAL(shared.in_flight, 1);
    CHECK_EQUAL(shared.completions[0].user_data, 2);
    shared.completion_head = 1;
    CHECK_EQUAL(ring_completion_count(&ring), 0);
}

/* As one after another by ring_take and ring_complete: the same heads, the same completions. */
TEST(nops_are_answered_as_one_by_one) {
    for (int round = 0; round < 10000; round++) {
        start((uint32_t)test_random_below(UINT32_MAX));
        uint32_t promised = (uint32_t)test_random_below(8),
                 standing = (uint32_t)test_random_below(64);
        struct capos_entry entry;
        for (uint32_t i = 0; i < standing; i++) {
            submit(i);
            CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
            complete(i);
        }
        for (uint32_t i = 0; i < promised && standing + i < CAPOS_RING_COMPLETIONS; i++) {
            submit(i);
            CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
        }
        uint32_t nops = (uint32_t)test_random_below(CAPOS_RING_ENTRIES + 1);
        uint32_t odd =
            (uint32_t)test_random_below(CAPOS_RING_ENTRIES); /* this one asks for something */
        for (uint32_t i = 0; i < nops; i++) {
            struct capos_entry *next = &shared.entries[shared.submission_tail % CAPOS_RING_ENTRIES];
            submit(1000 + i);
            next->deadline_ns = i % 2 == 0 ? CAPOS_POLL : CAPOS_FOREVER;
            next->flags = i == odd ? CAPOS_ENTRY_LINK : 0;
        }
        uint32_t room = CAPOS_RING_COMPLETIONS - (ring.completion_tail - ring.completion_head) -
                        ring.reserved_count;
        uint32_t most = (uint32_t)test_random_below(CAPOS_RING_ENTRIES + 1);
        uint32_t wanted = nops < odd ? nops : odd;
        wanted = wanted < room ? wanted : room;
        wanted = wanted < most ? wanted : most;
        uint32_t tail = ring.completion_tail, head = ring.submission_head;
        CHECK_EQUAL(ring_answer_nops(&ring, most), wanted);
        CHECK_EQUAL(ring.completion_tail - tail, wanted);
        CHECK_EQUAL(shared.completion_tail, ring.completion_tail);
        CHECK_EQUAL(shared.submission_head - head, wanted);
        for (uint32_t i = 0; i < wanted; i++) {
            const struct capos_completion *answer =
                &shared.completions[(tail + i) % CAPOS_RING_COMPLETIONS];
            CHECK_EQUAL(answer->user_data, 1000 + i);
            CHECK(answer->result == 0 && answer->aux == 0 && answer->detail == 0);
        }
        ring_check(&ring);
    }
}

/* The kernel maps the pages of a ring one by one. */
TEST(entries_may_stand_elsewhere) {
    static struct capos_entry elsewhere[CAPOS_RING_ENTRIES];
    start(CAPOS_RING_ENTRIES - 1);
    struct capos_entry entry;
    ring.entries = elsewhere;
    elsewhere[CAPOS_RING_ENTRIES - 1].user_data = 5;
    elsewhere[0].user_data = 6;
    shared.submission_tail += 2;
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    CHECK_EQUAL(entry.user_data, 5);
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    CHECK_EQUAL(entry.user_data, 6);
}

/* Promises: never more entries are taken than answers have room. */
TEST(full_completion_queue_stops_submission) {
    struct capos_entry entry;
    for (uint32_t completed = 0; completed <= CAPOS_RING_COMPLETIONS; completed++) {
        start(completed * 1000);
        for (uint32_t i = 0; i < CAPOS_RING_COMPLETIONS; i++) {
            submit(i);
            CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
        }
        for (uint32_t i = 0; i < completed; i++) {
            complete(i);
        }
        submit(99);
        CHECK_EQUAL(ring_take(&ring, &entry), RING_FULL);
        CHECK_EQUAL(ring.submission_head, completed * 1000 + CAPOS_RING_COMPLETIONS);
        if (completed > 0) {
            shared.completion_head++;
            CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
            CHECK_EQUAL(entry.user_data, 99);
        }
    }
}

TEST(counters_wrap) {
    start(UINT32_MAX - 100);
    struct capos_entry entry;
    for (uint64_t i = 0; i < 1000; i++) {
        submit(i);
        CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
        CHECK_EQUAL(entry.user_data, i);
        complete(i);
        CHECK_EQUAL(ring_completion_count(&ring), 1);
        uint32_t index = shared.completion_head % CAPOS_RING_COMPLETIONS;
        CHECK_EQUAL(shared.completions[index].user_data, i);
        shared.completion_head++;
    }
    CHECK_EQUAL(ring.submission_head, 899);
}

TEST(corrupt_tails_and_heads_are_told) {
    struct capos_entry entry;
    static const uint32_t beyond[] = {CAPOS_RING_ENTRIES + 1, 1000, UINT32_MAX / 2, UINT32_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        start(UINT32_MAX - 3);
        shared.submission_tail += beyond[i];
        CHECK_EQUAL(ring_take(&ring, &entry), RING_CORRUPT);
        start(UINT32_MAX - 3);
        submit(1);
        CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
        complete(1);
        shared.completion_head += beyond[i];
        CHECK_EQUAL(ring_completion_count(&ring), 1);
        CHECK_EQUAL(ring_take(&ring, &entry), RING_CORRUPT);
        ring_check(&ring);
    }
    start(5);
    shared.submission_tail += CAPOS_RING_ENTRIES;
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    start(5);
    shared.completion_head = 6; /* one that was never completed */
    CHECK_EQUAL(ring_take(&ring, &entry), RING_CORRUPT);
}

/* The copies that the program can write are never read back. */
TEST(kernels_own_words_are_not_believed) {
    start(7);
    struct capos_entry entry;
    submit(1);
    shared.submission_head = 0xdeadbeef;
    shared.completion_tail = 0xdeadbeef;
    shared.in_flight = 0xdeadbeef;
    CHECK_EQUAL(ring_take(&ring, &entry), RING_TAKEN);
    CHECK_EQUAL(shared.submission_head, 8);
    CHECK_EQUAL(shared.in_flight, 1);
    complete(1);
    CHECK_EQUAL(shared.completion_tail, 8);
}

TEST(completion_without_a_promise_is_caught) {
    start(0);
    struct capos_completion completion = {0};
    CHECK_ASSERTS(ring_complete(&ring, &completion));
}

TEST(random_program_gets_each_answer_once) {
    enum { ROUNDS = 100000 };
    start(UINT32_MAX - 5000);
    uint64_t submitted = 0, taken = 0, completed = 0, acknowledged = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct capos_entry entry;
        switch (test_random_below(4)) {
        case 0:
            if (submitted - taken < CAPOS_RING_ENTRIES) {
                submit(submitted++);
            }
            break;
        case 1: {
            bool has_room = taken - acknowledged < CAPOS_RING_COMPLETIONS;
            enum ring_take wanted = submitted == taken ? RING_EMPTY
                                    : has_room         ? RING_TAKEN
                                                       : RING_FULL;
            CHECK_EQUAL(ring_take(&ring, &entry), wanted);
            if (wanted == RING_TAKEN) {
                CHECK_EQUAL(entry.user_data, taken++);
            }
            break;
        }
        case 2:
            if (completed < taken) {
                complete(completed++);
            }
            break;
        default:
            if (acknowledged < completed) {
                uint32_t index = shared.completion_head % CAPOS_RING_COMPLETIONS;
                CHECK_EQUAL(shared.completions[index].user_data, acknowledged++);
                shared.completion_head++;
            }
            break;
        }
        CHECK_EQUAL(ring_completion_count(&ring), completed - acknowledged);
        CHECK_EQUAL(ring.reserved_count, taken - completed);
        ring_check(&ring);
    }
    CHECK(acknowledged > ROUNDS / 8);
}

static status_t check(struct capos_entry entry) {
    return ring_entry_check(&entry);
}

TEST(opcodes_that_are_not_served_are_refused) {
    for (unsigned opcode = 0; opcode < 256; opcode++) {
        bool is_served = opcode == CAPOS_OP_NOP || opcode == CAPOS_OP_CALL ||
                         opcode == CAPOS_OP_RELEASE || opcode == CAPOS_OP_CANCEL ||
                         opcode == CAPOS_OP_PARK || opcode == CAPOS_OP_UNPARK;
        status_t status = check((struct capos_entry){
            .opcode = (uint8_t)opcode,
            .length = opcode == CAPOS_OP_CALL ? 8 : 0,
        });
        CHECK_EQUAL(status, is_served ? CAPOS_OK : CAPOS_E_BAD_OPCODE);
    }
}

TEST(unknown_flags_and_reserved_words_are_refused) {
    static const uint8_t opcodes[] = {CAPOS_OP_NOP,    CAPOS_OP_CALL, CAPOS_OP_RELEASE,
                                      CAPOS_OP_CANCEL, CAPOS_OP_PARK, CAPOS_OP_UNPARK};
    for (size_t i = 0; i < sizeof opcodes; i++) {
        struct capos_entry entry = {.opcode = opcodes[i]};
        entry.length = opcodes[i] == CAPOS_OP_CALL ? 8 : 0;
        CHECK_EQUAL(check(entry), CAPOS_OK);
        entry.flags = CAPOS_ENTRY_LINK;
        CHECK_EQUAL(check(entry), CAPOS_OK);
        for (unsigned bit = 2; bit < 8; bit++) {
            entry.flags = (uint8_t)(1U << bit);
            CHECK_EQUAL(check(entry), CAPOS_E_BAD_FLAGS);
        }
        entry.flags = 0;
        for (unsigned bit = 0; bit < 64; bit++) {
            entry.reserved = UINT64_C(1) << bit;
            CHECK_EQUAL(check(entry), CAPOS_E_BAD_FLAGS);
        }
    }
}

TEST(fields_that_an_opcode_does_not_use_must_be_zero) {
    CHECK_EQUAL(check((struct capos_entry){.method = 1}), CAPOS_E_BAD_FLAGS);
    CHECK_EQUAL(check((struct capos_entry){.length = 8}), CAPOS_E_BAD_FLAGS);
    CHECK_EQUAL(check((struct capos_entry){.capability = 8}), CAPOS_E_BAD_FLAGS);
    CHECK_EQUAL(check((struct capos_entry){.argument = {0, 0, 1}}), CAPOS_E_BAD_FLAGS);
    CHECK_EQUAL(check((struct capos_entry){.flags = CAPOS_ENTRY_INLINE}), CAPOS_E_BAD_FLAGS);
    CHECK_EQUAL(check((struct capos_entry){.user_data = UINT64_MAX, .deadline_ns = UINT64_MAX}),
                CAPOS_OK);
    struct capos_entry cancel = {.opcode = CAPOS_OP_CANCEL, .argument = {77, 0, 0}};
    CHECK_EQUAL(check(cancel), CAPOS_OK);
    cancel.argument[1] = 1;
    CHECK_EQUAL(check(cancel), CAPOS_E_BAD_FLAGS);
    struct capos_entry release = {.opcode = CAPOS_OP_RELEASE, .capability = 1};
    CHECK_EQUAL(check(release), CAPOS_OK);
    release.argument[0] = 1;
    CHECK_EQUAL(check(release), CAPOS_E_BAD_FLAGS);
}

TEST(lengths_of_messages_are_checked) {
    struct capos_entry call = {.opcode = CAPOS_OP_CALL, .method = 3, .capability = 5};
    for (uint32_t length = 0; length <= 2 * CAPOS_MESSAGE_BYTES_MAX; length++) {
        call.length = length;
        status_t wanted = length > CAPOS_MESSAGE_BYTES_MAX ? CAPOS_E_TOO_LARGE
                          : length == 0 || length % 8 != 0 ? CAPOS_E_BAD_MESSAGE
                                                           : CAPOS_OK;
        CHECK_EQUAL(check(call), wanted);
    }
    call.length = UINT32_MAX;
    CHECK_EQUAL(check(call), CAPOS_E_TOO_LARGE);
    call.flags = CAPOS_ENTRY_INLINE;
    for (call.length = 64; call.length > 0; call.length--) {
        CHECK_EQUAL(check(call), CAPOS_E_BAD_MESSAGE);
    }
    CHECK_EQUAL(check(call), CAPOS_OK);
}

TEST(register_form_is_unpacked) {
    static const uint64_t arguments[3] = {11, 12, 13};
    struct capos_entry entry;
    uint64_t control = CAPOS_ENTER_REGISTER | CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |
                       CAPOS_ENTRY_INLINE << CAPOS_ENTER_FLAGS_SHIFT |
                       UINT64_C(0xabcd) << CAPOS_ENTER_METHOD_SHIFT |
                       UINT64_C(0x123456) << CAPOS_ENTER_LENGTH_SHIFT;
    CHECK_EQUAL(ring_entry_from_registers(&entry, control, 9, arguments, 14), CAPOS_OK);
    CHECK_EQUAL(entry.opcode, CAPOS_OP_CALL);
    CHECK_EQUAL(entry.flags, CAPOS_ENTRY_INLINE);
    CHECK_EQUAL(entry.method, 0xabcd);
    CHECK_EQUAL(entry.length, 0x123456);
    CHECK_EQUAL(entry.capability, 9);
    CHECK(memcmp(entry.argument, arguments, sizeof arguments) == 0);
    CHECK_EQUAL(entry.deadline_ns, 14);
    CHECK_EQUAL(entry.user_data, 0);
    CHECK_EQUAL(entry.reserved, 0);
    for (int bit = 56; bit < 63; bit++) {
        CHECK_EQUAL(
            ring_entry_from_registers(&entry, control | UINT64_C(1) << bit, 9, arguments, 14),
            CAPOS_E_BAD_FLAGS);
    }
    CHECK_EQUAL(ring_entry_from_registers(&entry, control ^ CAPOS_ENTER_REGISTER, 9, arguments, 0),
                CAPOS_E_BAD_FLAGS);
    control |= CAPOS_ENTRY_LINK << CAPOS_ENTER_FLAGS_SHIFT;
    CHECK_EQUAL(ring_entry_from_registers(&entry, control, 9, arguments, 0), CAPOS_E_BAD_FLAGS);
}
