#include "tools/capos/channel.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"

void channel_init(struct channel *channel, int from, int to) {
    *channel = (struct channel){.from = from, .to = to, .write_bytes = CHANNEL_BYTES};
    channel->buffer = malloc(CHANNEL_BYTES);
    ASSERT(channel->buffer != NULL);
    struct stat status;
    if (to >= 0 && fstat(to, &status) == 0) {
        channel->to_is_socket = S_ISSOCK(status.st_mode);
        /* A pipe or terminal that polls as writable takes PIPE_BUF bytes without blocking. */
        if (!S_ISREG(status.st_mode) && !S_ISSOCK(status.st_mode)) {
            channel->write_bytes = PIPE_BUF;
        }
    }
}

void channel_fini(struct channel *channel) {
    free(channel->buffer);
    channel->buffer = NULL;
}

bool channel_is_done(const struct channel *channel) {
    return channel->to < 0 || (channel->from < 0 && channel->start == channel->end);
}

void channel_fill_poll(const struct channel *channel, struct pollfd wait[2]) {
    const bool has_room = channel->end < CHANNEL_BYTES || channel->start > 0;
    wait[0] = (struct pollfd){.fd = -1};
    wait[1] = (struct pollfd){.fd = channel->to};
    if (channel->to >= 0 && has_room) {
        wait[0] = (struct pollfd){.fd = channel->from, .events = POLLIN};
    }
    /* With no event asked for, poll still tells that the reader has gone. */
    if (channel->start < channel->end) {
        wait[1].events = POLLOUT;
    }
}

static void channel_read(struct channel *channel,
                         size_t (*filter)(void *argument, uint8_t *bytes, size_t size),
                         void *argument) {
    if (channel->end == CHANNEL_BYTES) {
        memmove(channel->buffer, channel->buffer + channel->start, channel->end - channel->start);
        channel->end -= channel->start;
        channel->start = 0;
    }
    uint8_t *target = channel->buffer + channel->end;
    const ssize_t got = read(channel->from, target, CHANNEL_BYTES - channel->end);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (got <= 0) {
        channel->from = -1;
        return;
    }
    channel->end += filter != NULL ? filter(argument, target, (size_t)got) : (size_t)got;
}

/* MSG_DONTWAIT where it exists: standard output may be a socket that others share. */
static ssize_t write_some(const struct channel *channel) {
    size_t size = channel->end - channel->start;
    size = size < channel->write_bytes ? size : channel->write_bytes;
    const uint8_t *bytes = channel->buffer + channel->start;
    return channel->to_is_socket ? send(channel->to, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                 : write(channel->to, bytes, size);
}

static void channel_write(struct channel *channel) {
    const ssize_t written = write_some(channel);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (written < 0) {
        channel->to = -1;
        return;
    }
    channel->start += (size_t)written;
    if (channel->start == channel->end) {
        channel->start = 0;
        channel->end = 0;
    }
}

void channel_move(struct channel *channel, const struct pollfd wait[2],
                  size_t (*filter)(void *argument, uint8_t *bytes, size_t size), void *argument) {
    if ((wait[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        channel->to = -1;
        return;
    }
    if (channel->from >= 0 && (wait[0].revents & POLLNVAL) != 0) {
        channel->from = -1;
    } else if (wait[0].revents != 0) {
        channel_read(channel, filter, argument);
    }
    if (channel->start < channel->end && (wait[1].revents & POLLOUT) != 0) {
        channel_write(channel);
    }
}

void collector_init(struct collector *collector, int from, size_t limit, bool keep_tail) {
    *collector = (struct collector){.from = from, .limit = limit, .keep_tail = keep_tail};
    collector->bytes = malloc(2 * limit);
    ASSERT(collector->bytes != NULL);
}

void collector_fini(struct collector *collector) {
    free(collector->bytes);
    collector->bytes = NULL;
}

/* The memory is twice the limit, so that the tail moves down once per `limit` bytes only. */
static void collector_keep(struct collector *collector, const uint8_t *bytes, size_t size) {
    if (!collector->keep_tail) {
        const size_t room = collector->limit - collector->size;
        collector->is_cut = collector->is_cut || size > room;
        size = size < room ? size : room;
    } else if (collector->size + size > 2 * collector->limit) {
        const size_t kept = collector->limit - size;
        memmove(collector->bytes, collector->bytes + collector->size - kept, kept);
        collector->size = kept;
        collector->is_cut = true;
    }
    memcpy(collector->bytes + collector->size, bytes, size);
    collector->size += size;
}

size_t collector_read(struct collector *collector, uint8_t *scratch, size_t scratch_size) {
    ASSERT(scratch_size <= collector->limit);
    const ssize_t got = read(collector->from, scratch, scratch_size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return 0;
    }
    if (got <= 0) {
        collector->from = -1;
        return 0;
    }
    collector_keep(collector, scratch, (size_t)got);
    return (size_t)got;
}
