// grants: console,threads,thread-control,memory,park,process-info,spawner
// cpus: any

/* ThreadSpawner: what a new thread finds, what is refused, and that a refusal leaves nothing. */
#include "tests/guest/child.h"
#include "tests/guest/crew.h"
#include "tests/guest/tap.h"

/* What record_registers of thread_spawner/entry.S stores, in its order, by way of RDI. */
struct registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rflags, fs_word;
    uint32_t mxcsr, x87_control;
    uint64_t vectors; /* all 16 registers, or'ed together */
    uint64_t exit_control, thread_control;
    uint32_t is_over; /* cleared by the thread's exit */
};
void record_registers(void);

static uint64_t create(uint64_t entry, uint64_t stack, uint64_t argument, uint64_t fs_base,
                       uint64_t flags, struct capos_thread_spawner_create_results *made) {
    return (uint64_t)capos_thread_spawner_create(crew_capability("threads"), entry, stack, argument,
                                                 fs_base, flags, made);
}

static uint64_t exit_control(void) {
    return CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |
           (uint64_t)CAPOS_ENTRY_INLINE << CAPOS_ENTER_FLAGS_SHIFT |
           (uint64_t)CAPOS_THREAD_CONTROL_METHOD_EXIT << CAPOS_ENTER_METHOD_SHIFT;
}

static struct registers new_record(void) {
    return (struct registers){.exit_control = exit_control(),
                              .thread_control = crew_capability("thread-control"),
                              .is_over = 1};
}

static void await_over(struct registers *record) {
    while (__atomic_load_n(&record->is_over, __ATOMIC_ACQUIRE) != 0) {
        (void)capos_park(&record->is_over, 1, CAPOS_FOREVER);
    }
}

static void test_registers(void) {
    static _Alignas(16) uint64_t stack[64];
    static uint64_t tls = 4711;
    struct registers record = new_record();
    struct capos_thread_spawner_create_results made = {0};
    /* the stack pointer is taken as it is, aligned or not */
    uint64_t top = (uintptr_t)&stack[61];
    CHECK_RESULT((int64_t)create((uintptr_t)record_registers, top, (uintptr_t)&record,
                                 (uintptr_t)&tls, 0, &made),
                 CAPOS_OK);
    CHECK_RESULT(capos_thread_join(made.thread), CAPOS_OK);
    CHECK_EQUAL(record.is_over, 0);
    CHECK_EQUAL(record.rsp, top);
    CHECK_EQUAL(record.rdi, (uintptr_t)&record);
    CHECK_EQUAL(record.rsi, made.ring);
    CHECK_EQUAL(record.rdx, made.thread_id);
    CHECK_EQUAL(record.fs_word, 4711);
    CHECK_EQUAL(record.rax | record.rbx | record.rcx | record.rbp | record.r8 | record.r9 |
                    record.r10 | record.r11 | record.r12 | record.r13 | record.r14 | record.r15,
                0);
    CHECK_EQUAL(record.rflags, 0x202);
    CHECK_EQUAL(record.mxcsr, 0x1f80);
    CHECK_EQUAL(record.x87_control, 0x037f);
    CHECK_EQUAL(record.vectors, 0);
    CHECK(made.thread != 0 && made.thread_id != 0 && made.ring % CAPOS_PAGE_SIZE == 0);
    CHECK_RESULT(capos_release(made.thread), CAPOS_OK);
}

static void test_detached(void) {
    static _Alignas(16) uint64_t stack[64];
    static uint64_t tls;
    struct registers record = new_record();
    struct capos_thread_spawner_create_results made = {.thread = 1};
    CHECK_RESULT((int64_t)create((uintptr_t)record_registers, (uintptr_t)&stack[64],
                                 (uintptr_t)&record, (uintptr_t)&tls, CAPOS_THREAD_DETACHED, &made),
                 CAPOS_OK);
    CHECK_EQUAL(made.thread, CAPOS_CAP_NONE);
    CHECK(made.thread_id != 0 && made.ring != 0);
    await_over(&record);
    CHECK_EQUAL(record.rdx, made.thread_id);
}

/* Refusals. */

static struct capos_process_info_get_results usage(void) {
    struct capos_process_info_get_results info = {0};
    (void)capos_process_info_get(crew_capability("process-info"), &info);
    return info;
}

static void test_refusals(void) {
    static const struct {
        uint64_t entry, stack, fs_base, flags;
    } bad[] = {
        {0, 4096, 4096, 0},
        {4095, 4096, 4096, 0},
        {UINT64_C(1) << 47, 4096, 4096, 0},
        {UINT64_C(0x7ffffffff000), 4096, 4096, 0}, /* the page that is never mapped */
        {UINT64_C(0xffffffff80000000), 4096, 4096, 0},
        {UINT64_MAX, 4096, 4096, 0},
        {4096, UINT64_C(1) << 47, 4096, 0},
        {4096, UINT64_C(0xffff800000000000), 4096, 0},
        {4096, 4096, UINT64_C(1) << 47, 0},
        {4096, 4096, UINT64_C(0xffffffff80000000), 0},
        {4096, 4096, 4096, 2},
        {4096, 4096, 4096, UINT64_C(1) << 63},
    };
    struct capos_process_info_get_results before = {0};
    for (unsigned index = 0; index < sizeof bad / sizeof *bad; index++) {
        struct capos_thread_spawner_create_results made = {0};
        CHECK_RESULT((int64_t)create(bad[index].entry, bad[index].stack, 0, bad[index].fs_base,
                                     bad[index].flags, &made),
                     CAPOS_E_INVALID_ARGUMENT);
        if (index == 0) { /* by now all that the test itself needs has been touched */
            before = usage();
        }
    }
    struct capos_process_info_get_results after = usage();
    CHECK_EQUAL(after.threads, 1);
    CHECK_EQUAL(after.slots, before.slots);
    CHECK_EQUAL(after.frames, before.frames);
}

/* A thread at an address where nothing is faults at once, and its process with it. */
static int play_nowhere(void) {
    struct capos_thread_spawner_create_results made;
    if (create(0x1000, 0x2000, 0, 0, 0, &made) != CAPOS_OK) {
        return 1;
    }
    (void)capos_thread_join(made.thread);
    return 2; /* not reached */
}

/* A process may not make threads for another. */
static int play_foreign(void) {
    struct capos_thread_spawner_create_results made;
    return create(0x1000, 0x2000, 0, 0, 0, &made) == (uint64_t)CAPOS_E_NOT_PERMITTED ? 0 : 1;
}

static void test_children(void) {
    struct capos_spawn_grant grants[] = {
        {"threads", crew_capability("threads"), CAPOS_SPAWN_GRANT_MODE_DERIVE, NULL}};
    struct child child = {.words = {"nowhere"}, .grants = grants, .grant_count = 1};
    struct capos_process_wait_results end = {.reason = 99};
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_FAULTED && end.vector == 14);
    CHECK_EQUAL(end.rip, 0x1000);
    grants[0].mode = CAPOS_SPAWN_GRANT_MODE_COPY;
    child.words[0] = "foreign";
    CHECK_RESULT(child_run(&child, &end), CAPOS_OK);
    CHECK(end.reason == CAPOS_PROCESS_EXIT_REASON_EXITED && end.code == 0);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        return strcmp(argv[1], "nowhere") == 0 ? play_nowhere() : play_foreign();
    }
    test_refusals();
    test_registers();
    test_detached();
    test_children();
    return tap_finish();
}
