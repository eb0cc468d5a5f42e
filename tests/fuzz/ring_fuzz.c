/*
 * The input is a program that owns a ring: each step is one byte that says what happens next, and
 * what it needs. The program writes wherever it likes in the shared pages; the kernel's side takes,
 * completes and counts, and must keep its own account straight.
 */
#include "core/ring.h"

#include <string.h>

#include "capos/opcodes.h"
#include "tests/fuzz/fuzz.h"

struct input {
    const uint8_t *data;
    size_t size;
};

static uint64_t next(struct input *input, size_t size) {
    uint64_t value = 0;
    size_t taken = size < input->size ? size : input->size;
    memcpy(&value, input->data, taken);
    input->data += taken;
    input->size -= taken;
    return value;
}

static struct capos_ring shared;
static struct ring_state ring;

/* What the kernel promised and did, counted here once more. */
static uint32_t taken, completed;

static void take(void) {
    struct capos_entry entry;
    struct ring_state before = ring;
    uint32_t submitted = shared.submission_tail - before.submission_head;
    uint32_t acknowledged = shared.completion_head - before.completion_head;
    bool is_corrupt = submitted > CAPOS_RING_ENTRIES ||
                      acknowledged > before.completion_tail - before.completion_head;
    enum ring_take result = ring_take(&ring, &entry);
    ASSERT((result == RING_CORRUPT) == is_corrupt);
    if (result != RING_TAKEN) {
        ASSERT(ring.submission_head == before.submission_head);
        ASSERT(ring.reserved_count == before.reserved_count);
        return;
    }
    taken++;
    if (ring_entry_check(&entry) == CAPOS_OK) {
        ASSERT(entry.opcode < CAPOS_OP_COUNT && entry.reserved == 0);
        ASSERT(entry.length <= CAPOS_MESSAGE_BYTES_MAX);
    }
}

static void complete(void) {
    if (ring.reserved_count > 0) {
        struct capos_completion completion = {.user_data = completed};
        ring_complete(&ring, &completion);
        completed++;
    }
}

static void scribble(struct input *input) {
    size_t at = next(input, 2) % (sizeof shared - sizeof(uint64_t));
    uint64_t value = next(input, 8);
    memcpy((uint8_t *)&shared + at, &value, sizeof value);
}

static void submit(struct input *input) {
    uint64_t words[8];
    for (size_t i = 0; i < 8; i++) {
        words[i] = next(input, i < 2 ? 8 : 1);
    }
    memcpy(&shared.entries[shared.submission_tail % CAPOS_RING_ENTRIES], words, sizeof words);
    shared.submission_tail++;
}

static void from_registers(struct input *input) {
    uint64_t control = next(input, 8), argument[3] = {next(input, 1), next(input, 1), 0};
    struct capos_entry entry;
    if (ring_entry_from_registers(&entry, control, next(input, 8), argument, 0) == CAPOS_OK) {
        ASSERT((control & CAPOS_ENTER_RESERVED) == 0 && entry.reserved == 0);
        status_t status = ring_entry_check(&entry);
        ASSERT(status <= 0);
    }
}

static void step(struct input *input) {
    switch (next(input, 1) % 8) {
    case 0:
        scribble(input);
        break;
    case 1:
        shared.submission_tail += (uint32_t)next(input, 1);
        break;
    case 2:
        shared.completion_head += (uint32_t)next(input, 1);
        break;
    case 3:
        submit(input);
        break;
    case 4:
        from_registers(input);
        break;
    case 5:
        complete();
        break;
    default:
        take();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    memset(&shared, 0, sizeof shared);
    ring_state_init(&ring, &shared);
    uint32_t start = (uint32_t)next(&input, 4);
    ring.submission_head = ring.completion_tail = ring.completion_head = start;
    shared.submission_tail = shared.completion_head = start;
    taken = completed = start;
    while (input.size > 0) {
        step(&input);
        ring_check(&ring);
        ASSERT(ring_completion_count(&ring) <= CAPOS_RING_COMPLETIONS);
        ASSERT(ring.submission_head == taken && ring.completion_tail == completed);
        ASSERT(ring.reserved_count == taken - completed);
    }
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    /* Just before the counters wrap: submit, take, complete, acknowledge, and again. */
    static const uint8_t seed[] = {0xfe, 0xff, 0xff, 0xff, 3, 1, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0,
                                   0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 6, 5, 2, 1, 1,
                                   1,    6,    6,    5,    2, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0x80};
    seed_write("wrap", seed, sizeof seed);
    return 0;
}
