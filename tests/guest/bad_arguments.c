// grants: console,memory,system-info

/*
 * Each opcode with arguments that do not hold, in the register form: a clear refusal, and nothing
 * else. This program has no Timer, so a finite deadline is one of them.
 */
#include "tests/guest/tap.h"

#define PAGE ((uint64_t)CAPOS_PAGE_SIZE)
#define KERNEL UINT64_C(0xffffffff80000000)
#define NON_CANONICAL UINT64_C(0x0000800000000000)

static capos_cap_t console, memory, system_info;
static struct capos_reply last;

static uint64_t control(uint64_t opcode, uint64_t flags, uint64_t method, uint64_t length) {
    return CAPOS_ENTER_REGISTER | opcode << CAPOS_ENTER_OPCODE_SHIFT |
           flags << CAPOS_ENTER_FLAGS_SHIFT | method << CAPOS_ENTER_METHOD_SHIFT |
           length << CAPOS_ENTER_LENGTH_SHIFT;
}

static int64_t invoke(uint64_t word, capos_cap_t capability, uint64_t a0, uint64_t a1,
                      uint64_t a2) {
    last = capos_invoke(word, capability, a0, a1, a2, CAPOS_FOREVER);
    return last.result;
}

static void test_every_opcode(void) {
    for (uint64_t opcode = 0; opcode < 256; opcode++) {
        bool is_served = opcode == CAPOS_OP_NOP || opcode == CAPOS_OP_CALL ||
                         opcode == CAPOS_OP_RELEASE || opcode == CAPOS_OP_CANCEL ||
                         opcode == CAPOS_OP_PARK || opcode == CAPOS_OP_UNPARK;
        int64_t wanted = CAPOS_E_BAD_OPCODE;
        if (opcode == CAPOS_OP_NOP) {
            wanted = CAPOS_OK;
        } else if (is_served) {
            wanted = opcode == CAPOS_OP_CANCEL ? CAPOS_E_NOT_FOUND : CAPOS_E_BAD_CAPABILITY;
        }
        uint64_t flags =
            opcode == CAPOS_OP_CALL ? CAPOS_ENTRY_INLINE : 0; /* else a message is due */
        int64_t found = invoke(control(opcode, flags, 0, 0), CAPOS_CAP_NONE, 0, 0, 0);
        if (found != wanted || is_served) {
            CHECK_RESULT(found, wanted);
        }
    }
}

static void test_control_word(void) {
    for (unsigned bit = 56; bit < 63; bit++) {
        CHECK_RESULT(invoke(control(CAPOS_OP_NOP, 0, 0, 0) | UINT64_C(1) << bit, 0, 0, 0, 0),
                     CAPOS_E_BAD_FLAGS);
    }
    CHECK_RESULT(invoke(control(CAPOS_OP_NOP, 0xfc, 0, 0), 0, 0, 0, 0), CAPOS_E_BAD_FLAGS);
    CHECK_RESULT(capos_invoke(control(CAPOS_OP_NOP, 0, 0, 0), 0, 0, 0, 0, 12345).result,
                 CAPOS_E_NEEDS_TIMER);
    CHECK_RESULT(capos_enter(0, 1, 12345), CAPOS_E_NEEDS_TIMER);
}

static void test_forged_ids(void) {
    uint64_t call = control(CAPOS_OP_CALL, CAPOS_ENTRY_INLINE, 0, 0);
    static const capos_cap_t flips[] = {UINT64_C(1) << 32, UINT64_C(1) << 63, 1 << 6, 1 << 12,
                                        UINT64_C(1) << 31};
    for (size_t index = 0; index < sizeof flips / sizeof *flips; index++) {
        CHECK_RESULT(invoke(call, console ^ flips[index], 0, 0, 0), CAPOS_E_BAD_CAPABILITY);
        CHECK_RESULT(capos_release(console ^ flips[index]), CAPOS_E_BAD_CAPABILITY);
    }
    CHECK_RESULT(capos_release(UINT64_MAX), CAPOS_E_BAD_CAPABILITY);
    CHECK_RESULT(invoke(control(CAPOS_OP_CALL, 0, CAPOS_CONSOLE_METHODS, 8), console, 0, 0, 0),
                 CAPOS_E_BAD_METHOD);
    CHECK_RESULT(invoke(control(CAPOS_OP_CALL, 0, 0xffff, 8), console, 0, 0, 0),
                 CAPOS_E_BAD_METHOD);
    /* a capability of another interface: the same number is another method there */
    struct capos_system_info_get_results info;
    CHECK(capos_system_info_get(console, &info) < 0);
    CHECK_RESULT(capos_system_info_get(system_info, &info), CAPOS_OK);
}

