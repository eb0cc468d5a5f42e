#include "capos/heap.h"

#include <stdbool.h>
#include <stdint.h>

#include "capos/abort.h"
#include "capos/protection.h"
#include "capos/start.h"
#include "capos/string.h"
#include "capos/virtual_memory.h"
#include "core/align.h"
#include "user/libcapos/internal.h"

/*
 * Blocks lie side by side in regions. Each begins with a header that names its own size and that of
 * its left neighbour, so both neighbours are found in one step and free merges at once. Free blocks
 * stand in lists by the power of two of their size. A region ends with a header of size 0 in use.
 */
#define ARENA_BYTES (256u * 1024u)
#define REGION_BYTES_MIN (1024u * 1024u)
#define BLOCK_ALIGN 16u
#define BIN_COUNT 40u
#define BLOCK_BYTES_MAX (UINT64_C(1) << 40)
#define SEAL_USED UINT64_C(0x0075736564207573)
#define SEAL_FREE UINT64_C(0x0066726565206672)

struct block {
    uint64_t size;      /* of the whole block in bytes, header included */
    uint64_t left_size; /* of the block before it; 0 at the start of a region */
    uint64_t seal;      /* says free or used, mixed with the header's words and address */
    uint64_t reserved;  /* keeps the payload aligned */
    /* in a free block, the payload's first words: */
    struct block *next, *previous;
};
#define HEADER_BYTES offsetof(struct block, next)
#define BLOCK_BYTES_MIN sizeof(struct block)
_Static_assert(HEADER_BYTES % BLOCK_ALIGN == 0, "payloads are aligned");
_Static_assert(BLOCK_BYTES_MIN % BLOCK_ALIGN == 0, "blocks are aligned");

static _Alignas(CAPOS_PAGE_SIZE) unsigned char arena[ARENA_BYTES];
static struct block *bins[BIN_COUNT];
static bool is_initialised;

/* Guards all of that. The static functions below are called with it. */
static struct capos_mutex lock;

/* The seal mixes in the process's random bytes: a program cannot know it by accident. */
static uint64_t block_seal(const struct block *block, uint64_t kind) {
    uint64_t secret;
    memcpy(&secret, capos_start_page->random + 8, sizeof secret);
    return secret ^ kind ^ block->size ^ block->left_size << 20 ^ (uintptr_t)block;
}

static struct block *block_right(const struct block *block) {
    return (struct block *)((uintptr_t)block + block->size);
}

static struct block *block_left(const struct block *block) {
    return (struct block *)((uintptr_t)block - block->left_size);
}

static bool block_is_free(const struct block *block) {
    return block->seal == block_seal(block, SEAL_FREE);
}

static bool block_is_used(const struct block *block) {
    return block->seal == block_seal(block, SEAL_USED);
}

static unsigned bin_index(uint64_t size) {
    unsigned index = 63u - (unsigned)__builtin_clzll(size);
    return index < BIN_COUNT ? index : BIN_COUNT - 1;
}

static void bin_insert(struct block *block) {
    struct block **bin = &bins[bin_index(block->size)];
    block->seal = block_seal(block, SEAL_FREE);
    block->previous = NULL;
    block->next = *bin;
    if (*bin != NULL) {
        (*bin)->previous = block;
    }
    *bin = block;
}

static void bin_remove(struct block *block) {
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        bins[bin_index(block->size)] = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
}

/* Makes one free block of a region, and the header that ends it. */
static void add_region(void *memory, uint64_t size) {
    struct block *block = memory;
    *block = (struct block){.size = size - HEADER_BYTES};
    struct block *end = block_right(block);
    end->size = 0;
    end->left_size = block->size;
    end->seal = block_seal(end, SEAL_USED);
    bin_insert(block);
}

static bool give_back(void) {
    bool (*function)(void) = atomic_load_explicit(&internal_give_back, memory_order_relaxed);
    return function != NULL && function();
}

