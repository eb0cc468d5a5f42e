#pragma once
/*
 * The pages of the words that threads of a space parked on last: where each is in the kernel's
 * memory, and the generation of its region. Whoever finds a word here walks no page table.
 *
 * Rules
 * - word_pages_remember and word_pages_forget: under one lock, the space's. A page is forgotten
 *   before it gets another frame or another region, and before its frame is given back.
 * - word_pages_find and word_place_is_current: without a lock. What is found counts only if it is
 *   current after all that is made of it was read; the word itself may be somebody else's memory
 *   by then, and may only be read.
 * - A page that another displaces is forgotten: this is a cache, never the only place to look.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capos/abi.h"

#define WORD_PAGES 16u /* a power of two */

struct word_page {
    _Atomic uint64_t address; /* 0: none */
    _Atomic uint32_t version; /* goes up when a page is forgotten */
    const uint8_t *_Atomic memory;
    _Atomic uint64_t generation;
};

struct word_pages {
    struct word_page pages[WORD_PAGES];
};

struct word_place {
    const struct word_page *page;
    uint32_t version;
    const uint32_t *word;
    uint64_t generation;
};

static inline uint32_t word_pages_index(uint64_t address) {
    /* Multiplied by the golden ratio: words on stacks stand at one distance from each other. */
    uint64_t hash = (address / CAPOS_PAGE_SIZE) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> (64 - __builtin_ctz(WORD_PAGES)));
}

/* Address first: whoever sees the new version finds no page, until the next is remembered.
 * release: pairs with the acquires in word_pages_find. */
static inline void word_page_forget(struct word_page *page) {
    uint32_t version = atomic_load_explicit(&page->version, memory_order_relaxed);
    atomic_store_explicit(&page->address, 0, memory_order_release);
    atomic_store_explicit(&page->version, version + 1, memory_order_release);
}

static inline void word_page_forget_if_within(struct word_page *page, uint64_t low, uint64_t high) {
    if (atomic_load_explicit(&page->address, memory_order_relaxed) - low < high - low) {
        word_page_forget(page);
    }
}

/* All pages of [low, high), which are bounds of pages. */
static inline void word_pages_forget(struct word_pages *words, uint64_t low, uint64_t high) {
    if (high - low <= WORD_PAGES * CAPOS_PAGE_SIZE) {
        for (uint64_t at = low; at < high; at += CAPOS_PAGE_SIZE) {
            word_page_forget_if_within(&words->pages[word_pages_index(at)], low, high);
        }
        return;
    }
    for (uint32_t i = 0; i < WORD_PAGES; i++) {
        word_page_forget_if_within(&words->pages[i], low, high);
    }
}

/* The word is the kernel's view of the one at that address, not 0. */
static inline void word_pages_remember(struct word_pages *words, uint64_t address,
                                       const uint32_t *word, uint64_t generation) {
    uint64_t offset = address % CAPOS_PAGE_SIZE;
    struct word_page *page = &words->pages[word_pages_index(address)];
    const uint8_t *memory = (const uint8_t *)word - offset;
    word_page_forget(page);
    /* release: pairs with the acquires in word_pages_find, which sees the version too. */
    atomic_store_explicit(&page->memory, memory, memory_order_release);
    atomic_store_explicit(&page->generation, generation, memory_order_release);
    atomic_store_explicit(&page->address, address - offset, memory_order_release);
}

/* Where the word at this address is. False when its page is not remembered. */
static inline bool word_pages_find(const struct word_pages *words, uint64_t address,
                                   struct word_place *place) {
    uint64_t offset = address % CAPOS_PAGE_SIZE;
    const struct word_page *page = &words->pages[word_pages_index(address)];
    /* acquire: pairs with the releases of whoever forgets and remembers. */
    place->page = page;
    place->version = atomic_load_explicit(&page->version, memory_order_acquire);
    if (atomic_load_explicit(&page->address, memory_order_acquire) != address - offset) {
        return false;
    }
    const uint8_t *memory = atomic_load_explicit(&page->memory, memory_order_acquire);
    place->word = (const uint32_t *)(const void *)(memory + offset);
    place->generation = atomic_load_explicit(&page->generation, memory_order_acquire);
    return true;
}

/* The page was remembered all the time from word_pages_find until now: word and generation belong
 * to it, and what acquire loads have read there since is what stood in the word. */
static inline bool word_place_is_current(const struct word_place *place) {
    return atomic_load_explicit(&place->page->version, memory_order_relaxed) == place->version;
}
