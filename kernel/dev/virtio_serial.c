#include "kernel/dev/virtio_serial.h"

#include "kernel/debug/log.h"
#include "kernel/dev/virtio_port.h"
#include "kernel/mm/frame.h"
#include "kernel/spinlock.h"

#define PORTS_MAX 8u
#define FEATURE_MULTIPORT (1u << 1)
#define CONFIG_PORT_COUNT 4u
#define SETTLE_TRIES 4000000u

enum { QUEUE_CONTROL_RECEIVE = 2, QUEUE_CONTROL_TRANSMIT = 3 };

enum control_event { /* 5.3.6.2 */
                     CONTROL_DEVICE_READY = 0,
                     CONTROL_PORT_ADD = 1,
                     CONTROL_PORT_REMOVE = 2,
                     CONTROL_PORT_READY = 3,
                     CONTROL_PORT_OPEN = 6,
                     CONTROL_PORT_NAME = 7,
};

struct control_message {
    uint32_t port;
    uint16_t event;
    uint16_t value;
};

#define CONTROL_BYTES 128u /* a message with the longest name that is looked at */
#define NAME_BYTES (CONTROL_BYTES - sizeof(struct control_message))

struct control_buffer {
    struct control_message message;
    char name[NAME_BYTES]; /* behind CONTROL_PORT_NAME; not terminated */
};
_Static_assert(sizeof(struct control_buffer) == CONTROL_BYTES,
               "no padding in what the device sees");

/* All memory that the device is given, but for the buffers of the streams. */
struct shared_memory {
    struct control_buffer received[VIRTQUEUE_SIZE_MAX];
    struct control_message sent[VIRTQUEUE_SIZE_MAX];
    struct virtqueue_memory control[2];
    struct virtqueue_memory ports[PORTS_MAX][2];
};

static struct virtio_serial {
    /* constant after boot */
    struct virtio_device *device;
    struct shared_memory *memory;
    paddr_t memory_address;
    uint32_t port_count;
    struct virtio_port ports[PORTS_MAX];
    bool is_settled; /* ports that appear from now on are left alone */
    /* by lock */
    struct spinlock lock;
    struct virtqueue control_receive;
    struct virtqueue control_transmit;
} serial = {.lock = SPINLOCK_INIT};

static const char *const port_names[STREAM_COUNT] = {
    [STREAM_INPUT] = "org.capos.input",
    [STREAM_OUTPUT] = "org.capos.output",
    [STREAM_ERROR] = "org.capos.error",
    [STREAM_REPORT] = "org.capos.report",
};

static uint64_t address_of(const void *byte) {
    return serial.memory_address.value + (uint64_t)((const char *)byte - (char *)serial.memory);
}

static void control_post_buffer(uint16_t counter) {
    uint16_t index = counter & (uint16_t)(serial.control_receive.size - 1);
    virtqueue_post(&serial.control_receive, address_of(&serial.memory->received[index]),
                   CONTROL_BYTES);
}

/* Takes back what the device has read; true when that is everything. */
static bool control_reap(void) {
    struct virtqueue *queue = &serial.control_transmit;
    uint32_t length, written;
    if (!virtqueue_collect(queue)) {
        return false;
    }
    while (virtqueue_take(queue, &length, &written)) {
    }
    return virtqueue_room(queue) == queue->size;
}

static void control_send(uint32_t port, enum control_event event, uint16_t value) {
    struct virtqueue *queue = &serial.control_transmit;
    (void)control_reap();
    if (virtqueue_room(queue) == 0) {
        log_printf("virtio-serial: the device does not take control messages\n");
        return;
    }
    struct control_message *message =
        &serial.memory->sent[queue->posted & (uint16_t)(queue->size - 1)];
    *message = (struct control_message){.port = port, .event = (uint16_t)event, .value = value};
    virtqueue_post(queue, address_of(message), sizeof *message);
    if (virtqueue_needs_notify(queue)) {
        virtio_notify(serial.device, QUEUE_CONTROL_TRANSMIT);
    }
}

static void handle_port_name(struct virtio_port *port, uint32_t number, const char *name,
                             size_t length) {
    if (serial.is_settled || port->stream != NULL) {
        return;
    }
    while (length > 0 && name[length - 1] == '\0') {
        length--;
    }
    for (enum stream_id id = 0; id < STREAM_COUNT; id++) {
        if (strlen(port_names[id]) == length && memcmp(port_names[id], name, length) == 0 &&
            virtio_port_connect(port, id)) {
            control_send(number, CONTROL_PORT_OPEN, 1);
            virtio_port_start(port);
        }
    }
}

/* A message of the device, copied: it may change the original at any time. */
static void handle_control(const struct control_buffer *buffer, size_t length) {
    const struct control_message *message = &buffer->message;
    if (length < sizeof *message || message->port >= serial.port_count) {
        return;
    }
    struct virtio_port *port = &serial.ports[message->port];
    switch (message->event) {
    case CONTROL_PORT_ADD:
        if (!serial.is_settled) {
            control_send(message->port, CONTROL_PORT_READY, 1);
        }
        break;
    case CONTROL_PORT_NAME:
        handle_port_name(port, message->port, buffer->name, length - sizeof *message);
        break;
    case CONTROL_PORT_OPEN:
    case CONTROL_PORT_REMOVE:
        if (port->stream != NULL) {
            virtio_port_set_open(port, message->event == CONTROL_PORT_OPEN && message->value != 0);
        }
        break;
    default:
        break;
    }
}

