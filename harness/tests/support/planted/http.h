/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 on a connection: heads, bodies, responses. */
#ifndef PLANTED_HTTP_H
#define PLANTED_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "request.h"

typedef struct connection connection_t;

typedef enum { LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } body_part_t;

typedef struct {
    char *head; /* what has arrived of a request's head, or NULL */
    size_t head_size;
    request_t request; /* points into `head` */
    body_part_t part;
    uint32_t left; /* of the body or the chunk */
    char line[32]; /* of the framing of a chunked body */
    size_t line_size;
    size_t trailer_size;
    uint8_t *body;
    size_t body_size, body_room;
    bool keep_alive;
} http_t;

/* Waits for a request. */
void http_begin(connection_t *c, uint32_t limit_ms);

/* Consume input. True when they did something. */
bool http_head(connection_t *c);
bool http_body(connection_t *c);

/* The response has been sent. */
void http_sent(connection_t *c);

/* The time is up. */
void http_timeout(connection_t *c);

/* Answers with an error and closes. */
void http_fail(connection_t *c, int status);

/* Answers, with more header lines, each with its CR LF. */
void http_respond(connection_t *c, int status, const char *headers, const void *body, size_t size);

void http_free(connection_t *c);

#endif
