/* SPDX-License-Identifier: MIT */
/*
 * Connections over lwIP's raw API, served in turn by one loop. None of them ever waits inside a
 * function, so a slow client delays nobody else.
 */
#ifndef PLANTED_SERVER_H
#define PLANTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "mbedtls/ssl.h"
#include "webserver/tls/records.h"
#include "websocket.h"

struct tcp_pcb;
struct pbuf;

#define INPUT_BYTES 1024

typedef enum {
    WAITING, /* for a place: those who had them may be about to leave */
    HANDSHAKE,
    HEAD,
    BODY,
    WEBSOCKET,
    ENDING,    /* sends what is left, then close_notify and a FIN */
    LINGERING, /* discards what the client sends until its FIN: a reset would destroy a response
                  that it has not read (RFC 9112 section 9.6) */
} state_t;

typedef struct connection {
    struct connection *next;
    struct tcp_pcb *pcb; /* NULL: gone */
    bool secure;
    state_t state;
    uint32_t deadline; /* when it is closed unless its state changes, if has_deadline */
    bool has_deadline;

    struct pbuf *received;
    bool fin; /* the client's FIN, behind what is in `received` */
    mbedtls_ssl_context *tls;
    tls_records_t records;
    bool tls_alerted; /* a fatal alert was sent */
    bool tls_ended;   /* the client's close_notify */
    bool tls_at_end;  /* the client sends nothing more */

    uint8_t input[INPUT_BYTES]; /* decrypted, not yet consumed */
    size_t input_at, input_end;

    const uint8_t *output; /* what is being sent, or NULL */
    void *output_block;    /* to free afterwards, or NULL */
    size_t output_at, output_end;
    size_t tls_unfinished; /* bytes of `output` in a record that lwIP has not taken entirely */
    uint32_t stalled_since;

    http_t http;
    websocket_t websocket;
} connection_t;

/* Listens on both ports. False when out of memory. */
bool server_start(void);

/* Serves every connection once. True when it should be called again at once. */
bool server_poll(void);

/* Milliseconds until server_poll() has work without a frame. */
uint32_t server_wait_ms(void);

/* Stops listening and drops every connection. */
void server_stop(void);

/* ---- for the protocols ---- */

/* Sends bytes that stay valid, then frees `block` (NULL: nothing). */
void connection_send(connection_t *c, const void *data, size_t size, void *block);

/* Closes it once everything is sent. */
void connection_close(connection_t *c);

/* Resets it. */
void connection_abort(connection_t *c);

void connection_limit(connection_t *c, uint32_t ms);
void connection_no_limit(connection_t *c);

/* Moves up to `size` received TCP bytes to `out`; returns how many there were. */
size_t connection_take(connection_t *c, void *out, size_t size);

/* Passes up to `size` bytes to lwIP; returns how many it took. */
size_t connection_put(connection_t *c, const void *data, size_t size);

/* The number of received TCP bytes, and one of them. */
size_t connection_received(const connection_t *c);
uint8_t connection_peek(const connection_t *c, size_t index);

#endif
