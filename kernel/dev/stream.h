#pragma once
/*
 * Byte streams between the kernel and the outside: what a Console is made of. Each is one
 * direction, with a buffer in kernel memory that a driver fills or drains: a virtio console port,
 * or the UART where there is none.
 *
 * Rules
 * - Any CPU, interrupts off. Each stream has a lock of its own that these functions take; the
 *   `ready` callback is called without it, from any CPU, possibly while nothing has changed.
 * - One user of a stream at a time: whoever calls reserve/commit (or peek/consume) excludes others.
 * - Binary clean. A stream that was never connected to a device swallows output and reads as ended.
 */
#include "kernel/types.h"

struct boot_info;

enum stream_id {
    STREAM_INPUT,  /* to the kernel; port name "org.capos.input" */
    STREAM_OUTPUT, /* from the kernel; "org.capos.output" */
    STREAM_ERROR,  /* from the kernel; "org.capos.error" */
    STREAM_REPORT, /* from the kernel, to the host tool; "org.capos.report" */
    STREAM_COUNT,
};

#define STREAM_BUFFER_BYTES 65536u

/* Finds the devices and connects the streams. After acpi_init, interrupts and memory. */
void stream_init(const struct boot_info *boot);

/* Output: a contiguous writable span of the buffer (0: full or closed), then how much was written.
 */
size_t stream_reserve(enum stream_id id, void **span_out);
void stream_commit(enum stream_id id, size_t size);

/* Input: a contiguous readable span (0: empty), then how much was taken. */
size_t stream_peek(enum stream_id id, const void **span_out);
void stream_consume(enum stream_id id, size_t size);

/* Output: nobody reads the other end any more. Input: the end, once the buffer is empty. */
bool stream_is_closed(enum stream_id id);

/* Output: all that was committed has left the machine. */
bool stream_is_drained(enum stream_id id);

/* `ready` is called when there may be more space, more data, or the end. Once, at boot. */
void stream_set_ready(enum stream_id id, void (*ready)(void *argument), void *argument);

/* Polls the devices once without interrupts: for shutdown. */
void stream_poll(void);
