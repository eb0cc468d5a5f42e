#pragma once
/*
 * The address space of a process.
 *
 * Rules
 * - Any CPU, interrupts off. Functions take space->lock themselves; it comes after the lock of an
 *   object that operations wait at, and before those of memory objects, frame_lock and run queues.
 * - Frames and page tables are charged to the ledger before they are taken. A page that leaves the
 *   tables is freed only after every CPU that might still reach it has flushed (flush.h).
 * - User memory is reached through the tables and the direct map, never through user addresses: a
 *   kernel access needs no fault handling, respects protections and cannot race an unmap.
 */
#include "core/address_ranges.h"
#include "core/ledger.h"
#include "core/park_queue.h"
#include "core/word_pages.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

/* As VirtualMemory.Kind in schema/virtual_memory.capnp. */
enum space_kind {
    SPACE_FREE,
    SPACE_RESERVED,
    SPACE_ANONYMOUS,
    SPACE_IMAGE,
    SPACE_STACK,
    SPACE_RING,
    SPACE_START,
    SPACE_CLOCK,
    SPACE_OBJECT, /* space_object.h; tag is the mapping */
    SPACE_DYING,  /* being unmapped: nothing may be done with it; query says reserved */
};

enum {
    PROTECT_NONE = 0,
    PROTECT_READ = 1,
    PROTECT_WRITE = 2,
    PROTECT_EXECUTE = 4,
    PROTECT_LARGE = 8, /* large pages where they fit; says nothing of what is allowed */
};

/* address_range.tag of ranges whose frames belong to somebody else: they never become writable. */
#define SPACE_TAG_BORROWED UINT64_C(1)

#define SPACE_CPU_WORDS ((CPUS_MAX + 63) / 64)

struct space {
    struct spinlock lock; /* guards ranges, tables, nodes and counters */
    struct address_ranges ranges;
    struct address_pool nodes; /* spare ones, enough of them to give back whatever there is */
    paddr_t node_frames;       /* frames that nodes were cut from, linked by their first word */
    paddr_t spare_tables;      /* one for each large page, linked the same, for when it is split */
    paddr_t root;
    struct space_change *changes; /* that go on without the lock; space_fini waits for their end */
    uint64_t choose_low;          /* no address below is chosen; fixed */
    bool dying;                   /* being torn down: every change is refused with disconnected */
    uint64_t id; /* never given twice: spaces differ in it, and so do the keys of parked waiters */
    struct ledger *ledger;
    struct spinlock parked_lock; /* guards parked; kernel/sched/park.h has the order */
    struct park_index parked;    /* places of waiters in this space */
    struct word_pages words;     /* written under lock; kernel/sched/park.c's */
    uint64_t committed_bytes;    /* VirtualMemory, objects, private mappings */
    uint64_t commit_limit;       /* bytes; UINT64_MAX: the ledger alone decides */

    _Atomic uint64_t
        active_cpus[SPACE_CPU_WORDS]; /* shared: CPUs whose CR3 may hold these tables */
    _Atomic uint64_t flush_count;     /* of flush.h: what is older is no translation any more */
};

/* For an image that ends at image_high, page-aligned. noMemory or overQuota; space_fini is due all
 * the same, unless the root is PADDR_NONE. */
MUST_CHECK status_t space_init(struct space *space, struct ledger *ledger, uint64_t image_high);
/* Gives everything back. No CPU may have the space active any more. */
void space_fini(struct space *space);

/* This CPU takes the space's tables (NULL: the kernel's own). */
void space_activate(struct space *space);

/* hint 0 chooses an address above the image; else exactly there or exists. Kinds RESERVED and
 * ANONYMOUS are the program's; alignment is a power of two. */
MUST_CHECK status_t space_map(struct space *space, uint64_t hint, uint64_t size, uint32_t kind,
                              uint32_t protection, uint64_t tag, uint64_t *address_out);
