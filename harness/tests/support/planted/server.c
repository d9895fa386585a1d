/* SPDX-License-Identifier: MIT */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "lwip/pbuf.h"
#include "lwip/sys.h"
#include "lwip/tcp.h"
#include "tls.h"
#include "webserver/net_heap.h"

#define HTTP_PLACES 8
#define TLS_PLACES 4
#define WAITING_AT_MOST 8
#define BACKLOG 5

#define HANDSHAKE_MS 6000
#define FIRST_HEAD_MS 5000
#define STALLED_MS 10000
#define LINGER_MS 2000
#define WAIT_FOR_PLACE_MS 1500
#define RETRY_MS 20
#define IDLE_MS 1000
#define KEEP_IDLE_MS 15000

#define HANDLER_MS 100     /* how long a response takes with FAULT_HALF_CLOSE_DROPS */
#define WORN_OUT_AFTER 700 /* connections, for FAULT_WEARS_OUT */

static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                           "Content-Length: 0\r\nConnection: close\r\n\r\n";

static connection_t *connections;
static struct tcp_pcb *listeners[2]; /* HTTP, HTTPS */
static unsigned lost_places;
static unsigned served;

/* ---- lwIP's side ---- */

static void forget_pcb(connection_t *c) {
    if (c->pcb != NULL) {
        tcp_arg(c->pcb, NULL);
        tcp_recv(c->pcb, NULL);
        tcp_err(c->pcb, NULL);
        c->pcb = NULL;
    }
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error) {
    connection_t *c = arg;
    if (c == NULL) {
        if (p != NULL) {
            tcp_recved(pcb, p->tot_len);
            pbuf_free(p);
        }
        return ERR_OK;
    }
    if (p == NULL || error != ERR_OK) {
        c->fin = true;
        if (c->state == LINGERING) {
            /* now, because lwIP frees a connection in TIME-WAIT without telling us */
            forget_pcb(c);
            if (tcp_close(pcb) != ERR_OK) {
                tcp_abort(pcb);
                return ERR_ABRT;
            }
        }
    } else if (c->state == LINGERING) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
    } else if (c->received == NULL) {
        c->received = p;
    } else {
        pbuf_cat(c->received, p);
    }
    return ERR_OK;
}

static void on_error(void *arg, err_t error) {
    (void)error;
    if (arg != NULL) {
        ((connection_t *)arg)->pcb = NULL; /* lwIP has freed it */
    }
}

static unsigned count(bool secure, state_t from, state_t to) {
    unsigned found = 0;
    for (connection_t *c = connections; c != NULL; c = c->next) {
        found += c->secure == secure && c->state >= from && c->state <= to;
    }
    return found;
}

static bool has_place(bool secure) {
    unsigned places = secure ? TLS_PLACES - lost_places : HTTP_PLACES;
    return count(secure, HANDSHAKE, WEBSOCKET) < places;
}

static connection_t *new_connection(struct tcp_pcb *pcb, bool secure) {
    connection_t *c = net_calloc(1, sizeof(*c));
    if (c == NULL) {
        if (FAULT(NO_MEMORY_PANICS)) {
            *(volatile uint32_t *)c = 1;
        }
        return NULL;
    }
    c->pcb = pcb;
    c->secure = secure;
    c->next = connections;
    connections = c;
    tcp_arg(pcb, c);
    tcp_recv(pcb, on_received);
    tcp_err(pcb, on_error);
    tcp_nagle_disable(pcb);
    ip_set_option(pcb, SOF_KEEPALIVE);
    pcb->keep_idle = KEEP_IDLE_MS;
    return c;
}

static void begin(connection_t *c) {
    if (!c->secure) {
        http_begin(c, FIRST_HEAD_MS);
        return;
    }
    c->state = HANDSHAKE;
    connection_limit(c, HANDSHAKE_MS);
    if (FAULT(NO_HANDSHAKE_TIMEOUT)) {
        connection_no_limit(c);
    }
}

static void refuse(connection_t *c) {
    if (c->secure) {
        connection_abort(c);
    } else {
        connection_send(c, full, sizeof(full) - 1, NULL);
        connection_close(c);
    }
}

static err_t on_accepted(void *arg, struct tcp_pcb *pcb, err_t error) {
    bool secure = arg != NULL;
    if (pcb == NULL || error != ERR_OK) {
        return ERR_VAL;
    }
    if (FAULT(PLACES_ARE_LOST) && secure && !has_place(true)) {
        lost_places = TLS_PLACES;
    }
    connection_t *c = NULL;
    if (count(secure, WAITING, WAITING) < WAITING_AT_MOST &&
        !(FAULT(WEARS_OUT) && ++served > WORN_OUT_AFTER)) {
        c = new_connection(pcb, secure);
    }
    if (c == NULL) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    c->state = WAITING;
    connection_limit(c, WAIT_FOR_PLACE_MS);
    return ERR_OK;
}

