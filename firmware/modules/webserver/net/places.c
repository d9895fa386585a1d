/* SPDX-License-Identifier: MIT */
/*
 * Who makes room for a new connection, in this order:
 *
 *  1. a client that waits for MicroPython and has sent a FIN: it has probably gone
 *  2. one that has only connected: the oldest, like the oldest half-open connection in RFC 4987
 *     section 3.3
 *  3. the least recently used idle one, like ESP-IDF's LRU purge
 *  4. one that sends or reads too slowly: the one furthest behind its pace
 *
 * With SERVER_FULL_REFUSE, only the first two: their end cuts off nothing that anybody waits for.
 */
#include "webserver/net/places.h"

#include "webserver/http/request.h"
#include "webserver/net/pace.h"
#include "webserver/tls/session.h"
#include "webserver/ws/session.h"

/* The last computation of a handshake: meanwhile, no client could be heard. */
static uint64_t computed_since, computed_until;

bool place_is_busy(const connection_t *connection) {
    switch (connection->state) {
    case STATE_HTTP:
        return connection->request || connection->out || connection->stream_left ||
               connection->rx ||
               (connection->tls && !connection->asked &&
                board_us() < connection->last_used + GRACE_US);
    case STATE_WEBSOCKET:
        return connection->out || connection->rx || connection->ws->waiting ||
               pending_guest_stays(connection);
    default:
        return true;
    }
}

static bool is_idle(const connection_t *connection) { return !place_is_busy(connection); }

/* Whether the connection is waiting for MicroPython alone. */
static bool waits_for_micropython(const connection_t *connection) {
    switch (connection->state) {
    case STATE_HTTP:
    case STATE_FLUSH:
        return !connection->out && (http_waits(connection) || connection->stream_left);
    case STATE_WEBSOCKET:
        return connection->ws->waiting;
    default:
        return false;
    }
}

/* The client has sent its FIN. It may still be reading (shutdown(2) with SHUT_WR), but most such
 * clients are gone, which only shows once we send. */
static bool is_half_closed(const connection_t *connection) {
    return connection->eof && waits_for_micropython(connection);
}

bool place_is_held(const connection_t *connection) {
    return connection->admitted && !connection->spare && connection->state != STATE_LINGER &&
           !connection_is_session(connection);
}

static connection_t *least_recently_used(const listener_t *listener,
                                         bool (*fits)(const connection_t *)) {
    connection_t *found = NULL;
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (place_is_held(c) && fits(c) && (!found || c->last_used < found->last_used)) {
            found = c;
        }
    }
    return found;
}

/* Closes without close_notify, as ESP-IDF's LRU purge does. */
void connection_purge(connection_t *connection) {
    server_stats.scheme[connection->scheme].purged++;
    server_log("%s: %s:%u: purged to make room for a new connection",
               server_scheme_name(connection->scheme), ipaddr_ntoa(&connection->peer),
               connection->peer_port);
    server_stats.handshakes.failed += connection->state == STATE_HANDSHAKE && connection->tls;
    if (connection->state == STATE_HTTP && http_waits(connection)) {
        http_unavailable(connection);
        connection_send(connection);
        connection_drop_input(connection); /* closing with unread input would send a RST */
    }
    connection_end(connection, false);
}

/* A client that has sent nothing since it connected. Its handshake's session, which takes memory,
 * begins with its first bytes. */
static bool is_silent(const connection_t *connection) {
    uint64_t by = connection->admitted_at + SILENT_US;
    if (by > computed_since && connection->admitted_at < computed_until) {
        by += computed_until - computed_since;
    }
    return !connection->tls && !connection->rx && !connection->eof &&
           (connection->state == STATE_HANDSHAKE ||
            (connection->state == STATE_HTTP && !connection->asked)) &&
           board_us() >= by;
}

static connection_t *furthest_behind(const listener_t *listener) {
    connection_t *found = NULL;
    uint64_t now = board_us();
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (place_is_held(c) && pace_is_behind(c, now) &&
            (!found || pace_deadline(c) < pace_deadline(found))) {
            found = c;
        }
    }
    return found;
}

bool place_make(listener_t *listener) {
    bool purge = listener->options.full == SERVER_FULL_PURGE;
    connection_t *victim = least_recently_used(listener, is_half_closed);
    victim = victim ? victim : least_recently_used(listener, is_silent);
    victim = victim || !purge ? victim : least_recently_used(listener, is_idle);
    victim = victim || !purge ? victim : furthest_behind(listener);
    if (victim) {
        connection_purge(victim);
    }
    return victim != NULL;
}

void places_computed(uint64_t since) {
    computed_since = since;
    computed_until = board_us();
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        pace_extend(listeners[i].connections, computed_until - since);
    }
}
