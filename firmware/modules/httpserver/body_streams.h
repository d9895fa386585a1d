/* SPDX-License-Identifier: MIT */
/*
 * Response bodies read from a stream (a file, io.BytesIO) piece by piece, as fast as the client
 * takes them. Each costs at most two pieces of memory, whatever its size.
 */
#ifndef ESPBENCH_HTTPSERVER_BODY_STREAMS_H
#define ESPBENCH_HTTPSERVER_BODY_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "py/obj.h"
#include "webserver/transport.h"

/* Whether a place is free. */
bool http_streams_room(void);

/* The number of bytes from a stream's position to its end. Raises OSError, or any exception of a
 * stream in Python. */
size_t http_streams_length(mp_obj_t source);

/* Registers the source of a response whose head was sent. Without a stream (0), closes it at
 * once. */
void http_streams_add(transport_stream_t stream, mp_obj_t source);

/* Sends the next piece to each client that can take more; closes finished sources. */
void http_streams_run(void);

/* Drops all streams, before a soft reset. */
void http_streams_forget(void);

#endif
