#include "core/address_tree.h"

#include "core/assert.h"

static uint64_t end_of(const struct address_range *node) {
    return address_range_end(node);
}

static int32_t height_of(const struct address_range *node) {
    return node != NULL ? node->height : 0;
}

static uint64_t max(uint64_t left, uint64_t right) {
    return left > right ? left : right;
}

/* The hole just below a node. The first one's begins with the space, whose bounds it does not know:
 * nothing is told of it. */
static uint64_t gap_below(const struct address_range *node) {
    return node->previous != NULL ? node->start - end_of(node->previous) : 0;
}

/* As far as it is told upwards. */
static uint64_t told_gap(const struct address_ranges *ranges, const struct address_range *node) {
    uint64_t gap = gap_below(node);
    return gap < ranges->gap_limit ? gap : ranges->gap_limit;
}

/* What a node says of its subtree follows from its own hole and its children, so that a change is
 * told upwards. Returns by how much the left side is higher. */
static int32_t update(const struct address_ranges *ranges, struct address_range *node) {
    int32_t left_height = 0, right_height = 0;
    uint64_t gap = told_gap(ranges, node);
    if (node->left != NULL) {
        left_height = node->left->height;
        gap = max(gap, node->left->gap_max);
    }
    if (node->right != NULL) {
        right_height = node->right->height;
        gap = max(gap, node->right->gap_max);
    }
    node->height = (left_height > right_height ? left_height : right_height) + 1;
    node->gap_max = gap;
    return left_height - right_height;
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
    (void)update(ranges, node);
    (void)update(ranges, top);
}

static void rotate_right(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *top = node->left;
    replace(ranges, node, top);
    set_left(node, top->right);
    set_right(top, node);
    (void)update(ranges, node);
    (void)update(ranges, top);
}

/* Balances a node that has just been updated; returns what stands in its place. */
static struct address_range *balance(struct address_ranges *ranges, struct address_range *node,
                                     int32_t difference) {
    ASSERT(difference == 2 || difference == -2);
    if (difference > 0) {
        if (height_of(node->left->left) < height_of(node->left->right)) {
            rotate_left(ranges, node->left);
        }
        rotate_right(ranges, node);
    } else {
        if (height_of(node->right->right) < height_of(node->right->left)) {
            rotate_right(ranges, node->right);
        }
        rotate_left(ranges, node);
    }
    return node->parent;
}

/* Restores what a node says of its subtree, and its balance; returns what stands in its place. */
static struct address_range *settle(struct address_ranges *ranges, struct address_range *node) {
    int32_t difference = update(ranges, node);
    return difference >= -1 && difference <= 1 ? node : balance(ranges, node, difference);
}

/* Restores a node and what is above it as far as something has changed: what is above a subtree
 * that looks as before is right already. */
static void rebalance(struct address_ranges *ranges, struct address_range *node) {
    while (node != NULL) {
        int32_t height = node->height;
        uint64_t gap_max = node->gap_max;
        node = settle(ranges, node);
        if (node->height == height && node->gap_max == gap_max) {
            return;
        }
        node = node->parent;
    }
}

/* The same where no hole has changed, so that all there is to tell is another height. */
static void rebalance_heights(struct address_ranges *ranges, struct address_range *node) {
    for (; node != NULL; node = node->parent) {
        int32_t left = height_of(node->left), right = height_of(node->right);
        int32_t height = (left > right ? left : right) + 1;
        if (left - right > 1 || right - left > 1) {
            rebalance(ranges, node);
            return;
        }
        if (height == node->height) {
            return;
        }
        node->height = height;
    }
}

/* As rebalance, where a node further up (NULL: there is none) has another hole now. */
static void rebalance_through(struct address_ranges *ranges, struct address_range *node,
                              struct address_range *changed) {
    while (changed != NULL && node != changed) {
        node = settle(ranges, node)->parent;
    }
    rebalance(ranges, node);
}

/* Hangs a node between two neighbours in order (NULL: there is none), of which one has the place
 * for it. Its parent is not right again before rebalance. */
