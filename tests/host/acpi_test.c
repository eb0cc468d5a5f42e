#include "core/acpi.h"

#include "tests/host/test.h"

/* A small physical memory in which the tests lay out their tables. */
enum { BASE = 0x10000, BYTES = 0x4000, RSDP = BASE, ROOT = BASE + 0x100, TABLES = BASE + 0x400 };

struct machine {
    uint8_t bytes[BYTES];
    uint64_t next;       /* address of the next table */
    uint32_t root_count; /* tables that the root lists */
    uint32_t notes;
    char last_table[5], last_reason[80];
    struct acpi_info info;
};

static uint8_t *at(struct machine *machine, uint64_t address) {
    CHECK(address >= BASE && address < BASE + BYTES);
    return machine->bytes + (address - BASE);
}

static void put(uint8_t *target, uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) {
        target[i] = (uint8_t)(value >> (8 * i));
    }
}

static void fix_sum(uint8_t *bytes, size_t size, uint8_t *sum) {
    *sum = 0;
    uint8_t total = 0;
    for (size_t i = 0; i < size; i++) {
        total = (uint8_t)(total + bytes[i]);
    }
    *sum = (uint8_t)-total;
}

static void seal(uint8_t *table, const char *signature, uint32_t length) {
    memcpy(table, signature, 4);
    put(table + 4, length, 4);
    fix_sum(table, length, table + 9);
}

static void init(struct machine *machine) {
    memset(machine, 0, sizeof *machine);
    machine->next = TABLES;
}

/* Makes room for a table of this length; its body is filled in, then sealed. */
static uint8_t *add_table(struct machine *machine, uint32_t length) {
    uint8_t *table = at(machine, machine->next);
    put(at(machine, ROOT) + 36 + 8 * machine->root_count++, machine->next, 8);
    machine->next += (length + 15) & ~15u;
    return table;
}

static const uint8_t *map(void *context, uint64_t address, uint64_t size) {
    struct machine *machine = context;
    if (address < BASE || address >= BASE + BYTES || size > BASE + BYTES - address) {
        return NULL;
    }
    return at(machine, address);
}

static void take_note(void *context, const char *table, const char *reason) {
    struct machine *machine = context;
    machine->notes++;
    snprintf(machine->last_table, sizeof machine->last_table, "%s", table);
    snprintf(machine->last_reason, sizeof machine->last_reason, "%s", reason);
}

/* Seals root and pointer, and reads everything. */
static bool read_all(struct machine *machine) {
    seal(at(machine, ROOT), "XSDT", 36 + 8 * machine->root_count);
    uint8_t *rsdp = at(machine, RSDP);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    put(rsdp + 24, ROOT, 8);
    fix_sum(rsdp, 20, rsdp + 8);
    fix_sum(rsdp, 36, rsdp + 32);
    struct acpi_memory memory = {.map = map, .note = take_note, .context = machine};
    return acpi_read_tables(&memory, RSDP, &machine->info);
}

static uint8_t *put_cpu(uint8_t *entry, uint8_t apic_id, uint32_t flags) {
    entry[0] = 0;
    entry[1] = 8;
    entry[3] = apic_id;
    put(entry + 4, flags, 4);
    return entry + 8;
}

TEST(no_root_means_one_cpu) {
    struct machine machine;
    init(&machine);
    struct acpi_memory memory = {.map = map, .note = take_note, .context = &machine};
    CHECK(!acpi_read_tables(&memory, RSDP, &machine.info));
    CHECK(!acpi_read_tables(&memory, 0, &machine.info));
    CHECK(!acpi_read_tables(&memory, UINT64_MAX, &machine.info));
    CHECK_EQUAL(machine.info.cpu_count, 1);
    CHECK_EQUAL(machine.info.ioapic_count, 0);
    CHECK_EQUAL(machine.info.local_apic, 0xfee00000);
}

TEST(root_is_found_in_bios_area) {
    struct machine machine;
    init(&machine);
    CHECK(read_all(&machine));
    static uint8_t area[256];
    memcpy(area + 48, at(&machine, RSDP), 36);
    CHECK_EQUAL(acpi_find_root(area, sizeof area), 48);
    area[48 + 10]++;
    CHECK_EQUAL(acpi_find_root(area, sizeof area), SIZE_MAX);
    memcpy(area + 240, at(&machine, RSDP), 16); /* cut off by the area's end */
    CHECK_EQUAL(acpi_find_root(area, sizeof area), SIZE_MAX);
}

TEST(old_root_has_addresses_of_32_bits) {
    struct machine machine;
    init(&machine);
    uint8_t *madt = add_table(&machine, 60);
    put_cpu(put_cpu(madt + 44, 3, 1), 4, 1);
    seal(madt, "APIC", 60);
    CHECK(read_all(&machine));
    uint8_t *root = at(&machine, ROOT), *rsdp = at(&machine, RSDP);
    put(root + 36, TABLES, 4);
    seal(root, "RSDT", 40);
    rsdp[15] = 0;
    put(rsdp + 16, ROOT, 4);
    fix_sum(rsdp, 20, rsdp + 8);
    struct acpi_memory memory = {.map = map, .note = take_note, .context = &machine};
    CHECK(acpi_read_tables(&memory, RSDP, &machine.info));
    CHECK_EQUAL(machine.info.cpu_count, 2);
    CHECK_EQUAL(machine.info.apic_ids[1], 4);
    /* A root that is not what the pointer promises is not read. */
    seal(root, "XSDT", 40);
    CHECK(!acpi_read_tables(&memory, RSDP, &machine.info));
}

