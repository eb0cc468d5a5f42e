#include "kernel/cap/channel.h"

#include "kernel/cap/object.h"
#include "kernel/ring/operation.h"
#include "kernel/sched/process.h"

struct channel {
    struct object object; /* operations that wait hold a reference */
    enum stream_id id;
    struct spinlock lock; /* guards the stream's use and the queue; before rings and spaces */
    struct operation_queue queue;
};

static const struct object_type channel_type = {"channel", NULL};
static struct channel channels[STREAM_COUNT];

/* How an operation stands after a step. */
enum progress { PROGRESS_WAITING, PROGRESS_DONE, PROGRESS_FAILED };

static enum progress write_some(struct channel *channel, struct operation *operation,
                                status_t *status) {
    while (operation->buffer_length > 0) {
        if (stream_is_closed(channel->id)) {
            /* What was taken before counts; only a write of nothing at all fails. */
            *status = operation->value == 0 ? CAPOS_E_CLOSED : CAPOS_OK;
            return PROGRESS_DONE;
        }
        void *span;
        size_t room = stream_reserve(channel->id, &span);
        if (room == 0) {
            if (stream_is_closed(channel->id)) {
                continue; /* reserve has just found that out */
            }
            return PROGRESS_WAITING;
        }
        size_t step = room < operation->buffer_length ? room : operation->buffer_length;
        *status = space_copy_in(operation->space, span, operation->buffer, step);
        if (*status != CAPOS_OK) {
            return PROGRESS_FAILED;
        }
        stream_commit(channel->id, step);
        operation->buffer += step;
        operation->buffer_length -= step;
        operation->value += step;
    }
    *status = CAPOS_OK;
    return PROGRESS_DONE;
}

static enum progress read_some(struct channel *channel, struct operation *operation,
                               status_t *status) {
    const void *span;
    size_t available = stream_peek(channel->id, &span);
    *status = CAPOS_OK;
    if (available == 0) {
        return stream_is_closed(channel->id) ? PROGRESS_DONE : PROGRESS_WAITING;
    }
    while (available > 0 && operation->buffer_length > 0) {
        size_t step = available < operation->buffer_length ? available : operation->buffer_length;
        *status = space_copy_out(operation->space, operation->buffer, span, step);
        if (*status != CAPOS_OK) {
            return PROGRESS_FAILED;
        }
        stream_consume(channel->id, step);
        operation->buffer += step;
        operation->buffer_length -= step;
        operation->value += step;
        available = stream_peek(channel->id, &span);
    }
    return PROGRESS_DONE;
}

static enum progress step(struct channel *channel, struct operation *operation, status_t *status) {
    return channel->id == STREAM_INPUT ? read_some(channel, operation, status)
                                       : write_some(channel, operation, status);
}

static bool is_ready(const struct channel *channel) {
    const void *span;
    return channel->id != STREAM_INPUT || stream_is_closed(channel->id) ||
           stream_peek(channel->id, &span) > 0;
}

/*
 * The device has room, data, or an end. A reader is claimed before it is given bytes, which would
 * be lost if it were cancelled at that moment; a writer only when all of it is taken. Whoever
 * cancels an operation must take the lock to unlink it, so the record stays while we hold it.
 */
static void pump_locked(struct channel *channel) {
    struct operation *operation = channel->queue.first;
    while (operation != NULL && is_ready(channel)) {
        struct operation *next = operation->next;
        bool is_reader = channel->id == STREAM_INPUT;
        if (is_reader && !operation_claim(operation)) {
            operation = next;
            continue;
        }
        status_t status;
        if (step(channel, operation, &status) == PROGRESS_WAITING) {
            ASSERT(!is_reader);
            break;
        }
        if (is_reader || operation_claim(operation)) {
            operation_queue_remove(&channel->queue, operation);
            operation->unlink = NULL;
            operation_complete(operation, status, operation->value);
        }
        operation = next;
    }
}

static void channel_pump(void *argument) {
    struct channel *channel = argument;
    spinlock_lock(&channel->lock);
    pump_locked(channel);
    spinlock_unlock(&channel->lock);
}

static void unlink_operation(struct operation *operation) {
    struct channel *channel = container_of(operation->object, struct channel, object);
    spinlock_lock(&channel->lock);
    operation_queue_remove(&channel->queue, operation);
    spinlock_unlock(&channel->lock);
}

void channel_init(void) {
    for (uint32_t i = 0; i < STREAM_COUNT; i++) {
        struct channel *channel = &channels[i];
        object_init(&channel->object, &channel_type);
        channel->id = (enum stream_id)i;
        spinlock_init(&channel->lock);
        stream_set_ready(channel->id, channel_pump, channel);
    }
}

static status_t check_buffer(struct call *call, uint32_t protection) {
    if (call->buffer_length > CHANNEL_BYTES_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    return space_is_mapped(&call->process->space, call->buffer, call->buffer_length, protection)
               ? CAPOS_OK
               : CAPOS_E_BAD_ADDRESS;
}

status_t channel_decode_write(struct call *call) {
    return check_buffer(call, PROTECT_READ);
}

status_t channel_decode_read(struct call *call) {
    return check_buffer(call, PROTECT_WRITE);
}

static void start(struct call *call, enum stream_id id, uint64_t *count) {
    struct channel *channel = &channels[id];
    struct operation *operation = call->operation;
    operation->buffer = call->buffer;
    operation->buffer_length = call->buffer_length;
    operation->value = 0;
    spinlock_lock(&channel->lock);
    bool is_first = channel->queue.first == NULL;
    if (call->buffer_length != 0 &&
        (!is_first || step(channel, operation, &call->status) == PROGRESS_WAITING)) {
        operation->object = object_ref(&channel->object);
        operation->unlink = unlink_operation;
        operation_queue_append(&channel->queue, operation);
        call_pend(call);
        operation_arm(operation);
        if (!is_first) {
            /* Whoever is before us may be claimed by now and only waits for our lock to leave. */
            pump_locked(channel);
        }
    } else {
        *count = operation->value;
    }
    spinlock_unlock(&channel->lock);
}

void channel_invoke_write(struct call *call, enum stream_id id, uint64_t *count) {
    start(call, id, count);
}

void channel_invoke_read(struct call *call, enum stream_id id, uint64_t *count) {
    start(call, id, count);
}
