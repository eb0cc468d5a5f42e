#include "capos/threads.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "capos/abort.h"
#include "capos/errors.h"
#include "capos/note.h"
#include "capos/protection.h"
#include "capos/ring.h"
#include "capos/start.h"
#include "capos/string.h"
#include "capos/thread.h"
#include "capos/thread_control.h"
#include "capos/thread_spawner.h"
#include "capos/virtual_memory.h"
#include "core/align.h"
#include "core/tls_layout.h"
#include "core/wire.h"
#include "user/libcapos/internal.h"

/* Below each mapped stack. A frame that is larger than this may step over it. */
#define GUARD_BYTES UINT64_C(65536)
#define STACK_ALIGN 16u
#define STACK_BYTES_MAX (UINT64_C(1) << 46) /* more than can be mapped */
/* Stacks are kept while what is to be cleared of them takes less than new pages would. */
#define KEPT_CLEAR_BYTES_MAX 4096u

/*
 * Who of the two is first says who frees the stack: the thread that ends and finds DETACHED, or
 * whoever gives the thread up and finds ENDING.
 */
enum fate { FATE_RUNNING, FATE_ENDING, FATE_DETACHED };

/* What a thread knows of itself, above its thread-local variables. */
struct capos_thread_block {
    int64_t (*run)(void *argument);
    void *argument;
    int64_t value;
    uint64_t mapping, mapping_bytes; /* 0: the stack is the creator's */
    uint64_t stack_pointer, fs_base;
    bool is_keepable;
    _Atomic uint32_t fate; /* enum fate */
};

/* NULL in the first thread, and in threads that somebody else made. */
static _Thread_local struct capos_thread_block *current;

/* Mappings of stacks of default size whose threads were waited for; 0: none. */
static _Atomic uint64_t kept_stacks[CAPOS_THREAD_STACKS_KEPT];

/* The capabilities that threads need, each looked up once. */
static _Atomic capos_cap_t spawner_found, control_found, memory_found;

static capos_cap_t find(_Atomic capos_cap_t *found, const char *name, uint64_t interface) {
    capos_cap_t id = atomic_load_explicit(found, memory_order_relaxed);
    if (id == CAPOS_CAP_NONE) {
        id = capos_lookup(name, interface);
        atomic_store_explicit(found, id, memory_order_relaxed);
    }
    return id;
}

static capos_cap_t thread_control(void) {
    CAPOS_REQUIRE_HERE("thread-control", THREAD_CONTROL);
    return find(&control_found, "thread-control", CAPOS_THREAD_CONTROL_INTERFACE);
}

static capos_cap_t memory(void) {
    return find(&memory_found, "memory", CAPOS_VIRTUAL_MEMORY_INTERFACE);
}

/* ---- making one ------------------------------------------------------------------------------ */

/* Where things go in a stack: the block, below it the thread-local variables with their control
 * block, and from there downwards the stack itself. */
struct place {
    struct tls_layout tls;
    uint64_t low, high; /* of the whole, without the guard */
    uint64_t mapping, mapping_bytes;
    bool is_keepable; /* by keep_stack, when the thread has ended */
};

static uint64_t bytes_above_stack(const struct tls_layout *tls) {
    return sizeof(struct capos_thread_block) + STACK_ALIGN + tls->total + tls->align;
}

/* Of stack and guard together. stack_bytes does not wrap with what stands above. */
static uint64_t mapping_bytes(const struct tls_layout *tls, uint64_t stack_bytes) {
    return GUARD_BYTES + round_up(stack_bytes + bytes_above_stack(tls), CAPOS_PAGE_SIZE);
}

static void set_mapping(struct place *place, uint64_t mapping, uint64_t bytes) {
    place->mapping = mapping;
    place->mapping_bytes = bytes;
    place->low = mapping + GUARD_BYTES;
    place->high = mapping + bytes;
}

static bool drop_kept_stacks(void) {
    struct tls_layout tls;
    bool is_any = false;
    if (tls_layout_compute(capos_start_page->tls_size, capos_start_page->tls_align, &tls) !=
        CAPOS_OK) {
        return false;
    }
    for (uint32_t index = 0; index < CAPOS_THREAD_STACKS_KEPT; index++) {
        /* acquire: pairs with keep_stack */
        uint64_t mapping = atomic_exchange_explicit(&kept_stacks[index], 0, memory_order_acquire);
        if (mapping != 0) {
            uint64_t bytes = mapping_bytes(&tls, CAPOS_THREAD_STACK_BYTES_DEFAULT);
            is_any |= capos_virtual_memory_unmap(memory(), mapping, bytes) == CAPOS_OK;
        }
    }
    return is_any;
}

/* True when what was refused so may be had now. */
static bool may_try_again(int64_t result) {
    return (result == CAPOS_E_NO_MEMORY || result == CAPOS_E_OVER_QUOTA) && drop_kept_stacks();
}

