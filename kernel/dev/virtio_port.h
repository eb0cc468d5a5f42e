#pragma once
/*
 * One named port of a virtio console, and the stream that it carries.
 *
 * Rules
 * - The queues are guarded by the lock of the stream; a port without a stream uses none.
 * - Buffers of the stream are the buffers of the queue: nothing is copied.
 */
#include "kernel/dev/stream.h"
#include "kernel/dev/virtio.h"

struct virtio_port {
    /* constant after boot */
    struct virtio_device *device;
    struct stream *stream;  /* NULL: the port is not one of ours */
    uint32_t receive_index; /* of the queues in the device; the other one follows */
    uint32_t transmit_index;
    bool is_input;
    /* by the lock of the stream */
    struct virtqueue receive;
    struct virtqueue transmit;
    bool has_news; /* the end came, or the beginning */
};

/* Makes the port carry this stream, closed until the host opens it. At boot. */
bool virtio_port_connect(struct virtio_port *port, enum stream_id id);

/* Gives the device the first buffers to fill. After the device was told that the port is open: QEMU
 * takes no notice of buffers that come before, and would wait for the next ones. */
void virtio_port_start(struct virtio_port *port);

/* The host has opened or closed its end; virtio_port_service tells the user. */
void virtio_port_set_open(struct virtio_port *port, bool is_open);

/* Looks for what the device has done, and calls the stream's `ready` when there may be more to do
 * for its user. */
void virtio_port_service(struct virtio_port *port);
