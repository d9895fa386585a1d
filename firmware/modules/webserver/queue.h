/* SPDX-License-Identifier: MIT */
/*
 * The bounded FIFO queue from the network to MicroPython's thread. It is intrusive, so that pushing
 * never allocates. The limit counts items caused by clients (requests, sessions and messages). A
 * session's end must not be lost and does not count: there is at most one for each queued session.
 *
 * Pure: no lwIP, no MicroPython.
 */
#ifndef ESPBENCH_WEBSERVER_QUEUE_H
#define ESPBENCH_WEBSERVER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct queue_node {
    struct queue_node *next;
    bool counted;
} queue_node_t;

typedef struct {
    queue_node_t *head, *tail;
    size_t limit, depth, max_depth, full; /* depth: items that count towards the limit */
} queue_t;

void queue_init(queue_t *queue, size_t limit);
bool queue_has_room(const queue_t *queue);

/* Returns false, and counts that, when the queue is full. */
bool queue_push(queue_t *queue, queue_node_t *node);

/* Pushes a node regardless of the limit. */
void queue_push_always(queue_t *queue, queue_node_t *node);
queue_node_t *queue_pop(queue_t *queue);

/* Removes a node that is in the queue. */
void queue_remove(queue_t *queue, queue_node_t *node);

#endif
