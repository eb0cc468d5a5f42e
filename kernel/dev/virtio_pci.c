#include "kernel/debug/log.h"
#include "kernel/dev/pci.h"
#include "kernel/dev/virtio.h"

/* Virtio 1.2, 4.1.4: capabilities lead to structures in the function's memory. */
enum {
    CAPABILITY_TYPE = 3,
    CAPABILITY_BAR = 4,
    CAPABILITY_OFFSET = 8,
    CAPABILITY_LENGTH = 12,
    CAPABILITY_NOTIFY_MULTIPLIER = 16,

    STRUCTURE_COMMON = 1,
    STRUCTURE_NOTIFY = 2,
    STRUCTURE_DEVICE = 4,
};

/* 4.1.4.3: the common structure. */
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_MSIX_VECTOR = 0x10,
    DEVICE_STATUS = 0x14,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFFSET = 0x1e,
    QUEUE_DESCRIPTORS = 0x20,
    QUEUE_AVAILABLE = 0x28,
    QUEUE_USED = 0x30,
    COMMON_BYTES = 0x38,
};

#define VENDOR 0x1af4u
#define DEVICE_ID_MODERN 0x1040u
#define DEVICE_ID_CONSOLE_TRANSITIONAL 0x1003u
#define MSIX_ENTRY 0u /* of everything: one interrupt serves the whole device */
#define CAPABILITIES_MAX 16u

struct virtio_pci {
    struct virtio_device base;
    struct pci_function function;
    volatile uint8_t *common, *notify, *config;
    uint32_t notify_bytes, notify_multiplier, config_bytes;
    volatile uint16_t *doorbells[VIRTIO_QUEUES_MAX]; /* one for each queue that is enabled */
};

static struct virtio_pci *pci_of(struct virtio_device *device) {
    return container_of(device, struct virtio_pci, base);
}

static uint16_t common_read16(const struct virtio_pci *pci, uint32_t offset) {
    return *(volatile uint16_t *)(pci->common + offset);
}

static void common_write16(const struct virtio_pci *pci, uint32_t offset, uint32_t value) {
    *(volatile uint16_t *)(pci->common + offset) = (uint16_t)value;
}

static void common_write32(const struct virtio_pci *pci, uint32_t offset, uint32_t value) {
    *(volatile uint32_t *)(pci->common + offset) = value;
}

static uint8_t virtio_pci_read_status(struct virtio_device *device) {
    return pci_of(device)->common[DEVICE_STATUS];
}

static void virtio_pci_write_status(struct virtio_device *device, uint8_t status) {
    pci_of(device)->common[DEVICE_STATUS] = status;
}

static uint32_t virtio_pci_read_features(struct virtio_device *device, uint32_t half) {
    common_write32(pci_of(device), DEVICE_FEATURE_SELECT, half);
    return *(volatile uint32_t *)(pci_of(device)->common + DEVICE_FEATURE);
}

static void virtio_pci_write_features(struct virtio_device *device, uint32_t half,
                                      uint32_t features) {
    common_write32(pci_of(device), DRIVER_FEATURE_SELECT, half);
    common_write32(pci_of(device), DRIVER_FEATURE, features);
}

/* What a device leaves out reads as 0. */
static uint32_t virtio_pci_read_config(struct virtio_device *device, uint32_t offset) {
    const struct virtio_pci *pci = pci_of(device);
    if (pci->config_bytes < 4 || offset > pci->config_bytes - 4) {
        return 0;
    }
    return *(volatile uint32_t *)(pci->config + offset);
}

static uint32_t virtio_pci_select_queue(struct virtio_device *device, uint32_t index) {
    common_write16(pci_of(device), QUEUE_SELECT, index);
    return common_read16(pci_of(device), QUEUE_SIZE);
}

static void common_write_address(const struct virtio_pci *pci, uint32_t offset, uint64_t address) {
    common_write32(pci, offset, (uint32_t)address);
    common_write32(pci, offset + 4, (uint32_t)(address >> 32));
}

static bool virtio_pci_enable_queue(struct virtio_device *device, uint32_t index, uint16_t size,
                                    const struct virtio_queue_addresses *addresses) {
    struct virtio_pci *pci = pci_of(device);
    common_write16(pci, QUEUE_SELECT, index);
    uint64_t doorbell = (uint64_t)common_read16(pci, QUEUE_NOTIFY_OFFSET) * pci->notify_multiplier;
    if (index >= VIRTIO_QUEUES_MAX || doorbell % 2 != 0 || doorbell + 2 > pci->notify_bytes) {
        return false;
    }
    pci->doorbells[index] = (volatile uint16_t *)(pci->notify + doorbell);
    common_write16(pci, QUEUE_SIZE, size);
    common_write16(pci, QUEUE_MSIX_VECTOR, MSIX_ENTRY);
    common_write_address(pci, QUEUE_DESCRIPTORS, addresses->descriptors);
    common_write_address(pci, QUEUE_AVAILABLE, addresses->available);
    common_write_address(pci, QUEUE_USED, addresses->used);
    common_write16(pci, QUEUE_ENABLE, 1);
    return common_read16(pci, QUEUE_MSIX_VECTOR) == MSIX_ENTRY; /* 4.1.5.1.2: else no resources */
}

