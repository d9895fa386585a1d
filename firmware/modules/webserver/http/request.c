/* SPDX-License-Identifier: MIT */
/* Requests: their heads and bodies as they arrive, what is refused, and the responses. */
#include <string.h>

#include "webserver/http/message.h"
#include "webserver/http/origin.h"
#include "webserver/http/request_state.h"
#include "webserver/http/target.h"
#include "webserver/http/ws_handshake.h"

#define HEAD_FIRST 512     /* initial size of the buffer for a head */
#define HEAD_SURE 2560     /* a larger head must leave memory for connections to come */
#define METHOD_MAX 32      /* bytes of a method, more than those of any that exists */
#define TLS_HANDSHAKE 0x16 /* the first byte of a ClientHello */

static size_t bodies; /* total bytes of all requests' bodies */

void request_free(transport_request_t *request) {
    bodies -= request->body_capacity;
    net_free(request->head);
    net_free(request->body);
    net_free(request);
}

int request_refuse(transport_request_t *request, unsigned status, server_cause_t cause,
                   const char *what) {
    request->status = status;
    request->cause = cause;
    request->has_cause = true;
    request->what = what;
    return -1;
}

static bool grow(char **buffer, size_t *capacity, size_t used, size_t wanted) {
    if (wanted <= *capacity) {
        return true;
    }
    char *larger = net_malloc(wanted);
    if (!larger) {
        return false;
    }
    if (used) {
        memcpy(larger, *buffer, used);
    }
    net_free(*buffer);
    *buffer = larger;
    *capacity = wanted;
    return true;
}

static int grow_body(transport_request_t *request, size_t capacity) {
    size_t all = bodies - request->body_capacity + capacity;
    if (!server_may_hold(all, capacity)) {
        return request_refuse(request, 503, CAUSE_QUEUE_FULL,
                              "the bodies of waiting requests take too much memory");
    }
    if (!grow((char **)&request->body, &request->body_capacity, request->body_length, capacity)) {
        return request_refuse(request, 503, CAUSE_NO_MEMORY, "out of memory for a request's body");
    }
    bodies = all;
    return 0;
}

void request_release(transport_request_t *request) {
    if (request->taken) {
        request->connection = NULL;
        return;
    }
    if (request->item) {
        server_withdraw(request->item);
    }
    request_free(request);
}

/* Appends to the head; leaves two bytes free for its final NULs. */
static int append_head(transport_request_t *request, const char *text, size_t length) {
    size_t wanted = request->head_length + length + 2;
    size_t most = server_limits()->max_head;
    if (wanted > most) {
        return request_refuse(request, 431, CAUSE_HEADER_TOO_LARGE,
                              "the request's header is too large");
    }
    size_t capacity = request->head_capacity ? request->head_capacity : HEAD_FIRST;
    while (capacity < wanted) {
        capacity *= 2;
    }
    capacity = capacity > HEAD_SURE && wanted <= HEAD_SURE ? HEAD_SURE : capacity;
    capacity = capacity < most ? capacity : most;
    bool spare = capacity <= HEAD_SURE || server_has_spare(capacity);
    if (!spare || !grow(&request->head, &request->head_capacity, request->head_length, capacity)) {
        return request_refuse(request, 503, CAUSE_NO_MEMORY,
                              "out of memory for a request's header");
    }
    memcpy(request->head + request->head_length, text, length);
    request->head_length += length;
    return 0;
}

static int on_url(http_parser *parser, const char *text, size_t length) {
    transport_request_t *request = parser->data;
    if (request->head_length + length > server_limits()->max_target) {
        return request_refuse(request, 414, CAUSE_URI_TOO_LONG, "the request's URI is too long");
    }
    if (memchr(text, 0, length)) {
        return request_refuse(request, 400, CAUSE_BAD_REQUEST, "NUL in the URI");
    }
    return append_head(request, text, length);
}

static int end_string(transport_request_t *request) {
    /* http-parser leaves blanks behind a value, which are not part of it (RFC 9112 section 5.1). */
    while (request->in_value && (request->head[request->head_length - 1] == ' ' ||
                                 request->head[request->head_length - 1] == '\t')) {
        request->head_length--;
    }
    return append_head(request, "", 1);
}

