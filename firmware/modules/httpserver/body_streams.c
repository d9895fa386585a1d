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

/* What an iterator returned and its client has not taken. */
MP_REGISTER_ROOT_POINTER(mp_obj_t httpserver_rests[16]);

static transport_stream_t streams[STREAMS_MAX];
static bool iterators[STREAMS_MAX]; /* the source is an iterator, not a stream */
static size_t rest_at[STREAMS_MAX];

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

static bool is_stream(mp_obj_t object) {
    return MP_OBJ_TYPE_HAS_SLOT(mp_obj_get_type(object), protocol);
}

/* A container is rather a mistake than a list of pieces: nobody wants a dictionary's keys. */
static bool is_container(mp_obj_t object) {
    return mp_obj_is_dict_or_ordereddict(object) || mp_obj_is_type(object, &mp_type_list) ||
           mp_obj_is_type(object, &mp_type_tuple);
}

mp_obj_t http_streams_source(mp_obj_t object, size_t *length) {
    if (is_container(object)) {
        mp_raise_TypeError(MP_ERROR_TEXT("not text, bytes, a stream or an iterator"));
    }
    if (!is_stream(object)) {
        *length = TRANSPORT_UNKNOWN_LENGTH;
        return mp_getiter(object, NULL);
    }
    mp_obj_t source = server_stream(object, MP_STREAM_OP_READ | MP_STREAM_OP_IOCTL);
    mp_off_t here = seek(source, 0, MP_SEEK_CUR), end = seek(source, 0, MP_SEEK_END);
    seek(source, here, MP_SEEK_SET);
    *length = end > here ? (size_t)(end - here) : 0;
    return source;
}

/* A generator runs its `finally` when it is closed; other iterators may have no close(). */
static void close_iterator(mp_obj_t source) {
    mp_obj_t method[2];
    mp_load_method_maybe(source, MP_QSTR_close, method);
    if (method[0] != MP_OBJ_NULL) {
        mp_call_method_n_kw(0, 0, method);
    }
}

/* A source may be written in Python: its exceptions are printed like a handler's. */
static void close_source(mp_obj_t source) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (is_stream(source)) {
            mp_stream_close(source);
        } else {
            close_iterator(source);
        }
        nlr_pop();
    } else {
        server_handler_failed(nlr.ret_val, SERVER_HTTP);
    }
}

static void drop(int i) {
    mp_obj_t source = MP_STATE_VM(httpserver_streams)[i];
    streams[i] = 0;
    MP_STATE_VM(httpserver_streams)[i] = MP_STATE_VM(httpserver_rests)[i] = MP_OBJ_NULL;
    close_source(source);
}

void http_streams_add(transport_stream_t stream, mp_obj_t source, mp_obj_t first) {
    int i = stream ? free_place() : -1;
    if (i < 0) {
        transport_stream_abort(stream);
        close_source(source);
        return;
    }
    streams[i] = stream;
    iterators[i] = !is_stream(source);
    rest_at[i] = 0;
    MP_STATE_VM(httpserver_streams)[i] = source;
    MP_STATE_VM(httpserver_rests)[i] = first == mp_const_none ? MP_OBJ_NULL : first;
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

void http_streams_check_piece(mp_obj_t piece) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(piece, &buffer, MP_BUFFER_READ);
}

typedef enum { NEXT_PIECE, NEXT_NOTHING, NEXT_END, NEXT_FAILED } next_t;

/* Takes the next piece from an iterator. */
static next_t advance(int i) {
    mp_obj_t next = mp_iternext(MP_STATE_VM(httpserver_streams)[i]);
    if (next == MP_OBJ_STOP_ITERATION) {
        return NEXT_END;
    }
    if (next == mp_const_none) {
        return NEXT_NOTHING;
    }
    http_streams_check_piece(next);
    MP_STATE_VM(httpserver_rests)[i] = next;
    rest_at[i] = 0;
    return NEXT_PIECE;
}

static next_t advance_or_abort(int i) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        transport_stream_abort(streams[i]); /* without the last chunk: it is incomplete */
        server_handler_failed(nlr.ret_val, SERVER_HTTP);
        return NEXT_FAILED;
    }
    next_t next = advance(i);
    nlr_pop();
    return next;
}

/* Writes what is left of an iterator's last piece; false when the client is gone. */
static bool write_rest(int i, size_t room) {
    mp_buffer_info_t buffer;
    /* A bytearray may have shrunk since. */
    if (!mp_get_buffer(MP_STATE_VM(httpserver_rests)[i], &buffer, MP_BUFFER_READ) ||
        buffer.len < rest_at[i]) {
        buffer.len = rest_at[i];
    }
    size_t left = buffer.len - rest_at[i], length = left < room ? left : room;
    if (!transport_stream_write(streams[i], (const byte *)buffer.buf + rest_at[i], length)) {
        return false;
    }
    rest_at[i] += length;
    if (rest_at[i] == buffer.len) {
        MP_STATE_VM(httpserver_rests)[i] = MP_OBJ_NULL;
    }
    return true;
}

/* The same as serve() for an iterator. One that has nothing to send now returns None, and is asked
 * again by the next process_queue(). */
static bool serve_iterator(int i) {
    int room;
    for (int n = 0; n < PIECES_AT_ONCE && (room = transport_stream_room(streams[i])) > 0; n++) {
        if (MP_STATE_VM(httpserver_rests)[i] == MP_OBJ_NULL) {
            switch (advance_or_abort(i)) {
            case NEXT_PIECE:
                break;
            case NEXT_NOTHING:
                transport_stream_idle(streams[i]);
                return true;
            case NEXT_END:
                transport_stream_end(streams[i]);
                return false;
            case NEXT_FAILED:
                return false;
            }
        }
        if (!write_rest(i, (size_t)room)) {
            return false;
        }
    }
    return transport_stream_room(streams[i]) >= 0;
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
        if (streams[i] && !(iterators[i] ? serve_iterator(i) : serve(i))) {
            drop(i);
        }
    }
}

void http_streams_forget(void) {
    for (int i = 0; i < STREAMS_MAX; i++) {
        streams[i] = 0;
        MP_STATE_VM(httpserver_streams)[i] = MP_STATE_VM(httpserver_rests)[i] = MP_OBJ_NULL;
    }
}