static void attach(struct address_ranges *ranges, struct address_range *node,
                   struct address_range *previous, struct address_range *next) {
    node->left = NULL;
    node->right = NULL;
    node->previous = previous;
    node->next = next;
    if (previous != NULL) {
        previous->next = node;
    }
    if (next != NULL) {
        next->previous = node;
    }
    if (previous != NULL && previous->right == NULL) {
        set_right(previous, node);
    } else if (next != NULL) {
        ASSERT(next->left == NULL);
        set_left(next, node);
    } else {
        ASSERT(ranges->root == NULL);
        ranges->root = node;
        node->parent = NULL;
    }
    ranges->count++;
    node->height = 1;
    node->is_unmerged = false;
    node->gap_max = told_gap(ranges, node);
}

bool address_tree_insert(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *previous = NULL, *next = NULL, *at = ranges->root;
    while (at != NULL) {
        if (node->start < at->start) {
            next = at;
            at = at->left;
        } else {
            previous = at;
            at = at->right;
        }
    }
    if ((previous != NULL && end_of(previous) > node->start) ||
        (next != NULL && end_of(node) > next->start)) {
        return false;
    }
    attach(ranges, node, previous, next);
    rebalance_through(ranges, node->parent, next);
    ranges->recent = node; /* that will be used next */
    return true;
}

/* Takes a node that has at most one child out of the tree. */
static void detach(struct address_ranges *ranges, struct address_range *node) {
    ASSERT(ranges->count > 0 && (node->left == NULL || node->right == NULL));
    replace(ranges, node, node->left != NULL ? node->left : node->right);
    ranges->count--;
}

/* In the list of those that wait to be merged, another one (NULL: none) takes the node's place. */
static void replace_unmerged(struct address_ranges *ranges, struct address_range *node,
                             struct address_range *replacement) {
    uint32_t index = 0;
    while (ranges->unmerged[index] != node) {
        index++;
        ASSERT(index < ranges->unmerged_count);
    }
    if (replacement == NULL || replacement->is_unmerged) {
        ranges->unmerged[index] = ranges->unmerged[--ranges->unmerged_count];
    } else {
        ranges->unmerged[index] = replacement;
        replacement->is_unmerged = true;
    }
}

/* `heir` (NULL: nobody) has the node's place from now on. */
static void unlink_node(struct address_ranges *ranges, struct address_range *node,
                        struct address_range *heir) {
    if (node->previous != NULL) {
        node->previous->next = node->next;
    }
    if (node->next != NULL) {
        node->next->previous = node->previous;
    }
    ranges->recent = ranges->recent == node ? NULL : ranges->recent;
    if (node->is_unmerged) {
        replace_unmerged(ranges, node, heir);
    }
}

/* The hole goes to the next node, which is above, or takes the node's place. */
void address_tree_remove(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *next = node->next;
    unlink_node(ranges, node, NULL);
    if (node->right == NULL) {
        detach(ranges, node);
        rebalance_through(ranges, node->parent, next);
        return;
    }
    struct address_range *lowest_changed = next->parent == node ? next : next->parent;
    detach(ranges, next);
    replace(ranges, node, next);
    set_left(next, node->left);
    set_right(next, node->right);
    /* It stands for all that node stood for, until rebalance comes there. */
    next->height = node->height;
    next->gap_max = node->gap_max;
    rebalance_through(ranges, lowest_changed, next);
}

void address_tree_resize(struct address_ranges *ranges, struct address_range *node, uint64_t start,
                         uint64_t end) {
    ASSERT(start < end);
    node->start = start;
    node->size = end - start;
    if (node->right != NULL) {
        rebalance_through(ranges, node->next, node);
    } else {
        rebalance_through(ranges, node, node->next);
    }
}

/* No hole changes, so all that is above the place of the new node sees is another height. */
struct address_range *address_tree_split(struct address_ranges *ranges, struct address_range *range,
                                         uint64_t address, struct address_range *node) {
    ASSERT(address > range->start && address < end_of(range));
    node->kind = range->kind;
    node->protection = range->protection;
    node->tag = range->tag;
    node->generation = range->generation;
    bool is_lower = range->right != NULL && range->left == NULL; /* where there is a place */
    if (is_lower) {
        node->start = range->start;
        node->size = address - range->start;
        range->size = end_of(range) - address;
        range->start = address;
        attach(ranges, node, range->previous, range);
    } else {
        node->start = address;
        node->size = end_of(range) - address;
        range->size = address - range->start;
        attach(ranges, node, range, range->next);
    }
    rebalance_heights(ranges, node->parent);
    return is_lower ? range : node;
}

