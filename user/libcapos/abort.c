#include "capos/abort.h"

#include "capos/console.h"
#include "capos/invoke.h"
#include "capos/opcodes.h"
#include "capos/start.h"
#include "capos/string.h"
#include "core/assert.h"
#include "core/format.h"
#include "user/libcapos/internal.h"

#define MESSAGE_BYTES_MAX 512

/* Compilers refer to these two names. The guard is one word for all threads: clang keeps it in the
 * thread control block only for systems that it knows. */
uint64_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

void stack_guard_seed(const uint8_t random[32]) {
    memcpy(&__stack_chk_guard, random, sizeof __stack_chk_guard);
    /* A lowest byte of 0 stops copies of strings before they reach the rest. */
    __stack_chk_guard &= ~UINT64_C(0xff);
}

/*
 * A program's last words are not a need: they go out by capos_invoke rather than by the client
 * stub, whose note would make every program one that uses a console. Nobody is left to hear of a
 * failure.
 */
static void say_last_words(const char *text, size_t size) {
    const struct capos_console_write_params message = {
        .root = CAPOS_CONSOLE_WRITE_PARAMS_ROOT,
        .stream = CAPOS_CONSOLE_STREAM_ERROR,
        /* A list of bytes that begins where the message ends. */
        .data_pointer = UINT64_C(1) | UINT64_C(2) << 32 | (uint64_t)size << 35,
    };
    uint64_t control = CAPOS_ENTER_REGISTER | (uint64_t)CAPOS_OP_CALL << CAPOS_ENTER_OPCODE_SHIFT |
                       (uint64_t)CAPOS_CONSOLE_METHOD_WRITE << CAPOS_ENTER_METHOD_SHIFT |
                       (uint64_t)sizeof message << CAPOS_ENTER_LENGTH_SHIFT;
    capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
    capos_invoke(control, console, (uintptr_t)&message, (uintptr_t)text, size, CAPOS_FOREVER);
}

_Noreturn void capos_abort(const char *message) {
    char text[MESSAGE_BYTES_MAX];
    size_t length = format_string(text, sizeof text, "%s: %s\n", capos_program_name, message);
    say_last_words(text, length < sizeof text ? length : sizeof text - 1);
    __builtin_trap();
}

_Noreturn void assert_failed(const char *expression, const char *file, int line) {
    char text[MESSAGE_BYTES_MAX];
    format_string(text, sizeof text, "%s:%d: assertion failed: %s", file, line, expression);
    capos_abort(text);
}

_Noreturn void __stack_chk_fail(void) {
    capos_abort("a function's stack frame was overwritten; look for an array written past its end");
}