static struct tcp_pcb *listen(uint16_t port, bool secure) {
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL) {
        return NULL;
    }
    ip_set_option(pcb, SOF_REUSEADDR);
    struct tcp_pcb *listener = NULL;
    if (tcp_bind(pcb, IP_ANY_TYPE, port) == ERR_OK) {
        listener = tcp_listen_with_backlog(pcb, BACKLOG);
    }
    if (listener == NULL) {
        tcp_close(pcb);
        return NULL;
    }
    tcp_arg(listener, secure ? &listeners[1] : NULL);
    tcp_accept(listener, on_accepted);
    return listener;
}

static void stop_listening(int index) {
    if (listeners[index] != NULL) {
        tcp_close(listeners[index]);
        listeners[index] = NULL;
    }
}

bool server_start(void) {
    listeners[0] = listen(80, false);
    if (listeners[0] != NULL) {
        printf("http server started on port 80\n");
    }
    if (tls_start()) {
        listeners[1] = listen(443, true);
        if (listeners[1] != NULL) {
            printf("https server started on port 443\n");
        }
    }
    return listeners[0] != NULL && listeners[1] != NULL;
}

/* ---- bytes ---- */

size_t connection_received(const connection_t *c) {
    return c->received != NULL ? c->received->tot_len : 0;
}

uint8_t connection_peek(const connection_t *c, size_t index) {
    return pbuf_get_at(c->received, (uint16_t)index);
}

size_t connection_take(connection_t *c, void *out, size_t size) {
    size_t there = connection_received(c);
    size = size < there ? size : there;
    if (size > 0) {
        pbuf_copy_partial(c->received, out, (uint16_t)size, 0);
        c->received = pbuf_free_header(c->received, (uint16_t)size);
        if (c->pcb != NULL) {
            tcp_recved(c->pcb, (uint16_t)size);
        }
    }
    return size;
}

size_t connection_put(connection_t *c, const void *data, size_t size) {
    size_t room = c->pcb != NULL ? tcp_sndbuf(c->pcb) : 0;
    size = size < room ? size : room;
    while (size > 0) {
        err_t error = tcp_write(c->pcb, data, (uint16_t)size, TCP_WRITE_FLAG_COPY);
        if (error == ERR_OK) {
            break;
        }
        if (error != ERR_MEM) {
            return 0;
        }
        size /= 2;
    }
    return size;
}

static void drop_received(connection_t *c) {
    if (c->received != NULL) {
        if (c->pcb != NULL) {
            tcp_recved(c->pcb, (uint16_t)connection_received(c));
        }
        pbuf_free(c->received);
        c->received = NULL;
    }
}

/* ---- for the protocols ---- */

void connection_limit(connection_t *c, uint32_t ms) {
    c->deadline = sys_now() + ms;
    c->has_deadline = true;
}

void connection_no_limit(connection_t *c) { c->has_deadline = false; }

void connection_send(connection_t *c, const void *data, size_t size, void *block) {
    c->output = data;
    c->output_block = block;
    c->output_at = 0;
    c->output_end = size;
    c->stalled_since = sys_now();
}

void connection_close(connection_t *c) {
    c->state = ENDING;
    connection_no_limit(c);
    c->stalled_since = sys_now();
}

void connection_abort(connection_t *c) {
    struct tcp_pcb *pcb = c->pcb;
    if (pcb != NULL) {
        forget_pcb(c);
        tcp_abort(pcb);
    }
}

/* ---- the loop ---- */

