#pragma once
/*
 * A table from page numbers to words, for what has many pages and few of them in use: a radix tree
 * whose nodes are pages of 512 words, with as many levels as the number of pages takes.
 *
 * Rules
 * - The caller holds the lock of what the tree belongs to, and provides every node:
 * PAGE_TREE_FANOUT words, zeroed.
 * - A word of 0 is an empty entry; the other values are the environment's.
 * - Nodes stay until page_tree_take_node takes the tree apart, so that a pointer to an entry does,
 *   and emptying entries needs and frees nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_TREE_SHIFT 9u
#define PAGE_TREE_FANOUT (1u << PAGE_TREE_SHIFT)
#define PAGE_TREE_LEVELS_MAX 3u
#define PAGE_TREE_PAGES_MAX (UINT64_C(1) << PAGE_TREE_LEVELS_MAX * PAGE_TREE_SHIFT)

struct page_tree {
    uint64_t *root; /* NULL without any node */
    uint64_t page_count;
    uint32_t levels; /* of nodes; the entries are in those of level 0 */
};

/* page_count is from 1 to PAGE_TREE_PAGES_MAX. */
void page_tree_init(struct page_tree *tree, uint64_t page_count);

/* The entry of a page below page_count, or NULL when the node for it was never made. */
uint64_t *page_tree_find(const struct page_tree *tree, uint64_t page);

/* The same, but nodes that are missing are taken from take_node, which may fail with NULL; then the
 * result is NULL and nodes made so far stay, without entries. At most PAGE_TREE_LEVELS_MAX. */
uint64_t *page_tree_ensure(struct page_tree *tree, uint64_t page,
                           uint64_t *(*take_node)(void *argument), void *argument);

/* The next entry in use in [*page, end), or NULL; *page is its number (end without one). Looks at
 * PAGE_TREE_FANOUT words of a node at most before it is in the next one. */
uint64_t *page_tree_next(const struct page_tree *tree, uint64_t *page, uint64_t end);

/* Takes one node out that has no node below it, or NULL when there is none left. *holds_entries
 * tells whether its words are entries, which are the caller's from then on. */
uint64_t *page_tree_take_node(struct page_tree *tree, bool *holds_entries);

/* Walks everything and asserts the invariants. */
void page_tree_check(const struct page_tree *tree);
