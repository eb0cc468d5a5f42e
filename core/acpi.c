#include "core/acpi.h"

/* Signatures as the little-endian words that stand in memory. */
#define SIGNATURE(a, b, c, d)                                                                      \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

enum {
    HEADER_BYTES = 36,  /* 5.2.6: signature, length, revision, checksum, ids */
    ROOT_V1_BYTES = 20, /* 5.2.5.3 */
    ROOT_V2_BYTES = 36,
    ROOT_REVISION = 15,
    ROOT_RSDT = 16,
    ROOT_XSDT = 24,
    ADDRESS_SPACE_MEMORY = 0, /* 5.2.3.2, generic address structure */
    ADDRESS_SPACE_IO = 1,
    FADT_TIMER_IS_32_BITS = 1 << 8, /* 5.2.9, flags */
    FADT_HARDWARE_REDUCED = 1 << 20,
};

struct table {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t signature;
};

static uint16_t load16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}
static uint32_t load32(const uint8_t *bytes) {
    return (uint32_t)load16(bytes) | (uint32_t)load16(bytes + 2) << 16;
}
static uint64_t load64(const uint8_t *bytes) {
    return (uint64_t)load32(bytes) | (uint64_t)load32(bytes + 4) << 32;
}

static uint8_t sum_bytes(const uint8_t *bytes, size_t size) {
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum;
}

static void note(const struct acpi_memory *memory, uint32_t signature, const char *reason) {
    char name[5] = {0};
    for (unsigned i = 0; i < 4; i++) {
        char letter = (char)(signature >> (8 * i));
        name[i] = letter >= ' ' && letter <= '~' ? letter : '?';
    }
    memory->note(memory->context, name, reason);
}

static bool root_is_valid(const uint8_t *root, size_t size) {
    static const char signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    if (size < ROOT_V1_BYTES) {
        return false;
    }
    for (size_t i = 0; i < sizeof(signature); i++) {
        if (root[i] != (uint8_t)signature[i]) {
            return false;
        }
    }
    return sum_bytes(root, ROOT_V1_BYTES) == 0;
}

size_t acpi_find_root(const uint8_t *area, size_t size) {
    for (size_t offset = 0; offset < size; offset += 16) { /* 5.2.5.1: on 16-byte boundaries */
        if (root_is_valid(area + offset, size - offset)) {
            return offset;
        }
    }
    return SIZE_MAX;
}

/* Maps a whole table: length and checksum hold afterwards. */
static bool open_table(const struct acpi_memory *memory, uint64_t address, struct table *table) {
    const uint8_t *header = memory->map(memory->context, address, HEADER_BYTES);
    if (header == NULL) {
        memory->note(memory->context, "ACPI", "a table lies outside memory");
        return false;
    }
    table->signature = load32(header);
    table->length = load32(header + 4);
    if (table->length < HEADER_BYTES || table->length > ACPI_TABLE_BYTES_MAX) {
        note(memory, table->signature, "its length is out of range");
        return false;
    }
    table->bytes = memory->map(memory->context, address, table->length);
    if (table->bytes == NULL) {
        note(memory, table->signature, "its end lies outside memory");
        return false;
    }
    if (sum_bytes(table->bytes, table->length) != 0) {
        note(memory, table->signature, "its checksum is wrong");
        return false;
    }
    return true;
}

static void add_cpu(const struct acpi_memory *memory, struct acpi_info *info, uint32_t apic_id) {
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->apic_ids[i] == apic_id) {
            note(memory, SIGNATURE('A', 'P', 'I', 'C'), "it names a CPU twice");
            return;
        }
    }
    if (info->cpu_count == ACPI_CPUS_MAX) {
        note(memory, SIGNATURE('A', 'P', 'I', 'C'), "it names more than 64 CPUs");
        return;
    }
    info->apic_ids[info->cpu_count++] = apic_id;
}

