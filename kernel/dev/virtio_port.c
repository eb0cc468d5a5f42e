#include "kernel/dev/virtio_port.h"

#include "kernel/debug/log.h"
#include "kernel/dev/stream_driver.h"
#include "kernel/dev/virtio_serial.h"

/* A device that breaks a queue has broken it for good: the stream ends, the kernel goes on. */
static void port_break(struct stream *stream, struct virtio_port *port) {
    if (!stream->is_closed) {
        log_printf("virtio-serial: the device broke the rules of a queue; its stream is closed\n");
        port->has_news = true;
    }
    stream->is_closed = true;
}

/* Gives the device what is pending, as far as the queue has room. */
static void port_post_output(struct stream *stream, struct virtio_port *port) {
    bool posted = false;
    uint8_t *span;
    uint32_t size;
    while (virtqueue_room(&port->transmit) > 0 &&
           (size = output_buffer_pending(&stream->output, &span)) > 0) {
        virtqueue_post(&port->transmit, stream_byte_address(stream, span).value, size);
        output_buffer_give(&stream->output, size);
        posted = true;
    }
    if (posted && virtqueue_needs_notify(&port->transmit)) {
        virtio_notify(port->device, port->transmit_index);
    }
}

static void port_release_output(struct stream *stream, struct virtio_port *port) {
    if (!virtqueue_collect(&port->transmit)) {
        port_break(stream, port);
        return;
    }
    uint32_t length, written;
    while (virtqueue_take(&port->transmit, &length, &written)) {
        output_buffer_release(&stream->output, length);
    }
}

/*
 * Most devices are done when the notification returns, and a writer that finds space needs no
 * interrupt: it is asked for only while somebody waits, or while the queue is too short for what is
 * pending.
 */
static void port_transmit(struct stream *stream) {
    struct virtio_port *port = stream->port;
    uint8_t *span;
    port_post_output(stream, port);
    port_release_output(stream, port);
    bool wanted = stream->is_waiting || output_buffer_pending(&stream->output, &span) > 0;
    virtqueue_ask_interrupts(&port->transmit, wanted);
    if (wanted) {
        port_release_output(stream, port);
        port_post_output(stream, port);
    }
}

static void port_refill(struct stream *stream) {
    struct virtio_port *port = stream->port;
    uint8_t *segment;
    bool posted = false;
    while (virtqueue_room(&port->receive) > 0 &&
           (segment = input_buffer_give(&stream->input)) != NULL) {
        virtqueue_post(&port->receive, stream_byte_address(stream, segment).value,
                       stream->input.segment_size);
        posted = true;
    }
    if (posted && virtqueue_needs_notify(&port->receive)) {
        virtio_notify(port->device, port->receive_index);
    }
}

/* Takes what has arrived; true when there was something. */
static bool port_receive(struct stream *stream, struct virtio_port *port) {
    if (!virtqueue_collect(&port->receive)) {
        port_break(stream, port);
        return false;
    }
    bool received = false;
    uint32_t length, written;
    while (virtqueue_take(&port->receive, &length, &written)) {
        input_buffer_fill(&stream->input, written);
        received = true;
    }
    port_refill(stream); /* buffers that came back empty */
    return received;
}

static const struct stream_driver port_driver = {
    .transmit = port_transmit,
    .refill = port_refill,
    .poll = virtio_serial_poll,
};

bool virtio_port_connect(struct virtio_port *port, enum stream_id id) {
    struct stream *stream = stream_connect(id, &port_driver, port);
    if (stream == NULL) {
        return false;
    }
    port->stream = stream;
    stream->is_closed = true;
    port->is_input = id == STREAM_INPUT;
    return true;
}

void virtio_port_start(struct virtio_port *port) {
    if (port->is_input) {
        spinlock_lock(&port->stream->lock);
        port_refill(port->stream);
        spinlock_unlock(&port->stream->lock);
    }
}

void virtio_port_set_open(struct virtio_port *port, bool is_open) {
    struct stream *stream = port->stream;
    spinlock_lock(&stream->lock);
    if (port->is_input) {
        (void)port_receive(stream, port); /* what came before the end */
    }
    stream->is_closed = !is_open;
    port->has_news = true;
    spinlock_unlock(&stream->lock);
}

void virtio_port_service(struct virtio_port *port) {
    struct stream *stream = port->stream;
    bool ready;
    uint8_t *span;
    spinlock_lock(&stream->lock);
    if (port->is_input) {
        ready = port_receive(stream, port);
    } else {
        port_transmit(stream);
        ready = stream->is_waiting && output_buffer_reserve(&stream->output, &span) > 0;
    }
    ready = ready || port->has_news;
    port->has_news = false;
    stream->is_waiting = stream->is_waiting && !ready;
    spinlock_unlock(&stream->lock);
    if (ready) {
        stream_call_ready(stream);
    }
}
