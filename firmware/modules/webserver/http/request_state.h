/* SPDX-License-Identifier: MIT */
/* The state of a request, shared by request.c and response.c. */
#ifndef ESPBENCH_WEBSERVER_HTTP_REQUEST_STATE_H
#define ESPBENCH_WEBSERVER_HTTP_REQUEST_STATE_H

#include "http_parser.h"
#include "webserver/http/framing.h"
#include "webserver/http/request.h"

/* A request, from its first byte to its response. While its handler runs it outlives its
 * connection, and an error response sent in place of an overdue one. */
struct transport_request {
    connection_t *connection; /* NULL: gone */
    server_scheme_t scheme;
    http_parser parser;
    http_fold_t fold;
    char *head;                   /* target NUL (name NUL value NUL)... NUL */
    const char *path, *authority; /* of the target, see http_target_t; in the head */
    size_t head_capacity, head_length, headers_at;
    uint8_t *body;
    size_t body_capacity, body_length;
    uint64_t started;
    server_item_t *item;
    unsigned status; /* not 0: answer with this instead of a handler */
    char allow[64];  /* for 405, and for OPTIONS of the whole server */
    bool in_value;   /* the last piece was part of a field value */
    bool tab;        /* the parser is given a space in place of a tab */
    bool begun;      /* the parser has taken a byte */
    uint8_t unknown; /* bytes of a method that the parser does not know; 0: it knows it so far */
    bool head_done, complete, upgrade, skip_body, bad_version, folded;
    server_cause_t cause; /* with status, when has_cause */
    bool has_cause;
    const char *what;
    server_endpoint_t endpoint;
    uint64_t completed;
    bool taken;    /* MicroPython's thread has taken it from the queue and will answer */
    bool no_place; /* see connection_claim() */
};

/* ---- request.c ---- */

/* Records why the request is answered without a handler. Returns -1, which stops the parser. */
int request_refuse(transport_request_t *request, unsigned status, server_cause_t cause,
                   const char *what);

/* Releases the connection's hold on a request; MicroPython's thread may still be handling it. */
void request_release(transport_request_t *request);
void request_free(transport_request_t *request);

static inline const char *request_headers(const transport_request_t *request) {
    return request->head + request->headers_at;
}

/* ---- response.c ---- */

/* Whether the connection may stay open after the response. */
bool request_keeps_alive(const transport_request_t *request);

/* Answers without a handler: an error, or a failed upgrade. Frees the request. */
void request_answer_status(transport_request_t *request, bool keep_alive);

/* Answers a complete upgrade. Frees the request. */
void request_upgrade(transport_request_t *request);

/* Queues a complete request for MicroPython's thread, or answers with an error. */
void request_deliver(transport_request_t *request);

#endif