/* Reserves stack and guard, and makes all but the guard usable. */
static int64_t map_stack(struct place *place, uint64_t stack_bytes) {
    uint64_t mapping, bytes = mapping_bytes(&place->tls, stack_bytes);
    int64_t result = capos_virtual_memory_reserve(memory(), 0, bytes, &mapping);
    if (result == CAPOS_OK) {
        set_mapping(place, mapping, bytes);
        result = capos_virtual_memory_commit(memory(), place->low, place->high - place->low,
                                             CAPOS_PROTECTION_READ | CAPOS_PROTECTION_WRITE);
        if (result != CAPOS_OK) {
            (void)capos_virtual_memory_unmap(memory(), mapping, bytes);
        }
    }
    return may_try_again(result) ? map_stack(place, stack_bytes) : result;
}

/* A stack of default size that was kept; false when there is none. */
static bool take_kept_stack(struct place *place) {
    for (uint32_t index = 0; index < CAPOS_THREAD_STACKS_KEPT; index++) {
        if (atomic_load_explicit(&kept_stacks[index], memory_order_relaxed) != 0) {
            /* acquire: pairs with keep_stack; whoever waited for the thread is done with it */
            uint64_t mapping =
                atomic_exchange_explicit(&kept_stacks[index], 0, memory_order_acquire);
            if (mapping != 0) {
                set_mapping(place, mapping,
                            mapping_bytes(&place->tls, CAPOS_THREAD_STACK_BYTES_DEFAULT));
                return true;
            }
        }
    }
    return false;
}

