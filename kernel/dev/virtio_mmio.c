#include "core/virtio_parameter.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/debug/log.h"
#include "kernel/dev/ioapic.h"
#include "kernel/dev/virtio.h"
#include "kernel/mm/mmio.h"

/* Virtio 1.2, 4.2.2; version 2, the one that is not legacy. */
enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SELECT = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SELECT = 0x024,
    QUEUE_SELECT = 0x030,
    QUEUE_SIZE_MAX = 0x034,
    QUEUE_SIZE = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACKNOWLEDGE = 0x064,
    STATUS = 0x070,
    QUEUE_DESCRIPTORS = 0x080, /* each address: low half, high half */
    QUEUE_AVAILABLE = 0x090,
    QUEUE_USED = 0x0a0,
    CONFIG = 0x100,
    REGISTER_BYTES = 0x200,
};

#define MAGIC_VALUE 0x74726976u
#define DEVICES_MAX 32u
#define QUIET_TRIES 100u

struct virtio_mmio {
    struct virtio_device base;
    volatile uint8_t *registers;
    uint32_t gsi;
};

static uint32_t mmio_read(const struct virtio_mmio *mmio, uint32_t offset) {
    return *(volatile uint32_t *)(mmio->registers + offset);
}

static void mmio_write(const struct virtio_mmio *mmio, uint32_t offset, uint32_t value) {
    *(volatile uint32_t *)(mmio->registers + offset) = value;
}

static struct virtio_mmio *mmio_of(struct virtio_device *device) {
    return container_of(device, struct virtio_mmio, base);
}

static uint8_t mmio_read_status(struct virtio_device *device) {
    return (uint8_t)mmio_read(mmio_of(device), STATUS);
}

static void mmio_write_status(struct virtio_device *device, uint8_t status) {
    mmio_write(mmio_of(device), STATUS, status);
}

static uint32_t mmio_read_features(struct virtio_device *device, uint32_t half) {
    mmio_write(mmio_of(device), DEVICE_FEATURES_SELECT, half);
    return mmio_read(mmio_of(device), DEVICE_FEATURES);
}

static void mmio_write_features(struct virtio_device *device, uint32_t half, uint32_t features) {
    mmio_write(mmio_of(device), DRIVER_FEATURES_SELECT, half);
    mmio_write(mmio_of(device), DRIVER_FEATURES, features);
}

static uint32_t mmio_read_config(struct virtio_device *device, uint32_t offset) {
    ASSERT(offset <= REGISTER_BYTES - CONFIG - 4);
    return mmio_read(mmio_of(device), CONFIG + offset);
}

static uint32_t mmio_select_queue(struct virtio_device *device, uint32_t index) {
    mmio_write(mmio_of(device), QUEUE_SELECT, index);
    return mmio_read(mmio_of(device), QUEUE_SIZE_MAX);
}

static void mmio_write_address(const struct virtio_mmio *mmio, uint32_t offset, uint64_t address) {
    mmio_write(mmio, offset, (uint32_t)address);
    mmio_write(mmio, offset + 4, (uint32_t)(address >> 32));
}

static bool mmio_enable_queue(struct virtio_device *device, uint32_t index, uint16_t size,
                              const struct virtio_queue_addresses *addresses) {
    const struct virtio_mmio *mmio = mmio_of(device);
    mmio_write(mmio, QUEUE_SELECT, index);
    mmio_write(mmio, QUEUE_SIZE, size);
    mmio_write_address(mmio, QUEUE_DESCRIPTORS, addresses->descriptors);
    mmio_write_address(mmio, QUEUE_AVAILABLE, addresses->available);
    mmio_write_address(mmio, QUEUE_USED, addresses->used);
    mmio_write(mmio, QUEUE_READY, 1);
    return mmio_read(mmio, QUEUE_READY) == 1;
}

static bool mmio_connect_interrupt(struct virtio_device *device, interrupt_handler *handler,
                                   void *argument) {
    return ioapic_connect(mmio_of(device)->gsi, interrupt_register(handler, argument));
}

static void mmio_notify(struct virtio_device *device, uint32_t index) {
    mmio_write(mmio_of(device), QUEUE_NOTIFY, index);
}

/* The wire stays up, and the interrupt comes again, until every cause is acknowledged. */
static void mmio_quiet(struct virtio_device *device) {
    const struct virtio_mmio *mmio = mmio_of(device);
    for (uint32_t i = 0; i < QUIET_TRIES; i++) {
        uint32_t status = mmio_read(mmio, INTERRUPT_STATUS);
        if (status == 0) {
            return;
        }
        mmio_write(mmio, INTERRUPT_ACKNOWLEDGE, status);
    }
}

static const struct virtio_transport mmio_transport = {
    .name = "virtio-mmio",
    .read_status = mmio_read_status,
    .write_status = mmio_write_status,
    .read_features = mmio_read_features,
    .write_features = mmio_write_features,
    .read_config = mmio_read_config,
    .select_queue = mmio_select_queue,
    .enable_queue = mmio_enable_queue,
    .connect_interrupt = mmio_connect_interrupt,
    .notify = mmio_notify,
    .quiet = mmio_quiet,
};

/* Maps the device if it stands where the parameter says and is of this type. */
static bool probe(const struct virtio_parameter *parameter, enum virtio_type type,
                  struct virtio_mmio *mmio) {
    uint64_t limit = UINT64_C(1) << cpu_features.physical_bits;
    if (parameter->size < REGISTER_BYTES || parameter->address % 4 != 0 ||
        parameter->address >= limit || parameter->size > limit - parameter->address) {
        log_printf("virtio-mmio: device at 0x%lx left out: size or address is out of range\n",
                   parameter->address);
        return false;
    }
    *mmio = (struct virtio_mmio){.base = {.transport = &mmio_transport}, .gsi = parameter->gsi};
    mmio->registers = mmio_map(paddr(parameter->address), REGISTER_BYTES);
    if (mmio_read(mmio, MAGIC) != MAGIC_VALUE) {
        log_printf("virtio-mmio: there is no device at 0x%lx\n", parameter->address);
        return false;
    }
    uint32_t id = mmio_read(mmio, DEVICE_ID);
    if (id != 0 && mmio_read(mmio, VERSION) != 2) {
        log_printf("virtio-mmio: device at 0x%lx left out: it is a legacy one; start QEMU with "
                   "-global virtio-mmio.force-legacy=false\n",
                   parameter->address);
        return false;
    }
    return id == (uint32_t)type;
}

struct virtio_device *virtio_mmio_find(const char *command_line, enum virtio_type type) {
    static struct virtio_mmio mmio;
    struct virtio_parameter parameter;
    uint32_t malformed = 0;
    bool found = false;
    for (uint32_t i = 0;
         i < DEVICES_MAX && !found && virtio_parameter_next(&command_line, &parameter, &malformed);
         i++) {
        found = probe(&parameter, type, &mmio);
    }
    if (malformed != 0) {
        log_printf("virtio-mmio: %u malformed virtio_mmio.device= on the command line; write "
                   "SIZE@ADDRESS:INTERRUPT\n",
                   malformed);
    }
    return found ? &mmio.base : NULL;
}
