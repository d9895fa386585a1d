/* SPDX-License-Identifier: MIT */
/* Parses a request's head (RFC 9112). Pure: no connection, no memory. */
#ifndef PLANTED_REQUEST_H
#define PLANTED_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { GET, HEAD_METHOD, POST, OPTIONS, OTHER_METHOD } method_t;

typedef struct {
    method_t method;
    const char *path; /* without the query; "*" for OPTIONS * */
    bool http11;
    bool keep_alive;
    bool has_length, chunked;
    uint32_t length;
    bool expects_continue;
    bool upgrade;           /* Upgrade names websocket, and Connection names Upgrade */
    const char *key;        /* Sec-WebSocket-Key, NULL unless there is exactly one */
    bool websocket_version; /* exactly one Sec-WebSocket-Version: 13 */
} request_t;

/* Parses a head that ends with an empty line and a NUL; changes it. Returns 0 or the status of the
 * error response. */
int request_parse(char *head, request_t *request);

#endif