static bool keep_stack(uint64_t mapping) {
    atomic_store_explicit(&internal_give_back, drop_kept_stacks, memory_order_relaxed);
    for (uint32_t index = 0; index < CAPOS_THREAD_STACKS_KEPT; index++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong_explicit(&kept_stacks[index], &none, mapping,
                                                    memory_order_release, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* A fresh mapping is zero; of others what stands above the stack is made so. */
static void clear_above_stack(const struct place *place) {
    uint64_t bytes = bytes_above_stack(&place->tls);
    memset((void *)(uintptr_t)(place->high - bytes), 0, bytes);
}

static int64_t find_place(struct place *place, const struct capos_thread_options *options) {
    uint64_t stack_bytes =
        options->stack_bytes != 0 ? options->stack_bytes : CAPOS_THREAD_STACK_BYTES_DEFAULT;
    int64_t result =
        tls_layout_compute(capos_start_page->tls_size, capos_start_page->tls_align, &place->tls);
    if (result != CAPOS_OK || stack_bytes < CAPOS_THREAD_STACK_BYTES_MIN ||
        stack_bytes > STACK_BYTES_MAX) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    place->is_keepable = options->stack == NULL &&
                         stack_bytes == CAPOS_THREAD_STACK_BYTES_DEFAULT &&
                         bytes_above_stack(&place->tls) <= KEPT_CLEAR_BYTES_MAX;
    if (options->stack != NULL) {
        if (stack_bytes < CAPOS_THREAD_STACK_BYTES_MIN + bytes_above_stack(&place->tls)) {
            return CAPOS_E_INVALID_ARGUMENT;
        }
        place->low = (uintptr_t)options->stack;
        place->high = place->low + stack_bytes;
    } else if (!place->is_keepable || !take_kept_stack(place)) {
        return map_stack(place, stack_bytes);
    }
    clear_above_stack(place);
    return CAPOS_OK;
}

/* Variables and control block as the kernel makes them for the first thread. */
static uint64_t make_tls(const struct place *place, uint64_t base) {
    uint64_t pointer = base + place->tls.pointer_offset;
    uint64_t guard;
    __asm__("movq %%fs:%c1, %0" : "=r"(guard) : "i"(TLS_TCB_GUARD_OFFSET));
    memcpy((void *)(base + place->tls.block_offset),
           (const void *)(uintptr_t)capos_start_page->tls_image, capos_start_page->tls_image_size);
    *(uint64_t *)pointer = pointer;
    *(uint64_t *)(pointer + TLS_TCB_GUARD_OFFSET) = guard;
    return pointer;
}

static struct capos_thread_block *make_block(const struct place *place) {
    uint64_t at = round_down(place->high - sizeof(struct capos_thread_block), STACK_ALIGN);
    uint64_t base = round_down(at - place->tls.total, place->tls.align);
    struct capos_thread_block *block = (struct capos_thread_block *)at;
    block->mapping = place->mapping;
    block->mapping_bytes = place->mapping_bytes;
    block->is_keepable = place->is_keepable;
    block->stack_pointer = base;
    block->fs_base = make_tls(place, base);
    return block;
}

/* The thread that had it has ended, or was never made. */
static int64_t give_up_stack(const struct capos_thread_block *block) {
    if (block->mapping_bytes == 0 || (block->is_keepable && keep_stack(block->mapping))) {
        return CAPOS_OK;
    }
    return capos_virtual_memory_unmap(memory(), block->mapping, block->mapping_bytes);
}

void thread_entry(void);
_Noreturn void thread_begin(struct capos_thread_block *block, struct capos_ring *ring);

_Noreturn void thread_begin(struct capos_thread_block *block, struct capos_ring *ring) {
    current = block;
    capos_thread_ring = ring;
    capos_thread_exit(block->run(block->argument));
}

static int64_t spawn(struct capos_thread_block *block, uint64_t flags,
                     struct capos_thread *thread) {
    CAPOS_REQUIRE_HERE("threads", THREAD_SPAWNER);
    capos_cap_t spawner = find(&spawner_found, "threads", CAPOS_THREAD_SPAWNER_INTERFACE);
    struct capos_thread_spawner_create_results made;
    int64_t result =
        capos_thread_spawner_create(spawner, (uintptr_t)thread_entry, block->stack_pointer,
                                    (uintptr_t)block, block->fs_base, flags, &made);
    if (result == CAPOS_OK) {
        *thread = (struct capos_thread){.capability = made.thread,
                                        .id = made.thread_id,
                                        .ring = (struct capos_ring *)made.ring,
                                        .block = block};
    }
    return result;
}

int64_t capos_thread_create(struct capos_thread *thread, const struct capos_thread_options *options,
                            int64_t (*run)(void *argument), void *argument) {
    static const struct capos_thread_options plain;
    struct capos_thread made;
    struct place place = {.mapping_bytes = 0};
    options = options != NULL ? options : &plain;
    if (options->name != NULL && strlen(options->name) > CAPOS_THREAD_NAME_BYTES_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    int64_t result = find_place(&place, options);
    if (result != CAPOS_OK) {
        return result;
    }
    struct capos_thread_block *block = make_block(&place);
    block->run = run;
    block->argument = argument;
    block->fate = options->is_detached ? FATE_DETACHED : FATE_RUNNING;
    /* A detached thread is held until it has its name. */
    bool is_held = !options->is_detached || options->name != NULL;
    do {
        result = spawn(block, is_held ? 0 : CAPOS_THREAD_DETACHED, &made);
    } while (may_try_again(result));
    if (result != CAPOS_OK) {
        (void)give_up_stack(block);
        return result;
    }
    if (options->name != NULL) {
        (void)capos_thread_name(&made, options->name);
    }
    if (!options->is_detached) {
        *thread = made;
    } else if (is_held) {
        (void)capos_release(made.capability);
    }
    return CAPOS_OK;
}

/* ---- the end of one ---------------------------------------------------------------------------
 */

int64_t capos_thread_wait(struct capos_thread *thread, int64_t *value) {
    const struct capos_thread_block *block = thread->block;
    int64_t result = capos_thread_join(thread->capability);
    if (result != CAPOS_OK) {
        return result;
    }
    if (value != NULL) {
        *value = block->value;
    }
    (void)capos_release(thread->capability);
    return give_up_stack(block);
}

int64_t capos_thread_detach(struct capos_thread *thread) {
    /* acq_rel: pairs with capos_thread_exit, from where the mapping's bounds are read. */
    if (atomic_exchange_explicit(&thread->block->fate, FATE_DETACHED, memory_order_acq_rel) ==
        FATE_RUNNING) {
        return capos_release(thread->capability);
    }
    return capos_thread_wait(thread, NULL);
}

_Noreturn void capos_thread_exit(int64_t value) {
    if (thread_destructors_run != NULL) {
        thread_destructors_run();
    }
    struct capos_thread_block *block = current;
    uint64_t stack = 0, stack_bytes = 0;
    if (block != NULL) {
        block->value = value;
        if (atomic_exchange_explicit(&block->fate, FATE_ENDING, memory_order_acq_rel) ==
            FATE_DETACHED) {
            stack = block->mapping;
            stack_bytes = block->mapping_bytes;
        }
    }
    (void)capos_thread_control_exit(thread_control(), 0, stack, stack_bytes);
    capos_abort("a thread cannot end without the ThreadControl named \"thread-control\"");
}

/* ---- names ------------------------------------------------------------------------------------
 */

int64_t capos_thread_self(capos_cap_t *capability) {
    return capos_thread_control_self(thread_control(), capability);
}

/* A pointer to the text, the text's own pointer, and its bytes. */
#define NAME_WORDS (2 + (CAPOS_THREAD_NAME_BYTES_MAX + 1) / sizeof(uint64_t))

static int64_t set_name(capos_cap_t capability, const char *name, size_t length) {
    uint64_t words[NAME_WORDS];
    struct wire_builder builder;
    wire_builder_init(&builder, words, NAME_WORDS);
    struct wire_builder_struct root = wire_build_root(
        &builder, CAPOS_THREAD_SET_NAME_PARAMS_DATA_WORDS, CAPOS_THREAD_SET_NAME_PARAMS_POINTERS);
    wire_set_text(root, CAPOS_THREAD_SET_NAME_PARAMS_NAME_POINTER, name, length);
    return capos_thread_set_name(capability, words, wire_builder_finish(&builder));
}

int64_t capos_thread_name(const struct capos_thread *thread, const char *name) {
    size_t length = strlen(name);
    if (length > CAPOS_THREAD_NAME_BYTES_MAX) {
        return CAPOS_E_TOO_LARGE;
    }
    if (thread != NULL) {
        return set_name(thread->capability, name, length);
    }
    capos_cap_t self;
    int64_t result = capos_thread_self(&self);
    if (result == CAPOS_OK) {
        result = set_name(self, name, length);
        (void)capos_release(self);
    }
    return result;
}
