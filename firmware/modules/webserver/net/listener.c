/* SPDX-License-Identifier: MIT */
#include "webserver/poll.h"

#include <stdio.h>
#include <string.h>

#include "lwip/ip.h"
#include "lwip/tcp.h"

#include "webserver/http/body_stream.h"
#include "webserver/http/request.h"
#include "webserver/net/closed.h"
#include "webserver/net/deferred_rst.h"
#include "webserver/net/listener.h"
#include "webserver/net/pace.h"
#include "webserver/net/places.h"
#include "webserver/tls/session.h"
#include "webserver/tls/version.h"
#include "webserver/ws/session.h"

#define NO_MEMORY_RETRY_US 20000 /* no event signals that memory is free again */

static bool polling;
static bool rsts_deferred;

const transport_options_t *connection_options(const connection_t *connection) {
    return &listeners[connection->scheme].options;
}

connection_t *connection_by_id(uint32_t id) {
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        for (connection_t *c = listeners[i].connections; c; c = c->next) {
            if (c->id == id) {
                return c;
            }
        }
    }
    return NULL;
}

connection_t *connection_streaming(void) {
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        for (connection_t *c = listeners[i].connections; c; c = c->next) {
            if (stream_has_room(c) && !c->stream_idle) {
                return c;
            }
        }
    }
    return NULL;
}

void connection_failure(connection_t *connection, server_cause_t cause, const char *what) {
    if (cause == CAUSE_NO_MEMORY) {
        net_heap_figures_t heap = net_heap_figures();
        server_failure(connection->scheme, cause, "%s:%u: %s; %lu bytes free, largest block %lu",
                       ipaddr_ntoa(&connection->peer), connection->peer_port, what,
                       (unsigned long)heap.free, (unsigned long)heap.largest);
        return;
    }
    server_failure(connection->scheme, cause, "%s:%u: %s", ipaddr_ntoa(&connection->peer),
                   connection->peer_port, what);
}

/* ---- limits ---- */

bool connection_is_session(const connection_t *connection) {
    const server_module_t *owner = connection->ws ? connection->ws->endpoint.owner : NULL;
    return owner && owner->is_session && owner->is_session(connection->id);
}

static unsigned count_open(const listener_t *listener, connection_t **oldest_lingering) {
    unsigned open = 0, lingering = 0;
    *oldest_lingering = NULL;
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (c->state != STATE_LINGER) {
            open += place_is_held(c);
        } else if (c->pcb) {
            lingering++;
            *oldest_lingering = c; /* new ones are at the head of the list */
        }
    }
    if (lingering < listener->options.max_connections) {
        *oldest_lingering = NULL;
    }
    return open;
}

static bool has_place(listener_t *listener) {
    connection_t *lingering;
    return count_open(listener, &lingering) < listener->options.max_connections ||
           place_make(listener);
}

void connection_refuse(connection_t *connection) {
    server_stats.scheme[connection->scheme].refused++;
    connection_failure(connection, CAUSE_REFUSED, "refused: all connections are in use");
    connection_end(connection, true);
}

bool connection_claim(connection_t *connection, bool keeps_place) {
    listener_t *listener = &listeners[connection->scheme];
    if (connection->spare && has_place(listener)) {
        connection->spare = false;
    } else if (connection->spare && keeps_place) {
        pending_drop_closing(listener->connections);
    }
    return keeps_place || !connection->spare;
}

/* Gives free places to connections beyond the limit, the oldest first. */
static void fill_places(listener_t *listener) {
    for (;;) {
        connection_t *oldest = NULL, *lingering;
        listener->any_spare = false;
        for (connection_t *c = listener->connections; c; c = c->next) {
            listener->any_spare |= c->spare;
            oldest = pending_may_have_place(c) ? c : oldest;
        }
        if (!oldest ||
            !(oldest->ws ? count_open(listener, &lingering) < listener->options.max_connections
                         : has_place(listener))) {
            return;
        }
        oldest->spare = false;
        if (oldest->state == STATE_HANDSHAKE && !oldest->tls) {
            oldest->handshake_by = board_us() + listener->options.handshake_timeout_ms * 1000ull;
            oldest->ready = true;
        }
    }
}

/* Gives places to new connections, the oldest first. Not in on_accept(), so that all frames of a
 * batch are processed first: then the place of a client that has just left counts as free, and a
 * client whose request has just arrived does not count as idle. */