static int on_header_field(http_parser *parser, const char *text, size_t length) {
    transport_request_t *request = parser->data;
    if (request->head_done) {
        return 0; /* a trailer of a chunked body: ignored (RFC 9110 section 6.5.1) */
    }
    if (request->headers_at == 0 || request->in_value) {
        if (end_string(request) != 0) {
            return -1;
        }
        if (request->headers_at == 0) {
            request->headers_at = request->head_length;
        }
        request->in_value = false;
    }
    size_t from = request->head_length;
    if (append_head(request, text, length) != 0) {
        return -1;
    }
    for (size_t i = from; i < request->head_length; i++) {
        char c = request->head[i];
        request->head[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return 0;
}

static int on_header_value(http_parser *parser, const char *text, size_t length) {
    transport_request_t *request = parser->data;
    if (memchr(text, 0, length)) { /* http-parser does not check a value's first character */
        return request_refuse(request, 400, CAUSE_BAD_REQUEST, "NUL in a header field");
    }
    if (request->head_done) {
        return 0;
    }
    if (!request->in_value) {
        if (end_string(request) != 0) {
            return -1;
        }
        request->in_value = true;
    }
    return append_head(request, request->tab ? "\t" : text, length);
}

static int check_upgrade(transport_request_t *request, http_parser *parser) {
    if (parser->method != HTTP_GET) {
        request->status = 405;
        strcpy(request->allow, "GET");
        return 0;
    }
    switch (ws_check_upgrade(request_headers(request), request->endpoint.lenient)) {
    case WS_UPGRADE_OK:
        break;
    case WS_UPGRADE_BAD:
        return request_refuse(request, 400, CAUSE_WS_PROTOCOL,
                              "the WebSocket upgrade is malformed");
    case WS_UPGRADE_BAD_VERSION:
        request->bad_version = true;
        request->status = 426;
        return 0;
    default:
        request->status = 426;
        return 0;
    }
    unsigned origins;
    const char *origin = http_header(request_headers(request), "origin", &origins);
    const char *host = request->authority;
    host = host ? host : http_header(request_headers(request), "host", NULL);
    if (origins > 1 ||
        !origin_allowed(request->endpoint.origins, origin, request->scheme == SERVER_HTTPS, host)) {
        return request_refuse(request, 403, CAUSE_WS_ORIGIN,
                              "refused a WebSocket from another origin (see origins=)");
    }
    bool body = (parser->flags & F_CHUNKED) ||
                ((parser->flags & F_CONTENTLENGTH) && parser->content_length > 0);
    if (parser->http_minor == 0 || body) {
        return request_refuse(request, 400, CAUSE_WS_PROTOCOL,
                              "the WebSocket upgrade is malformed");
    }
    request->upgrade = true;
    return 0;
}

static int check_target(transport_request_t *request, const http_parser *parser) {
    const char *fault = http_host_fault(request_headers(request), parser->http_minor == 0);
    if (fault) {
        return request_refuse(request, 400, CAUSE_BAD_REQUEST, fault);
    }
    http_target_t target = {.path = request->head};
    if (parser->method != HTTP_CONNECT) { /* its authority-form matters to nobody: a 501 */
        target = http_target(request->head, request->scheme == SERVER_HTTPS,
                             parser->method == HTTP_OPTIONS);
    }
    request->path = target.path;
    request->authority = target.authority;
    return target.status ? request_refuse(request, target.status, CAUSE_BAD_REQUEST, target.what)
                         : 0;
}

/* Must run before the body is used. A proxy that interprets the framing differently would take part
 * of the body for the next request, or the other way round. */
static int check_framing(transport_request_t *request, http_parser *parser) {
    if (request->folded) {
        return request_refuse(request, 400, CAUSE_BAD_REQUEST,
                              "a line of the request's header begins with white space");
    }
    http_framing_t framing = http_framing(request_headers(request), parser->http_minor == 0);
    if (framing.status == 0 && framing.chunked) {
        parser->flags |= F_CHUNKED; /* the parser overlooks it before a tab */
    }
    bool chunked = parser->flags & F_CHUNKED;
    if (framing.status == 0 && framing.chunked != chunked) {
        framing = (http_framing_t){400, "the request's Transfer-Encoding is malformed", false};
    }
    return framing.status ? request_refuse(request, framing.status, CAUSE_BAD_REQUEST, framing.what)
                          : 0;
}

/* Routes as soon as the head is complete, before the body is read or memory allocated for it. */
static int route(transport_request_t *request, http_parser *parser) {
    const char *method = http_method_str((enum http_method)parser->method);
    bool endpoint = server_find_endpoint(request->path, &request->endpoint);
    unsigned status = server_on_head(method, request->path, request->allow, sizeof request->allow);
    bool wants_websocket = http_lists_token(request_headers(request), "upgrade", "websocket");
    bool kept = endpoint && wants_websocket && request->endpoint.owner->keeps_place;
    if (!connection_claim(request->connection, kept)) {
        request->no_place = true;
        return -1;
    }
    if (endpoint && status != 501 && (wants_websocket || status != 0)) {
        return check_upgrade(request, parser);
    }
    request->status = status;
    return 0;
}

static int prepare_body(transport_request_t *request, http_parser *parser) {
    bool chunked = parser->flags & F_CHUNKED;
    uint64_t length = parser->flags & F_CONTENTLENGTH ? parser->content_length : 0;
    if (!chunked && length > server_limits()->max_body) {
        return request_refuse(request, 413, CAUSE_BODY_TOO_LARGE,
                              "the request's body is too large");
    }
    if (request->status) {
        request->skip_body = true;
    } else if (length && !chunked) {
        if (grow_body(request, (size_t)length) != 0) {
            return -1;
        }
    }
    unsigned expects;
    const char *expect = http_header(request_headers(request), "expect", &expects);
    if (!expect || parser->http_minor == 0) {
        return 0;
    }
    if (!http_has_token(expect, "100-continue")) {
        return request_refuse(request, 417, CAUSE_BAD_REQUEST,
                              "the request's Expect is unsupported");
    }
    if (request->status) {
        return -1; /* the final response replaces 100, and the body must not follow */
    }
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if ((chunked || length) &&
        !connection_queue(request->connection, go_on, sizeof go_on - 1, NULL, 0)) {
        return request_refuse(request, 503, CAUSE_NO_MEMORY, "out of memory for a response");
    }
    return 0;
}

static int on_headers_complete(http_parser *parser) {
    transport_request_t *request = parser->data;
    request->head_done = true;
    request->connection->in_by = NEVER; /* the body has its own pace */
    if (end_string(request) != 0) {
        return -1;
    }
    if (request->headers_at == 0) {
        request->headers_at = request->head_length;
    } /* append_head() left room for the last NUL */
    request->head[request->head_length] = 0;
    if (parser->http_major != 1) {
        return request_refuse(request, 505, CAUSE_BAD_REQUEST,
                              "the request's HTTP version is not 1.x");
    }
    if (check_target(request, parser) != 0 || check_framing(request, parser) != 0 ||
        route(request, parser) != 0 || prepare_body(request, parser) != 0) {
        return -1;
    }
    /* Other upgrades (h2c) and CONNECT are not supported: parse on as plain HTTP. */
    parser->upgrade = request->upgrade;
    return 0;
}

static int on_body(http_parser *parser, const char *data, size_t length) {
    transport_request_t *request = parser->data;
    size_t wanted = request->body_length + length;
    if (wanted > server_limits()->max_body) {
        return request_refuse(request, 413, CAUSE_BODY_TOO_LARGE,
                              "the request's body is too large");
    }
    if (request->skip_body) {
        request->body_length = wanted;
        return 0;
    }
    if (wanted > request->body_capacity) { /* chunked: the length is not known in advance */
        size_t capacity = request->body_capacity * 2;
        capacity = capacity > wanted ? capacity : wanted;
        capacity = capacity < server_limits()->max_body ? capacity : server_limits()->max_body;
        if (grow_body(request, capacity) != 0) {
            return -1;
        }
    }
    memcpy(request->body + request->body_length, data, length);
    request->body_length = wanted;
    return 0;
}

static int on_message_complete(http_parser *parser) {
    transport_request_t *request = parser->data;
    request->complete = true;
    request->completed = board_us();
    http_parser_pause(parser, 1); /* the next request waits for this one's response */
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static transport_request_t *new_request(connection_t *connection) {
    transport_request_t *request = net_calloc(1, sizeof *request);
    if (request) {
        request->connection = connection;
        request->scheme = connection->scheme;
        connection->in_by = NEVER; /* it has its own pace */
        request->started = board_us();
        http_parser_init(&request->parser, HTTP_REQUEST);
        request->parser.data = request;
    }
    return request;
}

/* http-parser knows only spaces behind a value such as Content-Length's or Connection's, although a
 * tab is white space, too (RFC 9110 section 5.6.3). So it gets a space for each tab in a value,
 * which is stored as it came. Stops behind a complete request, and at an error. */
static size_t execute(transport_request_t *request, const uint8_t *data, size_t length) {
    http_parser *parser = &request->parser;
    size_t used = 0, n = 0, taken = 0;
    while (used < length && taken == n && !request->complete) {
        const uint8_t *from = data + used;
        request->tab = *from == '\t' && request->in_value && !request->head_done;
        if (request->tab) {
            n = 1;
            taken = http_parser_execute(parser, &settings, " ", n);
        } else {
            const uint8_t *tab =
                request->head_done ? NULL : memchr(from + 1, '\t', length - used - 1);
            n = tab ? (size_t)(tab - from) : length - used;
            taken = http_parser_execute(parser, &settings, (const char *)from, n);
        }
        used += taken;
        if (HTTP_PARSER_ERRNO(parser) != HPE_OK) {
            break;
        }
        request->begun = true;
    }
    request->tab = false;
    return used;
}

/* Reads on to the end of a method that http-parser does not know: a token (501, RFC 9110 section
 * 9.1), or garbage (400). */
static size_t read_unknown_method(transport_request_t *request, const uint8_t *data,
                                  size_t length) {
    size_t n = 0;
    while (n < length && request->unknown < METHOD_MAX &&
           http_is_token((const char *)data + n, 1)) {
        request->unknown++;
        n++;
    }
    if (n == length && n > 0 && request->unknown < METHOD_MAX) {
        return n; /* there is more to come */
    }
    bool token = request->unknown == METHOD_MAX || (request->unknown && data[n] == ' ');
    request_refuse(request, token ? 501 : 400, CAUSE_BAD_REQUEST,
                   token ? "the request's method is unknown"
                         : http_errno_description(HPE_INVALID_METHOD));
    request_answer_status(request, false);
    return n;
}

/* Finds the reason why the parser stopped when no callback of ours did it. */
static void explain(transport_request_t *request, const uint8_t *data, size_t length, size_t used) {
    bool first = request->head_length == 0 && !request->head_done;
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (first && request->scheme == SERVER_HTTP && used < length && data[0] == TLS_HANDSHAKE) {
        request_refuse(request, 400, CAUSE_TLS_ON_PLAIN, "TLS on the plain HTTP port");
    } else if (error == HPE_HEADER_OVERFLOW) {
        request_refuse(request, 431, CAUSE_HEADER_TOO_LARGE, "the request's header is too large");
    } else if (error == HPE_INVALID_VERSION) {
        request_refuse(request, 505, CAUSE_BAD_REQUEST, "the request's HTTP version is not 1.x");
    } else {
        request_refuse(request, 400, CAUSE_BAD_REQUEST, http_errno_description(error));
    }
}

size_t http_input(connection_t *connection, const uint8_t *data, size_t length) {
    if (!connection->request) {
        /* RFC 9112 section 2.2: an empty line before a request is to be ignored. */
        if (data[0] == '\r' || data[0] == '\n') {
            return 1;
        }
        connection->request = new_request(connection);
        if (!connection->request) {
            connection_failure(connection, CAUSE_NO_MEMORY, "out of memory for a request");
            connection_end(connection, true);
            return 0;
        }
    }
    transport_request_t *request = connection->request;
    if (request->unknown) {
        return read_unknown_method(request, data, length);
    }
    request->folded |= !request->head_done && http_fold_found(&request->fold, data, length);
    size_t used = execute(request, data, length);
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (request->complete && (error == HPE_OK || error == HPE_PAUSED)) {
        http_parser_pause(&request->parser, 0);
        if (request->upgrade) {
            request_upgrade(request);
        } else if (request->status) {
            request_answer_status(request, request_keeps_alive(request));
        } else {
            request_deliver(request);
        }
    } else if (request->no_place) {
        connection_refuse(connection); /* frees the request */
    } else if (error == HPE_INVALID_METHOD && data[0] != TLS_HANDSHAKE) {
        request->unknown = request->begun || used > 0; /* what the parser took is a token */
        used += read_unknown_method(request, data + used, length - used);
    } else if (error != HPE_OK) {
        if (!request->status) {
            explain(request, data, length, used);
        }
        request_answer_status(request, false);
    }
    return used;
}

bool http_wants_input(const connection_t *connection) {
    const transport_request_t *request = connection->request;
    return request ? !request->complete : !connection->stream_left;
}

void http_forget(connection_t *connection) {
    transport_request_t *request = connection->request;
    connection->request = NULL;
    if (!request) {
        return;
    }
    request_release(request);
}

bool http_waits(const connection_t *connection) {
    return connection->request && connection->request->complete;
}

void http_unavailable(connection_t *connection) {
    connection->request->status = 503;
    request_answer_status(connection->request, false);
}

/* For a head, even if it keeps arriving, and for the largest body at the minimum rate: chunks may
 * have more framing than data. */
static uint64_t whole_request_by(const transport_request_t *request,
                                 const transport_options_t *options) {
    uint64_t limit = options->transfer_timeout_us;
    if (!request->head_done) {
        return request->started + limit;
    }
    return options->us_per_byte ? request->started + 2 * limit +
                                      (uint64_t)server_limits()->max_body * options->us_per_byte
                                : NEVER;
}

uint64_t http_deadline(const connection_t *connection) {
    const transport_options_t *options = connection_options(connection);
    const transport_request_t *request = connection->request;
    if (!request) {
        return options->idle_timeout_ms && !connection->out && !connection->stream_left
                   ? connection->last_used + options->idle_timeout_ms * 1000ull
                   : NEVER;
    }
    if (request->complete) {
        return options->response_timeout_ms
                   ? request->completed + options->response_timeout_ms * 1000ull
                   : NEVER;
    }
    uint64_t stalls = connection->last_received + options->recv_timeout_ms * 1000ull;
    uint64_t whole_by = whole_request_by(request, options);
    return stalls < whole_by ? stalls : whole_by;
}

void http_timeout(connection_t *connection) {
    transport_request_t *request = connection->request;
    if (!request) {
        if (connection_is_receiving(connection)) {
            connection_failure(connection, CAUSE_RECV_TIMEOUT,
                               "a TLS record did not arrive in time");
        } /* else idle for too long: not an error */
        connection_finish(connection);
        return;
    }
    if (request->complete) {
        request_refuse(request, 503, CAUSE_RESPONSE_TIMEOUT, "MicroPython did not answer in time");
    } else {
        request_refuse(request, 408, CAUSE_RECV_TIMEOUT, "the request did not arrive in time");
    }
    request_answer_status(request, false);
}

void transport_request_taken(transport_request_t *request) {
    request->item = NULL;
    request->taken = true;
}

void transport_request_drop(transport_request_t *request) {
    NETWORK_LOCKED;
    connection_t *connection = request->connection;
    request->item = NULL; /* already out of the queue */
    request->taken = false;
    if (connection) {
        connection_end(connection, true); /* frees the request */
    } else {
        request_free(request);
    }
}