static void add_ioapic(const struct acpi_memory *memory, struct acpi_info *info,
                       const uint8_t *entry) {
    if (info->ioapic_count == ACPI_IOAPICS_MAX) {
        note(memory, SIGNATURE('A', 'P', 'I', 'C'), "it names more than 4 I/O APICs");
        return;
    }
    info->ioapics[info->ioapic_count++] = (struct acpi_ioapic){
        .id = entry[2], .address = load32(entry + 4), .gsi_base = load32(entry + 8)};
}

static void add_override(const struct acpi_memory *memory, struct acpi_info *info,
                         const uint8_t *entry) {
    if (entry[2] != 0 || entry[3] > 15 || info->override_count == ACPI_OVERRIDES_MAX) {
        note(memory, SIGNATURE('A', 'P', 'I', 'C'), "an interrupt override is out of range");
        return;
    }
    uint16_t flags = load16(entry + 8); /* 5.2.12.5: 2 bits polarity, 2 bits trigger mode */
    info->overrides[info->override_count++] =
        (struct acpi_override){.isa_irq = entry[3],
                               .gsi = load32(entry + 4),
                               .active_low = (flags & 3) == 3,
                               .level_triggered = (flags >> 2 & 3) == 3};
}

/* One interrupt controller structure (5.2.12); its length was checked against the table's end. */
static void read_madt_entry(const struct acpi_memory *memory, struct acpi_info *info,
                            const uint8_t *entry, uint8_t length) {
    enum { LOCAL_APIC = 0, IO_APIC = 1, OVERRIDE = 2, APIC_ADDRESS = 5, LOCAL_X2APIC = 9 };
    enum { CPU_ENABLED = 1 };
    static const uint8_t length_min[] = {
        [LOCAL_APIC] = 8, [IO_APIC] = 12, [OVERRIDE] = 10, [APIC_ADDRESS] = 12, [LOCAL_X2APIC] = 16,
    };
    uint8_t type = entry[0];
    if (type < sizeof(length_min) && length < length_min[type]) {
        note(memory, SIGNATURE('A', 'P', 'I', 'C'), "an entry is too short");
        return;
    }
    switch (type) {
    case LOCAL_APIC:
        if ((load32(entry + 4) & CPU_ENABLED) != 0) {
            add_cpu(memory, info, entry[3]);
        }
        break;
    case LOCAL_X2APIC:
        if ((load32(entry + 8) & CPU_ENABLED) != 0) {
            add_cpu(memory, info, load32(entry + 4));
        }
        break;
    case IO_APIC:
        add_ioapic(memory, info, entry);
        break;
    case OVERRIDE:
        add_override(memory, info, entry);
        break;
    case APIC_ADDRESS:
        info->local_apic = load64(entry + 4);
        break;
    default: /* nothing that the kernel needs */
        break;
    }
}

static void read_madt(const struct acpi_memory *memory, struct acpi_info *info,
                      const struct table *table) {
    uint32_t offset = HEADER_BYTES + 8;
    if (table->length < offset) {
        note(memory, table->signature, "it is too short");
        return;
    }
    info->local_apic = load32(table->bytes + HEADER_BYTES);
    while (table->length - offset >= 2) {
        uint8_t length = table->bytes[offset + 1];
        if (length < 2 || length > table->length - offset) {
            note(memory, table->signature, "an entry runs over its end");
            return;
        }
        read_madt_entry(memory, info, table->bytes + offset, length);
        offset += length;
    }
}

/* PCI Express memory-mapped configuration (PCI Firmware Specification 3.2, 4.1.2). */
static void read_mcfg(const struct acpi_memory *memory, struct acpi_info *info,
                      const struct table *table) {
    enum { FIRST_ENTRY = HEADER_BYTES + 8, ENTRY_BYTES = 16 };
    for (uint32_t offset = FIRST_ENTRY;
         table->length >= ENTRY_BYTES && offset <= table->length - ENTRY_BYTES;
         offset += ENTRY_BYTES) {
        const uint8_t *entry = table->bytes + offset;
        uint64_t address = load64(entry);
        if (load16(entry + 8) != 0) { /* another segment */
            continue;
        }
        if (entry[10] > entry[11] || address == 0 || address % (1u << 20) != 0 ||
            address >= UINT64_C(1) << 52) {
            note(memory, table->signature, "an entry is out of range");
            continue;
        }
        info->has_pci_config = true;
        info->pci_config = address;
        info->pci_bus_first = entry[10];
        info->pci_bus_last = entry[11];
        return;
    }
}

