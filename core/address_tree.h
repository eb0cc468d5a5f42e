#pragma once
/*
 * The balanced tree behind core/address_ranges.h: an AVL tree ordered by address, in which every
 * node also knows the extent of its subtree and the largest hole inside it.
 *
 * Rules
 * - Private to address_ranges.c. Nodes never overlap; the caller has seen to that.
 */
#include "core/address_ranges.h"

void address_tree_insert(struct address_ranges *ranges, struct address_range *node);
void address_tree_remove(struct address_ranges *ranges, struct address_range *node);

/* After start or size of a node has changed without changing the order. */
void address_tree_resized(struct address_ranges *ranges, struct address_range *node);

/* The start of the lowest hole of at least `size` bytes that lies between two nodes and above
 * `node`, or UINT64_MAX. O(log n). */
uint64_t address_tree_find_hole(const struct address_range *node, uint64_t size);

/* Order, balance, links, extents and holes of the whole tree. */
void address_tree_check(const struct address_ranges *ranges);
