/* SPDX-License-Identifier: MIT */
/*
 * Connections beyond the limit whose request has not arrived.
 *
 * While an endpoint is registered whose module keeps a place (webrepl does), each server accepts a
 * few clients beyond its limit until their request shows whether it is for that endpoint. Otherwise
 * requests that no program answers would lock out the owner, the only one who can interrupt that
 * program.
 *
 * A client that only connects costs its control block. The oldest of these makes way for a new one,
 * like the oldest half-open connection in RFC 4987 section 3.3: with a single place, a client that
 * connects more often than the owner could hold it forever. A client with a partial request counts
 * too, or one byte would be enough to stay.
 *
 * A TLS session takes too much memory to have more than one. Clients whose ClientHello has arrived
 * wait in line, and the oldest gets a turn of limited time for its handshake, its request and its
 * password. They cannot be told apart before, so when all waiting clients are in line, a random one
 * makes way (as with OpenSSH's MaxStartups): any fixed order could be exploited by timing.
 */
#include "webserver/ws/session.h"

#define TURN_US 3000000 /* what a client may take, not counting our own computation */
#define QUIET_US 500000 /* the same, without a sign of life */
#define RECORD_HEADER 5 /* RFC 8446 section 5.1 */
#define RECORD_HANDSHAKE 0x16
#define HELLO_MAX 2560 /* bytes of a ClientHello that may wait */

static bool is_pending(const connection_t *connection) {
    return connection->spare && !connection->ws && connection->pcb &&
           connection->state != STATE_LINGER;
}

static bool has_turn(const connection_t *connection) { return connection->turn_by != 0; }

/* Whether the first record is complete and a handshake record. */
static bool has_hello(const connection_t *connection) {
    uint8_t header[RECORD_HEADER];
    return connection->rx &&
           pbuf_copy_partial(connection->rx, header, sizeof header, 0) == sizeof header &&
           header[0] == RECORD_HANDSHAKE &&
           connection->rx->tot_len >= sizeof header + (header[3] << 8 | header[4]);
}

static bool is_in_line(const connection_t *connection) {
    return connection->state == STATE_HANDSHAKE && !has_turn(connection) && has_hello(connection);
}

/* Whether its input arrived in the current batch of frames and has not been read yet. */
static bool is_unread(const connection_t *connection) {
    return connection->state == STATE_HTTP && connection->rx;
}

bool pending_make_room(connection_t *list) {
    unsigned count = 0, asking = 0;
    connection_t *silent = NULL, *one = NULL;
    if (!server_keeps_place()) {
        return false;
    }
    for (connection_t *c = list; c; c = c->next) { /* the newest first */
        if (!is_pending(c) || has_turn(c)) {
            continue;
        }
        count++;
        if (!is_in_line(c) && !is_unread(c)) {
            silent = c;
        } else if (LWIP_RAND() % ++asking == 0) {
            one = c;
        }
    }
    if (count >= PENDING_MAX) {
        connection_refuse(silent ? silent : one);
    }
    return true;
}

bool pending_waits(connection_t *connection) {
    if (!is_pending(connection) || connection->state != STATE_HANDSHAKE || has_turn(connection)) {
        return false;
    }
    if (!connection->rx) {
        return !connection->eof;
    }
    uint8_t first = *(uint8_t *)connection->rx->payload;
    if (first >= 'A' && first <= 'Z') {
        return false; /* tls_handshake() reports the error without allocating */
    }
    if (first != RECORD_HANDSHAKE || connection->rx->tot_len > HELLO_MAX || connection->eof) {
        connection_refuse(connection);
    } else if (has_hello(connection)) {
        connection->handshake_by = NEVER; /* until its turn */
    }
    return true;
}

void pending_computed(connection_t *connection, uint64_t since) {
    if (has_turn(connection)) {
        connection->last_sent = board_us(); /* the client could not continue before */
        connection->turn_by += connection->last_sent - since;
    }
}

/* When the client in its turn makes way for the next. */
static uint64_t turn_end(const connection_t *connection) {
    uint64_t alive = connection->last_received > connection->last_sent ? connection->last_received
                                                                       : connection->last_sent;
    return alive + QUIET_US < connection->turn_by ? alive + QUIET_US : connection->turn_by;
}

static connection_t *find_last(connection_t *list, bool (*fits)(const connection_t *)) {
    connection_t *found = NULL;
    for (connection_t *c = list; c; c = c->next) {
        if (is_pending(c) && fits(c)) {
            found = c;
        }
    }
    return found;
}

/* A client of a module that keeps a place, without a session of it: it has not logged in. */
static bool is_guest(const connection_t *connection) {
    return connection->spare && connection->ws && !connection_is_session(connection);
}

static bool is_tls_guest(const connection_t *connection) {
    return is_guest(connection) && connection->tls;
}

/* A client at the password prompt stays for the rest of its turn; one that has sent a password,
 * until it is answered. */
static uint64_t guest_end(const connection_t *connection) {
    const server_module_t *owner = connection->ws->endpoint.owner;
    bool authenticating = owner->is_authenticating && owner->is_authenticating(connection->id);
    return authenticating ? NEVER : turn_end(connection);
}

bool pending_guest_stays(const connection_t *connection) {
    return connection->ws->endpoint.owner->keeps_place && !connection->ws->close_sent &&
           board_us() < guest_end(connection);
}

void pending_becomes_guest(connection_t *connection) {
    if (!connection->spare || !has_turn(connection)) {
        connection->turn_by = board_us() + TURN_US;
    }
}

/* When the next turn may begin. */
static uint64_t free_at(connection_t *list) {
    const connection_t *holder = find_last(list, has_turn);
    if (holder) {
        return turn_end(holder);
    }
    if (connection_handshake_fits()) {
        return 0;
    }
    uint64_t first = NEVER;
    bool guests = false;
    for (const connection_t *c = list; c; c = c->next) {
        if (is_tls_guest(c)) {
            guests = true;
            first = guest_end(c) < first ? guest_end(c) : first;
        }
    }
    return guests ? first : 0; /* else the memory is not used by TLS guests: let it try */
}

static void make_way(connection_t *list, uint64_t now) {
    connection_t *holder = find_last(list, has_turn);
    if (holder) {
        connection_refuse(holder);
    }
    for (connection_t *c = list; c; c = c->next) {
        if (is_tls_guest(c) && guest_end(c) <= now && !connection_handshake_fits()) {
            connection_purge(c);
        }
    }
}

void pending_next_turn(connection_t *list) {
    connection_t *next = find_last(list, is_in_line);
    uint64_t now = board_us();
    if (!next || now < free_at(list)) {
        return;
    }
    make_way(list, now);
    if (free_at(list) <= now) {
        next->turn_by = now + TURN_US;
        next->handshake_by = now + connection_options(next)->handshake_timeout_ms * 1000ull;
        next->ready = true;
    }
}

uint64_t pending_deadline(connection_t *list) {
    return find_last(list, is_in_line) ? free_at(list) : NEVER;
}

bool pending_may_have_place(const connection_t *connection) {
    return is_guest(connection) ||
           (is_pending(connection) && (has_turn(connection) || is_in_line(connection)));
}

/* Ends guests that are being refused and only owe their close frame. */
void pending_drop_closing(connection_t *list) {
    for (connection_t *c = list; c; c = c->next) {
        if (is_guest(c) && (c->ws->close_sent || c->state != STATE_WEBSOCKET)) {
            connection_purge(c);
        }
    }
}
