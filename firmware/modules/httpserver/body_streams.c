/* SPDX-License-Identifier: MIT */
#include "body_streams.h"

#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "webserver/exception.h"
#include "webserver/server.h"
#include "webserver/stream.h"

#define STREAMS_MAX 16
#define PIECES_AT_ONCE 2 /* a connection can take before the network runs again */

MP_REGISTER_ROOT_POINTER(mp_obj_t httpserver_streams[16]);
_Static_assert(STREAMS_MAX == 16, "httpserver_streams has a place for each");

static transport_stream_t streams[STREAMS_MAX];

/* One buffer for all: a piece is read and copied to its connection before the next read. A source
 * in Python cannot cause another read meanwhile: process_queue() refuses to be re-entered. */
static uint8_t piece[2048];

static int free_place(void) {
    for (int i = 0; i < STREAMS_MAX; i++) {
        if (!streams[i]) {
            return i;
        }
    }
    return -1;
}

bool http_streams_room(void) { return free_place() >= 0; }

static mp_off_t seek(mp_obj_t source, mp_off_t offset, int whence) {
    int error = 0;
    mp_off_t position = mp_stream_seek(source, offset, whence, &error);
    if (position == (mp_off_t)-1) {
        mp_raise_OSError(error ? error : MP_EIO);
    }
    return position;
}

size_t http_streams_length(mp_obj_t source) {
    mp_off_t here = seek(source, 0, MP_SEEK_CUR), end = seek(source, 0, MP_SEEK_END);
    seek(source, here, MP_SEEK_SET);
    return end > here ? (size_t)(end - here) : 0;
}

/* A source may be written in Python: its exceptions are printed like a handler's. */
static void close_source(mp_obj_t source) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_stream_close(source);
        nlr_pop();
    } else {
        server_handler_failed(nlr.ret_val, SERVER_HTTP);
    }
}

static void drop(int i) {
    mp_obj_t source = MP_STATE_VM(httpserver_streams)[i];
    streams[i] = 0;
    MP_STATE_VM(httpserver_streams)[i] = MP_OBJ_NULL;
    close_source(source);
}

void http_streams_add(transport_stream_t stream, mp_obj_t source) {
    int i = stream ? free_place() : -1;
    if (i < 0) {
        transport_stream_abort(stream);
        close_source(source);
        return;
    }
    streams[i] = stream;
    MP_STATE_VM(httpserver_streams)[i] = source;
}

static bool read_piece(mp_obj_t source, size_t length) {
    size_t got;
    for (size_t at = 0; at < length; at += got) {
        int error = server_stream_read(source, piece + at, length - at, &got);
        if (error != 0 || got == 0) {
            return false;
        }
    }
    return true;
}

/* Data read before an interrupt is lost, so the body cannot continue: abort it first, then handle
 * the exception, which may be raised again. */
static bool read_or_abort(int i, size_t length) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        transport_stream_abort(streams[i]);
        server_handler_failed(nlr.ret_val, SERVER_HTTP);
        return false;
    }
    bool read = read_piece(MP_STATE_VM(httpserver_streams)[i], length);
    nlr_pop();
    return read;
}

/* Writes as much as there is room for; false when the stream has ended. The network runs while a
 * source in Python does, so a fast client always has room: PIECES_AT_ONCE gives others their
 * turn. */
static bool serve(int i) {
    int room;
    for (int n = 0; n < PIECES_AT_ONCE && (room = transport_stream_room(streams[i])) > 0; n++) {
        size_t length = (size_t)room < sizeof piece ? (size_t)room : sizeof piece;
        if (!read_or_abort(i, length)) {
            /* The head promised a longer body: only closing the connection can signal that. */
            server_log("httpserver: a file shrank or could not be read while being sent");
            transport_stream_abort(streams[i]);
            return false;
        }
        if (!transport_stream_write(streams[i], piece, length)) {
            return false;
        }
    }
    return transport_stream_room(streams[i]) >= 0;
}

void http_streams_run(void) {
    for (int i = 0; i < STREAMS_MAX; i++) {
        if (streams[i] && !serve(i)) {
            drop(i);
        }
    }
}

void http_streams_forget(void) {
    for (int i = 0; i < STREAMS_MAX; i++) {
        streams[i] = 0;
        MP_STATE_VM(httpserver_streams)[i] = MP_OBJ_NULL;
    }
}
