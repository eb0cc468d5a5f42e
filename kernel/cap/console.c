#include "console.h"

#include "kernel/cap/channel.h"
#include "kernel/cap/object.h"

/* What a slot allows, in its badge. */
enum { CONSOLE_OUTPUT = 1, CONSOLE_INPUT = 2 };

static const struct object_type console_type = {"Console", NULL};
static struct object console = {&console_type, 1};

static bool is_word(struct wire_text text, const char *word) {
    return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

status_t console_grant(struct process *process, struct object *source, uint64_t source_badge,
                       struct wire_text facet, struct object **object_out, uint64_t *badge_out) {
    uint64_t allowed = source == NULL ? CONSOLE_OUTPUT | CONSOLE_INPUT : source_badge;
    uint64_t wanted = allowed;
    if (is_word(facet, "output")) {
        wanted = CONSOLE_OUTPUT;
    } else if (is_word(facet, "input")) {
        wanted = CONSOLE_INPUT;
    } else if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if ((wanted & ~allowed) != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&console);
    *badge_out = wanted;
    return CAPOS_OK;
}

status_t console_decode_write(struct call *call, const struct capos_console_write_params *params) {
    if ((call->badge & CONSOLE_OUTPUT) == 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    if (params->stream > CAPOS_CONSOLE_STREAM_ERROR) {
        return call_refuse(call, CAPOS_E_INVALID_ARGUMENT, 1);
    }
    call->decoded[0] = params->stream;
    return channel_decode_write(call);
}

void console_invoke_write(struct call *call, struct capos_console_write_results *results) {
    bool is_error = call->decoded[0] == CAPOS_CONSOLE_STREAM_ERROR;
    channel_invoke_write(call, is_error ? STREAM_ERROR : STREAM_OUTPUT, &results->count);
}

status_t console_decode_read(struct call *call, const struct capos_console_read_params *params) {
    return (call->badge & CONSOLE_INPUT) != 0 ? channel_decode_read(call) : CAPOS_E_NOT_PERMITTED;
}

void console_invoke_read(struct call *call, struct capos_console_read_results *results) {
    channel_invoke_read(call, STREAM_INPUT, &results->count);
}
