#include "kernel/mm/memory_object.h"

#include "capos/abi.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/frame_owners.h"
#include "kernel/mm/space_object.h"
#include "kernel/sched/process.h"

_Static_assert(CAPOS_MEMORY_OBJECT_BYTES_MAX == PAGE_TREE_PAGES_MAX * PAGE_SIZE, "what a tree has");
_Static_assert(PAGE_TREE_FANOUT * sizeof(uint64_t) == PAGE_SIZE, "a node is a frame");

static _Atomic uint64_t next_id = 1;

static paddr_t frame_of(uint64_t entry) {
    return paddr(entry & ~OBJECT_PAGE_MOVING);
}

/* A zeroed frame that the process is charged for, or PADDR_NONE and *status. */
static paddr_t take_frame(struct process *payer, status_t *status) {
    *status = process_charge_lasting(payer, 1);
    if (*status != CAPOS_OK) {
        return PADDR_NONE;
    }
    paddr_t frame = frame_alloc_zeroed();
    if (paddr_is_none(frame)) {
        process_refund_lasting(payer, 1);
        *status = CAPOS_E_NO_MEMORY;
    }
    return frame;
}

struct node_source {
    struct process *payer;
    status_t status;
};

static uint64_t *take_node(void *argument) {
    struct node_source *source = argument;
    paddr_t frame = take_frame(source->payer, &source->status);
    return paddr_is_none(frame) ? NULL : direct_map(frame);
}

static void free_page(void *page) {
    frame_free(direct_map_paddr(page));
}

/* Node by node, each of which is one step. */
static void empty_pages(struct memory_object *object) {
    bool holds_entries;
    uint64_t *node;
    while ((node = page_tree_take_node(&object->pages, &holds_entries)) != NULL) {
        uint64_t count = 1;
        for (uint32_t i = 0; holds_entries && i < PAGE_TREE_FANOUT; i++) {
            if (node[i] != 0) {
                frame_owners_drop(frame_of(node[i]));
                count++;
            }
        }
        free_page(node);
        process_refund_lasting(object->payer, count);
        cpu_interrupt_window(); /* nothing of ours is locked or half done */
    }
}

static void destroy_object(struct object *object_header) {
    struct memory_object *object = container_of(object_header, struct memory_object, object);
    struct process *payer = object->payer;
    ASSERT(object->mappings == NULL);
    empty_pages(object);
    space_refund_commit(&payer->space, object->size);
    free_page(object);
    process_refund_lasting(payer, 1);
    object_unref(&payer->object);
}

const struct object_type memory_object_type = {"MemoryObject", destroy_object};

status_t memory_object_create(struct process *payer, uint64_t size,
                              struct memory_object **object_out) {
    if (size == 0 || size % PAGE_SIZE != 0 || size > CAPOS_MEMORY_OBJECT_BYTES_MAX) {
        return CAPOS_E_INVALID_ARGUMENT;
    }
    status_t status = space_charge_commit(&payer->space, size);
    if (status != CAPOS_OK) {
        return status;
    }
    paddr_t frame = take_frame(payer, &status);
    if (paddr_is_none(frame)) {
        space_refund_commit(&payer->space, size);
        return status;
    }
    struct memory_object *object = direct_map(frame);
    object_init(&object->object, &memory_object_type);
    object->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
    object->size = size;
    object_ref(&payer->object);
    object->payer = payer;
    spinlock_init(&object->lock);
    page_tree_init(&object->pages, size / PAGE_SIZE);
    *object_out = object;
    return CAPOS_OK;
}

status_t memory_object_bring_in(struct memory_object *object, uint64_t page, uint64_t **entry_out) {
    ASSERT(spinlock_is_locked(&object->lock));
    struct node_source source = {object->payer, CAPOS_OK};
    uint64_t *entry = page_tree_ensure(&object->pages, page, take_node, &source);
    if (entry == NULL) {
        return source.status;
    }
    if (*entry == 0) {
        status_t status;
        paddr_t frame = take_frame(object->payer, &status);
        if (paddr_is_none(frame)) {
            return status;
        }
        *entry = frame.value;
    }
    *entry_out = entry;
    return CAPOS_OK;
}

status_t memory_object_add_mapping(struct memory_mapping *mapping) {
    struct memory_object *object = mapping->object;
    status_t status = CAPOS_OK;
    spinlock_lock(&object->lock);
    if (object->mapping_count == CAPOS_MEMORY_OBJECT_MAPPINGS_MAX) {
        status = CAPOS_E_TOO_LARGE;
    } else {
        object->mapping_count++;
        mapping->pins = 0;
        mapping->previous = NULL;
        mapping->next = object->mappings;
        if (mapping->next != NULL) {
            mapping->next->previous = mapping;
        }
        object->mappings = mapping;
    }
    spinlock_unlock(&object->lock);
    return status;
}

