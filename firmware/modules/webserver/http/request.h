/* SPDX-License-Identifier: MIT */
/* A connection's requests and their responses. */
#ifndef ESPBENCH_WEBSERVER_HTTP_REQUEST_H
#define ESPBENCH_WEBSERVER_HTTP_REQUEST_H

#include "webserver/connection.h"

/* Consumes input; returns how many bytes. */
size_t http_input(connection_t *connection, const uint8_t *data, size_t length);
bool http_wants_input(const connection_t *connection);
void http_forget(connection_t *connection);      /* the connection ends */
bool http_waits(const connection_t *connection); /* for MicroPython's response */
void http_unavailable(connection_t *connection); /* answers 503 instead */
uint64_t http_deadline(const connection_t *connection);
void http_timeout(connection_t *connection);

#endif
