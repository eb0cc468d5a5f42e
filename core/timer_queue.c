/*
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986): insert in O(1), removal in amortized
 * O(log n). The children of a node form a list through `sibling`; `previous` is the left sibling,
 * or the parent for the first child, so that any node can be cut out.
 */
#include "core/timer_queue.h"

#include <stddef.h>

#include "core/assert.h"

static bool is_before(const struct timer_node *left, const struct timer_node *right) {
    if (left->deadline_ns != right->deadline_ns) {
        return left->deadline_ns < right->deadline_ns;
    }
    return left->sequence < right->sequence;
}

/* Joins two heaps whose roots have neither siblings nor parent; either may be NULL. */
static struct timer_node *meld(struct timer_node *left, struct timer_node *right) {
    if (left == NULL) {
        return right;
    }
    if (right == NULL) {
        return left;
    }
    struct timer_node *root = is_before(left, right) ? left : right;
    struct timer_node *child = root == left ? right : left;
    child->previous = root;
    child->sibling = root->child;
    if (child->sibling != NULL) {
        child->sibling->previous = child;
    }
    root->child = child;
    return root;
}

static struct timer_node *detach_first(struct timer_node **list) {
    struct timer_node *node = *list;
    if (node != NULL) {
        *list = node->sibling;
        node->sibling = NULL;
        node->previous = NULL;
    }
    return node;
}

/* Melds a list of siblings in two passes: pairs from the left, then the pairs from the right. */
static struct timer_node *meld_list(struct timer_node *list) {
    struct timer_node *pairs = NULL;
    while (list != NULL) {
        struct timer_node *left = detach_first(&list);
        struct timer_node *pair = meld(left, detach_first(&list));
        pair->sibling = pairs;
        pairs = pair;
    }
    struct timer_node *root = NULL;
    while (pairs != NULL) {
        root = meld(root, detach_first(&pairs));
    }
    return root;
}

void timer_queue_init(struct timer_queue *queue) {
    *queue = (struct timer_queue){0};
}

void timer_node_init(struct timer_node *node) {
    *node = (struct timer_node){0};
}

void timer_queue_insert(struct timer_queue *queue, struct timer_node *node, uint64_t deadline_ns) {
    ASSERT(!node->queued);
    *node = (struct timer_node){
        .deadline_ns = deadline_ns,
        .sequence = queue->next_sequence++,
        .queued = true,
        .is_object = node->is_object,
    };
    queue->root = meld(queue->root, node);
    queue->count++;
}

void timer_queue_remove(struct timer_queue *queue, struct timer_node *node) {
    if (!node->queued) {
        return;
    }
    ASSERT(queue->count > 0);
    struct timer_node *children = meld_list(node->child);
    if (node == queue->root) {
        queue->root = children;
    } else {
        if (node->previous->child == node) {
            node->previous->child = node->sibling;
        } else {
            node->previous->sibling = node->sibling;
        }
        if (node->sibling != NULL) {
            node->sibling->previous = node->previous;
        }
        queue->root = meld(queue->root, children);
    }
    queue->count--;
    node->child = NULL;
    node->sibling = NULL;
    node->previous = NULL;
    node->queued = false;
}

struct timer_node *timer_queue_first(const struct timer_queue *queue) {
    return queue->root;
}

uint64_t timer_queue_deadline(const struct timer_queue *queue) {
    return queue->root != NULL ? queue->root->deadline_ns : UINT64_MAX;
}

struct timer_node *timer_queue_pop(struct timer_queue *queue, uint64_t now_ns) {
    struct timer_node *first = queue->root;
    if (first == NULL || first->deadline_ns > now_ns) {
        return NULL;
    }
    timer_queue_remove(queue, first);
    return first;
}

static const struct timer_node *parent_of(const struct timer_node *node) {
    while (node->previous != NULL && node->previous->child != node) {
        node = node->previous;
    }
    return node->previous;
}

/* The next node in preorder, or NULL. */
static const struct timer_node *walk(const struct timer_node *node) {
    if (node->child != NULL) {
        return node->child;
    }
    while (node != NULL && node->sibling == NULL) {
        node = parent_of(node);
    }
    return node != NULL ? node->sibling : NULL;
}

void timer_queue_check(const struct timer_queue *queue) {
    uint32_t count = 0;
    ASSERT(queue->root == NULL || (queue->root->previous == NULL && queue->root->sibling == NULL));
    for (const struct timer_node *node = queue->root; node != NULL; node = walk(node)) {
        count++;
        ASSERT(count <= queue->count);
        ASSERT(node->queued && node->sequence < queue->next_sequence);
        ASSERT(node->child == NULL || node->child->previous == node);
        ASSERT(node->sibling == NULL || node->sibling->previous == node);
        const struct timer_node *parent = parent_of(node);
        ASSERT(node == queue->root ? parent == NULL : is_before(parent, node));
    }
    ASSERT(count == queue->count);
}
