/* SPDX-License-Identifier: MIT */
#include "webserver/queue.h"

void queue_init(queue_t *queue, size_t limit) { *queue = (queue_t){.limit = limit}; }

bool queue_has_room(const queue_t *queue) { return queue->depth < queue->limit; }

static void append(queue_t *queue, queue_node_t *node) {
    node->next = NULL;
    if (queue->tail) {
        queue->tail->next = node;
    } else {
        queue->head = node;
    }
    queue->tail = node;
}

bool queue_push(queue_t *queue, queue_node_t *node) {
    if (!queue_has_room(queue)) {
        queue->full++;
        return false;
    }
    node->counted = true;
    append(queue, node);
    if (++queue->depth > queue->max_depth) {
        queue->max_depth = queue->depth;
    }
    return true;
}

void queue_push_always(queue_t *queue, queue_node_t *node) {
    node->counted = false;
    append(queue, node);
}

queue_node_t *queue_pop(queue_t *queue) {
    queue_node_t *node = queue->head;
    if (!node) {
        return NULL;
    }
    queue->head = node->next;
    if (!queue->head) {
        queue->tail = NULL;
    }
    if (node->counted) {
        queue->depth--;
    }
    node->next = NULL;
    return node;
}

void queue_remove(queue_t *queue, queue_node_t *node) {
    queue_node_t *before = NULL, *n = queue->head;
    while (n != node) {
        before = n;
        n = n->next;
    }
    if (!before) {
        queue_pop(queue);
        return;
    }
    before->next = node->next;
    if (queue->tail == node) {
        queue->tail = before;
    }
    if (node->counted) {
        queue->depth--;
    }
    node->next = NULL;
}
