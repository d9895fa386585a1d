/* SPDX-License-Identifier: MIT */
/*
 * Safe access to MicroPython's streams. io.IOBase passes a bytearray over foreign memory to a class
 * in Python and trusts its result: a class that keeps the bytearray, extends it or returns too
 * large a number causes wild writes. These functions pass such a class memory of Python's heap
 * instead. MicroPython's thread; any of them may run Python, and raise its exceptions.
 */
#ifndef ESPBENCH_WEBSERVER_STREAM_H
#define ESPBENCH_WEBSERVER_STREAM_H

#include <stddef.h>

#include "py/obj.h"

/* Returns the stream of an object: the object itself, or for a Python subclass of a native stream
 * (class File(io.BytesIO)) its native part, because the native protocol cannot handle the subclass.
 * `operations` are MP_STREAM_OP_*. Raises OSError when the object is not a stream with these. */
mp_obj_t server_stream(mp_obj_t object, int operations);

/* Reads at most `size` bytes with one call; *got is 0 at the end. Returns 0 or an errno. */
int server_stream_read(mp_obj_t stream, void *out, size_t size, size_t *got);

/* Writes all of it. Returns 0 or an errno (ENOSPC when the stream takes no more). */
int server_stream_write(mp_obj_t stream, const void *data, size_t size);

#endif
