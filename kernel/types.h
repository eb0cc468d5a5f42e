#pragma once
/* Addresses of different kinds do not mix: each is a struct of one field. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/assert.h"
#include "core/status.h"

#define PAGE_SIZE UINT64_C(4096)
#define PAGE_SHIFT 12u
#define CPUS_MAX 64u

/* A physical address. */
typedef struct {
    uint64_t value;
} paddr_t;
#define PADDR_NONE ((paddr_t){UINT64_MAX})

/* An address that a program named: nothing is known of it. */
typedef struct {
    uint64_t value;
} uaddr_t;

static inline paddr_t paddr(uint64_t value) {
    return (paddr_t){value};
}
static inline bool paddr_is_none(paddr_t address) {
    return address.value == UINT64_MAX;
}
static inline uint64_t align_down(uint64_t value, uint64_t alignment) {
    return value & ~(alignment - 1);
}
static inline uint64_t align_up(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

/* All physical memory is mapped once, writable and never executable, at DIRECT_MAP_BASE. */
#define DIRECT_MAP_BASE UINT64_C(0xffff800000000000)
static inline void *direct_map(paddr_t address) {
    return (void *)(uintptr_t)(address.value + DIRECT_MAP_BASE);
}
static inline paddr_t direct_map_paddr(const void *pointer) {
    return paddr((uint64_t)(uintptr_t)pointer - DIRECT_MAP_BASE);
}

#define container_of(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))
#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Memory functions of kernel/arch/x86_64/memory.S. */
void *memcpy(void *restrict target, const void *restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
size_t strlen(const char *text);
