#pragma once
/*
 * Virtio devices (virtio 1.2), behind either transport: memory-mapped registers or PCI.
 *
 * Rules
 * - Finding and starting happen at boot on one CPU. Afterwards virtio_notify and virtio_quiet may
 * be used from any CPU without a lock; queues are guarded by whoever owns them.
 * - What a device says is checked; one that does not keep to the protocol is refused with a line in
 *   the log.
 */
#include "core/virtqueue.h"
#include "kernel/arch/x86_64/interrupt.h"
#include "kernel/types.h"

#define VIRTIO_QUEUES_MAX 32u

struct virtio_device;

struct virtio_queue_addresses {
    uint64_t descriptors, available, used;
};

struct virtio_transport {
    const char *name;
    uint8_t (*read_status)(struct virtio_device *device);
    void (*write_status)(struct virtio_device *device, uint8_t status);
    uint32_t (*read_features)(struct virtio_device *device, uint32_t half);
    void (*write_features)(struct virtio_device *device, uint32_t half, uint32_t features);
    uint32_t (*read_config)(struct virtio_device *device, uint32_t offset);
    /* Selects a queue for the next two; 0 when the device does not have it. */
    uint32_t (*select_queue)(struct virtio_device *device, uint32_t index);
    bool (*enable_queue)(struct virtio_device *device, uint32_t index, uint16_t size,
                         const struct virtio_queue_addresses *addresses);
    bool (*connect_interrupt)(struct virtio_device *device, interrupt_handler *handler,
                              void *argument);
    void (*notify)(struct virtio_device *device, uint32_t index);
    void (*quiet)(struct virtio_device *device);
};

/* The common beginning of a transport's own record. */
struct virtio_device {
    const struct virtio_transport *transport;
};

enum virtio_type { VIRTIO_TYPE_CONSOLE = 3 };

/* The first device of this type, or NULL: each transport's own, then both in turn. */
struct virtio_device *virtio_mmio_find(const char *command_line, enum virtio_type type);
struct virtio_device *virtio_pci_find(enum virtio_type type);
struct virtio_device *virtio_find(const char *command_line, enum virtio_type type);

/* Resets the device and agrees on exactly these features and VERSION_1. handler will run at its
 * interrupts. */
bool virtio_begin(struct virtio_device *device, uint32_t features, interrupt_handler *handler,
                  void *argument);

/* Gives the device a queue of at most VIRTQUEUE_SIZE_MAX entries. memory is zeroed, and reached by
 * the device at `address`. */
bool virtio_add_queue(struct virtio_device *device, uint32_t index, struct virtqueue *queue,
                      struct virtqueue_memory *memory, paddr_t address, bool device_writes);

/* The device may use its queues from now on. */
void virtio_start(struct virtio_device *device);

/* Gives up on a device: it will not touch memory any more. */
void virtio_abandon(struct virtio_device *device);

/* Tells the device that a queue has buffers for it. */
static inline void virtio_notify(struct virtio_device *device, uint32_t index) {
    device->transport->notify(device, index);
}

/* First thing in an interrupt handler: the interrupt is taken note of, and the next can come. */
static inline void virtio_quiet(struct virtio_device *device) {
    device->transport->quiet(device);
}
