#pragma once
/*
 * Memory objects: pages that stand in address spaces, in several at a time, and can be cloned
 * copy-on-write. How they stand there is space_object.h.
 *
 * Rules
 * - Any CPU, interrupts off. An object's lock comes after a space's and before frame_lock.
 * - A frame belongs to the objects whose tables hold it (frame_owners.h). What shows it in an
 * address space owns nothing: a mapping holds a reference to its object, and goes only when no CPU
 * can reach a page through it any more.
 * - A frame with several owners is never written. It is shown writable only under the object's
 *   lock, when it has one owner; memory_object_clone makes it shared under the same lock, and takes
 *   back what was shown writable before anybody knows the clone.
 * - A write to a shared page gives the object a frame of its own (memory_object_separate): the
 * entry says MOVING, which keeps everybody from showing the page; the old frame is taken out of all
 *   mappings and flushed; it is copied; then the object holds the copy.
 * - Who walks over the mappings pins the one that he visits, for the locks of objects come after
 *   those of spaces. Whoever takes a mapping out waits until it is not pinned.
 * - All of an object is charged to the process that made it (process_charge_lasting): its own
 * frame, the nodes of its table, and each page that is in it, shared or not. So a write to a shared
 * page charges nothing, and nobody pays for what another one keeps.
 */
#include "core/page_tree.h"
#include "kernel/cap/object.h"
#include "kernel/spinlock.h"
#include "kernel/types.h"

struct process;
struct space;

/* An entry of the table: the frame, and this bit while it is being replaced. */
#define OBJECT_PAGE_MOVING UINT64_C(1)

/* A part of an object in an address space. It lives in the space, as a node of its ranges does. */
struct memory_mapping {
    struct memory_object *object; /* holds a reference */
    struct space *space;
    uint64_t address, size; /* as it was mapped: parts of it may be gone */
    uint64_t offset;        /* in the object, of what stands at `address` */
    uint32_t rights;        /* the protections that its pages may be given */
    bool is_private;        /* what is written goes to copies that belong to the space */
    uint64_t mapped_bytes;  /* that are left; guarded by space->lock */
    uint32_t pins;          /* guarded by object->lock, as the next two */
    struct memory_mapping *next, *previous;
    struct memory_mapping *next_gone; /* of those that an unmap has left nothing of */
};

struct memory_object {
    struct object object; /* first: capabilities lead here */
    uint64_t id;          /* never used again */
    uint64_t size;
    struct process *payer; /* holds a reference */
    struct spinlock lock;  /* guards the rest */
    struct page_tree pages;
    struct memory_mapping *mappings;
    uint32_t mapping_count;
};

extern const struct object_type memory_object_type;

/* An object of `size` zero bytes, a multiple of PAGE_SIZE up to CAPOS_MEMORY_OBJECT_BYTES_MAX,
 * which counts as memory that payer has committed. invalidArgument, overQuota, noMemory;
 * disconnected when the payer is ending. */
MUST_CHECK status_t memory_object_create(struct process *payer, uint64_t size,
                                         struct memory_object **object_out);
/* A copy of all pages, each as it was at some time during the call. No lock. */
MUST_CHECK status_t memory_object_clone(struct memory_object *source, struct process *payer,
                                        struct memory_object **object_out);

/* Adds a mapping whose fields but the last three are filled in; the caller has a reference to give
 * it. tooLarge when the object has CAPOS_MEMORY_OBJECT_MAPPINGS_MAX. */
MUST_CHECK status_t memory_object_add_mapping(struct memory_mapping *mapping);
/* Takes it out, and gives up its reference. No lock; whoever has it pinned is waited for. */
void memory_object_remove_mapping(struct memory_mapping *mapping);

/* Under the object's lock: the entry of a page, which is brought in. */
MUST_CHECK status_t memory_object_bring_in(struct memory_object *object, uint64_t page,
                                           uint64_t **entry_out);

/* Gives the object a frame of its own for a page that was found to be shared, if it still is. The
 * object has a reference or a pin, no space is locked. */
MUST_CHECK status_t memory_object_separate(struct memory_object *object, uint64_t page);