TEST(madt_lists_cpus_ioapics_and_overrides) {
    struct machine machine;
    init(&machine);
    uint32_t length = 44 + 8 + 8 + 8 + 16 + 12 + 10 + 12;
    uint8_t *madt = add_table(&machine, length), *entry = madt + 44;
    put(madt + 36, 0xfee01000, 4);
    entry = put_cpu(entry, 0, 1);
    entry = put_cpu(entry, 1, 0); /* not enabled */
    entry = put_cpu(entry, 2, 1);
    entry[0] = 9; /* x2APIC */
    entry[1] = 16;
    put(entry + 4, 300, 4);
    put(entry + 8, 1, 4);
    entry += 16;
    entry[0] = 1; /* I/O APIC */
    entry[1] = 12;
    entry[2] = 7;
    put(entry + 4, 0xfec00000, 4);
    put(entry + 8, 24, 4);
    entry += 12;
    entry[0] = 2; /* override */
    entry[1] = 10;
    entry[3] = 9;
    put(entry + 4, 20, 4);
    put(entry + 8, 0xf, 2); /* active low, level */
    entry += 10;
    entry[0] = 5; /* local APIC address */
    entry[1] = 12;
    put(entry + 4, 0x1234567000, 8);
    seal(madt, "APIC", length);
    CHECK(read_all(&machine));
    CHECK_EQUAL(machine.notes, 0);
    CHECK_EQUAL(machine.info.cpu_count, 3);
    CHECK_EQUAL(machine.info.apic_ids[1], 2);
    CHECK_EQUAL(machine.info.apic_ids[2], 300);
    CHECK_EQUAL(machine.info.local_apic, 0x1234567000);
    CHECK_EQUAL(machine.info.ioapic_count, 1);
    CHECK_EQUAL(machine.info.ioapics[0].id, 7);
    CHECK_EQUAL(machine.info.ioapics[0].address, 0xfec00000);
    CHECK_EQUAL(machine.info.ioapics[0].gsi_base, 24);
    CHECK_EQUAL(machine.info.override_count, 1);
    CHECK_EQUAL(machine.info.overrides[0].isa_irq, 9);
    CHECK_EQUAL(machine.info.overrides[0].gsi, 20);
    CHECK(machine.info.overrides[0].active_low && machine.info.overrides[0].level_triggered);
}

TEST(too_many_and_double_entries_are_left_out) {
    struct machine machine;
    init(&machine);
    uint32_t length = 44 + 8 * 71 + 12 * 5;
    uint8_t *madt = add_table(&machine, length), *entry = madt + 44;
    for (uint8_t i = 0; i < 70; i++) {
        entry = put_cpu(entry, i, 1);
    }
    entry = put_cpu(entry, 5, 1);
    for (uint8_t i = 0; i < 5; i++) {
        entry[0] = 1;
        entry[1] = 12;
        entry += 12;
    }
    seal(madt, "APIC", length);
    CHECK(read_all(&machine));
    CHECK_EQUAL(machine.info.cpu_count, ACPI_CPUS_MAX);
    CHECK_EQUAL(machine.info.ioapic_count, ACPI_IOAPICS_MAX);
    CHECK_EQUAL(machine.notes, 6 + 1 + 1);
}

TEST(entry_that_runs_over_the_end_stops_the_table) {
    struct machine machine;
    init(&machine);
    uint8_t *madt = add_table(&machine, 60);
    uint8_t *second = put_cpu(madt + 44, 3, 1);
    put_cpu(second, 4, 1);
    for (unsigned length = 0; length < 256; length++) {
        second[1] = (uint8_t)length;
        seal(madt, "APIC", 60);
        machine.notes = 0;
        machine.root_count = 1;
        CHECK(read_all(&machine));
        CHECK_EQUAL(machine.info.cpu_count, length == 8 ? 2 : 1);
        /* Four entries of two bytes are too short for what they say they are. */
        CHECK_EQUAL(machine.notes > 0, length != 8);
    }
}

