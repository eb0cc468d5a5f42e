#pragma once
/*
 * Deadlines, in order: a pairing heap of nodes that belong to whoever waits.
 *
 * Rules
 * - The caller holds the queue's lock. Nothing is allocated.
 * - Equal deadlines fire in the order in which they were inserted.
 */
#include <stdbool.h>
#include <stdint.h>

struct timer_node {
    uint64_t deadline_ns;
    uint64_t sequence; /* set by insert: order among equals */
    struct timer_node *child, *sibling, *previous;
    bool queued;
    bool is_object; /* the environment's: what the node is a part of; not looked at here */
};

struct timer_queue {
    struct timer_node *root;
    uint64_t next_sequence;
    uint32_t count;
};

void timer_queue_init(struct timer_queue *queue);
void timer_node_init(struct timer_node *node);
void timer_queue_insert(struct timer_queue *queue, struct timer_node *node, uint64_t deadline_ns);

/* Takes a node out; nothing happens when it is not queued. */
void timer_queue_remove(struct timer_queue *queue, struct timer_node *node);

/* The earliest node, or NULL; UINT64_MAX when there is none. */
struct timer_node *timer_queue_first(const struct timer_queue *queue);
uint64_t timer_queue_deadline(const struct timer_queue *queue);

/* Takes the earliest node if its deadline is at or before now_ns, else NULL. */
struct timer_node *timer_queue_pop(struct timer_queue *queue, uint64_t now_ns);

void timer_queue_check(const struct timer_queue *queue);