/* A generic address structure at `offset`; address 0 when the table ends before it. */
static struct acpi_register read_address(const struct table *table, uint32_t offset) {
    if (table->length < offset + 12) {
        return (struct acpi_register){0};
    }
    const uint8_t *field = table->bytes + offset;
    uint64_t address = load64(field + 4);
    if (field[0] == ADDRESS_SPACE_IO && address <= UINT16_MAX) {
        return (struct acpi_register){.address = address, .is_io = true};
    }
    if (field[0] == ADDRESS_SPACE_MEMORY && address < UINT64_C(1) << 52) {
        return (struct acpi_register){.address = address};
    }
    return (struct acpi_register){0};
}

static uint16_t read_port(const struct table *table, uint32_t offset) {
    uint32_t port = table->length < offset + 4 ? 0 : load32(table->bytes + offset);
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/*
 * The values that power off writes: Name (_S5_, Package (n) {a, b, ...}) (ACPI 7.4.2; encoding in
 * 20.2). Firmware writes them as plain constants, so that a search finds them without an AML
 * interpreter.
 */
static void read_sleep_types(struct acpi_info *info, const struct table *table) {
    enum { ZERO_OP = 0, ONE_OP = 1, BYTE_PREFIX = 0x0a, PACKAGE_OP = 0x12, NAME_BYTES = 4 };
    const uint8_t *bytes = table->bytes;
    for (uint32_t at = HEADER_BYTES; table->length - at >= NAME_BYTES + 8; at++) {
        if (load32(bytes + at) != SIGNATURE('_', 'S', '5', '_') ||
            bytes[at + NAME_BYTES] != PACKAGE_OP) {
            continue;
        }
        /* The package length takes one to four bytes, as its two top bits say; then the count. */
        uint32_t offset = at + NAME_BYTES + 1;
        offset += 1u + (bytes[offset] >> 6) + 1u;
        uint8_t values[2] = {0, 0};
        for (unsigned i = 0; i < 2; i++) {
            bool has_prefix = offset < table->length && bytes[offset] == BYTE_PREFIX;
            offset += has_prefix ? 1 : 0;
            if (offset >= table->length || (!has_prefix && bytes[offset] > ONE_OP)) {
                return;
            }
            values[i] = bytes[offset++] & 7;
        }
        info->s5_type_a = values[0];
        info->s5_type_b = values[1];
        info->s5_known = true;
        return;
    }
}

/* Fixed ACPI description table (5.2.9), and the DSDT that it points to. */
static void read_fadt(const struct acpi_memory *memory, struct acpi_info *info,
                      const struct table *table) {
    enum { DSDT = 40, PM1A_CONTROL = 64, PM1B_CONTROL = 68, PM_TIMER = 76, PM_TIMER_LENGTH = 91 };
    enum { FLAGS = 112, EXTENDED_DSDT = 140, SLEEP_CONTROL = 244, LENGTH_MIN = 116 };
    if (table->length < LENGTH_MIN) {
        note(memory, table->signature, "it is too short");
        return;
    }
    uint32_t flags = load32(table->bytes + FLAGS);
    if ((flags & FADT_HARDWARE_REDUCED) != 0) {
        info->sleep_control = read_address(table, SLEEP_CONTROL);
    } else {
        info->pm1a_control = read_port(table, PM1A_CONTROL);
        info->pm1b_control = read_port(table, PM1B_CONTROL);
        if (table->bytes[PM_TIMER_LENGTH] == 4) {
            info->pm_timer_port = read_port(table, PM_TIMER);
            info->pm_timer_is_32_bits = (flags & FADT_TIMER_IS_32_BITS) != 0;
        }
    }

    uint64_t dsdt_address = load32(table->bytes + DSDT);
    if (table->length >= EXTENDED_DSDT + 8 && load64(table->bytes + EXTENDED_DSDT) != 0) {
        dsdt_address = load64(table->bytes + EXTENDED_DSDT);
    }
    struct table dsdt;
    if (dsdt_address != 0 && open_table(memory, dsdt_address, &dsdt)) {
        read_sleep_types(info, &dsdt);
    }
}

/* Every table that the RSDT (32-bit addresses) or XSDT (64-bit ones) lists; the first of a kind
 * counts. */
static void read_root_table(const struct acpi_memory *memory, struct acpi_info *info,
                            const struct table *root, uint32_t address_bytes) {
    static const struct {
        uint32_t signature;
        void (*read)(const struct acpi_memory *memory, struct acpi_info *info,
                     const struct table *table);
    } kinds[] = {
        {SIGNATURE('A', 'P', 'I', 'C'), read_madt},
        {SIGNATURE('M', 'C', 'F', 'G'), read_mcfg},
        {SIGNATURE('F', 'A', 'C', 'P'), read_fadt},
    };
    enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };
    bool seen[KIND_COUNT] = {false};

    uint32_t count = (root->length - HEADER_BYTES) / address_bytes;
    if (count > ACPI_TABLES_MAX) {
        note(memory, root->signature, "it lists more than 128 tables");
        count = ACPI_TABLES_MAX;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *field = root->bytes + HEADER_BYTES + i * address_bytes;
        uint64_t address = address_bytes == 8 ? load64(field) : load32(field);
        struct table table;
        if (!open_table(memory, address, &table)) {
            continue;
        }
        for (uint32_t kind = 0; kind < KIND_COUNT; kind++) {
            if (table.signature == kinds[kind].signature && !seen[kind]) {
                seen[kind] = true;
                kinds[kind].read(memory, info, &table);
            }
        }
    }
}

