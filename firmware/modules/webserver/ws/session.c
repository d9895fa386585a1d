/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "webserver/ws/session.h"

#define CLOSE_US 5000000ull /* how long to wait for the peer's close frame */
#define PIECE_MAX 4096      /* bytes of a message that are reserved for fragments to come */

static void fail(connection_t *connection, uint16_t code, const char *reason);

/* Queues a frame: MicroPython's messages, and control frames of our own. */
static bool queue_frame(connection_t *connection, uint8_t opcode, const void *data, size_t length) {
    uint8_t header[WS_HEADER_MAX];
    size_t n = ws_frame_header(opcode, length, header);
    return connection_queue(connection, header, n, data, length);
}

bool ws_open(connection_t *connection, const server_endpoint_t *endpoint, const char *target,
             const char *protocol) {
    websocket_t *ws = net_calloc(1, sizeof *ws);
    size_t length = strlen(target), protocol_length = strlen(protocol);
    server_item_t *here = server_item_new(ITEM_CONNECT, length + 1 + protocol_length);
    server_item_t *gone = server_item_new(ITEM_DISCONNECT, 0);
    if (!ws || !here || !gone) {
        net_free(ws);
        net_free(here);
        net_free(gone);
        return false;
    }
    ws->endpoint = *endpoint;
    ws->gone = gone;
    ws->close_code = WS_CODE_ABNORMAL;
    ws->ping_at =
        endpoint->ping_interval_ms ? board_us() + endpoint->ping_interval_ms * 1000ull : NEVER;
    ws->pong_by = ws->close_by = ws->message_by = NEVER;
    ws_decoder_init(&ws->decoder, endpoint->max_message);
    ws->decoder.takes_unmasked = endpoint->lenient;
    here->client = gone->client = connection->id;
    memcpy(here->data, target, length + 1);
    memcpy(here->data + length + 1, protocol, protocol_length + 1);
    here->length = length;
    connection->ws = ws;
    connection->state = STATE_WEBSOCKET;
    if (endpoint->owner->keeps_place) {
        pending_becomes_guest(connection);
    }
    server_stats.websocket.open++;
    server_stats.websocket.accepted++;
    server_on_websocket(endpoint->owner, here);
    return true;
}

void ws_forget(connection_t *connection) {
    websocket_t *ws = connection->ws;
    if (!ws) {
        return;
    }
    connection->ws = NULL;
    server_item_free(ws->message);
    server_stats.websocket.open--;
    server_stats.websocket.closed++;
    ws->gone->code = ws->close_code;
    server_on_websocket(ws->endpoint.owner, ws->gone);
    net_free(ws);
}

/* Sends a close frame; the session ends when the peer's arrives, or at close_by. */
static bool send_close(connection_t *connection, uint16_t code, const char *reason) {
    websocket_t *ws = connection->ws;
    uint8_t payload[WS_CONTROL_MAX];
    size_t length = 0;
    if (code != WS_CODE_NO_STATUS) {
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        length = strlen(reason);
        length = length < WS_CONTROL_MAX - 2 ? length : WS_CONTROL_MAX - 2;
        memcpy(payload + 2, reason, length);
        length += 2;
    }
    if (!queue_frame(connection, WS_CLOSE, payload, length)) {
        return false;
    }
    ws->close_sent = true;
    ws->close_by = board_us() + CLOSE_US;
    return true;
}

static void drop_message(websocket_t *ws) {
    server_item_free(ws->message);
    ws->message = NULL;
    ws->last = NULL;
}

static void no_memory(connection_t *connection) {
    connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a WebSocket message");
    drop_message(connection->ws); /* makes room for the close frame */
    fail(connection, WS_CODE_ERROR, "out of memory");
}

/* Fails the connection (RFC 6455 section 7.1.7): a close frame, then no more input. */
static void fail(connection_t *connection, uint16_t code, const char *reason) {
    websocket_t *ws = connection->ws;
    ws->close_code = code;
    if (!ws->close_sent && !send_close(connection, code, reason)) {
        connection_end(connection, true);
        return;
    }
    connection_finish(connection);
}

static void fail_input(connection_t *connection) {
    const ws_decoder_t *decoder = &connection->ws->decoder;
    server_cause_t cause = decoder->fail_code == WS_CODE_TOO_BIG    ? CAUSE_WS_TOO_BIG
                           : decoder->fail_code == WS_CODE_NOT_UTF8 ? CAUSE_WS_NOT_UTF8
                                                                    : CAUSE_WS_PROTOCOL;
    connection_failure(connection, cause, decoder->fail_reason);
    fail(connection, decoder->fail_code, decoder->fail_reason);
}

/* For the largest message at the minimum rate: control frames may come between its fragments. */
static uint64_t whole_message_by(const connection_t *connection) {
    const transport_options_t *options = connection_options(connection);
    return options->us_per_byte
               ? board_us() + options->transfer_timeout_us +
                     (uint64_t)connection->ws->endpoint.max_message * options->us_per_byte
               : NEVER;
}

