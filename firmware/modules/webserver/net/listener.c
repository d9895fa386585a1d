/* SPDX-License-Identifier: MIT */
#include "webserver/poll.h"

#include <stdio.h>
#include <string.h>

#include "lwip/ip.h"
#include "lwip/tcp.h"

#include "webserver/connection.h"
#include "webserver/net/deferred_rst.h"

/* SYNs of a burst wait here until their handshakes are done: all of them within one poll. A SYN
 * that finds it full is dropped, and the client's retransmission comes seconds later. */
#define BACKLOG 64
#define NO_MEMORY_RETRY_US 20000 /* nobody tells when memory is back */

typedef struct {
    struct tcp_pcb *pcb; /* NULL: not listening */
    transport_options_t options;
    connection_t *connections;
    bool any_spare; /* among them; it may be some time ago */
} listener_t;

static listener_t listeners[SERVER_SCHEMES];
static uint32_t last_id;
static int tls_error;
static bool polling;
static bool resets_owed;

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
            if (stream_has_room(c)) {
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

/* ---- lwIP's callbacks: they only note what happened (in lwIP's thread, where it has one) ---- */

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error) {
    connection_t *connection = arg;
    (void)error;
    if (!connection) {
        if (p) {
            tcp_recved(pcb, p->tot_len);
            pbuf_free(p);
        }
        return ERR_OK;
    }
    connection->ready = true;
    network_wake();
    if (!p) {
        connection->eof = true;
        return ERR_OK;
    }
    connection->last_received = board_us();
    if (connection->rx) {
        pbuf_cat(connection->rx, p);
    } else {
        connection->rx = p;
        connection->rx_at = 0;
    }
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t length) {
    connection_t *connection = arg;
    (void)pcb, (void)length;
    if (connection) {
        connection->last_sent = board_us();
        connection->ready = true;
        network_wake();
    }
    return ERR_OK;
}

static void on_error(void *arg, err_t error) {
    connection_t *connection = arg;
    (void)error;
    if (connection) {
        connection->pcb = NULL; /* lwIP has freed it */
        connection->ready = true;
        network_wake();
    }
}

/* ---- limits ---- */

static bool is_busy(const connection_t *connection) {
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

bool connection_is_session(const connection_t *connection) {
    const server_module_t *owner = connection->ws ? connection->ws->endpoint.owner : NULL;
    return owner && owner->is_session && owner->is_session(connection->id);
}

static bool is_idle(const connection_t *connection) { return !is_busy(connection); }

/* Only MicroPython can go on with it. */
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

/* The client has sent its FIN. It may still be reading (shutdown(2) with SHUT_WR), but most that do
 * so have gone, and then we hear no more of them until we send. */
static bool is_half_closed(const connection_t *connection) {
    return connection->eof && waits_for_micropython(connection);
}

/* Connections that hold one of the places of the limit: not those that only wait for the peer's
 * FIN, nor the WebREPL's session, which has a place of its own. */
static bool holds_place(const connection_t *connection) {
    return connection->admitted && !connection->spare && connection->state != STATE_LINGER &&
           !connection_is_session(connection);
}

static connection_t *least_recently_used(const listener_t *listener,
                                         bool (*fits)(const connection_t *)) {
    connection_t *found = NULL;
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (holds_place(c) && fits(c) && (!found || c->last_used < found->last_used)) {
            found = c;
        }
    }
    return found;
}

/* As ESP-IDF's LRU purge does: without close_notify. */
void connection_purge(connection_t *connection) {
    server_stats.scheme[connection->scheme].purged++;
    server_log("%s: %s:%u: purged to make place for a new connection",
               server_scheme_name(connection->scheme), ipaddr_ntoa(&connection->peer),
               connection->peer_port);
    if (connection->state == STATE_HTTP && http_waits(connection)) {
        http_unavailable(connection);
        connection_send(connection);
        connection_drop_input(connection); /* a close with input left would be a RST */
    }
    connection_end(connection, false);
}