static void admit(listener_t *listener) {
    if (listener->any_spare) {
        fill_places(listener);
    }
    for (;;) {
        connection_t *next = NULL, *lingering;
        for (connection_t *c = listener->connections; c; c = c->next) {
            next = c->admitted || !c->pcb ? next : c;
        }
        if (!next) {
            return;
        }
        closed_limit();
        bool place = has_place(listener);
        if (!place && !pending_make_room(listener->connections)) {
            connection_refuse(next);
            continue;
        }
        count_open(listener, &lingering);
        if (lingering) {
            connection_end(lingering, true);
        }
        uint64_t now = board_us();
        next->spare = !place;
        listener->any_spare |= next->spare;
        next->admitted = next->ready = true;
        next->admitted_at = next->last_used = next->last_sent = now;
        next->handshake_by = now + listener->options.handshake_timeout_ms * 1000ull;
        server_stats.scheme[next->scheme].accepted++;
        server_stats.scheme[next->scheme].open++;
    }
}

/* ---- service of one connection ---- */

static void reset_by_peer(connection_t *connection) {
    if (!connection->admitted) {
        connection_end(connection, false); /* it was never admitted */
        return;
    }
    if (connection->state == STATE_HANDSHAKE) {
        server_stats.handshakes.failed++;
        connection_failure(connection, CAUSE_HANDSHAKE_CLOSED,
                           "the client reset the connection in the handshake");
    } else if (connection->state != STATE_LINGER && (place_is_busy(connection) || connection->ws)) {
        connection_failure(connection, CAUSE_PEER_RESET, "the client reset the connection");
    }
    connection_end(connection, false);
}

static bool wants_input(const connection_t *connection) {
    if (!connection->pcb || connection->out_bytes > OUT_HIGH) {
        return false;
    }
    return connection->state == STATE_HTTP        ? http_wants_input(connection)
           : connection->state == STATE_WEBSOCKET ? ws_wants_input(connection)
                                                  : false;
}

bool connection_is_receiving(const connection_t *connection) {
    if (connection->state == STATE_HANDSHAKE) {
        return connection->tls || connection->rx;
    }
    return wants_input(connection) &&
           ((connection->tls && tls_records_incomplete(&connection->tls->records)) ||
            (connection->state == STATE_HTTP ? connection->request != NULL
                                             : ws_decoder_busy(&connection->ws->decoder)));
}

/* Begins or ends the deadlines for incomplete input, and for output that the client does not take
 * from lwIP. */
static void keep_pace(connection_t *connection) {
    if (!connection_is_receiving(connection)) {
        connection->in_by = NEVER;
    } else if (connection->in_by == NEVER) {
        connection->in_by = pace_begin(connection, board_us());
    }
    if (!connection->out && !(connection->pcb && connection->pcb->unsent)) {
        connection->out_by = NEVER;
    }
}

static void peer_finished(connection_t *connection) {
    if (connection->state == STATE_WEBSOCKET) {
        ws_peer_gone(connection);
    } else {
        connection_finish(connection);
    }
}

static void take_input(connection_t *connection) {
    while (wants_input(connection)) {
        const uint8_t *data;
        size_t length;
        io_result_t result = connection_peek(connection, &data, &length);
        if (result != IO_OK) {
            if (result == IO_ENDED && connection->pcb && connection->state != STATE_LINGER) {
                peer_finished(connection);
            }
            return;
        }
        size_t used = connection->state == STATE_WEBSOCKET ? ws_input(connection, data, length)
                                                           : http_input(connection, data, length);
        if (connection->state == STATE_LINGER || !connection->pcb) {
            return; /* the input is gone with the connection */
        }
        connection_use(connection, used);
    }
}

static void service(connection_t *connection) {
    connection->ready = false;
    if (!connection->pcb) {
        reset_by_peer(connection);
        return;
    }
    if (connection->spare && pending_waits(connection)) {
        return;
    }
    connection->asked |= connection->state == STATE_HTTP && connection->rx;
    if (connection->state == STATE_HANDSHAKE) {
        uint64_t since = board_us();
        if (tls_handshake(connection) == IO_OK) {
            connection->state = STATE_HTTP;
            connection->last_used = board_us();
            connection->in_by = NEVER;
        }
        pending_computed(connection, since);
        places_computed(since);
        if (connection->pcb) {
            tcp_output(connection->pcb);
        }
    }
    bool more = connection->state != STATE_HANDSHAKE && connection->pcb;
    while (more) {
        if (connection_send(connection) == IO_ENDED) {
            break;
        }
        size_t before = connection->out_bytes;
        take_input(connection);
        more = connection->pcb && connection->out_bytes > before;
    }
    if (connection->pcb && connection->state == STATE_FLUSH && !connection->out &&
        !connection->stream_left) {
        connection_finish(connection);
    }
    if (connection->pcb && connection->state == STATE_LINGER) {
        connection_drop_input(connection);
        if (connection->eof) {
            connection_end(connection, false);
        }
    }
    if (!connection_keep_rest(connection)) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for input");
        connection_end(connection, true);
    }
    keep_pace(connection);
}

