#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/flush.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space_parts.h"
#include "kernel/sched/park.h"

/* A table of the lowest level that is emptied may take those above it along. */
#define TABLES_MAX (PAGING_LEVELS - 1)

pte_t space_page_flags(uint32_t protection) {
    return PTE_USER | PTE_ACCESSED | PTE_DIRTY | (protection == PROTECT_NONE ? 0 : PTE_PRESENT) |
           ((protection & PROTECT_WRITE) != 0 ? PTE_WRITE : 0) |
           ((protection & PROTECT_EXECUTE) != 0 || !cpu_features.nx ? 0 : PTE_NX);
}

status_t space_make_way(struct space *space, struct paging_path *path, uint64_t page) {
    paddr_t tables[TABLES_MAX];
    for (uint32_t taken = 0; taken < path->level; taken++) {
        status_t status = space_take_frame(space, &tables[taken]);
        if (status != CAPOS_OK) {
            while (taken > 0) {
                space_give_frame(space, tables[--taken]);
            }
            return status;
        }
    }
    paging_extend(path, page, 0, tables);
    return CAPOS_OK;
}

status_t space_bring_in(struct space *space, struct paging_path *path, uint64_t page,
                        uint32_t protection) {
    paddr_t frame;
    status_t status = space_take_frame(space, &frame);
    if (status == CAPOS_OK && path->level > 0) {
        status = space_make_way(space, path, page);
        if (status != CAPOS_OK) {
            space_give_frame(space, frame);
        }
    }
    if (status == CAPOS_OK) {
        paging_set(path, frame.value | space_page_flags(protection) | PTE_OWNED);
    }
    return status;
}

status_t space_map_frame(struct space *space, uint64_t address, paddr_t frame, uint32_t protection,
                         bool owned) {
    struct paging_path path;
    spinlock_lock(&space->lock);
    paging_find(space->root, address, &path);
    status_t status = space_make_way(space, &path, address);
    if (status == CAPOS_OK) {
        paging_set(&path, frame.value | space_page_flags(protection) | (owned ? PTE_OWNED : 0));
    }
    spinlock_unlock(&space->lock);
    return status;
}

status_t space_add_page(struct space *space, uint64_t address, uint32_t protection,
                        paddr_t *frame_out) {
    struct paging_path path;
    spinlock_lock(&space->lock);
    paging_find(space->root, address, &path);
    status_t status = space_bring_in(space, &path, address, protection);
    if (status == CAPOS_OK && frame_out != NULL) {
        *frame_out = pte_frame(*path.entry[0]);
    }
    spinlock_unlock(&space->lock);
    return status;
}

/* Empties the part of one table that is in the range, at most `limit` entries; *end is where it
 * stopped. Returns how many frames went to the batch. */
static uint32_t collect_table(struct paging_walk *walk, uint32_t limit, paddr_t *batch,
                              uint32_t *cleared, uint64_t *end) {
    uint32_t count, frames = 0, used = pte_count(*walk->path.entry[1]);
    pte_t *entries = paging_walk_entries(walk, &count);
    *cleared = 0;
    for (uint32_t i = 0; *cleared < used; i++) {
        i += paging_skip(entries + i, count - i);
        if (i == count) {
            break;
        }
        if (*cleared == limit) {
            *end = walk->address + i * PAGE_SIZE;
            return frames;
        }
        if ((entries[i] & PTE_OWNED) != 0) {
            batch[frames++] = pte_frame(entries[i]);
        }
        entries[i] = 0;
        ++*cleared;
    }
    *end = walk->stop;
    return frames;
}

/* Tables that have become empty are zero. */
static void mark_zero(paddr_t *tables, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        tables[i].value |= FRAME_IS_ZERO;
    }
}

/* Takes a large page out, and the table that is kept for it. */
static uint32_t collect_large(struct space *space, struct paging_walk *walk, paddr_t *batch) {
    batch[0] = paddr(pte_frame(*walk->path.entry[1]).value | FRAME_IS_LARGE);
    batch[1] = space_take_spare_table(space);
    return 2 + paging_clear_large(walk, batch + 2);
}

struct space_step space_collect_pages(struct space *space, uint64_t address, uint64_t end) {
    struct space_step step = {.end = address};
    paddr_t *batch = cpu_current()->free_batch;
    uint32_t room = FLUSH_FRAMES_MAX; /* for pages, the space's own or not, and tables */
    struct paging_walk walk;
    paging_walk_begin(&walk, space->root, address, end);
    while (room > TABLES_MAX) {
        if (!paging_walk_next(&walk)) {
            step.end = end;
            break;
        }
        if (paging_walk_is_whole(&walk)) {
            uint32_t frames = collect_large(space, &walk, batch + step.frames);
            step.frames += frames;
            room -= frames;
            step.end = walk.stop;
            step.has_changed = true;
            continue;
        }
        if (walk.path.level == 1) {
            space_split_large(space, &walk.path, walk.address);
        }
        uint32_t cleared;
        step.frames +=
            collect_table(&walk, room - TABLES_MAX, batch + step.frames, &cleared, &step.end);
        if (cleared > 0) {
            uint32_t tables = paging_cleared(&walk, step.end, cleared, batch + step.frames);
            mark_zero(batch + step.frames, tables);
            step.frames += tables;
            room -= cleared + tables;
            step.has_changed = true;
        }
        if (step.end < walk.stop) {
            break;
        }
    }
    return step;
}

/* A page without any protection keeps its frame: the entry is not present for the CPU, and still
 * ours. What is not ours is never given more: a fault finds out what may be shown, and how. */