/* Frees a place: of a client that has probably gone, else of one that is idle. */
static bool make_place(listener_t *listener) {
    connection_t *victim = least_recently_used(listener, is_half_closed);
    if (!victim && listener->options.full == SERVER_FULL_PURGE) {
        victim = least_recently_used(listener, is_idle);
    }
    if (victim) {
        connection_purge(victim);
    }
    return victim != NULL;
}

static unsigned count_open(const listener_t *listener, connection_t **oldest_lingering) {
    unsigned open = 0, lingering = 0;
    *oldest_lingering = NULL;
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (c->state != STATE_LINGER) {
            open += holds_place(c);
        } else if (c->pcb) {
            lingering++;
            *oldest_lingering = c; /* new ones are put at the head of the list */
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
           make_place(listener);
}

void connection_refuse(connection_t *connection) {
    server_stats.scheme[connection->scheme].refused++;
    connection_failure(connection, CAUSE_REFUSED, "refused: all connections are in use");
    connection_end(connection, true);
}

bool connection_claim(connection_t *connection, bool webrepl) {
    listener_t *listener = &listeners[connection->scheme];
    if (connection->spare && has_place(listener)) {
        connection->spare = false;
    } else if (connection->spare && webrepl) {
        pending_drop_closing(listener->connections);
    }
    return webrepl || !connection->spare;
}

/* Gives places that have become free to connections that came when there was none, the oldest
 * first. */
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

/* Gives places to new connections, the oldest first. Not in on_accept(): frames that arrived
 * together are all looked at before, so that a place whose client has just gone counts as free,
 * and a client whose request has just come does not count as idle. */
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

/* A peer that has vanished must not keep its place: we hear of it within 35 s. */
static void keep_alive(struct tcp_pcb *pcb) {
    ip_set_option(pcb, SOF_KEEPALIVE);
    pcb->keep_idle = 15000;
#if LWIP_TCP_KEEPALIVE
    pcb->keep_intvl = 5000;
    pcb->keep_cnt = 4;
#elif TCP_KEEPINTVL_DEFAULT != 5000 || TCP_KEEPCNT_DEFAULT != 4
#error "set TCP_KEEPINTVL_DEFAULT and TCP_KEEPCNT_DEFAULT in lwipopts.h, or LWIP_TCP_KEEPALIVE"
#endif
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t error) {
    listener_t *listener = arg;
    server_scheme_t scheme = (server_scheme_t)(listener - listeners);
    if (error != ERR_OK || !pcb) {
        server_failure(scheme, CAUSE_NO_MEMORY, "out of memory for a connection");
        return ERR_VAL;
    }
    connection_t *connection = net_calloc(1, sizeof *connection);
    if (!connection) {
        server_stats.scheme[scheme].refused++;
        server_failure(scheme, CAUSE_NO_MEMORY, "%s:%u: out of memory for a connection",
                       ipaddr_ntoa(&pcb->remote_ip), pcb->remote_port);
        return owed_reset(pcb) ? ERR_ABRT : ERR_OK;
    }
    connection->scheme = scheme;
    connection->state = scheme == SERVER_HTTPS ? STATE_HANDSHAKE : STATE_HTTP;
    do {
        connection->id = ++last_id;
    } while (connection->id == 0 || connection_by_id(connection->id));
    connection->pcb = pcb;
    connection->peer = pcb->remote_ip;
    connection->peer_port = pcb->remote_port;
    connection->last_received = board_us();
    connection->next = listener->connections;
    listener->connections = connection;
    keep_alive(pcb);
    tcp_nagle_disable(pcb);
    tcp_arg(pcb, connection);
    tcp_recv(pcb, on_receive);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    network_wake();
    return ERR_OK;
}

/* ---- the work on one connection ---- */

static void reset_by_peer(connection_t *connection) {
    if (!connection->admitted) {
        connection_end(connection, false); /* it never had a place */
        return;
    }
    if (connection->state == STATE_HANDSHAKE) {
        server_stats.handshakes.failed++;
        connection_failure(connection, CAUSE_HANDSHAKE_CLOSED,
                           "the client reset the connection in the handshake");
    } else if (connection->state != STATE_LINGER && (is_busy(connection) || connection->ws)) {
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
            if (result == IO_ENDED && connection->pcb) {
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
        }
        pending_computed(connection, since);
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
}

/* ---- deadlines ---- */

static uint64_t send_deadline(const connection_t *connection) {
    return connection->last_sent + connection_options(connection)->send_timeout_ms * 1000ull;
}

/* When MicroPython has to have written the next piece of a body. */
static uint64_t piece_deadline(const connection_t *connection) {
    uint64_t since = connection->last_sent > connection->last_used ? connection->last_sent
                                                                   : connection->last_used;
    uint64_t timeout = connection_options(connection)->response_timeout_ms * 1000ull;
    return timeout ? since + timeout : NEVER;
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
        by = http_deadline(connection);
        break;
    case STATE_WEBSOCKET:
        by = ws_deadline(connection);
        break;
    default:
        break;
    }
    uint64_t other_by = connection->out           ? send_deadline(connection)
                        : connection->stream_left ? piece_deadline(connection)
                                                  : NEVER;
    return other_by < by ? other_by : by;
}

/* Whether the peer has not acknowledged all that we sent, our FIN included. */
static bool is_owed(const struct tcp_pcb *pcb) { return pcb->unacked || pcb->unsent; }

static void expire(connection_t *connection, uint64_t now) {
    if (connection->state == STATE_HANDSHAKE) {
        server_stats.handshakes.timeout++;
        server_stats.handshakes.failed++;
        connection_failure(connection, CAUSE_HANDSHAKE_TIMEOUT,
                           "the handshake was not done in time");
        connection_end(connection, true);
    } else if (connection->state == STATE_LINGER) {
        if (is_owed(connection->pcb) && now < connection->last_sent + LOST_US) {
            /* a lost segment is sent again later than we linger: a RST now would eat it */
            connection->linger_by = now + LINGER_US;
        } else {
            connection_end(connection, true);
        }
    } else if (connection->out && now >= send_deadline(connection)) {
        connection_failure(connection, CAUSE_SEND_TIMEOUT,
                           "the client does not take what is sent to it");
        connection_end(connection, true);
    } else if (!connection->out && connection->stream_left && now >= piece_deadline(connection)) {
        connection_failure(connection, CAUSE_RESPONSE_TIMEOUT,
                           "MicroPython did not go on with an answer in time");
        connection_end(connection, true);
    } else if (connection->state == STATE_HTTP) {
        http_timeout(connection);
    } else if (connection->state == STATE_WEBSOCKET) {
        ws_timeout(connection, now);
    }
}

static void remove_ended(listener_t *listener) {
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

static void serve(listener_t *listener) {
    for (connection_t *c = listener->connections; c; c = c->next) {
        if (!c->admitted && c->pcb) {
            continue;
        }
        uint64_t now = board_us();
        if (c->pcb && now >= deadline(c)) {
            expire(c, now);
        }
        if (c->ready || c->no_memory) {
            service(c);
        }
    }
    remove_ended(listener);
}

void transport_poll(void) {
    if (polling) {
        return;
    }
    NETWORK_LOCKED;
    polling = true;
    server_on_poll();
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        serve(&listeners[i]);
        admit(&listeners[i]);
        if (listeners[i].any_spare) {
            pending_next_turn(listeners[i].connections);
        }
        serve(&listeners[i]);
    }
    resets_owed = !owed_reset_poll();
    polling = false;
}

uint32_t transport_wait_us(void) {
    uint64_t now = board_us(), by = now + 1000000, modules_by = server_deadline();
    by = modules_by < by ? modules_by : by;
    by = resets_owed && now + NO_MEMORY_RETRY_US < by ? now + NO_MEMORY_RETRY_US : by;
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        if (listeners[i].any_spare) {
            uint64_t turn_by = pending_deadline(listeners[i].connections);
            by = turn_by < by ? turn_by : by;
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

/* Of each server more connections than it admits are there: one that makes place for itself, or
 * hears that there is none, and those that wait for their turn or their request. Beside them are
 * the WebREPL's session and the clients at its prompt. */
#define NEWCOMERS (SERVER_SCHEMES * (PENDING_MAX + 1) + 1 + SERVER_GUESTS)

#if LWIP_NETCONN
#define SOCKETS MEMP_NUM_NETCONN
#else
#define SOCKETS 0
#endif

#if MEMP_NUM_TCP_PCB_LISTEN < 2
#error "both servers listen: MEMP_NUM_TCP_PCB_LISTEN (CONFIG_LWIP_MAX_LISTENING_TCP) is 2 at least"
#endif

/* Where lwIP takes control blocks from the heap (MEMP_MEM_MALLOC), it does not count them: then the
 * number is what the board's memory was measured for. Closed connections need none of it: lwIP
 * drops them when it needs their memory (tcp_alloc()). */
transport_room_t transport_room(void) {
    return (transport_room_t){.all = MEMP_NUM_TCP_PCB, .others = NEWCOMERS + SOCKETS};
}

/* What an open TLS session takes, and what its handshake takes besides; measured, see
   docs/how-to/https.md. */
#if CONFIG_MBEDTLS_DYNAMIC_BUFFER
#define TLS_SESSION 3072
#define TLS_HANDSHAKE 20480
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

/* ---- start and stop: called in MicroPython's thread, never while transport_poll() runs ---- */

static server_listening_t watcher;

void server_watch_listening(server_listening_t new_watcher) { watcher = new_watcher; }

static void announce(server_scheme_t scheme, bool listening) {
    if (watcher) {
        watcher(scheme, listeners[scheme].options.port, listening);
    }
}

transport_status_t transport_start(server_scheme_t scheme, const transport_options_t *options) {
    NETWORK_LOCKED;
    listener_t *listener = &listeners[scheme];
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (!pcb) {
        return TRANSPORT_NO_MEMORY;
    }
    ip_set_option(pcb, SOF_REUSEADDR); /* connections in TIME_WAIT do not block a restart */
    bool own = listeners[!scheme].pcb && listeners[!scheme].options.port == options->port;
    if (own || tcp_bind(pcb, IP4_ADDR_ANY, options->port) != ERR_OK) {
        tcp_close(pcb);
        return TRANSPORT_PORT_IN_USE;
    }
    err_t error;
    struct tcp_pcb *listening = tcp_listen_with_backlog_and_err(pcb, BACKLOG, &error);
    if (!listening) {
        tcp_close(pcb);
        return error == ERR_USE ? TRANSPORT_PORT_IN_USE : TRANSPORT_NO_MEMORY;
    }
    if (scheme == SERVER_HTTPS) {
        tls_error = tls_start(options->identity);
        if (tls_error != 0) {
            tcp_close(listening);
            return TRANSPORT_TLS_ERROR;
        }
    }
    listener->options = *options;
    listener->pcb = listening;
    tcp_arg(listening, listener);
    tcp_accept(listening, on_accept);
    announce(scheme, true);
    return TRANSPORT_OK;
}

void transport_stop(server_scheme_t scheme) {
    NETWORK_LOCKED;
    listener_t *listener = &listeners[scheme];
    if (!listener->pcb) {
        return;
    }
    tcp_close(listener->pcb);
    listener->pcb = NULL;
    for (connection_t *c = listener->connections; c; c = c->next) {
        connection_end(c, false);
    }
    remove_ended(listener);
    if (scheme == SERVER_HTTPS) {
        tls_stop();
    }
    announce(scheme, false);
}

bool transport_running(server_scheme_t scheme) { return listeners[scheme].pcb != NULL; }

uint16_t transport_port(server_scheme_t scheme) { return listeners[scheme].options.port; }

int transport_tls_error(void) { return tls_error; }