/* The root table that a root pointer at rsdp leads to, and the size of the addresses in it. */
static bool open_root(const struct acpi_memory *memory, uint64_t rsdp, struct table *root,
                      uint32_t *address_bytes) {
    const uint8_t *pointer = memory->map(memory->context, rsdp, ROOT_V1_BYTES);
    if (pointer == NULL || !root_is_valid(pointer, ROOT_V1_BYTES)) {
        return false;
    }
    uint64_t address = load32(pointer + ROOT_RSDT);
    uint32_t signature = SIGNATURE('R', 'S', 'D', 'T');
    *address_bytes = 4;
    const uint8_t *extended =
        pointer[ROOT_REVISION] >= 2 ? memory->map(memory->context, rsdp, ROOT_V2_BYTES) : NULL;
    if (extended != NULL && sum_bytes(extended, ROOT_V2_BYTES) == 0 &&
        load64(extended + ROOT_XSDT) != 0) {
        address = load64(extended + ROOT_XSDT);
        signature = SIGNATURE('X', 'S', 'D', 'T');
        *address_bytes = 8;
    }
    if (!open_table(memory, address, root)) {
        return false;
    }
    if (root->signature != signature) {
        note(memory, root->signature, "the root pointer does not lead to a root table");
        return false;
    }
    return true;
}

bool acpi_read_tables(const struct acpi_memory *memory, uint64_t rsdp, struct acpi_info *info) {
    *info = (struct acpi_info){.local_apic = ACPI_LOCAL_APIC_DEFAULT};
    struct table root;
    uint32_t address_bytes;
    bool found = open_root(memory, rsdp, &root, &address_bytes);
    if (found) {
        read_root_table(memory, info, &root, address_bytes);
    }
    if (info->cpu_count == 0) {
        info->cpu_count = 1; /* the CPU that is running; its APIC id is found otherwise */
    }
    return found;
}
