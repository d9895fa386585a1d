/* SPDX-License-Identifier: MIT */
/* Host test of the queue to MicroPython: limit, events and figures. */
#include "webserver/queue.h"

#include "check.h"

int main(void) {
    queue_t queue;
    queue_node_t nodes[4];
    queue_init(&queue, 2);
    CHECK(queue_pop(&queue) == NULL);
    CHECK(queue_push(&queue, &nodes[0]) && queue_push(&queue, &nodes[1]));
    CHECK(!queue_has_room(&queue) && !queue_push(&queue, &nodes[2]));
    CHECK(queue.full == 1 && queue.depth == 2 && queue.max_depth == 2);
    /* events are queued beyond the limit, in order, and do not count */
    queue_push_always(&queue, &nodes[3]);
    CHECK(queue.depth == 2);
    CHECK(queue_pop(&queue) == &nodes[0] && queue_has_room(&queue));
    CHECK(queue_push(&queue, &nodes[2]));
    CHECK(queue_pop(&queue) == &nodes[1]);
    CHECK(queue_pop(&queue) == &nodes[3]);
    CHECK(queue_pop(&queue) == &nodes[2]);
    CHECK(queue_pop(&queue) == NULL && queue.depth == 0 && queue.max_depth == 2);
    CHECK(queue_push(&queue, &nodes[0]) && queue_pop(&queue) == &nodes[0]);
    for (int removed = 0; removed < 3; removed++) { /* the first, one in between, the last */
        CHECK(queue_push(&queue, &nodes[0]) && queue_push(&queue, &nodes[1]));
        queue_push_always(&queue, &nodes[2]);
        queue_remove(&queue, &nodes[removed]);
        CHECK(queue.depth == (removed == 2 ? 2 : 1));
        queue_push_always(&queue, &nodes[3]);
        for (int i = 0; i < 4; i++) {
            CHECK(i == removed || queue_pop(&queue) == &nodes[i]);
        }
        CHECK(queue_pop(&queue) == NULL && queue.depth == 0);
    }
    CHECK(queue_push(&queue, &nodes[0]));
    queue_remove(&queue, &nodes[0]);
    CHECK(queue_pop(&queue) == NULL && queue.depth == 0 && !queue.tail);
    return 0;
}
