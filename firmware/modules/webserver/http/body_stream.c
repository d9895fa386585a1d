/* SPDX-License-Identifier: MIT */
/* Bodies sent piece by piece: MicroPython's thread writes a piece once the last one is being
 * sent. */
#include <stdio.h>
#include <string.h>

#include "webserver/http/body_stream.h"

#define CHUNK_FRAMING 10 /* at most, of a chunk: its size and two line ends */

static connection_t *find(transport_stream_t stream) {
    connection_t *connection = connection_by_id(stream);
    return connection && connection->stream_left ? connection : NULL;
}

static bool queue(connection_t *connection, const part_t *parts, size_t count) {
    if (!connection_queue_parts(connection, parts, count)) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a response");
        connection_end(connection, true);
        return false;
    }
    connection->last_used = board_us();
    return true;
}

bool stream_has_room(const connection_t *connection) {
    return connection->stream_left && connection->out_bytes < STREAM_LOW;
}

int transport_stream_room(transport_stream_t stream) {
    const connection_t *connection = find(stream);
    if (!connection) {
        return -1;
    }
    size_t most = STREAM_PIECE - (connection->chunked ? CHUNK_FRAMING : 0);
    size_t left = connection->stream_left < most ? connection->stream_left : most;
    return stream_has_room(connection) ? (int)left : 0;
}

bool transport_stream_wants(void) { return connection_streaming() != NULL; }

bool transport_stream_write(transport_stream_t stream, const void *data, size_t length) {
    NETWORK_LOCKED;
    connection_t *connection = find(stream);
    if (!connection || length > connection->stream_left) {
        return false;
    }
    connection->stream_idle = false;
    if (length == 0) {
        return true; /* an empty chunk would end the body */
    }
    char size[sizeof "ffffffff\r\n"] = ""; /* as long as GCC for the chips expects */
    if (connection->chunked) {
        snprintf(size, sizeof size, "%x\r\n", (unsigned)length);
    }
    const part_t parts[] = {
        {size, strlen(size)}, {data, length}, {"\r\n", connection->chunked ? 2 : 0}};
    if (!queue(connection, parts, 3)) {
        return false;
    }
    if (connection->stream_left != STREAM_UNKNOWN) {
        connection->stream_left -= length;
    }
    return true;
}

bool transport_stream_end(transport_stream_t stream) {
    NETWORK_LOCKED;
    connection_t *connection = find(stream);
    if (!connection || connection->stream_left != STREAM_UNKNOWN) {
        return false;
    }
    const part_t last = {"0\r\n\r\n", connection->chunked ? 5 : 0};
    if (!queue(connection, &last, 1)) {
        return false;
    }
    connection->stream_left = 0;
    connection->ready = true; /* for the next request, or to be closed */
    return true;
}

void transport_stream_idle(transport_stream_t stream) {
    connection_t *connection = find(stream);
    if (connection) {
        connection->stream_idle = true;
    }
}

void transport_stream_abort(transport_stream_t stream) {
    NETWORK_LOCKED;
    connection_t *connection = find(stream);
    if (connection) {
        connection_end(connection, true);
    }
}