static void drop(connection_t *c) {
    for (connection_t **at = &connections; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    drop_received(c);
    if (!(FAULT(ABORTED_HANDSHAKE_LEAKS) && c->state == HANDSHAKE)) {
        tls_free(c);
    }
    net_free(c->output_block);
    http_free(c);
    websocket_free(c);
    if ((FAULT(HTTP_LEAKS) && !c->secure) || (FAULT(TLS_LEAKS) && c->secure)) {
        net_malloc(100);
    }
    net_free(c);
}

static void sent(connection_t *c) {
    net_free(c->output_block);
    c->output = NULL;
    c->output_block = NULL;
    if (c->state == HEAD || c->state == BODY) {
        http_sent(c);
    }
}

static bool flush(connection_t *c) {
    size_t left = c->output_end - c->output_at;
    const uint8_t *data = c->output + c->output_at;
    int taken = c->secure ? tls_write(c, data, left) : (int)connection_put(c, data, left);
    if (taken < 0) {
        connection_abort(c);
        return true;
    }
    if (taken > 0) {
        c->stalled_since = sys_now();
    }
    c->output_at += taken;
    if (c->output_at == c->output_end) {
        sent(c);
        return true;
    }
    return taken > 0;
}

/* Sends close_notify and a FIN. */
static bool finish(connection_t *c) {
    if (c->tls != NULL && !tls_close(c)) {
        return false;
    }
    struct tcp_pcb *pcb = c->pcb;
    tcp_output(pcb);
    if (c->fin) {
        drop_received(c);
        if (tcp_close(pcb) != ERR_OK) {
            return false;
        }
        forget_pcb(c);
        return true;
    }
    if (tcp_shutdown(pcb, 0, 1) != ERR_OK) {
        return false;
    }
    tls_free(c);
    drop_received(c);
    c->state = LINGERING;
    connection_limit(c, LINGER_MS);
    return true;
}

static bool shake_hands(connection_t *c) {
    switch (tls_handshake(c)) {
    case TLS_WORKED:
        return true;
    case TLS_DONE:
        http_begin(c, FIRST_HEAD_MS);
        return true;
    case TLS_FAILED:
        if (FAULT(HTTP_DIES_WITH_HTTPS)) {
            stop_listening(0);
        }
        if (!FAULT(ABORTED_HANDSHAKE_LEAKS)) {
            tls_free(c); /* an alert has been passed to lwIP */
        }
        connection_close(c);
        return true;
    default:
        return false;
    }
}

/* Fills `input`; true when there is some. */
static bool read_input(connection_t *c) {
    if (c->input_at < c->input_end) {
        return true;
    }
    c->input_at = c->input_end = 0;
    int size = c->secure ? tls_read(c, c->input, sizeof(c->input))
                         : (int)connection_take(c, c->input, sizeof(c->input));
    if (size < 0) {
        connection_close(c);
        return false;
    }
    c->input_end = (size_t)size;
    return size > 0;
}

/* The client will send no more, and everything that it sent has been consumed. */
static bool ended(const connection_t *c) { return (c->fin && c->received == NULL) || c->tls_ended; }

static void time_is_up(connection_t *c) {
    if (c->state == HEAD || c->state == BODY) {
        http_timeout(c);
    } else if (c->state == WAITING) {
        refuse(c);
    } else if (c->state == HANDSHAKE) {
        connection_close(c);
    } else {
        connection_abort(c);
    }
}

static bool is_over(uint32_t deadline) { return (int32_t)(sys_now() - deadline) >= 0; }

static bool serve(connection_t *c) {
    if (c->has_deadline && is_over(c->deadline)) {
        connection_no_limit(c);
        time_is_up(c);
        return true;
    }
    if (c->output != NULL || c->state == ENDING) {
        if (is_over(c->stalled_since + STALLED_MS)) {
            connection_abort(c);
            return true;
        }
        if (FAULT(HALF_CLOSE_DROPS) && c->state != ENDING && c->state != WEBSOCKET) {
            if (c->fin) {
                connection_abort(c);
                return true;
            }
            if (!is_over(c->stalled_since + HANDLER_MS)) {
                return false;
            }
        }
        return c->output != NULL ? flush(c) : finish(c);
    }
    if (c->state == LINGERING) {
        return false;
    }
    if (c->state == WAITING) {
        if (has_place(c->secure)) {
            begin(c);
        }
        return c->state != WAITING;
    }
    if (c->state == HANDSHAKE) {
        return shake_hands(c);
    }
    bool worked = false;
    if (read_input(c)) {
        worked = c->state == HEAD   ? http_head(c)
                 : c->state == BODY ? http_body(c)
                                    : websocket_poll(c);
    } else if (c->state != ENDING && ended(c)) {
        connection_close(c);
        worked = true;
    }
    return worked;
}

/* With a fault that makes the server wait for one client, that client. */
static connection_t *waited_for(void) {
    for (connection_t *c = connections; c != NULL; c = c->next) {
        if ((FAULT(HANDSHAKE_BLOCKS) && c->state == HANDSHAKE) ||
            (FAULT(HEAD_BLOCKS) && c->state == HEAD && c->http.head_size > 0) ||
            (FAULT(BODY_BLOCKS) && c->state == BODY)) {
            return c;
        }
    }
    return NULL;
}

bool server_poll(void) {
    bool worked = false;
    connection_t *only = waited_for();
    for (connection_t *c = connections, *next; c != NULL; c = next) {
        next = c->next;
        if (c->pcb != NULL && (only == NULL || only == c)) {
            worked |= serve(c);
        }
        if (c->pcb == NULL) {
            drop(c);
            worked = true;
        } else if (worked) {
            tcp_output(c->pcb);
        }
    }
    return worked;
}

uint32_t server_wait_ms(void) {
    uint32_t now = sys_now(), wait = IDLE_MS;
    for (connection_t *c = connections; c != NULL; c = c->next) {
        if (c->output != NULL || c->state == ENDING) {
            wait = wait < RETRY_MS ? wait : RETRY_MS;
        }
        if (c->has_deadline) {
            uint32_t left = is_over(c->deadline) ? 0 : c->deadline - now;
            wait = left < wait ? left : wait;
        }
    }
    return wait;
}

void server_stop(void) {
    stop_listening(0);
    stop_listening(1);
    for (connection_t *c = connections; c != NULL; c = c->next) {
        connection_abort(c);
    }
}