/* Takes one message and gives its buffer back; false when there is none. */
static bool control_receive(struct control_buffer *buffer, size_t *length_out) {
    struct virtqueue *queue = &serial.control_receive;
    uint32_t length, written;
    uint16_t counter = queue->taken;
    if (!virtqueue_collect(queue) || !virtqueue_take(queue, &length, &written)) {
        return false;
    }
    memcpy(buffer, &serial.memory->received[counter & (uint16_t)(queue->size - 1)], sizeof *buffer);
    *length_out = written;
    control_post_buffer(counter);
    if (virtqueue_needs_notify(queue)) {
        virtio_notify(serial.device, QUEUE_CONTROL_RECEIVE);
    }
    return true;
}

/* True when there was something to handle. */
static bool control_service(void) {
    struct control_buffer buffer;
    size_t length;
    bool any = false;
    /* Bounded: a device that never stops talking is listened to again at its next interrupt. */
    for (uint32_t i = 0; i < VIRTQUEUE_SIZE_MAX; i++) {
        spinlock_lock(&serial.lock);
        bool received = control_receive(&buffer, &length);
        if (received) {
            handle_control(&buffer, length);
        }
        spinlock_unlock(&serial.lock);
        if (!received) {
            break;
        }
        any = true;
    }
    return any;
}

void virtio_serial_poll(void) {
    (void)control_service();
    for (uint32_t i = 0; i < serial.port_count; i++) {
        if (serial.ports[i].stream != NULL) {
            virtio_port_service(&serial.ports[i]);
        }
    }
}

static void serial_interrupt(void *argument) {
    (void)argument;
    virtio_quiet(serial.device);
    virtio_serial_poll();
}

/* Every queue is there before the device starts, as 3.1.1 wants it; which ports are ours is known
 * only afterwards. */
static bool add_queues(void) {
    struct shared_memory *memory = serial.memory;
    for (uint32_t i = 0; i < serial.port_count; i++) {
        struct virtio_port *port = &serial.ports[i];
        port->device = serial.device;
        port->receive_index = i == 0 ? 0 : 2 * i + 2; /* 5.3.2: the control queues are in between */
        port->transmit_index = port->receive_index + 1;
        struct virtqueue_memory *queues = memory->ports[i];
        if (!virtio_add_queue(serial.device, port->receive_index, &port->receive, &queues[0],
                              paddr(address_of(&queues[0])), true) ||
            !virtio_add_queue(serial.device, port->transmit_index, &port->transmit, &queues[1],
                              paddr(address_of(&queues[1])), false)) {
            return false;
        }
    }
    return virtio_add_queue(serial.device, QUEUE_CONTROL_RECEIVE, &serial.control_receive,
                            &memory->control[0], paddr(address_of(&memory->control[0])), true) &&
           virtio_add_queue(serial.device, QUEUE_CONTROL_TRANSMIT, &serial.control_transmit,
                            &memory->control[1], paddr(address_of(&memory->control[1])), false);
}

static bool start_device(void) {
    serial.memory_address =
        frame_alloc_contiguous((sizeof(struct shared_memory) + PAGE_SIZE - 1) / PAGE_SIZE);
    if (paddr_is_none(serial.memory_address)) {
        log_printf("virtio-serial: no memory for the queues\n");
        return false;
    }
    serial.memory = direct_map(serial.memory_address);
    if (!virtio_begin(serial.device, FEATURE_MULTIPORT, serial_interrupt, NULL)) {
        return false;
    }
    uint32_t count = serial.device->transport->read_config(serial.device, CONFIG_PORT_COUNT);
    serial.port_count = count < PORTS_MAX ? count : PORTS_MAX;
    if (!add_queues()) {
        return false;
    }
    virtio_start(serial.device);
    return true;
}

/*
 * Listens until the device has nothing more to say: it answers a message before it gives back the
 * buffer of that message, so that a port which is open at the host is known to be so before the
 * first program runs, and one that nobody holds open reads as closed.
 */
static void settle(void) {
    for (uint32_t i = 0; i < SETTLE_TRIES; i++) {
        bool idle = control_reap();
        if (!control_service() && idle) {
            return;
        }
        arch_spin_pause();
    }
    log_printf("virtio-serial: the device does not answer; its ports may open late\n");
}

bool virtio_serial_connect(const char *command_line) {
    serial.device = virtio_find(command_line, VIRTIO_TYPE_CONSOLE);
    if (serial.device == NULL || !start_device()) {
        return false;
    }
    for (uint16_t i = 0; i < serial.control_receive.size; i++) {
        control_post_buffer(i);
    }
    virtio_notify(serial.device, QUEUE_CONTROL_RECEIVE);
    control_send(0, CONTROL_DEVICE_READY, 1);
    settle();
    serial.is_settled = true;
    for (uint32_t i = 0; i < serial.port_count; i++) {
        if (serial.ports[i].stream != NULL) {
            return true;
        }
    }
    log_printf("virtio-serial: no port has the name of a stream, such as %s\n",
               port_names[STREAM_OUTPUT]);
    virtio_abandon(serial.device);
    serial.port_count = 0;
    return false;
}