/* ---- deadlines ---- */

static uint64_t send_deadline(const connection_t *connection) {
    return connection->last_sent + connection_options(connection)->send_timeout_ms * 1000ull;
}

/* The deadline for MicroPython to write the next piece of a body. */
static uint64_t piece_deadline(const connection_t *connection) {
    uint64_t since = connection->last_sent > connection->last_used ? connection->last_sent
                                                                   : connection->last_used;
    uint64_t timeout = connection_options(connection)->response_timeout_ms * 1000ull;
    return timeout ? since + timeout : NEVER;
}

static uint64_t earliest(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* The deadline for input that has begun, beyond those of http/ and ws/. */
static uint64_t input_deadline(const connection_t *connection) {
    if (connection->in_by == NEVER || !connection->tls ||
        !tls_records_incomplete(&connection->tls->records)) {
        return connection->in_by;
    }
    return earliest(connection->in_by,
                    connection->last_received +
                        connection_options(connection)->recv_timeout_ms * 1000ull);
}

static uint64_t deadline(const connection_t *connection) {
    if (!connection->pcb) {
        return 0;
    }
    uint64_t by = NEVER;
    switch (connection->state) {
    case STATE_HANDSHAKE:
        return connection->handshake_by;
    case STATE_LINGER:
        return connection->linger_by;
    case STATE_HTTP:
        by = earliest(http_deadline(connection), input_deadline(connection));
        break;
    case STATE_WEBSOCKET:
        by = earliest(ws_deadline(connection), input_deadline(connection));
        break;
    default:
        break;
    }
    by = earliest(by, connection->out_by);
    uint64_t other_by = connection->out           ? send_deadline(connection)
                        : connection->stream_left ? piece_deadline(connection)
                                                  : NEVER;
    return earliest(by, other_by);
}

/* Whether the peer still owes acknowledgements, of our FIN included. */
static bool has_unacknowledged(const struct tcp_pcb *pcb) { return pcb->unacked || pcb->unsent; }

static void expire(connection_t *connection, uint64_t now) {
    if (connection->state == STATE_HANDSHAKE) {
        server_stats.handshakes.timeout++;
        server_stats.handshakes.failed++;
        connection_failure(connection, CAUSE_HANDSHAKE_TIMEOUT, "the handshake timed out");
        connection_end(connection, true);
    } else if (connection->state == STATE_LINGER) {
        if (has_unacknowledged(connection->pcb) && now < connection->last_sent + LOST_US &&
            now < connection->out_by) {
            /* retransmission takes longer than LINGER_US: a RST now would lose the segment */
            connection->linger_by = now + LINGER_US;
        } else {
            connection_end(connection, true);
        }
    } else if (now >= connection->out_by || (connection->out && now >= send_deadline(connection))) {
        connection_failure(connection, CAUSE_SEND_TIMEOUT,
                           now >= connection->out_by ? "the client reads the output too slowly"
                                                     : "the client does not read the output");
        connection_end(connection, true);
    } else if (!connection->out && connection->stream_left && now >= piece_deadline(connection)) {
        connection_failure(connection, CAUSE_RESPONSE_TIMEOUT,
                           "MicroPython did not continue a body in time");
        connection_end(connection, true);
    } else if (connection->state == STATE_HTTP) {
        http_timeout(connection);
    } else if (connection->state == STATE_WEBSOCKET) {
        ws_timeout(connection, now);
    }
}

void listener_remove_ended(listener_t *listener) {
    for (connection_t **link = &listener->connections; *link;) {
        connection_t *connection = *link;
        if (connection->pcb || connection->state != STATE_LINGER) {
            link = &connection->next;
            continue;
        }
        *link = connection->next;
        if (connection->admitted) {
            server_stats.scheme[connection->scheme].open--;
            server_stats.scheme[connection->scheme].closed++;
        }
        net_free(connection);
    }
}

static void expire_due(listener_t *listener) {
    uint64_t now = board_us();
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (c->admitted && c->pcb && now >= deadline(c)) {
            expire(c, now);
        }
    }
}