/* Notes how much of the message is in the current buffer. */
static void end_buffer(websocket_t *ws) {
    *(ws->last ? &ws->last->length : &ws->message->first) = ws->decoder.length;
}

/* Begins a further piece of a fragmented message, with room for more fragments. */
static bool add_piece(websocket_t *ws) {
    ws_decoder_t *decoder = &ws->decoder;
    size_t held = decoder->before + decoder->length, room = decoder->max_message - held;
    size_t wanted = held < PIECE_MAX ? held : PIECE_MAX;
    wanted = wanted < room ? wanted : room;
    wanted = wanted > decoder->needed ? wanted : decoder->needed;
    server_piece_t *piece = net_malloc(sizeof *piece + wanted);
    if (!piece) {
        return false;
    }
    *piece = (server_piece_t){0};
    end_buffer(ws);
    *(ws->last ? &ws->last->next : &ws->message->pieces) = piece;
    ws->last = piece;
    ws_decoder_next(decoder, piece->data, wanted);
    return true;
}

/* Provides memory for the rest of a frame. A module below MicroPython (on_item) gets a message in
 * one buffer. */
static bool reserve(connection_t *connection) {
    websocket_t *ws = connection->ws;
    ws_decoder_t *decoder = &ws->decoder;
    if (ws->message && !ws->endpoint.owner->on_item) {
        return add_piece(ws);
    }
    size_t wanted = decoder->length + decoder->needed;
    if (ws->message) { /* a fragmented message: leave room for more fragments */
        size_t doubled = decoder->capacity * 2;
        wanted = doubled > wanted ? doubled : wanted;
        wanted = wanted < ws->endpoint.max_message ? wanted : ws->endpoint.max_message;
    }
    server_item_t *item = server_item_new(ITEM_MESSAGE, wanted);
    if (!item) {
        return false;
    }
    if (!ws->message) {
        ws->message_by = whole_message_by(connection);
    } else {
        memcpy(item->data, ws->message->data, decoder->length);
        server_item_free(ws->message);
    }
    ws->message = item;
    decoder->message = item->data;
    decoder->capacity = wanted;
    return true;
}

/* Queues the complete message, or keeps it until the queue has room. */
static void deliver(connection_t *connection) {
    websocket_t *ws = connection->ws;
    server_item_t *item = ws->message;
    bool was_waiting = ws->waiting;
    if (!was_waiting) {
        item->client = connection->id;
        item->text = ws->decoder.text;
        item->length = ws->decoder.before + ws->decoder.length;
        end_buffer(ws);
        item->data[item->first] = 0;
    }
    ws->waiting = !server_on_websocket(ws->endpoint.owner, item);
    if (!ws->waiting) {
        server_stats.websocket.messages_in++;
        ws->message = NULL;
        connection->in_by = NEVER; /* the next message has its own pace */
        ws->last = NULL;
        ws_decoder_take(&ws->decoder);
    } else if (!was_waiting && !ws->endpoint.owner->on_item) {
        /* (not for the WebREPL, which holds back a client that sends a file too fast) */
        server_stats.failures[CAUSE_QUEUE_FULL]++;
    }
}

static void received_close(connection_t *connection) {
    websocket_t *ws = connection->ws;
    ws->close_received = true;
    uint16_t code = ws_check_close(ws->decoder.control, ws->decoder.control_length);
    bool bad = ws->decoder.control_length >= 1 &&
               (code == WS_CODE_NOT_UTF8 || code == WS_CODE_PROTOCOL) &&
               !(ws->decoder.control_length >= 2 &&
                 code == (ws->decoder.control[0] << 8 | ws->decoder.control[1]));
    if (bad) {
        connection_failure(connection,
                           code == WS_CODE_NOT_UTF8 ? CAUSE_WS_NOT_UTF8 : CAUSE_WS_PROTOCOL,
                           "a close frame is malformed");
    }
    if (!ws->close_sent) {
        ws->close_code = code;
        if (!send_close(connection, code, "")) {
            connection_end(connection, true);
            return;
        }
    }
    connection_finish(connection); /* the server closes the TCP connection (section 7.1.1) */
}

static void received_control(connection_t *connection) {
    websocket_t *ws = connection->ws;
    ws_decoder_t *decoder = &ws->decoder;
    if (decoder->control_opcode == WS_CLOSE) {
        received_close(connection);
    } else if (decoder->control_opcode == WS_PING && !ws->close_sent) {
        server_stats.websocket.pings++;
        if (!queue_frame(connection, WS_PONG, decoder->control, decoder->control_length)) {
            no_memory(connection);
        }
    }
}

