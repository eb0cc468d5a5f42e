#include "kernel/mm/frame.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/boot/boot_info.h"
#include "kernel/debug/log.h"
#include "kernel/spinlock.h"

/*
 * Memory that nobody has touched yet stays in spans and is taken from their ends, so that a large
 * machine boots without visiting its frames. Frames that came back are in a list through their
 * first two words; they are unreachable for programs by then (see space.c on when frames are
 * freed). When all of a large block is in that list, it goes to the list of large blocks instead.
 */
struct span {
    uint64_t start, end;
};

#define SPANS_MAX (BOOT_MEMORY_RANGES_MAX * 2)
#define LARGE_BYTES (FRAME_LARGE_COUNT * PAGE_SIZE)
#define LOW_MEMORY (UINT64_C(1) << 20)  /* left to firmware and to the start of other CPUs */
#define EARLY_LIMIT (UINT64_C(4) << 30) /* what the boot tables map */

extern uint8_t kernel_end[];

static struct spinlock frame_lock = SPINLOCK_INIT; /* guards everything below */
static struct span spans[SPANS_MAX];
static uint32_t span_count;
static uint32_t span_current;
static uint64_t first_free;  /* physical address, 0: none (frame 0 is never free) */
static uint64_t first_large; /* the same of large blocks */
static uint16_t *listed;     /* how many frames of each block are in the list of single ones */
static uint64_t free_count, total_count;

static void add_span(uint64_t start, uint64_t end) {
    start = align_up(start, PAGE_SIZE);
    end = align_down(end, PAGE_SIZE);
    if (start >= end || span_count == SPANS_MAX) {
        return;
    }
    spans[span_count++] = (struct span){start, end};
    free_count += (end - start) / PAGE_SIZE;
    total_count += (end - start) / PAGE_SIZE;
}

/* Adds [start, end) without the holes, which are sorted by address. */
static void add_without(uint64_t start, uint64_t end, const struct span *holes, uint32_t count) {
    for (uint32_t i = 0; i < count && start < end; i++) {
        if (holes[i].end <= start || holes[i].start >= end) {
            continue;
        }
        add_span(start, holes[i].start < end ? holes[i].start : end);
        start = holes[i].end;
    }
    add_span(start, end);
}

/* A counter for each large block up to the end of memory, where the boot tables reach. */
static void make_counts(void) {
    uint64_t top = 0;
    for (uint32_t i = 0; i < span_count; i++) {
        top = spans[i].end > top ? spans[i].end : top;
    }
    uint64_t size = align_up((top / LARGE_BYTES + 1) * sizeof *listed, PAGE_SIZE);
    for (uint32_t i = 0; i < span_count; i++) {
        if (spans[i].end - spans[i].start >= size && spans[i].end <= EARLY_LIMIT) {
            listed = direct_map(paddr(spans[i].start));
            memset(listed, 0, size);
            spans[i].start += size;
            free_count -= size / PAGE_SIZE;
            total_count -= size / PAGE_SIZE;
            return;
        }
    }
    panic("no memory to keep count of memory");
}

void frame_init(const struct boot_info *info) {
    struct span holes[3] = {
        {0, LOW_MEMORY},
        {LOW_MEMORY, (uint64_t)(uintptr_t)kernel_end - UINT64_C(0xffffffff80000000)},
        {0, 0}};
    uint32_t hole_count = 2;
    if (!paddr_is_none(info->package)) {
        holes[hole_count++] = (struct span){align_down(info->package.value, PAGE_SIZE),
                                            info->package.value + info->package_size};
    }
    /* First what the boot tables reach: paging_init takes its tables from there. */
    for (int pass = 0; pass < 2; pass++) {
        uint64_t low = pass == 0 ? 0 : EARLY_LIMIT;
        uint64_t high = pass == 0 ? EARLY_LIMIT : UINT64_MAX;
        for (uint32_t i = 0; i < info->range_count; i++) {
            const struct boot_memory_range *range = &info->ranges[i];
            if (range->kind != BOOT_MEMORY_RAM) {
                continue;
            }
            uint64_t start = range->start, end = range->start + range->size;
            start = start < low ? low : start;
            end = end > high ? high : end;
            if (start < end) {
                add_without(start, end, holes, hole_count);
            }
        }
    }
    if (free_count == 0) {
        panic("the boot loader reports no usable memory");
    }
    make_counts();
}

/* The words of a free frame or block: the next one in its list, and (frames alone, but the first)
 * the one before. */
struct link {
    uint64_t next, previous;
};

static struct link *link_of(uint64_t frame) {
    return direct_map(paddr(frame));
}

static uint64_t pop_large(void) {
    uint64_t block = first_large;
    first_large = block != 0 ? link_of(block)->next : 0;
    return block;
}

static void push_large(uint64_t block) {
    link_of(block)->next = first_large;
    first_large = block;
}

static uint64_t pop_free(void) {
    uint64_t frame = first_free;
    if (frame != 0) {
        first_free = link_of(frame)->next;
        listed[frame / LARGE_BYTES]--;
    }
    return frame;
}

static void join_block(uint64_t block) {
    for (uint64_t frame = block; frame < block + LARGE_BYTES; frame += PAGE_SIZE) {
        struct link link = *link_of(frame);
        if (frame == first_free) {
            first_free = link.next;
        } else {
            link_of(link.previous)->next = link.next;
        }
        if (link.next != 0) {
            link_of(link.next)->previous = link.previous;
        }
    }
    listed[block / LARGE_BYTES] = 0;
    push_large(block);
}

static void push_free(uint64_t frame) {
    link_of(frame)->next = first_free;
    if (first_free != 0) {
        link_of(first_free)->previous = frame;
    }
    first_free = frame;
    if (++listed[frame / LARGE_BYTES] == FRAME_LARGE_COUNT) {
        join_block(align_down(frame, LARGE_BYTES));
    }
}

