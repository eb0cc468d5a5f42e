#include "kernel/dev/virtio.h"

#include "kernel/debug/log.h"
#include "kernel/spinlock.h"

enum { /* 2.1 */
       STATUS_ACKNOWLEDGE = 1,
       STATUS_DRIVER = 2,
       STATUS_DRIVER_OK = 4,
       STATUS_FEATURES_OK = 8,
       STATUS_FAILED = 128,
};

#define FEATURE_VERSION_1_HIGH 1u /* bit 32: in the upper half of the features */
#define RESET_TRIES 1000000u

struct virtio_device *virtio_find(const char *command_line, enum virtio_type type) {
    struct virtio_device *device = virtio_mmio_find(command_line, type);
    return device != NULL ? device : virtio_pci_find(type);
}

static void add_status(struct virtio_device *device, uint8_t bits) {
    uint8_t status = device->transport->read_status(device);
    device->transport->write_status(device, (uint8_t)(status | bits));
}

static bool reset(struct virtio_device *device) {
    device->transport->write_status(device, 0);
    for (uint32_t i = 0; i < RESET_TRIES; i++) {
        if (device->transport->read_status(device) == 0) {
            return true;
        }
        arch_spin_pause();
    }
    return false;
}

static bool refuse(struct virtio_device *device, const char *reason) {
    log_printf("%s: device refused: %s\n", device->transport->name, reason);
    device->transport->write_status(device, STATUS_FAILED);
    return false;
}

bool virtio_begin(struct virtio_device *device, uint32_t features, interrupt_handler *handler,
                  void *argument) {
    const struct virtio_transport *transport = device->transport;
    if (!reset(device)) {
        return refuse(device, "it does not reset");
    }
    add_status(device, STATUS_ACKNOWLEDGE);
    add_status(device, STATUS_DRIVER);
    if ((transport->read_features(device, 0) & features) != features ||
        (transport->read_features(device, 1) & FEATURE_VERSION_1_HIGH) == 0) {
        return refuse(device, "it lacks a feature that the driver needs");
    }
    transport->write_features(device, 0, features);
    transport->write_features(device, 1, FEATURE_VERSION_1_HIGH);
    add_status(device, STATUS_FEATURES_OK);
    if ((transport->read_status(device) & STATUS_FEATURES_OK) == 0) {
        return refuse(device, "it does not accept the features that it offered");
    }
    if (!transport->connect_interrupt(device, handler, argument)) {
        return refuse(device, "its interrupt cannot be connected");
    }
    return true;
}

bool virtio_add_queue(struct virtio_device *device, uint32_t index, struct virtqueue *queue,
                      struct virtqueue_memory *memory, paddr_t address, bool device_writes) {
    uint32_t size_max = device->transport->select_queue(device, index);
    uint16_t size = VIRTQUEUE_SIZE_MAX;
    while (size > size_max) {
        size /= 2;
    }
    if (size == 0) {
        return refuse(device, "a queue is missing");
    }
    virtqueue_init(queue, memory, size, device_writes);
    struct virtio_queue_addresses addresses = {
        .descriptors = address.value + offsetof(struct virtqueue_memory, descriptors),
        .available = address.value + offsetof(struct virtqueue_memory, available),
        .used = address.value + offsetof(struct virtqueue_memory, used),
    };
    if (!device->transport->enable_queue(device, index, size, &addresses)) {
        return refuse(device, "a queue cannot be enabled");
    }
    return true;
}

void virtio_start(struct virtio_device *device) {
    add_status(device, STATUS_DRIVER_OK);
}

void virtio_abandon(struct virtio_device *device) {
    (void)reset(device);
}
