#include "core/address_tree.h"

#include "core/assert.h"

static uint64_t end_of(const struct address_range *node) {
    return node->start + node->size;
}

static int32_t height_of(const struct address_range *node) {
    return node != NULL ? node->height : 0;
}

static uint64_t max(uint64_t left, uint64_t right) {
    return left > right ? left : right;
}

/* What a node says of its subtree follows from its children alone, so that a change is told upwards
 * and never sideways. */
static void update(struct address_range *node) {
    int32_t left_height = height_of(node->left);
    int32_t right_height = height_of(node->right);
    node->height = (left_height > right_height ? left_height : right_height) + 1;
    node->subtree_start = node->start;
    node->subtree_end = end_of(node);
    node->gap_max = 0;
    if (node->left != NULL) {
        node->subtree_start = node->left->subtree_start;
        node->gap_max = max(node->left->gap_max, node->start - node->left->subtree_end);
    }
    if (node->right != NULL) {
        node->subtree_end = node->right->subtree_end;
        uint64_t gap = max(node->right->gap_max, node->right->subtree_start - end_of(node));
        node->gap_max = max(node->gap_max, gap);
    }
}

/* Puts `replacement` (or nothing) where `node` hangs. */
static void replace(struct address_ranges *ranges, struct address_range *node,
                    struct address_range *replacement) {
    struct address_range *parent = node->parent;
    if (parent == NULL) {
        ranges->root = replacement;
    } else if (parent->left == node) {
        parent->left = replacement;
    } else {
        parent->right = replacement;
    }
    if (replacement != NULL) {
        replacement->parent = parent;
    }
}

static void set_left(struct address_range *node, struct address_range *child) {
    node->left = child;
    if (child != NULL) {
        child->parent = node;
    }
}

static void set_right(struct address_range *node, struct address_range *child) {
    node->right = child;
    if (child != NULL) {
        child->parent = node;
    }
}

static void rotate_left(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *top = node->right;
    replace(ranges, node, top);
    set_right(node, top->left);
    set_left(top, node);
    update(node);
    update(top);
}

static void rotate_right(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *top = node->left;
    replace(ranges, node, top);
    set_left(node, top->right);
    set_right(top, node);
    update(node);
    update(top);
}

/* Restores heights, extents and balance of a node and all its ancestors. */
static void rebalance(struct address_ranges *ranges, struct address_range *node) {
    while (node != NULL) {
        struct address_range *parent = node->parent;
        update(node);
        int32_t balance = height_of(node->left) - height_of(node->right);
        ASSERT(balance >= -2 && balance <= 2);
        if (balance > 1) {
            if (height_of(node->left->left) < height_of(node->left->right)) {
                rotate_left(ranges, node->left);
            }
            rotate_right(ranges, node);
        } else if (balance < -1) {
            if (height_of(node->right->right) < height_of(node->right->left)) {
                rotate_right(ranges, node->right);
            }
            rotate_left(ranges, node);
        }
        node = parent;
    }
}

void address_tree_insert(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *parent = NULL;
    struct address_range **link = &ranges->root;
    while (*link != NULL) {
        parent = *link;
        link = node->start < parent->start ? &parent->left : &parent->right;
    }
    node->left = NULL;
    node->right = NULL;
    node->parent = parent;
    *link = node;
    ranges->count++;
    rebalance(ranges, node);
}

void address_tree_remove(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *lowest_changed = node->parent;
    if (node->left == NULL || node->right == NULL) {
        replace(ranges, node, node->left != NULL ? node->left : node->right);
    } else {
        struct address_range *next = node->right;
        while (next->left != NULL) {
            next = next->left;
        }
        lowest_changed = next->parent == node ? next : next->parent;
        replace(ranges, next, next->right);
        replace(ranges, node, next);
        set_left(next, node->left);
        set_right(next, node->right);
    }
    node->left = NULL;
    node->right = NULL;
    node->parent = NULL;
    ASSERT(ranges->count > 0);
    ranges->count--;
    rebalance(ranges, lowest_changed);
}

void address_tree_resized(struct address_ranges *ranges, struct address_range *node) {
    rebalance(ranges, node);
}

/* The lowest hole of that size inside a subtree that has one. */
static uint64_t find_hole_below(const struct address_range *node, uint64_t size) {
    for (;;) {
        ASSERT(node != NULL && node->gap_max >= size);
        if (node->left != NULL) {
            if (node->left->gap_max >= size) {
                node = node->left;
                continue;
            }
            if (node->start - node->left->subtree_end >= size) {
                return node->left->subtree_end;
            }
        }
        ASSERT(node->right != NULL);
        if (node->right->subtree_start - end_of(node) >= size) {
            return end_of(node);
        }
        node = node->right;
    }
}

uint64_t address_tree_find_hole(const struct address_range *node, uint64_t size) {
    while (node != NULL) {
        const struct address_range *right = node->right;
        if (right != NULL) {
            if (right->subtree_start - end_of(node) >= size) {
                return end_of(node);
            }
            if (right->gap_max >= size) {
                return find_hole_below(right, size);
            }
        }
        /* Up to the next node in order, past everything below it. */
        while (node->parent != NULL && node->parent->right == node) {
            node = node->parent;
        }
        const struct address_range *next = node->parent;
        if (next != NULL && next->start - node->subtree_end >= size) {
            return node->subtree_end;
        }
        node = next;
    }
    return UINT64_MAX;
}

static void check_node(const struct address_range *node) {
    struct address_range copy = *node;
    update(&copy);
    ASSERT(node->height == copy.height && node->gap_max == copy.gap_max);
    ASSERT(node->subtree_start == copy.subtree_start && node->subtree_end == copy.subtree_end);
    int32_t balance = height_of(node->left) - height_of(node->right);
    ASSERT(balance >= -1 && balance <= 1);
    ASSERT(node->left == NULL || node->left->parent == node);
    ASSERT(node->right == NULL || node->right->parent == node);
}

void address_tree_check(const struct address_ranges *ranges) {
    ASSERT(ranges->root == NULL || ranges->root->parent == NULL);
    size_t count = 0;
    uint64_t end = ranges->low;
    const struct address_range *node = address_ranges_find_from(ranges, 0);
    for (; node != NULL; node = address_ranges_next(node)) {
        check_node(node);
        ASSERT(node->start >= end);
        end = end_of(node);
        count++;
        ASSERT(count <= ranges->count);
    }
    ASSERT(count == ranges->count && end <= ranges->high);
}
