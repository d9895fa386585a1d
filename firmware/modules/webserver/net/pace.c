/* SPDX-License-Identifier: MIT */
#include "webserver/net/pace.h"

/* How far behind the pace a client may be while others need its place: a lost segment takes no
 * longer. Clients retransmit after 0.2 to 1 s, lwIP after 1.5 and 3 s. */
#define BEHIND_IN_US 1000000
#define BEHIND_OUT_US 4500000

uint64_t pace_after(const connection_t *connection, uint64_t by, size_t length, uint64_t now) {
    if (by == NEVER) {
        return NEVER;
    }
    uint64_t latest = pace_begin(connection, now);
    by += (uint64_t)length * connection_options(connection)->us_per_byte;
    return by < latest ? by : latest;
}

bool pace_is_behind(const connection_t *connection, uint64_t now) {
    uint64_t in_time = pace_begin(connection, now);
    return (connection->in_by < NEVER - BEHIND_IN_US && !connection->rx &&
            connection->in_by + BEHIND_IN_US < in_time) ||
           (connection->out_by < NEVER - BEHIND_OUT_US &&
            connection->out_by + BEHIND_OUT_US < in_time);
}

void pace_extend(connection_t *list, uint64_t us) {
    for (connection_t *c = list; c; c = c->next) {
        c->in_by += c->in_by == NEVER ? 0 : us;
        c->out_by += c->out_by == NEVER ? 0 : us;
    }
}
