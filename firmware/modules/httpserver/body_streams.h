/* SPDX-License-Identifier: MIT */
/*
 * Response bodies read from a stream (a file, io.BytesIO) or an iterator (a generator) piece by
 * piece, as fast as the client takes them. Each costs at most two pieces of memory, whatever its
 * size.
 */
#ifndef ESPBENCH_HTTPSERVER_BODY_STREAMS_H
#define ESPBENCH_HTTPSERVER_BODY_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "py/obj.h"
#include "webserver/transport.h"

/* Whether a place is free. */
bool http_streams_room(void);

/* Returns what the body is read from: the object itself, its native stream or its iterator. Sets
 * *length to the number of bytes from a stream's position to its end, or to
 * TRANSPORT_UNKNOWN_LENGTH for an iterator. Raises OSError, TypeError for an object that is none of
 * these, or any exception of Python code. */
mp_obj_t http_streams_source(mp_obj_t object, size_t *length);

/* Raises TypeError unless this is text or bytes, as a piece of a body has to be. */
void http_streams_check_piece(mp_obj_t piece);

/* Registers the source of a response whose head was sent. Without a stream (0), closes it at once.
 * `first` is what an iterator has returned already, or MP_OBJ_NULL. */
void http_streams_add(transport_stream_t stream, mp_obj_t source, mp_obj_t first);

/* Sends the next piece to each client that can take more; closes finished sources. */
void http_streams_run(void);

/* Drops all streams, before a soft reset. */
void http_streams_forget(void);

#endif
