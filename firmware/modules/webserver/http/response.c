/* SPDX-License-Identifier: MIT */
/* Responses: MicroPython's, our own, and the upgrade to WebSocket. */
#include <stdio.h>
#include <string.h>

#include "mbedtls/sha1.h"
#include "webserver/http/message.h"
#include "webserver/http/request_state.h"
#include "webserver/http/ws_handshake.h"
#include "webserver/ws/session.h"

bool request_keeps_alive(const transport_request_t *request) {
    return request->complete && http_should_keep_alive(&request->parser);
}

/* Queues a response, then keeps the connection open or closes it. Releases the request. */
static bool answer(transport_request_t *request, const transport_response_t *response,
                   bool keep_alive) {
    connection_t *connection = request->connection;
    bool known = request->head_done && request->parser.http_major == 1;
    bool http_1_0 = known && request->parser.http_minor == 0;
    bool endless = !response->body && response->length == TRANSPORT_UNKNOWN_LENGTH;
    keep_alive = keep_alive && !(endless && http_1_0); /* only the close can end the body */
    http_head_t head = {
        .status = response->status,
        .date = board_clock(),
        .content_type = response->content_type,
        .extra_headers = response->extra_headers,
        .length = response->length,
        .keep_alive = keep_alive,
        .delimited = !endless   ? BODY_OF_LENGTH
                     : http_1_0 ? BODY_UNTIL_CLOSE
                                : BODY_CHUNKED,
        .http_1_0 = http_1_0,
    };
    bool body = http_status_has_body(response->status) &&
                !(request->head_done && request->parser.method == HTTP_HEAD);
    connection->request = NULL;
    request_release(request); /* before memory for the response is allocated */
    char text[256];
    size_t length = http_format_head(&head, text, sizeof text);
    char *large = NULL;
    if (length >= sizeof text) {
        large = net_malloc(length + 1);
        if (large) {
            http_format_head(&head, large, length + 1);
        }
    }
    bool queued = (length < sizeof text || large) &&
                  connection_queue(connection, large ? large : text, length, response->body,
                                   body && response->body ? response->length : 0);
    net_free(large);
    if (!queued) {
        static const char failed[] =
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a response");
        if (!connection_queue(connection, failed, sizeof failed - 1, NULL, 0)) {
            connection_end(connection, true);
            return false;
        }
        server_count_response(500);
        connection->state = STATE_FLUSH;
        return false;
    }
    server_count_response(response->status);
    if (body && !response->body) {
        connection->stream_left = response->length;
        connection->chunked = head.delimited == BODY_CHUNKED;
        connection->stream_idle = false;
    }
    if (!keep_alive) {
        connection->state = STATE_FLUSH;
    }
    connection->ready = true;
    connection->last_used = board_us();
    return true;
}

/* Answers without a handler: an error, or a failed upgrade. */
void request_answer_status(transport_request_t *request, bool keep_alive) {
    char body[64], extra[112] = "";
    unsigned status = request->status;
    int length = snprintf(body, sizeof body, "%u %s\n", status, http_reason(status));
    if (status == 405 || status == 204) {
        snprintf(extra, sizeof extra, "Allow: %s\r\n", request->allow);
    } else if (status == 426) {
        /* RFC 9110 section 15.5.22; RFC 6455 section 4.4. Upgrade is a hop-by-hop option. */
        snprintf(extra, sizeof extra, "Upgrade: websocket\r\n%s%s",
                 keep_alive ? "Connection: Upgrade\r\n" : "",
                 request->bad_version ? "Sec-WebSocket-Version: 13\r\n" : "");
    } else if (status == 503) {
        strcpy(extra, "Retry-After: 1\r\n");
    }
    transport_response_t response = {
        .status = (uint16_t)status,
        .content_type = http_status_has_body(status) ? "text/plain; charset=utf-8" : NULL,
        .extra_headers = extra,
        .body = body,
        .length = (size_t)length,
    };
    if (request->has_cause) {
        connection_failure(request->connection, request->cause, request->what);
    }
    answer(request, &response, keep_alive);
}

static bool sha1(const uint8_t *data, size_t length, uint8_t digest[20]) {
    return mbedtls_sha1(data, length, digest) == 0;
}

void request_upgrade(transport_request_t *request) {
    connection_t *connection = request->connection;
    if (!server_on_upgrade(request->endpoint.owner)) {
        request_refuse(request, 503, CAUSE_QUEUE_FULL, "the queue to MicroPython is full");
        request_answer_status(request, false);
        return;
    }
    char accept[WS_ACCEPT_SIZE], text[256];
    const char *protocol =
        ws_choose_protocol(request_headers(request), request->endpoint.protocols);
    const char *key = http_header(request_headers(request), "sec-websocket-key", NULL);
    int length = -1;
    if (ws_accept(key, sha1, accept)) {
        length = snprintf(text, sizeof text,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                          accept, *protocol ? "Sec-WebSocket-Protocol: " : "", protocol,
                          *protocol ? "\r\n" : "");
    }
    if (length < 0 || !ws_open(connection, &request->endpoint, request->path, protocol)) {
        request_refuse(request, 503, CAUSE_NO_MEMORY, "out of memory for a WebSocket");
        request_answer_status(request, false);
        return;
    }
    if (!connection_queue(connection, text, (size_t)length, NULL, 0)) {
        connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a response");
        connection_end(connection, true); /* frees the request; reports the session's end */
        return;
    }
    server_count_response(101);
    connection->request = NULL;
    request_free(request);
}

void request_deliver(transport_request_t *request) {
    server_item_t *item = server_item_new(ITEM_REQUEST, 0);
    if (!item) {
        request_refuse(request, 503, CAUSE_NO_MEMORY, "out of memory for a request");
        request_answer_status(request, request_keeps_alive(request));
        return;
    }
    item->request = request;
    request->item = item;
    if (!server_on_request(item)) {
        request->item = NULL;
        server_item_free(item);
        request_refuse(request, 503, CAUSE_QUEUE_FULL, "the queue to MicroPython is full");
        request_answer_status(request, request_keeps_alive(request));
    }
}

void transport_request_view(const transport_request_t *request, transport_request_view_t *view) {
    *view = (transport_request_view_t){
        .scheme = request->scheme,
        .method = http_method_str((enum http_method)request->parser.method),
        .target = request->path,
        .authority = request->authority,
        .headers = request_headers(request),
        .body = request->body,
        .body_length = request->body_length,
    };
}

bool transport_respond(transport_request_t *request, const transport_response_t *response) {
    NETWORK_LOCKED;
    request->taken = false;
    if (!request->connection) {
        request_free(request);
        return false;
    }
    /* A client that has sent its FIN behind several requests gets all responses. */
    const connection_t *connection = request->connection;
    bool last = connection->eof && !connection->rx && !connection->stash;
    return answer(request, response, request_keeps_alive(request) && !last);
}

bool transport_respond_stream(transport_request_t *request, const transport_response_t *response,
                              transport_stream_t *stream) {
    NETWORK_LOCKED;
    transport_response_t head = *response;
    head.body = NULL;
    connection_t *connection = request->connection;
    bool answered = transport_respond(request, &head);
    *stream = answered && connection->stream_left ? connection->id : 0;
    return answered;
}