static pte_t protected_entry(pte_t before, pte_t flags) {
    if ((before & PTE_OWNED) == 0) {
        return (before & PTE_ADDRESS) | (flags & ~(PTE_WRITE | PTE_PRESENT)) |
               (before & flags & PTE_PRESENT);
    }
    flags &= (before & PTE_UNSETTLED) != 0 ? ~PTE_WRITE : UINT64_MAX;
    return (before & PTE_KEPT) | flags;
}

static bool takes_away(pte_t before, pte_t after) {
    pte_t lost = (before & ~after & (PTE_PRESENT | PTE_WRITE)) | (after & ~before & PTE_NX);
    return (before & PTE_PRESENT) != 0 && lost != 0;
}

static void protect_entry(struct space_step *step, pte_t *entry, pte_t flags) {
    pte_t before = *entry, after = protected_entry(before, flags);
    *entry = after;
    step->has_changed |= takes_away(before, after);
    step->has_grown |= after != before;
}

/* All that is in the range of one table, or a large page. Returns how many entries there were. */
static uint32_t protect_table(struct space *space, struct paging_walk *walk, uint32_t protection,
                              struct space_step *step) {
    uint32_t count = 1, done = 0;
    pte_t *entries = walk->path.entry[1], flags = space_page_flags(protection);
    if (!paging_walk_is_whole(walk) || (protection & PROTECT_EXECUTE) != 0) {
        if (walk->path.level == 1) {
            space_split_large(space, &walk->path, walk->address);
        }
        entries = paging_walk_entries(walk, &count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i] != 0) {
            protect_entry(step, &entries[i], flags);
            done++;
        }
    }
    return done;
}

/* True when it is done, without walking: a single page is what most often is protected. */
static bool protect_single(struct space *space, uint64_t address, uint32_t protection,
                           struct space_step *step) {
    struct paging_path path;
    paging_find(space->root, address, &path);
    pte_t *entry = path.entry[path.level];
    if (*entry != 0) {
        if (path.level > 0) {
            return false;
        }
        protect_entry(step, entry, space_page_flags(protection));
    }
    step->end = address + PAGE_SIZE;
    return true;
}

struct space_step space_protect_pages(struct space *space, uint64_t address, uint64_t end,
                                      uint32_t protection) {
    struct space_step step = {.end = address};
    if (end - address == PAGE_SIZE && protect_single(space, address, protection, &step)) {
        return step;
    }
    struct paging_walk walk;
    paging_walk_begin(&walk, space->root, address, end);
    for (uint32_t done = 0; done < FLUSH_FRAMES_MAX; done++) {
        if (!paging_walk_next(&walk)) {
            step.end = end;
            break;
        }
        done += protect_table(space, &walk, protection, &step);
        step.end = walk.stop;
    }
    return step;
}

/* What we found unmapped or protected may be so since a moment ago: who has changed it may still be
 * waiting for other CPUs. */
static bool is_changing(const struct space *space, uint64_t address, uint64_t end,
                        const struct space_change *own) {
    for (const struct space_change *each = space->changes; each != NULL; each = each->next) {
        if (each != own && each->address < end && address < each->end) {
            return true;
        }
    }
    return false;
}

bool space_is_flushed(struct space *space, uint64_t address, const struct space_step *step,
                      const struct space_change *change) {
    if (step->has_changed || is_changing(space, address, step->end, change)) {
        return flush_if_alone(space, address, step->end - address);
    }
    if (step->has_grown) {
        flush_here(space, address, step->end - address);
    }
    return true;
}

void space_give_batch(struct space *space, const struct space_step *step) {
    if (step->frames > 0) {
        uint64_t count = frame_free_batch(cpu_current()->free_batch, step->frames);
        ledger_refund(space->ledger, LEDGER_FRAMES, count);
    }
}

/* A step at a time: the lock is held for one batch. */
void space_drop_pages(struct space *space, uint64_t address, uint64_t end, uint32_t kind,
                      const struct space_change *change) {
    for (uint64_t at = address; at < end;) {
        spinlock_lock(&space->lock);
        if (kind != SPACE_FREE && !address_ranges_is_kind(&space->ranges, at, end - at, kind)) {
            spinlock_unlock(&space->lock);
            return;
        }
        struct space_step step = space_collect_pages(space, at, end);
        if (kind == SPACE_ANONYMOUS) { /* nobody parks in what is being unmapped */
            park_drain_range(space, at, step.end - at);
        }
        bool is_flushed = space_is_flushed(space, at, &step, change);
        spinlock_unlock(&space->lock);
        if (!is_flushed) {
            flush_range(space, at, step.end - at);
        }
        space_give_batch(space, &step);
        at = step.end;
        if (at < end) {
            cpu_interrupt_window(); /* nothing of ours is locked or half done */
        }
    }
}

uint64_t space_count_resident(struct space *space, uint64_t start, uint64_t end) {
    uint64_t resident = 0;
    struct paging_walk walk;
    paging_walk_begin(&walk, space->root, start, end);
    while (paging_walk_next(&walk)) {
        if (walk.path.level == 1) {
            resident += (walk.stop - walk.address) / PAGE_SIZE;
            continue;
        }
        uint32_t count;
        const pte_t *entries = paging_walk_entries(&walk, &count);
        if (count == TABLE_ENTRIES) {
            resident += pte_count(*walk.path.entry[1]);
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            resident += entries[i] != 0;
        }
    }
    return resident;
}

uint64_t space_page_size(struct space *space, uint64_t address) {
    struct paging_path path;
    paging_find(space->root, address, &path);
    return *path.entry[path.level] == 0 ? PAGE_SIZE : paging_span(path.level);
}
