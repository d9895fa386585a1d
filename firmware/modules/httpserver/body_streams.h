/* SPDX-License-Identifier: MIT */
/*
 * Answers that are read from a stream (a file, io.BytesIO) piece by piece, as fast as the client
 * takes them: whatever their size, each costs two pieces of memory at most.
 */
#ifndef ESPBENCH_HTTPSERVER_BODY_STREAMS_H
#define ESPBENCH_HTTPSERVER_BODY_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "py/obj.h"
#include "webserver/transport.h"

/* Whether a place is free. */
bool http_streams_room(void);

/* How many bytes there are from a stream's position to its end. Raises OSError, and whatever a
 * stream in Python raises. */
size_t http_streams_length(mp_obj_t source);

/* Keeps a source for an answer whose head was sent; 0 closes it at once. */
void http_streams_add(transport_stream_t stream, mp_obj_t source);

/* Gives each client that can take more the next piece; closes sources that are done with. */
void http_streams_run(void);

/* Forgets all; before a soft reset. */
void http_streams_forget(void);

#endif
