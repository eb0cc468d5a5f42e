#pragma once
/*
 * The balanced tree behind core/address_ranges.h: an AVL tree ordered by address, and the list of
 * its nodes. A hole belongs to the node above it; every node knows the largest one of its subtree,
 * but for huge ones, whose size would be told up to the root with each change of the node below.
 * What lies above the last node belongs to nobody.
 *
 * Rules
 * - Private to address_ranges.c.
 */
#include "core/address_ranges.h"

/* Links a node in; false, with nothing changed, when it overlaps another. */
MUST_CHECK bool address_tree_insert(struct address_ranges *ranges, struct address_range *node);
void address_tree_remove(struct address_ranges *ranges, struct address_range *node);

/* Makes a node smaller or larger, without changing the order. */
void address_tree_resize(struct address_ranges *ranges, struct address_range *node, uint64_t start,
                         uint64_t end);

/* Cuts a range in two at an address inside it. The parts are equal but for their extent; `node` is
 * made one of them. Returns the upper one, whose previous is the lower. */
struct address_range *address_tree_split(struct address_ranges *ranges, struct address_range *range,
                                         uint64_t address, struct address_range *node);

/* The inverse: range grows by its next, which begins where it ends. One of the two is left and
 * returned, the other is out of the tree, in *freed. */
struct address_range *address_tree_merge_next(struct address_ranges *ranges,
                                              struct address_range *range,
                                              struct address_range **freed);

/* The lowest node above `node` with a hole of at least `size` bytes just below it, or NULL.
 * O(log n), for each hole of gap_limit where size is more. */
const struct address_range *address_tree_find_hole(const struct address_ranges *ranges,
                                                   const struct address_range *node, uint64_t size);

/* The end of what ranges take, or the beginning of the space where there are none. */
uint64_t address_tree_end(const struct address_ranges *ranges);

/* Order, balance, links and holes of the whole tree. */
void address_tree_check(const struct address_ranges *ranges);
