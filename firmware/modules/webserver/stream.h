/* SPDX-License-Identifier: MIT */
/*
 * MicroPython's streams, whoever wrote them. io.IOBase lends a class in Python memory that is not
 * Python's as a bytearray, and believes what it returns: a class that keeps the bytearray, makes it
 * longer or returns too much writes where it likes. Here such a class gets memory of Python's.
 * MicroPython's thread; all of it may run Python, and raise what that raises.
 */
#ifndef ESPBENCH_WEBSERVER_STREAM_H
#define ESPBENCH_WEBSERVER_STREAM_H

#include <stddef.h>

#include "py/obj.h"

/* The stream in an object: the object itself, or what a class in Python has of its native base
 * (class File(io.BytesIO)), whose protocol takes an object for one of that base. `operations` are
 * MP_STREAM_OP_*. Raises OSError when it is no stream that has them. */
mp_obj_t server_stream(mp_obj_t object, int operations);

/* Reads at most `size` bytes with one call; *got is 0 at the end. Returns 0 or an errno. */
int server_stream_read(mp_obj_t stream, void *out, size_t size, size_t *got);

/* Writes all of it. Returns 0 or an errno (ENOSPC when the stream takes no more). */
int server_stream_write(mp_obj_t stream, const void *data, size_t size);

#endif
