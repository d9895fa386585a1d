/* SPDX-License-Identifier: MIT */
/* Bodies sent piece by piece: MicroPython's thread writes a piece once the last one is being
 * sent. */
#include "webserver/http/body_stream.h"

static connection_t *find(transport_stream_t stream) {
    connection_t *connection = connection_by_id(stream);
    return connection && connection->stream_left ? connection : NULL;
}

bool stream_has_room(const connection_t *connection) {
    return connection->stream_left && connection->out_bytes < STREAM_LOW;
}

int transport_stream_room(transport_stream_t stream) {
    const connection_t *connection = find(stream);
    if (!connection) {
        return -1;
    }
    size_t left = connection->stream_left < STREAM_PIECE ? connection->stream_left : STREAM_PIECE;
    return stream_has_room(connection) ? (int)left : 0;
}

bool transport_stream_wants(void) { return connection_streaming() != NULL; }

bool transport_stream_write(transport_stream_t stream, const void *data, size_t length) {
    NETWORK_LOCKED;
    connection_t *connection = find(stream);
    if (!connection || length > connection->stream_left) {
        return false;
    }
    if (!connection_queue(connection, data, length, NULL, 0)) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a response");
        connection_end(connection, true);
        return false;
    }
    connection->stream_left -= length;
    connection->last_used = board_us();
    return true;
}

void transport_stream_abort(transport_stream_t stream) {
    NETWORK_LOCKED;
    connection_t *connection = find(stream);
    if (connection) {
        connection_end(connection, true);
    }
}
