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

static int32_t height_from_children(const struct address_range *node) {
    int32_t left = height_of(node->left), right = height_of(node->right);
    return (left > right ? left : right) + 1;
}

static uint64_t gap_max_from_children(const struct address_range *node) {
    uint64_t gap = gap_below(node);
    gap = node->left != NULL ? max(gap, node->left->gap_max) : gap;
    return node->right != NULL ? max(gap, node->right->gap_max) : gap;
}

/* What a node says of its subtree follows from its own hole and its children, so that a change is
 * told upwards. */
static void update(struct address_range *node) {
    node->height = height_from_children(node);
    node->gap_max = gap_max_from_children(node);
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

/* Balances a node whose subtrees are right; returns what stands in its place. */
static struct address_range *balance(struct address_ranges *ranges, struct address_range *node) {
    int32_t difference = height_of(node->left) - height_of(node->right);
    ASSERT(difference >= -2 && difference <= 2);
    if (difference > 1) {
        if (height_of(node->left->left) < height_of(node->left->right)) {
            rotate_left(ranges, node->left);
        }
        rotate_right(ranges, node);
        return node->parent;
    }
    if (difference < -1) {
        if (height_of(node->right->right) < height_of(node->right->left)) {
            rotate_right(ranges, node->right);
        }
        rotate_left(ranges, node);
        return node->parent;
    }
    return node;
}

/* Restores balance and what is said of subtrees from a node upwards: all the way to `through`
 * (NULL: nowhere in particular), then as far as something has changed. What is above a subtree that
 * looks as before is right already. */
static void rebalance(struct address_ranges *ranges, struct address_range *node,
                      const struct address_range *through) {
    while (node != NULL) {
        int32_t height = node->height;
        uint64_t gap_max = node->gap_max;
        bool is_through = through == NULL || node == through;
        update(node);
        node = balance(ranges, node);
        through = is_through ? NULL : through;
        if (is_through && node->height == height && node->gap_max == gap_max) {
            return;
        }
        node = node->parent;
    }
    ASSERT(through == NULL);
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
    node->gap_max = gap_below(node);
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
    rebalance(ranges, node->parent, next);
    return true;
}

/* Takes a node that has at most one child out of the tree. */
static void detach(struct address_ranges *ranges, struct address_range *node) {
    ASSERT(ranges->count > 0 && (node->left == NULL || node->right == NULL));
    replace(ranges, node, node->left != NULL ? node->left : node->right);
    ranges->count--;
}

static void unlink_node(struct address_ranges *ranges, struct address_range *node) {
    if (node->previous != NULL) {
        node->previous->next = node->next;
    }
    if (node->next != NULL) {
        node->next->previous = node->previous;
    }
    ranges->recent = ranges->recent == node ? NULL : ranges->recent;
}

/* The hole goes to the next node, which is above, or takes the node's place. */
void address_tree_remove(struct address_ranges *ranges, struct address_range *node) {
    struct address_range *next = node->next;
    unlink_node(ranges, node);
    if (node->right == NULL) {
        detach(ranges, node);
        rebalance(ranges, node->parent, next);
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
    rebalance(ranges, lowest_changed, next);
}

void address_tree_resize(struct address_ranges *ranges, struct address_range *node, uint64_t start,
                         uint64_t end) {
    ASSERT(start < end);
    node->start = start;
    node->size = end - start;
    if (node->right != NULL) {
        rebalance(ranges, node->next, node);
    } else {
        rebalance(ranges, node, node->next);
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
    rebalance(ranges, node->parent, NULL);
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
    unlink_node(ranges, gone);
    detach(ranges, gone);
    rebalance(ranges, gone->parent, NULL);
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

const struct address_range *address_tree_find_hole(const struct address_range *node,
                                                   uint64_t size) {
    for (;;) {
        if (node->right != NULL && node->right->gap_max >= size) {
            return lowest_with_hole(node->right, size);
        }
        /* Up to the next node in order, past everything below it. */
        while (node->parent != NULL && node->parent->right == node) {
            node = node->parent;
        }
        node = node->parent;
        if (node == NULL || gap_below(node) >= size) {
            return node;
        }
    }
}

uint64_t address_tree_end(const struct address_ranges *ranges) {
    const struct address_range *last = ranges->root;
    while (last != NULL && last->right != NULL) {
        last = last->right;
    }
    return last != NULL ? end_of(last) : ranges->low;
}

static void check_node(const struct address_range *node) {
    ASSERT(node->height == height_from_children(node));
    ASSERT(node->gap_max == gap_max_from_children(node));
    int32_t difference = height_of(node->left) - height_of(node->right);
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
    bool has_recent = ranges->recent == NULL;
    const struct address_range *previous = NULL, *node = next_in_tree(NULL, ranges->root);
    for (; node != NULL; previous = node, node = next_in_tree(node, ranges->root)) {
        check_node(node);
        ASSERT(node->previous == previous && (previous == NULL || previous->next == node));
        ASSERT(node->start >= end);
        end = end_of(node);
        has_recent |= ranges->recent == node;
        count++;
        ASSERT(count <= ranges->count);
    }
    ASSERT(count == ranges->count && end <= ranges->high && has_recent);
    ASSERT(previous == NULL || previous->next == NULL);
}
