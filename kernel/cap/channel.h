#pragma once
/*
 * A byte stream (kernel/dev/stream.h) with the operations that wait for it, first come, first
 * served. Console and Machine are made of these.
 */
#include "kernel/cap/call.h"
#include "kernel/dev/stream.h"

#define CHANNEL_BYTES_MAX 65536u /* of one operation */

/* Connects the channels to their streams. Once, after stream_init. */
void channel_init(void);

/* decode and invoke of a method that writes call->buffer; the count is the scalar result. */
MUST_CHECK status_t channel_decode_write(struct call *call);
void channel_invoke_write(struct call *call, enum stream_id id, uint64_t *count);

/* The same for reading into call->buffer: at least one byte, or 0 at the end. */
MUST_CHECK status_t channel_decode_read(struct call *call);
void channel_invoke_read(struct call *call, enum stream_id id, uint64_t *count);