static uint64_t take_from_spans(void) {
    while (span_current < span_count) {
        struct span *span = &spans[span_current];
        if (span->start < span->end) {
            uint64_t frame = span->start;
            span->start += PAGE_SIZE;
            return frame;
        }
        span_current++;
    }
    return 0;
}

/* When nothing else is left, a large block is the last span. */
static uint64_t break_large(void) {
    uint64_t block = pop_large();
    if (block == 0) {
        return 0;
    }
    span_current = span_count - 1;
    spans[span_current] = (struct span){block, block + LARGE_BYTES};
    return take_from_spans();
}

paddr_t frame_alloc(void) {
    spinlock_lock(&frame_lock);
    uint64_t frame = pop_free();
    if (frame == 0) {
        frame = take_from_spans();
        frame = frame != 0 ? frame : break_large();
    }
    free_count -= frame != 0;
    spinlock_unlock(&frame_lock);
    return frame == 0 ? PADDR_NONE : paddr(frame);
}

/* From the ends, since single frames come from the beginnings. What lies above the last whole block
 * of a span is free for those. */
static uint64_t take_large_from_spans(void) {
    for (uint32_t i = span_current; i < span_count; i++) {
        struct span *span = &spans[i];
        uint64_t end = align_down(span->end, LARGE_BYTES);
        if (end < LARGE_BYTES || end - LARGE_BYTES < span->start) {
            continue;
        }
        while (span->end > end) {
            span->end -= PAGE_SIZE;
            push_free(span->end);
        }
        span->end -= LARGE_BYTES;
        return span->end;
    }
    return 0;
}

paddr_t frame_alloc_large(void) {
    spinlock_lock(&frame_lock);
    uint64_t block = pop_large();
    block = block != 0 ? block : take_large_from_spans();
    free_count -= block != 0 ? FRAME_LARGE_COUNT : 0;
    spinlock_unlock(&frame_lock);
    return block == 0 ? PADDR_NONE : paddr(block);
}

static paddr_t alloc_and_clear(void) {
    paddr_t frame = frame_alloc();
    if (!paddr_is_none(frame)) {
        memset(direct_map(frame), 0, PAGE_SIZE);
    }
    return frame;
}

/* Frames that are zero belong to a CPU, which needs no lock for them. */
static bool keep_zeroed(paddr_t frame) {
    struct cpu *cpu = cpu_current();
    uint32_t count = atomic_load_explicit(&cpu->zeroed_count, memory_order_relaxed);
    if (count == ZEROED_FRAMES_MAX) {
        return false;
    }
    cpu->zeroed_frames[count] = frame;
    atomic_store_explicit(&cpu->zeroed_count, count + 1, memory_order_relaxed);
    return true;
}

void frame_prepare(void) {
    if (atomic_load_explicit(&cpu_current()->zeroed_count, memory_order_relaxed) == 0) {
        paddr_t frame = alloc_and_clear();
        if (!paddr_is_none(frame)) {
            (void)keep_zeroed(frame);
        }
    }
}

paddr_t frame_alloc_zeroed(void) {
    struct cpu *cpu = cpu_current();
    uint32_t count = atomic_load_explicit(&cpu->zeroed_count, memory_order_relaxed);
    if (count == 0) {
        return alloc_and_clear();
    }
    atomic_store_explicit(&cpu->zeroed_count, count - 1, memory_order_relaxed);
    return cpu->zeroed_frames[count - 1];
}

void frame_free(paddr_t frame) {
    (void)frame_free_batch(&frame, 1);
}

/* One with bits in its address. Returns how many frames more than itself it was. */
static uint64_t free_marked(uint64_t frame) {
    if ((frame & FRAME_IS_LARGE) != 0) {
        push_large(frame & ~FRAME_IS_LARGE);
        free_count += FRAME_LARGE_COUNT;
        return FRAME_LARGE_COUNT - 1;
    }
    frame &= ~FRAME_IS_ZERO;
    if (!keep_zeroed(paddr(frame))) {
        push_free(frame);
        free_count++;
    }
    return 0;
}

uint64_t frame_free_batch(const paddr_t *frames, uint32_t count) {
    uint64_t freed = count, single_count = count;
    spinlock_lock(&frame_lock);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t frame = frames[i].value;
        ASSERT(frame >= PAGE_SIZE);
        if (frame % PAGE_SIZE == 0) {
            push_free(frame);
        } else {
            freed += free_marked(frame);
            single_count--;
        }
    }
    free_count += single_count;
    ASSERT(free_count <= total_count);
    spinlock_unlock(&frame_lock);
    return freed;
}

paddr_t frame_alloc_contiguous(size_t count) {
    paddr_t result = PADDR_NONE;
    spinlock_lock(&frame_lock);
    for (uint32_t i = span_current; i < span_count; i++) {
        struct span *span = &spans[i];
        if (span->end - span->start >= count * PAGE_SIZE && span->end <= EARLY_LIMIT) {
            span->end -= count * PAGE_SIZE;
            result = paddr(span->end);
            free_count -= count;
            break;
        }
    }
    spinlock_unlock(&frame_lock);
    if (!paddr_is_none(result)) {
        memset(direct_map(result), 0, count * PAGE_SIZE);
    }
    return result;
}

uint64_t frame_free_count(void) {
    uint64_t zeroed = 0;
    for (uint32_t i = 0; i < cpu_count(); i++) {
        zeroed += atomic_load_explicit(&cpus[i]->zeroed_count, memory_order_relaxed);
    }
    return free_count + zeroed;
}

uint64_t frame_total_count(void) {
    return total_count;
}
