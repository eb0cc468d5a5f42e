#include "entropy_source.h"

#include "core/chacha20.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/cap/entropy.h"
#include "kernel/cap/object.h"
#include "kernel/sched/process.h"

#define FILL_BYTES_MAX 4096u

static const struct object_type entropy_source_type = {"EntropySource", NULL};
static struct object entropy_source = {&entropy_source_type, 1};

static struct spinlock lock = SPINLOCK_INIT; /* guards key */
static uint32_t key[CHACHA20_KEY_WORDS];

/* Replaces the key by a block that depends on the old key and on what is mixed in. Under the lock.
 */
static void mix(uint64_t value) {
    uint64_t now = tsc_read();
    uint32_t nonce[3] = {(uint32_t)value, (uint32_t)(value >> 32), (uint32_t)now};
    uint8_t block[CHACHA20_BLOCK_BYTES];
    chacha20_block(key, (uint32_t)(now >> 32), nonce, block);
    memcpy(key, block, sizeof key);
}

void entropy_init(void) {
    spinlock_lock(&lock);
    for (uint32_t i = 0; i < 2 * CHACHA20_KEY_WORDS; i++) {
        uint64_t value = tsc_read();
        (void)cpu_read_random(&value);
        mix(value);
    }
    spinlock_unlock(&lock);
}

void entropy_fill(void *target, size_t size) {
    uint8_t *at = target;
    uint32_t nonce[3] = {0, 0, 0};
    spinlock_lock(&lock);
    uint64_t value = 0;
    (void)cpu_read_random(&value);
    mix(value);
    for (uint32_t counter = 1; size > 0; counter++) {
        uint8_t block[CHACHA20_BLOCK_BYTES];
        chacha20_block(key, counter, nonce, block);
        size_t step = size < sizeof block ? size : sizeof block;
        memcpy(at, block, step);
        at += step;
        size -= step;
    }
    mix(0);
    spinlock_unlock(&lock);
}

status_t entropy_source_grant(struct process *process, struct object *source, uint64_t source_badge,
                              struct wire_text facet, struct object **object_out,
                              uint64_t *badge_out) {
    if (facet.length != 0) {
        return CAPOS_E_NOT_PERMITTED;
    }
    *object_out = object_ref(&entropy_source);
    *badge_out = 0;
    return CAPOS_OK;
}

status_t entropy_source_decode_fill(struct call *call,
                                    const struct capos_entropy_source_fill_params *params) {
    if (call->buffer_length > FILL_BYTES_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    uint8_t bytes[FILL_BYTES_MAX];
    entropy_fill(bytes, call->buffer_length);
    call->decoded[0] = call->buffer_length;
    return space_copy_out(&call->process->space, call->buffer, bytes, call->buffer_length);
}

void entropy_source_invoke_fill(struct call *call,
                                struct capos_entropy_source_fill_results *results) {
    results->count = call->decoded[0];
}
