/* SPDX-License-Identifier: MIT */
/* Listening, and lwIP's callbacks: new connections, data, acknowledgements, resets. */
#include "lwip/ip.h"
#include "lwip/tcp.h"

#include "webserver/net/deferred_rst.h"
#include "webserver/net/listener.h"
#include "webserver/net/pace.h"
#include "webserver/tls/session.h"

/* A burst of SYNs waits here until the TCP handshakes are done, all within one poll. When it is
 * full, a SYN is dropped, and the client retransmits it only seconds later. */
#define BACKLOG 64

listener_t listeners[SERVER_SCHEMES];
static uint32_t last_id;
static int tls_error;

/* ---- lwIP's callbacks: they only record what happened (in lwIP's thread, if it has one) ---- */

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
    uint64_t now = board_us();
    connection->last_received = now;
    connection->in_by = pace_after(connection, connection->in_by, p->tot_len, now);
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
    (void)pcb;
    if (connection) {
        uint64_t now = board_us();
        connection->last_sent = now;
        connection->out_by = pace_after(connection, connection->out_by, length, now);
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

/* A vanished peer must not keep its place: this detects it within 35 s. */
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
        return deferred_rst_abort(pcb) ? ERR_ABRT : ERR_OK;
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
    connection->in_by = connection->out_by = NEVER;
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
        tls_error = tls_start(options);
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
    listener_remove_ended(listener);
    if (scheme == SERVER_HTTPS) {
        tls_stop();
    }
    announce(scheme, false);
}

bool transport_running(server_scheme_t scheme) { return listeners[scheme].pcb != NULL; }

uint16_t transport_port(server_scheme_t scheme) { return listeners[scheme].options.port; }

int transport_tls_error(void) { return tls_error; }
