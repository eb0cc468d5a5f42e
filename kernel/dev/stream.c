#include "kernel/dev/stream.h"

#include "kernel/boot/boot_info.h"
#include "kernel/debug/log.h"
#include "kernel/dev/ioapic.h"
#include "kernel/dev/stream_driver.h"
#include "kernel/dev/uart.h"
#include "kernel/dev/virtio_serial.h"
#include "kernel/mm/frame.h"

static struct stream streams[STREAM_COUNT];
static uint8_t swallowed[PAGE_SIZE]; /* what is written to streams that lead nowhere; never read */

void stream_init(const struct boot_info *boot) {
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        spinlock_init(&streams[i].lock);
    }
    ioapic_init();
    uart_init();
    if (!virtio_serial_connect(boot->command_line) && !uart_connect_streams()) {
        log_printf("stream: no virtio console and no UART; programs have no input and their output "
                   "is lost; start QEMU with -serial stdio or with virtio-serial ports\n");
    }
}

struct stream *stream_connect(enum stream_id id, const struct stream_driver *driver, void *port) {
    struct stream *stream = &streams[id];
    if (stream->driver != NULL) {
        log_printf("stream: stream %u is connected already; a second port is left alone\n", id);
        return NULL;
    }
    paddr_t bytes = frame_alloc_contiguous(STREAM_BUFFER_BYTES / PAGE_SIZE);
    if (paddr_is_none(bytes)) {
        log_printf("stream: no memory for the buffer of stream %u\n", id);
        return NULL;
    }
    if (id == STREAM_INPUT) {
        input_buffer_init(&stream->input, direct_map(bytes), STREAM_BUFFER_BYTES);
    } else {
        output_buffer_init(&stream->output, direct_map(bytes), STREAM_BUFFER_BYTES);
    }
    stream->bytes = bytes;
    stream->port = port;
    stream->driver = driver;
    return stream;
}

void stream_call_ready(struct stream *stream) {
    if (stream->ready != NULL) {
        stream->ready(stream->ready_argument);
    }
}

paddr_t stream_byte_address(const struct stream *stream, const uint8_t *byte) {
    uint64_t offset = (uint64_t)(byte - (const uint8_t *)direct_map(stream->bytes));
    ASSERT(offset < STREAM_BUFFER_BYTES);
    return paddr(stream->bytes.value + offset);
}

static size_t reserve_locked(struct stream *stream, uint8_t **span) {
    if (stream->is_closed) {
        return 0;
    }
    uint32_t size = output_buffer_reserve(&stream->output, span);
    if (size == 0) {
        stream->is_waiting = true;
        stream->driver->transmit(stream);
        size = stream->is_closed ? 0 : output_buffer_reserve(&stream->output, span);
    }
    stream->is_waiting = size == 0;
    return size;
}

size_t stream_reserve(enum stream_id id, void **span_out) {
    ASSERT(id != STREAM_INPUT);
    struct stream *stream = &streams[id];
    if (stream->driver == NULL) {
        *span_out = swallowed;
        return sizeof swallowed;
    }
    uint8_t *span = NULL;
    spinlock_lock(&stream->lock);
    size_t size = reserve_locked(stream, &span);
    spinlock_unlock(&stream->lock);
    *span_out = span;
    return size;
}

void stream_commit(enum stream_id id, size_t size) {
    struct stream *stream = &streams[id];
    if (stream->driver == NULL || size == 0) {
        return;
    }
    spinlock_lock(&stream->lock);
    output_buffer_commit(&stream->output, (uint32_t)size);
    stream->driver->transmit(stream);
    spinlock_unlock(&stream->lock);
}

size_t stream_peek(enum stream_id id, const void **span_out) {
    ASSERT(id == STREAM_INPUT);
    struct stream *stream = &streams[id];
    *span_out = NULL;
    if (stream->driver == NULL) {
        return 0;
    }
    const uint8_t *span;
    spinlock_lock(&stream->lock);
    size_t size = input_buffer_peek(&stream->input, &span);
    spinlock_unlock(&stream->lock);
    *span_out = span;
    return size;
}

void stream_consume(enum stream_id id, size_t size) {
    ASSERT(id == STREAM_INPUT);
    struct stream *stream = &streams[id];
    if (stream->driver == NULL || size == 0) {
        return;
    }
    spinlock_lock(&stream->lock);
    input_buffer_consume(&stream->input, (uint32_t)size);
    stream->driver->refill(stream);
    spinlock_unlock(&stream->lock);
}

bool stream_is_closed(enum stream_id id) {
    struct stream *stream = &streams[id];
    if (stream->driver == NULL) {
        return id == STREAM_INPUT;
    }
    const uint8_t *span;
    spinlock_lock(&stream->lock);
    bool closed =
        stream->is_closed && (id != STREAM_INPUT || input_buffer_peek(&stream->input, &span) == 0);
    spinlock_unlock(&stream->lock);
    return closed;
}

bool stream_is_drained(enum stream_id id) {
    ASSERT(id != STREAM_INPUT);
    struct stream *stream = &streams[id];
    if (stream->driver == NULL) {
        return true;
    }
    spinlock_lock(&stream->lock);
    stream->driver->transmit(stream);
    bool idle = stream->driver->is_idle == NULL || stream->driver->is_idle(stream);
    bool drained = stream->is_closed || (output_buffer_is_empty(&stream->output) && idle);
    spinlock_unlock(&stream->lock);
    return drained;
}

void stream_set_ready(enum stream_id id, void (*ready)(void *argument), void *argument) {
    streams[id].ready_argument = argument;
    streams[id].ready = ready;
}

void stream_poll(void) {
    for (size_t i = 0; i < STREAM_COUNT; i++) {
        if (streams[i].driver != NULL) {
            streams[i].driver->poll();
            return; /* all streams that are connected have the same driver */
        }
    }
}
