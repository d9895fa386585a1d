/* SPDX-License-Identifier: MIT */
/* A request as request.c and response.c see it. */
#ifndef ESPBENCH_WEBSERVER_HTTP_REQUEST_STATE_H
#define ESPBENCH_WEBSERVER_HTTP_REQUEST_STATE_H

#include "http_parser.h"
#include "webserver/http/framing.h"
#include "webserver/http/request.h"

/* A request, from its first byte to its answer. It outlives its connection, or the answer that we
 * gave instead of an overdue one, when the handler is still at it. */
struct transport_request {
    connection_t *connection; /* NULL: gone */
    server_scheme_t scheme;
    http_parser parser;
    http_fold_t fold;
    char *head; /* target NUL (name NUL value NUL)... NUL */
    size_t head_capacity, head_length, headers_at;
    uint8_t *body;
    size_t body_capacity, body_length;
    uint64_t started;
    server_item_t *item;
    unsigned status; /* not 0: answer with this instead of a handler */
    char allow[64];  /* for 405 */
    bool in_value;   /* the last piece was of a header's value */
    bool head_done, complete, upgrade, skip_body, bad_version, folded;
    server_cause_t cause; /* with status, when has_cause */
    bool has_cause;
    const char *what;
    server_endpoint_t endpoint;
    uint64_t completed;
    bool taken;    /* MicroPython's thread has it, not the queue (item), and will answer */
    bool no_place; /* see connection_claim() */
};

/* ---- request.c ---- */

/* Notes why the request is answered without a handler. Returns -1, which stops the parser. */
int request_refuse(transport_request_t *request, unsigned status, server_cause_t cause,
                   const char *what);

/* Gives up what the connection has of a request; MicroPython's thread may still be at it. */
void request_release(transport_request_t *request);
void request_free(transport_request_t *request);

static inline const char *request_headers(const transport_request_t *request) {
    return request->head + request->headers_at;
}

/* ---- response.c ---- */

/* Whether the connection may stay open after the answer. */
bool request_keeps_alive(const transport_request_t *request);

/* Answers without a handler: an error, or an upgrade that is not one. Frees the request. */
void request_answer_status(transport_request_t *request, bool keep_alive);

/* Answers a complete upgrade. Frees the request. */
void request_upgrade(transport_request_t *request);

/* Queues a complete request for MicroPython's thread, or answers that it cannot. */
void request_deliver(transport_request_t *request);

#endif
