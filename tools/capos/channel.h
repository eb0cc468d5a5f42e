#pragma once
/*
 * Bytes on their way from one file to another, or into memory.
 *
 * Rules
 * - A channel never blocks for longer than the file that it writes to says it will take (poll), and
 *   holds a bounded number of bytes: when the reader is slow, its writer waits.
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_BYTES (256u << 10)

struct channel {
    int from, to;       /* -1: none, or ended */
    bool to_is_socket;  /* the far end is the guest's: its end is told by shutdown */
    size_t write_bytes; /* at most so many at once, so that a blocking file does not block */
    uint8_t *buffer;    /* CHANNEL_BYTES */
    size_t start, end;  /* what is in it */
};

void channel_init(struct channel *channel, int from, int to);
void channel_fini(struct channel *channel);

/* What the channel waits for: two entries, one for each side. */
void channel_fill_poll(const struct channel *channel, struct pollfd wait[2]);
/* Moves what can be moved. filter, if given, edits what was read in place and returns its length.
 */
void channel_move(struct channel *channel, const struct pollfd wait[2],
                  size_t (*filter)(void *argument, uint8_t *bytes, size_t size), void *argument);
/* Nothing more will come out of it. */
bool channel_is_done(const struct channel *channel);

/* Bytes from a file into memory. keep_tail: the last ones of many are kept, else the first. */
struct collector {
    int from;
    uint8_t *bytes;
    size_t size, limit;
    bool keep_tail, is_cut;
};

void collector_init(struct collector *collector, int from, size_t limit, bool keep_tail);
void collector_fini(struct collector *collector);
/* Reads once what is there and returns it (a part of scratch, or 0 bytes at the end). */
size_t collector_read(struct collector *collector, uint8_t *scratch, size_t scratch_size);