static void serve(listener_t *listener) {
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (!c->admitted && c->pcb) {
            continue;
        }
        if (c->ready || c->no_memory) {
            service(c);
        }
    }
    listener_remove_ended(listener);
}

void transport_poll(void) {
    if (polling) {
        return;
    }
    NETWORK_LOCKED;
    polling = true;
    server_on_poll();
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        expire_due(&listeners[i]);
        serve(&listeners[i]);
        admit(&listeners[i]);
        if (listeners[i].any_spare) {
            pending_next_turn(listeners[i].connections);
        }
        serve(&listeners[i]);
    }
    rsts_deferred = !deferred_rst_poll();
    polling = false;
}

uint32_t transport_wait_us(void) {
    uint64_t now = board_us(), by = now + 1000000, modules_by = server_deadline();
    by = modules_by < by ? modules_by : by;
    by = rsts_deferred && now + NO_MEMORY_RETRY_US < by ? now + NO_MEMORY_RETRY_US : by;
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        if (listeners[i].any_spare) {
            uint64_t turn_by = pending_deadline(listeners[i].connections);
            by = earliest(by, turn_by);
            if (turn_by != NEVER) { /* somebody waits: look for a place meanwhile */
                by = earliest(by, now + SILENT_US);
            }
        }
        for (connection_t *c = listeners[i].connections; c; c = c->next) {
            if (c->ready) {
                return 0;
            }
            uint64_t due = c->no_memory ? now + NO_MEMORY_RETRY_US : deadline(c);
            by = due < by ? due : by;
        }
    }
    return by > now ? (uint32_t)(by - now) : 0;
}

void transport_resume(void) {
    NETWORK_LOCKED;
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        for (connection_t *c = listeners[i].connections; c; c = c->next) {
            if (c->state == STATE_WEBSOCKET && c->ws->waiting) {
                ws_resume(c);
                c->ready = true;
            }
        }
    }
}

/* ---- room ---- */

/* Connections beyond the limits: for each server one that is being admitted or refused, and those
 * that wait for their turn or their request; also the WebREPL's session and the clients at its
 * prompt. */
#define NEWCOMERS (SERVER_SCHEMES * (PENDING_MAX + 1) + 1 + SERVER_GUESTS)

#if LWIP_NETCONN
#define SOCKETS MEMP_NUM_NETCONN
#else
#define SOCKETS 0
#endif

#if MEMP_NUM_TCP_PCB_LISTEN < 2
#error                                                                                             \
    "set MEMP_NUM_TCP_PCB_LISTEN (CONFIG_LWIP_MAX_LISTENING_TCP) to 2 or more: both servers listen"
#endif

/* Where lwIP allocates control blocks from the heap (MEMP_MEM_MALLOC), it does not count them;
 * MEMP_NUM_TCP_PCB is then what the board's memory was measured for. Closed connections do not
 * count: closed_limit() drops them. */
transport_room_t transport_room(void) {
    const unsigned all = MEMP_NUM_TCP_PCB, others = NEWCOMERS + SOCKETS;
    /* MicroPython's own boards have fewer connections than sockets: the servers get half of
     * them. */
    return (transport_room_t){.all = all, .others = others < all / 2 ? others : all / 2};
}

/* Memory of an open TLS session, and its handshake's on top of it; measured, see
 * docs/how-to/https.md. */
#if CONFIG_MBEDTLS_DYNAMIC_BUFFER
#define TLS_SESSION 3072
#define TLS_HANDSHAKE 20480
#elif TLS_NEWEST == TLS_1_3
#define TLS_SESSION 24576
#define TLS_HANDSHAKE 13312
#else
#define TLS_SESSION 24576
#define TLS_HANDSHAKE 10240
#endif
#define PLAIN_RESERVE 4096

size_t transport_reserve(void) {
    const listener_t *https = &listeners[SERVER_HTTPS];
    if (!https->pcb) {
        return PLAIN_RESERVE;
    }
    size_t left = https->options.max_connections + 1;
    for (const connection_t *c = https->connections; c; c = c->next) {
        left -= left && c->tls;
    }
    return PLAIN_RESERVE + left * TLS_SESSION + TLS_HANDSHAKE;
}

bool connection_handshake_fits(void) {
    return net_heap_figures().free >= PLAIN_RESERVE + TLS_SESSION + TLS_HANDSHAKE;
}
