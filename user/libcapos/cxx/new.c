/*
 * operator new and operator delete over libcapos's heap.
 *
 * All are weak, so that a program may bring its own, and some are made of others, so that who
 * replaces one replaces those as well (C++17, 21.6.2). There are no exceptions: the forms that
 * would throw end the process.
 */
#include <stddef.h>

#include "capos/abort.h"
#include "capos/heap.h"
#include "core/format.h"

#define REPLACEABLE __attribute__((weak))
#define MESSAGE_BYTES_MAX 80
#define ALIGN_DEFAULT ((size_t)16) /* __STDCPP_DEFAULT_NEW_ALIGNMENT__ */

typedef void (*new_handler_t)(void);
struct nothrow; /* its address says nothing but which function is meant */

/* Of namespace std. */
REPLACEABLE extern const char nothrow __asm__("_ZSt7nothrow");
REPLACEABLE new_handler_t
set_new_handler(new_handler_t handler) __asm__("_ZSt15set_new_handlerPFvvE");
REPLACEABLE new_handler_t get_new_handler(void) __asm__("_ZSt15get_new_handlerv");

REPLACEABLE void *new_one(size_t size) __asm__("_Znwm");
REPLACEABLE void *new_one_nothrow(size_t size,
                                  const struct nothrow *tag) __asm__("_ZnwmRKSt9nothrow_t");
REPLACEABLE void *new_one_aligned(size_t size, size_t align) __asm__("_ZnwmSt11align_val_t");
REPLACEABLE void *
new_one_aligned_nothrow(size_t size, size_t align,
                        const struct nothrow *tag) __asm__("_ZnwmSt11align_val_tRKSt9nothrow_t");
REPLACEABLE void *new_array(size_t size) __asm__("_Znam");
REPLACEABLE void *new_array_nothrow(size_t size,
                                    const struct nothrow *tag) __asm__("_ZnamRKSt9nothrow_t");
REPLACEABLE void *new_array_aligned(size_t size, size_t align) __asm__("_ZnamSt11align_val_t");
REPLACEABLE void *
new_array_aligned_nothrow(size_t size, size_t align,
                          const struct nothrow *tag) __asm__("_ZnamSt11align_val_tRKSt9nothrow_t");

REPLACEABLE void delete_one(void *block) __asm__("_ZdlPv");
REPLACEABLE void delete_one_sized(void *block, size_t size) __asm__("_ZdlPvm");
REPLACEABLE void delete_one_nothrow(void *block,
                                    const struct nothrow *tag) __asm__("_ZdlPvRKSt9nothrow_t");
REPLACEABLE void delete_one_aligned(void *block, size_t align) __asm__("_ZdlPvSt11align_val_t");
REPLACEABLE void delete_one_sized_aligned(void *block, size_t size,
                                          size_t align) __asm__("_ZdlPvmSt11align_val_t");
REPLACEABLE void delete_one_aligned_nothrow(
    void *block, size_t align,
    const struct nothrow *tag) __asm__("_ZdlPvSt11align_val_tRKSt9nothrow_t");
REPLACEABLE void delete_array(void *block) __asm__("_ZdaPv");
REPLACEABLE void delete_array_sized(void *block, size_t size) __asm__("_ZdaPvm");
REPLACEABLE void delete_array_nothrow(void *block,
                                      const struct nothrow *tag) __asm__("_ZdaPvRKSt9nothrow_t");
REPLACEABLE void delete_array_aligned(void *block, size_t align) __asm__("_ZdaPvSt11align_val_t");
REPLACEABLE void delete_array_sized_aligned(void *block, size_t size,
                                            size_t align) __asm__("_ZdaPvmSt11align_val_t");
REPLACEABLE void delete_array_aligned_nothrow(
    void *block, size_t align,
    const struct nothrow *tag) __asm__("_ZdaPvSt11align_val_tRKSt9nothrow_t");

const char nothrow;

/* Called when there is no memory, to give some back. */
static new_handler_t current_handler;

new_handler_t get_new_handler(void) {
    return __atomic_load_n(&current_handler, __ATOMIC_ACQUIRE);
}

new_handler_t set_new_handler(new_handler_t handler) {
    return __atomic_exchange_n(&current_handler, handler, __ATOMIC_ACQ_REL);
}

/* NULL when there is no memory and nobody to give some back. */
static void *allocate(size_t size, size_t align) {
    for (;;) {
        void *block = capos_malloc_aligned(size, align);
        new_handler_t handler = block == NULL ? get_new_handler() : NULL;
        if (handler == NULL) {
            return block;
        }
        handler();
    }
}

static void *allocate_or_abort(size_t size, size_t align) {
    void *block = allocate(size, align);
    if (block == NULL) {
        char message[MESSAGE_BYTES_MAX];
        format_string(message, sizeof message, "operator new: no memory for %zu bytes", size);
        capos_abort(message);
    }
    return block;
}

void *new_one(size_t size) {
    return allocate_or_abort(size, ALIGN_DEFAULT);
}

void *new_one_nothrow(size_t size, const struct nothrow *tag) {
    return allocate(size, ALIGN_DEFAULT);
}

void *new_one_aligned(size_t size, size_t align) {
    return allocate_or_abort(size, align);
}

void *new_one_aligned_nothrow(size_t size, size_t align, const struct nothrow *tag) {
    return allocate(size, align);
}

void *new_array(size_t size) {
    return new_one(size);
}

void *new_array_nothrow(size_t size, const struct nothrow *tag) {
    return new_one_nothrow(size, tag);
}

void *new_array_aligned(size_t size, size_t align) {
    return new_one_aligned(size, align);
}

void *new_array_aligned_nothrow(size_t size, size_t align, const struct nothrow *tag) {
    return new_one_aligned_nothrow(size, align, tag);
}

void delete_one(void *block) {
    capos_free(block);
}

void delete_one_sized(void *block, size_t size) {
    delete_one(block);
}

void delete_one_nothrow(void *block, const struct nothrow *tag) {
    delete_one(block);
}

void delete_one_aligned(void *block, size_t align) {
    capos_free(block);
}

void delete_one_sized_aligned(void *block, size_t size, size_t align) {
    delete_one_aligned(block, align);
}

void delete_one_aligned_nothrow(void *block, size_t align, const struct nothrow *tag) {
    delete_one_aligned(block, align);
}

void delete_array(void *block) {
    delete_one(block);
}

void delete_array_sized(void *block, size_t size) {
    delete_array(block);
}

void delete_array_nothrow(void *block, const struct nothrow *tag) {
    delete_array(block);
}

void delete_array_aligned(void *block, size_t align) {
    delete_one_aligned(block, align);
}

void delete_array_sized_aligned(void *block, size_t size, size_t align) {
    delete_array_aligned(block, align);
}

void delete_array_aligned_nothrow(void *block, size_t align, const struct nothrow *tag) {
    delete_array_aligned(block, align);
}
