/* SPDX-License-Identifier: MIT */
/*
 * The bounded first-in first-out queue from the network to MicroPython's thread. Items are linked
 * through themselves, so that putting one in never allocates; the bound counts what clients cause
 * (requests, sessions and messages). A session's end must not be lost and is put beyond it: there
 * is at most one for each session that was put in.
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
    size_t limit, depth, max_depth, full; /* depth counts bounded items only */
} queue_t;

void queue_init(queue_t *queue, size_t limit);
bool queue_has_room(const queue_t *queue);

/* False, and counted, when the queue is full. */
bool queue_push(queue_t *queue, queue_node_t *node);

/* Puts a node in whatever the bound says. */
void queue_push_always(queue_t *queue, queue_node_t *node);
queue_node_t *queue_pop(queue_t *queue);

/* Takes out a node that is in the queue. */
void queue_remove(queue_t *queue, queue_node_t *node);

#endif