/* Of two neighbours in order, one is above the other, which then lacks the child on that side: the
 * lower one goes. */
struct address_range *address_tree_merge_next(struct address_ranges *ranges,
                                              struct address_range *range,
                                              struct address_range **freed) {
    struct address_range *next = range->next;
    ASSERT(next != NULL && end_of(range) == next->start);
    bool is_above = range->right != NULL;
    struct address_range *kept = is_above ? range : next;
    struct address_range *gone = is_above ? next : range;
    kept->start = range->start;
    kept->size += gone->size;
    unlink_node(ranges, gone, kept);
    detach(ranges, gone);
    if (gone->parent == kept || is_above) {
        rebalance_heights(ranges, gone->parent);
    } else {
        rebalance(ranges, gone->parent); /* the hole below both has gone up */
    }
    *freed = gone;
    return kept;
}

/* The lowest node of a subtree that has such a hole. */
static const struct address_range *lowest_with_hole(const struct address_range *node,
                                                    uint64_t size) {
    for (;;) {
        ASSERT(node != NULL && node->gap_max >= size);
        if (node->left != NULL && node->left->gap_max >= size) {
            node = node->left;
        } else if (gap_below(node) >= size) {
            return node;
        } else {
            node = node->right;
        }
    }
}

/* The lowest node above `node` whose hole is told to be of such a size. */
static const struct address_range *next_with_hole(const struct address_range *node, uint64_t told) {
    for (;;) {
        if (node->right != NULL && node->right->gap_max >= told) {
            return lowest_with_hole(node->right, told);
        }
        /* Up to the next node in order, past everything below it. */
        while (node->parent != NULL && node->parent->right == node) {
            node = node->parent;
        }
        node = node->parent;
        if (node == NULL || gap_below(node) >= told) {
            return node;
        }
    }
}

const struct address_range *address_tree_find_hole(const struct address_ranges *ranges,
                                                   const struct address_range *node,
                                                   uint64_t size) {
    uint64_t told = size < ranges->gap_limit ? size : ranges->gap_limit;
    do {
        node = next_with_hole(node, told);
    } while (node != NULL && gap_below(node) < size);
    return node;
}

uint64_t address_tree_end(const struct address_ranges *ranges) {
    const struct address_range *last = ranges->root;
    while (last != NULL && last->right != NULL) {
        last = last->right;
    }
    return last != NULL ? end_of(last) : ranges->low;
}

static void check_node(const struct address_ranges *ranges, const struct address_range *node) {
    struct address_range copy = *node;
    int32_t difference = update(ranges, &copy);
    ASSERT(node->height == copy.height && node->gap_max == copy.gap_max);
    ASSERT(difference >= -1 && difference <= 1);
    ASSERT(node->left == NULL || node->left->parent == node);
    ASSERT(node->right == NULL || node->right->parent == node);
}

/* The node in order behind this one (NULL: the first) by the tree alone. */
static const struct address_range *next_in_tree(const struct address_range *node,
                                                const struct address_range *root) {
    if (node != NULL && node->right == NULL) {
        while (node->parent != NULL && node->parent->right == node) {
            node = node->parent;
        }
        return node->parent;
    }
    const struct address_range *first = node == NULL ? root : node->right;
    while (first != NULL && first->left != NULL) {
        first = first->left;
    }
    return first;
}

void address_tree_check(const struct address_ranges *ranges) {
    ASSERT(ranges->root == NULL || ranges->root->parent == NULL);
    size_t count = 0;
    uint64_t end = ranges->low;
    uint32_t unmerged_count = 0;
    bool has_recent = ranges->recent == NULL;
    const struct address_range *previous = NULL, *node = next_in_tree(NULL, ranges->root);
    for (; node != NULL; previous = node, node = next_in_tree(node, ranges->root)) {
        check_node(ranges, node);
        ASSERT(node->previous == previous && (previous == NULL || previous->next == node));
        ASSERT(node->start >= end);
        end = end_of(node);
        has_recent |= ranges->recent == node;
        unmerged_count += node->is_unmerged;
        count++;
        ASSERT(count <= ranges->count);
    }
    ASSERT(count == ranges->count && end <= ranges->high && has_recent);
    ASSERT(unmerged_count == ranges->unmerged_count);
    ASSERT(previous == NULL || previous->next == NULL);
}
