#pragma once
/*
 * The other side of a stream: what a driver implements, and what it finds in a stream.
 *
 * Rules
 * - The operations of a driver are called with the stream's lock held, and take only locks of the
 *   driver that are never held while a stream's lock is taken.
 * - A driver that changes a stream takes its lock first.
 */
#include "core/stream_buffer.h"
#include "kernel/dev/stream.h"
#include "kernel/spinlock.h"

struct stream;

struct stream_driver {
    /* Output: takes pending bytes and releases sent ones. is_waiting: the user was told that the
     * buffer is full, so the driver sees to it that it hears of space. */
    void (*transmit)(struct stream *stream);
    /* Input: takes segments that have become free. */
    void (*refill)(struct stream *stream);
    /* Output: nothing is left inside the device. NULL: what is released has left. */
    bool (*is_idle)(struct stream *stream);
    /* Looks for what interrupts would tell. Called without a lock. */
    void (*poll)(void);
};

struct stream {
    struct spinlock lock;
    /* by lock */
    bool is_closed;
    bool is_waiting; /* the user waits for `ready` */
    union {
        struct output_buffer output;
        struct input_buffer input; /* of STREAM_INPUT */
    };
    /* constant after boot */
    const struct stream_driver *driver; /* NULL: not connected */
    void *port;                         /* the driver's */
    paddr_t bytes;                      /* of the buffer */
    void (*ready)(void *argument);
    void *ready_argument;
};

/* Gives the stream a buffer and a driver, at boot. NULL, with a line in the log, when there is no
 * memory or it has a driver already. */
struct stream *stream_connect(enum stream_id id, const struct stream_driver *driver, void *port);

/* Calls `ready`. No lock is held. */
void stream_call_ready(struct stream *stream);

/* The address of a byte of the buffer, as a device sees it. */
paddr_t stream_byte_address(const struct stream *stream, const uint8_t *byte);