/* Where parameters stand and results go: argument[0]. */
static void test_message_address(void) {
    static const uint64_t read_only[16] = {CAPOS_CONSOLE_READ_PARAMS_ROOT};
    uint64_t get = control(CAPOS_OP_CALL, 0, CAPOS_SYSTEM_INFO_METHOD_GET, 8);
    static const uint64_t bad[] = {0, 8, KERNEL, NON_CANONICAL, UINT64_MAX - 7, UINT64_MAX - 4095};
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        CHECK_RESULT(invoke(get, system_info, bad[index], 0, 0), CAPOS_E_BAD_ADDRESS);
    }
    /* readable, so the parameters are fine; but results could not be written back */
    CHECK_RESULT(invoke(get, system_info, (uintptr_t)read_only, 0, 0), CAPOS_E_BAD_ADDRESS);
    CHECK_RESULT(invoke(get, system_info, (uintptr_t)capos_start_page, 0, 0),
                 CAPOS_E_BAD_MESSAGE); /* its first word is no root */
}

/* A message that ends one page before its results would: the second page is not there. */
static void test_message_at_border(void) {
    uint64_t address = 0;
    CHECK_RESULT(capos_virtual_memory_map(memory, 0, 2 * PAGE,
                                          CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE, &address),
                 CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address + PAGE, PAGE), CAPOS_OK);
    uint64_t *last_word = (uint64_t *)(address + PAGE) - 1;
    *last_word = CAPOS_CONSOLE_READ_PARAMS_ROOT;
    uint64_t get = control(CAPOS_OP_CALL, 0, CAPOS_SYSTEM_INFO_METHOD_GET, 8);
    CHECK_RESULT(invoke(get, system_info, (uintptr_t)last_word, 0, 0), CAPOS_E_BAD_ADDRESS);
    /* not aligned, and whole: no reason to refuse it */
    uint8_t *odd = (uint8_t *)address + 3;
    memcpy(odd, last_word, sizeof *last_word);
    CHECK_RESULT(invoke(get, system_info, (uintptr_t)odd, 0, 0), CAPOS_OK);
    CHECK_RESULT(capos_virtual_memory_unmap(memory, address, PAGE), CAPOS_OK);
}

static void test_message_length(void) {
    static uint64_t message[1024] = {CAPOS_CONSOLE_READ_PARAMS_ROOT};
    static const uint64_t lengths[] = {0, 1, 7, 9, 16, 24};
    for (size_t index = 0; index < sizeof lengths / sizeof *lengths; index++) {
        uint64_t get = control(CAPOS_OP_CALL, 0, CAPOS_SYSTEM_INFO_METHOD_GET, lengths[index]);
        CHECK_RESULT(invoke(get, system_info, (uintptr_t)message, 0, 0), CAPOS_E_BAD_MESSAGE);
    }
    CHECK_RESULT(invoke(control(CAPOS_OP_CALL, 0, CAPOS_SYSTEM_INFO_METHOD_GET, 0xfffff8),
                        system_info, (uintptr_t)message, 0, 0),
                 CAPOS_E_TOO_LARGE);
    CHECK_RESULT(invoke(control(CAPOS_OP_CALL, CAPOS_ENTRY_INLINE, 0, 0), system_info, 0, 0, 0),
                 CAPOS_E_BAD_MESSAGE);
}

/* The Data pointer of a bulk parameter must say what the buffer's length says. */
static void test_bulk_pointer(void) {
    static const char text[] = "#\n";
    struct capos_console_write_params good = {
        .root = CAPOS_CONSOLE_WRITE_PARAMS_ROOT,
        .stream = CAPOS_CONSOLE_STREAM_ERROR,
        .data_pointer = UINT64_C(1) | UINT64_C(2) << 32 | UINT64_C(2) << 35,
    };
    uint64_t write = control(CAPOS_OP_CALL, 0, CAPOS_CONSOLE_METHOD_WRITE, sizeof good);
    struct capos_console_write_params message = good;
    CHECK_RESULT(invoke(write, console, (uintptr_t)&message, (uintptr_t)text, 2), CAPOS_OK);
    static const uint64_t flips[] = {1, 4, UINT64_C(1) << 32, UINT64_C(1) << 35, UINT64_C(1) << 63};
    for (size_t index = 0; index < sizeof flips / sizeof *flips; index++) {
        message = good;
        message.data_pointer ^= flips[index];
        CHECK_RESULT(invoke(write, console, (uintptr_t)&message, (uintptr_t)text, 2),
                     CAPOS_E_BAD_MESSAGE);
    }
    message = good;
    message.root ^= UINT64_C(1) << 32;
    CHECK_RESULT(invoke(write, console, (uintptr_t)&message, (uintptr_t)text, 2),
                 CAPOS_E_BAD_MESSAGE);
    message = good;
    CHECK_RESULT(invoke(write, console, (uintptr_t)&message, (uintptr_t)text, UINT64_MAX),
                 CAPOS_E_BAD_MESSAGE);
}

int main(void) {
    console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    system_info = capos_lookup("system-info", CAPOS_SYSTEM_INFO_INTERFACE);
    test_every_opcode();
    test_control_word();
    test_forged_ids();
    test_message_address();
    test_message_at_border();
    test_message_length();
    test_bulk_pointer();
    return tap_finish();
}
