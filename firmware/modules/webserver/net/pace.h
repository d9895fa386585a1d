/* SPDX-License-Identifier: MIT */
/*
 * The pace of a transfer. A deadline without progress is not enough: a client that sends or takes a
 * byte every second would keep its place for hours.
 *
 * A transfer may take transfer_timeout_us, and each byte moves its deadline, but never further than
 * transfer_timeout_us from now, so a client that was fast cannot stop later. This is like Apache's
 * mod_reqtimeout (RequestReadTimeout body=20,MinRate=500), which has no such bound. Bytes are those
 * of TCP: those of a TLS record count before it is complete.
 */
#ifndef ESPBENCH_WEBSERVER_NET_PACE_H
#define ESPBENCH_WEBSERVER_NET_PACE_H

#include "webserver/connection.h"

/* Whether clients have to keep a pace. */
static inline bool pace_applies(const connection_t *connection) {
    return connection_options(connection)->us_per_byte != 0;
}

/* The deadline of a transfer that begins now. */
static inline uint64_t pace_begin(const connection_t *connection, uint64_t now) {
    return pace_applies(connection) ? now + connection_options(connection)->transfer_timeout_us
                                    : NEVER;
}

/* The deadline after these bytes; NEVER stays. */
uint64_t pace_after(const connection_t *connection, uint64_t by, size_t length, uint64_t now);

static inline uint64_t pace_deadline(const connection_t *connection) {
    return connection->in_by < connection->out_by ? connection->in_by : connection->out_by;
}

/* Whether the client sends or reads so slowly that it is behind its pace, by more than a lost
 * segment explains. */
bool pace_is_behind(const connection_t *connection, uint64_t now);

/* Extends the deadlines of all clients of a list by a time in which they could not be heard. */
void pace_extend(connection_t *list, uint64_t us);

#endif