TEST(damaged_tables_are_left_out) {
    struct machine machine;
    init(&machine);
    uint8_t *madt = add_table(&machine, 60);
    put_cpu(put_cpu(madt + 44, 3, 1), 4, 1);
    seal(madt, "APIC", 60);
    CHECK(read_all(&machine));
    CHECK_EQUAL(machine.info.cpu_count, 2);
    madt[50]++;
    CHECK(read_all(&machine));
    CHECK_EQUAL(machine.info.cpu_count, 1);
    CHECK_STRING(machine.last_table, "APIC");
    CHECK_STRING(machine.last_reason, "its checksum is wrong");
    static const struct {
        uint32_t length;
        const char *reason;
    } wrong[] = {
        {0, "its length is out of range"},
        {35, "its length is out of range"},
        {0x8000, "its end lies outside memory"},
        {1u << 20, "its end lies outside memory"},
        {(1u << 20) + 1, "its length is out of range"},
        {UINT32_MAX, "its length is out of range"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put(madt + 4, wrong[i].length, 4);
        machine.notes = 0;
        CHECK(read_all(&machine));
        CHECK_EQUAL(machine.notes, 1);
        CHECK_STRING(machine.last_reason, wrong[i].reason);
        CHECK_EQUAL(machine.info.cpu_count, 1);
    }
}

TEST(mcfg_gives_segment_zero) {
    struct machine machine;
    init(&machine);
    uint8_t *mcfg = add_table(&machine, 44 + 32);
    put(mcfg + 44, 0xc0000000, 8);
    put(mcfg + 44 + 8, 1, 2); /* another segment */
    put(mcfg + 60, 0xb0000000, 8);
    mcfg[60 + 10] = 0;
    mcfg[60 + 11] = 255;
    seal(mcfg, "MCFG", 76);
    CHECK(read_all(&machine));
    CHECK(machine.info.has_pci_config);
    CHECK_EQUAL(machine.info.pci_config, 0xb0000000);
    CHECK_EQUAL(machine.info.pci_bus_last, 255);
    mcfg[60 + 10] = 9; /* first bus behind the last */
    mcfg[60 + 11] = 8;
    seal(mcfg, "MCFG", 76);
    CHECK(read_all(&machine));
    CHECK(!machine.info.has_pci_config);
    seal(mcfg, "MCFG", 36); /* too short for any entry */
    CHECK(read_all(&machine));
    CHECK(!machine.info.has_pci_config);
}

/* A DSDT whose body is these bytes, and its address. */
static uint64_t add_dsdt(struct machine *machine, const uint8_t *body, uint32_t size) {
    uint64_t address = machine->next;
    uint8_t *dsdt = at(machine, address);
    memcpy(dsdt + 36, body, size);
    seal(dsdt, "DSDT", 36 + size);
    machine->next += (36 + size + 15) & ~15u;
    return address;
}

static void read_fadt(struct machine *machine, uint64_t dsdt, uint32_t flags) {
    machine->root_count = 0;
    uint8_t *fadt = add_table(machine, 268);
    put(fadt + 40, dsdt, 4);
    put(fadt + 64, 0x604, 4);
    put(fadt + 76, 0x608, 4);
    fadt[91] = 4;
    put(fadt + 112, flags, 4);
    fadt[244] = 0; /* sleep control register: in memory */
    put(fadt + 248, 0xfea00200, 8);
    seal(fadt, "FACP", 268);
    CHECK(read_all(machine));
}

TEST(fadt_tells_how_to_power_off) {
    static const uint8_t body[] = {0x10, 0x08, '_',  'S', '5',  '_', 0x12,
                                   0x06, 0x04, 0x0a, 5,   0x01, 0,   0};
    struct machine machine;
    init(&machine);
    uint64_t dsdt = add_dsdt(&machine, body, sizeof body);
    read_fadt(&machine, dsdt, 1 << 8);
    CHECK(machine.info.s5_known);
    CHECK_EQUAL(machine.info.s5_type_a, 5);
    CHECK_EQUAL(machine.info.s5_type_b, 1);
    CHECK_EQUAL(machine.info.pm1a_control, 0x604);
    CHECK_EQUAL(machine.info.pm_timer_port, 0x608);
    CHECK(machine.info.pm_timer_is_32_bits);
    CHECK_EQUAL(machine.info.sleep_control.address, 0);
    read_fadt(&machine, dsdt, 1 << 20); /* hardware-reduced */
    CHECK_EQUAL(machine.info.pm1a_control, 0);
    CHECK_EQUAL(machine.info.pm_timer_port, 0);
    CHECK_EQUAL(machine.info.sleep_control.address, 0xfea00200);
    CHECK(!machine.info.sleep_control.is_io);
}

TEST(sleep_types_that_are_cut_off_are_not_known) {
    static const uint8_t name[] = {'_', 'S', '5', '_', 0x12, 0xff, 0, 0, 0, 4, 0x0a, 5, 0x0a, 5};
    for (uint32_t size = 0; size <= sizeof name; size++) {
        struct machine machine;
        init(&machine);
        read_fadt(&machine, add_dsdt(&machine, name, size), 0);
        CHECK_EQUAL(machine.info.s5_known, size == sizeof name);
    }
    struct machine machine;
    uint8_t computed[sizeof name];
    memcpy(computed, name, sizeof name);
    computed[10] = 0x68; /* Arg0: not a constant */
    init(&machine);
    read_fadt(&machine, add_dsdt(&machine, computed, sizeof computed), 0);
    CHECK(!machine.info.s5_known);
}