static bool grow(uint64_t size) {
    capos_cap_t memory = capos_lookup("memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
    uint64_t address;
    size = (size + HEADER_BYTES + CAPOS_PAGE_SIZE - 1) & ~(uint64_t)(CAPOS_PAGE_SIZE - 1);
    size = size < REGION_BYTES_MIN ? REGION_BYTES_MIN : size;
    if (memory == CAPOS_CAP_NONE) {
        return false;
    }
    while (capos_virtual_memory_map(memory, 0, size, CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE,
                                    &address) != 0) {
        if (!give_back()) {
            return false;
        }
    }
    add_region((void *)(uintptr_t)address, size);
    return true;
}

/* A free block of at least this size, out of its list. In a block's own bin sizes differ by less
 * than two, so the first that fits is near enough to the best. */
static struct block *take_free(uint64_t size) {
    for (unsigned index = bin_index(size); index < BIN_COUNT; index++) {
        for (struct block *block = bins[index]; block != NULL; block = block->next) {
            if (block->size >= size) {
                bin_remove(block);
                return block;
            }
        }
    }
    return NULL;
}

/* Cuts a block that is in no list down to size; the rest becomes a free block. */
static void trim(struct block *block, uint64_t size) {
    struct block *right = block_right(block);
    if (block->size - size >= BLOCK_BYTES_MIN) {
        struct block *rest = (struct block *)((uintptr_t)block + size);
        rest->size = block->size - size;
        rest->left_size = size;
        block->size = size;
        right->left_size = rest->size;
        right->seal = block_seal(right, SEAL_USED);
        bin_insert(rest);
    }
    block->seal = block_seal(block, SEAL_USED);
}

/* A block that is in no list, so that its payload is aligned: what stands before it becomes a free
 * block. Only for blocks that have room for that. */
static struct block *align_block(struct block *block, uint64_t align) {
    uint64_t payload = (uintptr_t)block + HEADER_BYTES;
    if (payload % align == 0) {
        return block;
    }
    uint64_t front = round_up(payload + BLOCK_BYTES_MIN, align) - payload;
    struct block *right = block_right(block);
    struct block *rest = (struct block *)((uintptr_t)block + front);
    rest->size = block->size - front;
    rest->left_size = front;
    block->size = front;
    right->left_size = rest->size;
    right->seal = block_seal(right, SEAL_USED);
    bin_insert(block);
    return rest;
}

/* align: a power of two, BLOCK_ALIGN or more. */
static void *allocate(size_t size, size_t align) {
    if (!is_initialised) {
        is_initialised = true;
        add_region(arena, ARENA_BYTES);
    }
    uint64_t block_size = round_up(size + HEADER_BYTES, BLOCK_ALIGN);
    block_size = block_size < BLOCK_BYTES_MIN ? BLOCK_BYTES_MIN : block_size;
    uint64_t room = align > BLOCK_ALIGN ? block_size + BLOCK_BYTES_MIN + align : block_size;
    struct block *block = take_free(room);
    if (block == NULL && grow(room)) {
        block = take_free(room);
    }
    if (block == NULL) {
        return NULL;
    }
    block = align_block(block, align);
    trim(block, block_size);
    return (char *)block + HEADER_BYTES;
}

void *capos_malloc_aligned(size_t size, size_t align) {
    if (size > BLOCK_BYTES_MAX || align > BLOCK_BYTES_MAX || !is_power_of_two(align)) {
        return NULL;
    }
    internal_lock(&lock);
    void *payload = allocate(size, align < BLOCK_ALIGN ? BLOCK_ALIGN : align);
    internal_unlock(&lock);
    return payload;
}

void *capos_malloc(size_t size) {
    return capos_malloc_aligned(size, BLOCK_ALIGN);
}

void *capos_calloc(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *payload = capos_malloc(total);
    return payload == NULL ? NULL : memset(payload, 0, total);
}

/* The header of a payload, after its own seal and its right neighbour's have been checked. */
static struct block *checked_block(void *payload) {
    struct block *block = (struct block *)((uintptr_t)payload - HEADER_BYTES);
    if ((uintptr_t)payload % BLOCK_ALIGN != 0) {
        capos_abort("heap: the pointer is not one that capos_malloc returned");
    }
    if (block_is_free(block)) {
        capos_abort("heap: the block is free already");
    }
    if (!block_is_used(block)) {
        capos_abort("heap: not a block of capos_malloc, or its header was overwritten");
    }
    struct block *right = block_right(block);
    if (!block_is_free(right) && !block_is_used(right)) {
        capos_abort("heap: the block was written past its end");
    }
    return block;
}

static void release(void *payload) {
    struct block *block = checked_block(payload);
    struct block *right = block_right(block);
    /* A seal of the old kind left inside a merged block must not pass for a header again. */
    if (block_is_free(right)) {
        bin_remove(right);
        block->size += right->size;
        right->seal = 0;
    }
    struct block *left = block_left(block);
    if (block->left_size != 0 && block_is_free(left)) {
        bin_remove(left);
        left->size += block->size;
        block->seal = 0;
        block = left;
    }
    right = block_right(block);
    right->left_size = block->size;
    right->seal = block_seal(right, SEAL_USED);
    bin_insert(block);
}

void capos_free(void *payload) {
    if (payload == NULL) {
        return;
    }
    internal_lock(&lock);
    release(payload);
    internal_unlock(&lock);
}

void *capos_realloc(void *payload, size_t size) {
    if (payload == NULL) {
        return capos_malloc(size);
    }
    internal_lock(&lock);
    uint64_t old_size = checked_block(payload)->size - HEADER_BYTES;
    internal_unlock(&lock);
    if (size <= old_size && size >= old_size / 2) {
        return payload;
    }
    void *moved = capos_malloc(size);
    if (moved != NULL) {
        memcpy(moved, payload, old_size < size ? old_size : size);
        capos_free(payload);
    }
    return moved;
}