/* The same operations as the methods of VirtualMemory, with the same refusals. */
MUST_CHECK status_t space_unmap(struct space *space, uint64_t address, uint64_t size);
/* For the kernel's own pages (ring, start page, clock page), which no program can unmap. */
void space_unmap_fixed(struct space *space, uint64_t address, uint64_t size);
MUST_CHECK status_t space_protect(struct space *space, uint64_t address, uint64_t size,
                                  uint32_t protection);
MUST_CHECK status_t space_commit(struct space *space, uint64_t address, uint64_t size,
                                 uint32_t protection);
MUST_CHECK status_t space_decommit(struct space *space, uint64_t address, uint64_t size);

/* Counts memory as committed that is not a range of this space; disconnected when it is dying. */
MUST_CHECK status_t space_charge_commit(struct space *space, uint64_t size);
void space_refund_commit(struct space *space, uint64_t size);

struct space_run {
    uint64_t start, size, resident_pages, page_size;
    uint32_t kind, protection;
    bool is_committed;
};
void space_query(struct space *space, uint64_t address, struct space_run *run);

/* Puts a frame under an address whose range exists. owned: the frame becomes the space's. */
MUST_CHECK status_t space_map_frame(struct space *space, uint64_t address, paddr_t frame,
                                    uint32_t protection, bool owned);
/* The same with a fresh, zeroed frame of the space's own, which *frame_out names if it is not NULL.
 */
MUST_CHECK status_t space_add_page(struct space *space, uint64_t address, uint32_t protection,
                                   paddr_t *frame_out);
/* Brings the page of `address` in and returns its frame; for loading programs. */
MUST_CHECK status_t space_touch(struct space *space, uint64_t address, paddr_t *frame_out);

/* The kernel's way to a word that may be read, brought in if need be; NULL and *status if not. The
 * caller holds space->lock, and lets go of the word before that. The lock may be let go meanwhile:
 * what the caller has seen before may have changed. */
const uint32_t *space_word_locked(struct space *space, uint64_t address, status_t *status);

/* Which bytes of which memory object stand at the address, mapped to be shared. Under space->lock.
 */
bool space_object_at(struct space *space, uint64_t address, uint64_t *object_id,
                     uint64_t *generation, uint64_t *offset);

/* A page fault of a program. ok: the page is there now, try again. */
MUST_CHECK status_t space_fault(struct space *space, uint64_t address, uint32_t access);

/*
 * A way to a page that its program may write to, kept as a CPU keeps a translation: it holds until
 * the next flush, and a page that was taken away is freed only after every CPU on which the program
 * runs has answered. Zero: none.
 */
struct space_window {
    uint64_t last; /* address of the page's last byte; 0: no page */
    uint8_t *memory;
    uint64_t flush_count;
};
/* Looks the page up and fills the window in. NULL and *status when it may not be written to. */
void *space_window_open(struct space *space, struct space_window *window, uint64_t address,
                        status_t *status);
/* The kernel's way to the address, up to the end of its page, for a thread of the space that runs
 * on this CPU. Good until the CPU may serve a flush: it must not wait for a lock before. */
static inline void *space_window_reach(struct space *space, struct space_window *window,
                                       uint64_t address, status_t *status) {
    if (window->last == (address | (PAGE_SIZE - 1)) &&
        window->flush_count == atomic_load_explicit(&space->flush_count, memory_order_seq_cst)) {
        *status = CAPOS_OK;
        return window->memory + address % PAGE_SIZE;
    }
    return space_window_open(space, window, address, status);
}

/* Copies between kernel memory and a program's, bringing pages in. badAddress when a byte is not
 * mapped with the protection it takes; then some bytes may have been copied out. */
MUST_CHECK status_t space_copy_in(struct space *space, void *target, uint64_t address,
                                  uint64_t size);
MUST_CHECK status_t space_copy_out(struct space *space, uint64_t address, const void *source,
                                   uint64_t size);

/* True when all of [address, address + size) is committed with this protection. */
bool space_is_mapped(struct space *space, uint64_t address, uint64_t size, uint32_t protection);