size_t ws_input(connection_t *connection, const uint8_t *data, size_t length) {
    websocket_t *ws = connection->ws;
    size_t used = 0, n;
    connection->last_used = connection->last_received;
    ws->pong_by = NEVER; /* any input is a sign of life */
    if (ws->endpoint.ping_interval_ms) {
        ws->ping_at = connection->last_received + ws->endpoint.ping_interval_ms * 1000ull;
    }
    while (connection->state == STATE_WEBSOCKET && !ws->waiting) {
        ws_event_t event = ws_decode(&ws->decoder, data + used, length - used, &n);
        used += n;
        if (event == WS_EVENT_NONE) {
            break;
        }
        switch (event) {
        case WS_EVENT_RESERVE:
            if (!reserve(connection)) {
                no_memory(connection);
            }
            break;
        case WS_EVENT_MESSAGE:
            if (ws->close_sent) { /* section 5.5.1: data after our close frame is discarded */
                drop_message(ws);
                ws_decoder_take(&ws->decoder);
            } else {
                deliver(connection);
            }
            break;
        case WS_EVENT_CONTROL:
            received_control(connection);
            break;
        default:
            fail_input(connection);
            break;
        }
    }
    return used;
}

bool ws_wants_input(const connection_t *connection) { return !connection->ws->waiting; }

void ws_resume(connection_t *connection) {
    if (connection->ws->waiting) {
        deliver(connection);
    }
}

void ws_peer_gone(connection_t *connection) {
    if (!connection->ws->waiting) {
        connection_finish(connection);
    }
}

uint64_t ws_deadline(const connection_t *connection) {
    const websocket_t *ws = connection->ws;
    if (ws->waiting) {
        return ws->close_by; /* a pong may be queued behind unread input */
    }
    uint64_t by = ws->close_by < ws->pong_by ? ws->close_by : ws->pong_by;
    by = ws->ping_at < by ? ws->ping_at : by;
    by = ws->decoder.in_message && ws->message_by < by ? ws->message_by : by;
    if (ws->decoder.in_payload || ws->decoder.header_length) {
        const transport_options_t *options = connection_options(connection);
        uint64_t stalled = connection->last_received + options->recv_timeout_ms * 1000ull;
        by = stalled < by ? stalled : by;
    }
    return by;
}

void ws_timeout(connection_t *connection, uint64_t now) {
    websocket_t *ws = connection->ws;
    if (now >= ws->close_by) {
        connection_failure(connection, CAUSE_WS_CLOSE_TIMEOUT,
                           "the client did not answer the close frame");
        connection_finish(connection);
    } else if (now >= ws->pong_by) {
        connection_failure(connection, CAUSE_WS_PING_TIMEOUT, "the client did not answer a ping");
        fail(connection, WS_CODE_ERROR, "ping time-out");
    } else if (now >= ws->ping_at) {
        ws->ping_at = NEVER;
        ws->pong_by = now + ws->endpoint.ping_timeout_ms * 1000ull;
        if (!queue_frame(connection, WS_PING, "", 0)) {
            no_memory(connection);
        }
    } else {
        connection_failure(connection, CAUSE_RECV_TIMEOUT,
                           "a WebSocket frame did not arrive in time");
        fail(connection, WS_CODE_POLICY, "frame time-out");
    }
}

bool transport_ws_send(transport_client_t client, bool text, const void *data, size_t length) {
    NETWORK_LOCKED;
    connection_t *connection = connection_by_id(client);
    if (!connection || connection->state != STATE_WEBSOCKET || connection->ws->close_sent) {
        return false;
    }
    if (connection->out_bytes && connection->out_bytes + length > WS_OUT_MAX) {
        return false;
    }
    if (!queue_frame(connection, text ? WS_TEXT : WS_BINARY, data, length)) {
        no_memory(connection); /* better to end the stream than to lose a message */
        return false;
    }
    connection->last_used = board_us();
    server_stats.websocket.messages_out++;
    return true;
}

bool transport_ws_open(transport_client_t client) {
    const connection_t *connection = connection_by_id(client);
    return connection && connection->state == STATE_WEBSOCKET && !connection->ws->close_sent;
}

size_t transport_ws_queued(transport_client_t client) {
    const connection_t *connection = connection_by_id(client);
    return connection && connection->state == STATE_WEBSOCKET ? connection->out_bytes : 0;
}

void transport_ws_limit(transport_client_t client, size_t max_message) {
    connection_t *connection = connection_by_id(client);
    if (connection && connection->state == STATE_WEBSOCKET) {
        connection->ws->endpoint.max_message = (uint32_t)max_message;
        connection->ws->decoder.max_message = max_message;
    }
}

bool transport_ws_close(transport_client_t client, uint16_t code, const char *reason) {
    NETWORK_LOCKED;
    connection_t *connection = connection_by_id(client);
    if (!connection || connection->state != STATE_WEBSOCKET || connection->ws->close_sent) {
        return false;
    }
    connection->ws->close_code = code;
    if (!send_close(connection, code, reason)) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a close frame");
        connection_end(connection, true);
    }
    return true;
}