void memory_object_remove_mapping(struct memory_mapping *mapping) {
    struct memory_object *object = mapping->object;
    spinlock_lock(&object->lock);
    while (mapping->pins != 0) {
        spinlock_unlock(&object->lock);
        cpu_interrupt_window();
        arch_spin_pause();
        spinlock_lock(&object->lock);
    }
    if (mapping->previous != NULL) {
        mapping->previous->next = mapping->next;
    } else {
        object->mappings = mapping->next;
    }
    if (mapping->next != NULL) {
        mapping->next->previous = mapping->previous;
    }
    object->mapping_count--;
    spinlock_unlock(&object->lock);
    object_unref(&object->object);
}

static bool shows_page(const struct memory_mapping *mapping, uint64_t page) {
    uint64_t offset = page * PAGE_SIZE;
    return offset >= mapping->offset && offset - mapping->offset < mapping->size;
}

/* Takes the frame out of every mapping that may show it. Under the lock, which is let go between;
 * nobody shows the page anew meanwhile. */
static void hide_page(struct memory_object *object, uint64_t page, paddr_t frame) {
    for (struct memory_mapping *each = object->mappings; each != NULL; each = each->next) {
        if (shows_page(each, page)) {
            each->pins++;
            spinlock_unlock(&object->lock);
            space_hide_object_page(each, page * PAGE_SIZE - each->offset, frame);
            spinlock_lock(&object->lock);
            each->pins--;
        }
    }
}

status_t memory_object_separate(struct memory_object *object, uint64_t page) {
    paddr_t fresh = frame_alloc();
    if (paddr_is_none(fresh)) {
        return CAPOS_E_NO_MEMORY;
    }
    spinlock_lock(&object->lock);
    uint64_t *entry = page_tree_find(&object->pages, page);
    paddr_t old = frame_of(*entry);
    bool is_ours = (*entry & OBJECT_PAGE_MOVING) == 0 && frame_is_shared(old);
    if (is_ours) {
        *entry |= OBJECT_PAGE_MOVING;
        hide_page(object, page, old);
        memcpy(direct_map(fresh), direct_map(old), PAGE_SIZE);
        *entry = fresh.value;
    }
    spinlock_unlock(&object->lock);
    if (is_ours) {
        frame_owners_drop(old);
    } else {
        frame_free(fresh);
    }
    return CAPOS_OK;
}

/* Shares the pages of one node of the source's table, which begin at `first`. */
static status_t share_pages(struct memory_object *source, struct memory_object *clone,
                            uint64_t first, uint64_t end) {
    uint64_t count = 0, page;
    for (page = first; page_tree_next(&source->pages, &page, end) != NULL; page++) {
        count++;
    }
    struct node_source nodes = {clone->payer, CAPOS_OK};
    if (page_tree_ensure(&clone->pages, first, take_node, &nodes) == NULL) {
        return nodes.status;
    }
    status_t status = process_charge_lasting(clone->payer, count);
    if (status != CAPOS_OK) {
        return status;
    }
    uint64_t *entry;
    for (page = first; (entry = page_tree_next(&source->pages, &page, end)) != NULL; page++) {
        frame_owners_add(frame_of(*entry));
        *page_tree_find(&clone->pages, page) = frame_of(*entry).value;
    }
    return CAPOS_OK;
}

/* A node of the table at a time. */
static status_t share_all(struct memory_object *source, struct memory_object *clone) {
    status_t status = CAPOS_OK;
    uint64_t page = 0, page_count = source->size / PAGE_SIZE;
    while (status == CAPOS_OK && page < page_count) {
        spinlock_lock(&source->lock);
        if (page_tree_next(&source->pages, &page, page_count) != NULL) {
            uint64_t end = align_up(page + 1, PAGE_TREE_FANOUT);
            end = end < page_count ? end : page_count;
            status = share_pages(source, clone, page, end);
            page = end;
        }
        spinlock_unlock(&source->lock);
        cpu_interrupt_window(); /* nothing of ours is locked or half done */
    }
    return status;
}

/* What was shown writable before the pages were shared. Mappings that come later need not be seen:
 * they find them shared. */
static void write_protect(struct memory_object *object) {
    spinlock_lock(&object->lock);
    for (struct memory_mapping *each = object->mappings; each != NULL; each = each->next) {
        if (!each->is_private && (each->rights & PROTECT_WRITE) != 0) {
            each->pins++;
            spinlock_unlock(&object->lock);
            space_write_protect_object(each);
            spinlock_lock(&object->lock);
            each->pins--;
        }
    }
    spinlock_unlock(&object->lock);
}

status_t memory_object_clone(struct memory_object *source, struct process *payer,
                             struct memory_object **object_out) {
    struct memory_object *clone;
    status_t status = memory_object_create(payer, source->size, &clone);
    if (status != CAPOS_OK) {
        return status;
    }
    status = share_all(source, clone);
    if (status != CAPOS_OK) {
        object_unref(&clone->object);
        return status;
    }
    write_protect(source);
    *object_out = clone;
    return CAPOS_OK;
}