static bool virtio_pci_connect_interrupt(struct virtio_device *device, interrupt_handler *handler,
                                         void *argument) {
    struct virtio_pci *pci = pci_of(device);
    common_write16(pci, CONFIG_MSIX_VECTOR, MSIX_ENTRY);
    return common_read16(pci, CONFIG_MSIX_VECTOR) == MSIX_ENTRY &&
           pci_connect_interrupt(pci->function, handler, argument);
}

static void virtio_pci_notify(struct virtio_device *device, uint32_t index) {
    *pci_of(device)->doorbells[index] = (uint16_t)index;
}

/* A message-signalled interrupt has no wire that would stay up. */
static void virtio_pci_quiet(struct virtio_device *device) {
    (void)device;
}

static const struct virtio_transport pci_transport = {
    .name = "virtio-pci",
    .read_status = virtio_pci_read_status,
    .write_status = virtio_pci_write_status,
    .read_features = virtio_pci_read_features,
    .write_features = virtio_pci_write_features,
    .read_config = virtio_pci_read_config,
    .select_queue = virtio_pci_select_queue,
    .enable_queue = virtio_pci_enable_queue,
    .connect_interrupt = virtio_pci_connect_interrupt,
    .notify = virtio_pci_notify,
    .quiet = virtio_pci_quiet,
};

/* The structure that the capability at `at` leads to; the first one of each kind counts (4.1.4.1).
 */
static void map_structure(struct virtio_pci *pci, uint8_t at) {
    uint8_t bar = pci_read8(pci->function, at + CAPABILITY_BAR);
    uint32_t offset = pci_read32(pci->function, at + CAPABILITY_OFFSET);
    uint32_t length = pci_read32(pci->function, at + CAPABILITY_LENGTH);
    uint8_t type = pci_read8(pci->function, at + CAPABILITY_TYPE);
    if (offset % 4 != 0) {
        return;
    }
    if (type == STRUCTURE_COMMON && pci->common == NULL && length >= COMMON_BYTES) {
        pci->common = pci_map_bar(pci->function, bar, offset, COMMON_BYTES);
    } else if (type == STRUCTURE_NOTIFY && pci->notify == NULL && length >= 2) {
        pci->notify_multiplier = pci_read32(pci->function, at + CAPABILITY_NOTIFY_MULTIPLIER);
        pci->notify_bytes = length < PAGE_SIZE ? length : (uint32_t)PAGE_SIZE;
        pci->notify = pci_map_bar(pci->function, bar, offset, pci->notify_bytes);
    } else if (type == STRUCTURE_DEVICE && pci->config == NULL && length >= 4) {
        pci->config_bytes = length < PAGE_SIZE ? length : (uint32_t)PAGE_SIZE;
        pci->config = pci_map_bar(pci->function, bar, offset, pci->config_bytes);
    }
}

struct virtio_device *virtio_pci_find(enum virtio_type type) {
    static struct virtio_pci pci;
    const uint16_t device_ids[2] = {(uint16_t)(DEVICE_ID_MODERN + (uint32_t)type),
                                    DEVICE_ID_CONSOLE_TRANSITIONAL};
    if (!pci_find(VENDOR, device_ids, &pci.function)) {
        return NULL;
    }
    pci.base.transport = &pci_transport;
    pci_enable(pci.function);
    uint8_t at = pci_next_capability(pci.function, PCI_CAPABILITY_VENDOR, 0);
    for (uint32_t i = 0; i < CAPABILITIES_MAX && at != 0; i++) {
        if (at <= 0x100 - CAPABILITY_NOTIFY_MULTIPLIER - 4) {
            map_structure(&pci, at);
        }
        at = pci_next_capability(pci.function, PCI_CAPABILITY_VENDOR, at);
    }
    if (pci.common == NULL || pci.notify == NULL || pci.config == NULL) {
        log_printf("virtio-pci: device refused: it lacks the structures of virtio 1; start QEMU "
                   "without disable-modern=on\n");
        return NULL;
    }
    return &pci.base;
}
