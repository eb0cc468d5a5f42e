#pragma once
/*
 * What a capability leads to. Objects are counted: each slot, each operation in flight and each
 * kernel structure that points to one holds a reference.
 */
#include <stdatomic.h>

#include "kernel/types.h"

struct object;

struct object_type {
    const char *name;
    /* The last reference is gone. NULL for objects that live as long as the kernel. */
    void (*destroy)(struct object *object);
};

struct object {
    const struct object_type *type;
    _Atomic uint32_t references;
};

static inline void object_init(struct object *object, const struct object_type *type) {
    object->type = type;
    atomic_init(&object->references, 1);
}

static inline struct object *object_ref(struct object *object) {
    uint32_t before = atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    ASSERT(before != 0 && before < UINT32_MAX);
    return object;
}

static inline void object_unref(struct object *object) {
    /* release, then acquire by the last one: pairs among all holders, so that destroy sees what
     * each of them did. */
    uint32_t before = atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel);
    ASSERT(before != 0);
    if (before == 1 && object->type->destroy != NULL) {
        object->type->destroy(object);
    }
}
