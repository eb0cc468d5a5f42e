#include "kernel/ring/operation.h"

void operation_list_complete(const struct operation_list *list, status_t status) {
    struct operation *operation = list->first;
    while (operation != NULL) {
        struct operation *next = operation->next; /* the record is gone once it is complete */
        operation_complete(operation, status, 0);
        operation = next;
    }
}

void operation_queue_append(struct operation_queue *queue, struct operation *operation) {
    operation->next = NULL;
    operation->previous = queue->last;
    if (queue->last != NULL) {
        queue->last->next = operation;
    } else {
        queue->first = operation;
    }
    queue->last = operation;
}

void operation_queue_remove(struct operation_queue *queue, struct operation *operation) {
    if (operation->previous != NULL) {
        operation->previous->next = operation->next;
    } else {
        queue->first = operation->next;
    }
    if (operation->next != NULL) {
        operation->next->previous = operation->previous;
    } else {
        queue->last = operation->previous;
    }
    operation->next = operation->previous = NULL;
}

void operation_queue_claim_all(struct operation_queue *queue, struct operation_list *claimed) {
    struct operation *operation = queue->first;
    while (operation != NULL) {
        struct operation *next = operation->next;
        if (operation_claim(operation)) {
            operation_queue_remove(queue, operation);
            operation->unlink = NULL;
            operation_list_append(claimed, operation);
        }
        operation = next;
    }
}

struct operation *operation_queue_claim_first(struct operation_queue *queue) {
    struct operation *operation = queue->first;
    while (operation != NULL && !operation_claim(operation)) {
        operation = operation->next;
    }
    if (operation != NULL) {
        operation_queue_remove(queue, operation);
        operation->unlink = NULL;
    }
    return operation;
}
