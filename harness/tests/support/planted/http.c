/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "server.h"
#include "webserver/net_heap.h"

#define LINE_MAX 2048
#define HEAD_MAX 4096
#define BODY_MAX 16384
#define CHUNK_LINE_MAX 256
#define TRAILERS_MAX 1024

#define HEAD_MS 5000
#define BODY_MS 5000
#define KEEP_ALIVE_MS 15000

static const char unavailable[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n";
static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
static const char index_page[] = "<!DOCTYPE html><title>web server</title><p>It works.</p>\n";

static const char *reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Error";
}

void http_free(connection_t *c) {
    net_free(c->http.head);
    net_free(c->http.body);
    c->http = (http_t){0};
}

void http_begin(connection_t *c, uint32_t limit_ms) {
    http_free(c);
    c->state = HEAD;
    connection_limit(c, limit_ms);
}

static void no_memory(connection_t *c) {
    c->http.keep_alive = false;
    connection_send(c, unavailable, sizeof(unavailable) - 1, NULL);
}

void http_respond(connection_t *c, int status, const char *headers, const void *body, size_t size) {
    char head[320];
    bool keep_alive = c->http.keep_alive;
    const char *persistence = !keep_alive               ? "Connection: close\r\n"
                              : !c->http.request.http11 ? "Connection: keep-alive\r\n"
                                                        : "";
    int head_size = snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\n%s%s", status, reason(status),
                             headers, persistence);
    if (status != 204) {
        head_size += snprintf(head + head_size, sizeof(head) - head_size, "Content-Length: %u\r\n",
                              (unsigned)size);
    }
    head_size += snprintf(head + head_size, sizeof(head) - head_size, "\r\n");
    if (c->http.request.method == HEAD_METHOD && !FAULT(HEAD_HAS_BODY)) {
        size = 0;
    }
    uint8_t *block = net_malloc(head_size + size);
    if (block == NULL) {
        no_memory(c);
        return;
    }
    memcpy(block, head, head_size);
    memcpy(block + head_size, body, size);
    connection_send(c, block, head_size + size, block);
}

static void respond_text(connection_t *c, int status, const char *headers, const char *text) {
    char all[160];
    snprintf(all, sizeof(all), "%sContent-Type: text/plain\r\n", headers);
    http_respond(c, status, all, text, strlen(text));
}

void http_fail(connection_t *c, int status) {
    connection_no_limit(c);
    c->http.keep_alive = false;
    char text[48];
    snprintf(text, sizeof(text), "%s\n", reason(status));
    respond_text(c, status, "", text);
}

void http_timeout(connection_t *c) {
    if (c->output != NULL) {
        connection_abort(c);
    } else if (c->state == BODY || c->http.head_size > 0) {
        http_fail(c, 408);
    } else {
        connection_close(c);
    }
}

void http_sent(connection_t *c) {
    if (c->http.request.expects_continue) { /* that was the interim response */
        c->http.request.expects_continue = false;
        return;
    }
    if (!c->http.keep_alive) {
        connection_close(c);
        return;
    }
    if (FAULT(PIPELINED_REQUEST_LOST)) {
        c->input_at = c->input_end = 0;
    }
    http_begin(c, KEEP_ALIVE_MS);
}

/* ---- what it serves ---- */

static void page(connection_t *c, const char *type, const char *text) {
    method_t method = c->http.request.method;
    if (method != GET && method != HEAD_METHOD) {
        respond_text(c, 405, "Allow: GET, HEAD, OPTIONS\r\n", "GET or HEAD\n");
        return;
    }
    char headers[48];
    snprintf(headers, sizeof(headers), "Content-Type: %s\r\n", type);
    http_respond(c, 200, headers, text, strlen(text));
}

static void echo(connection_t *c) {
    if (c->http.request.method != POST) {
        respond_text(c, 405, "Allow: POST, OPTIONS\r\n", "POST\n");
        return;
    }
    http_respond(c, 200, "Content-Type: application/octet-stream\r\n", c->http.body,
                 c->http.body_size);
}

static void answer(connection_t *c) {
    const char *path = c->http.request.path;
    bool upload = strcmp(path, "/echo") == 0, websocket = strcmp(path, "/ws") == 0;
    connection_no_limit(c);
    c->http.keep_alive = c->http.request.keep_alive;
    if (c->http.request.method == OPTIONS) {
        http_respond(c, 204, upload ? "Allow: POST, OPTIONS\r\n" : "Allow: GET, HEAD, OPTIONS\r\n",
                     "", 0);
    } else if (upload) {
        echo(c);
    } else if (websocket) {
        websocket_upgrade(c);
    } else if (strcmp(path, "/") == 0) {
        page(c, "text/html", index_page);
    } else if (strcmp(path, "/hello") == 0) {
        page(c, "text/plain", "hello\n");
    } else {
        respond_text(c, 404, "", "Not Found\n");
    }
}

/* ---- heads ---- */

static void begin_body(connection_t *c) {
    http_t *http = &c->http;
    c->state = BODY;
    http->part = http->request.chunked ? CHUNK_SIZE : LENGTH;
    http->left = http->request.length;
    if (FAULT(NO_BODY_TIMEOUT)) {
        connection_no_limit(c);
    } else {
        connection_limit(c, BODY_MS);
    }
    if (http->request.expects_continue && c->input_at == c->input_end &&
        connection_received(c) == 0) {
        connection_send(c, go_on, sizeof(go_on) - 1, NULL);
    } else {
        http->request.expects_continue = false;
    }
}

static void head_complete(connection_t *c) {
    request_t *request = &c->http.request;
    c->http.head[c->http.head_size] = '\0';
    int status = request_parse(c->http.head, request);
    if (status != 0) {
        request->expects_continue = false;
        http_fail(c, status);
        return;
    }
    bool body = request->chunked || request->length > 0;
    if (request->length > BODY_MAX) {
        request->expects_continue = false;
        http_fail(c, 413);
    } else if (body && FAULT(EXPECT_IGNORED) && request->expects_continue) {
        printf("http server: expectation ignored\n");
        request->expects_continue = false;
        begin_body(c);
    } else if (body) {
        begin_body(c);
    } else {
        request->expects_continue = false;
        answer(c);
    }
}

/* Checks what can be checked at once; returns 0 or a status. */
static int check_head_byte(const http_t *http, uint8_t byte) {
    char before = http->head_size > 0 ? http->head[http->head_size - 1] : '\0';
    if ((byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f ||
        (byte == '\n') != (before == '\r')) {
        return 400;
    }
    if (http->head_size >= HEAD_MAX) {
        return 431;
    }
    if (http->head_size >= LINE_MAX && memchr(http->head, '\n', LINE_MAX) == NULL) {
        return 414;
    }
    return 0;
}

bool http_head(connection_t *c) {
    http_t *http = &c->http;
    while (c->input_at < c->input_end) {
        uint8_t byte = c->input[c->input_at++];
        if (http->head_size == 0) {
            if (byte == '\r' || byte == '\n') { /* RFC 9112 section 2.2 */
                continue;
            }
            http->head = net_malloc(HEAD_MAX + 1);
            if (http->head == NULL) {
                no_memory(c);
                return true;
            }
            connection_limit(c, HEAD_MS);
            if (FAULT(NO_HEAD_TIMEOUT)) {
                connection_no_limit(c);
            }
        }
        int status = check_head_byte(http, byte);
        if (status != 0) {
            http_fail(c, status);
            return true;
        }
        http->head[http->head_size++] = byte;
        if (byte == '\n' && http->head_size >= 4 &&
            memcmp(http->head + http->head_size - 4, "\r\n\r\n", 4) == 0) {
            head_complete(c);
            return true;
        }
    }
    return true;
}

/* ---- bodies ---- */

static bool keeps_body(const http_t *http) {
    return http->request.method == POST && strcmp(http->request.path, "/echo") == 0;
}

/* Returns 0 or a status. */
static int store(connection_t *c, const uint8_t *data, size_t size) {
    http_t *http = &c->http;
    if (http->body_size + size > BODY_MAX) {
        return 413;
    }
    if (keeps_body(http) && http->body_size + size > http->body_room) {
        size_t room = http->request.chunked ? 2 * (http->body_size + size) : http->request.length;
        uint8_t *more = net_realloc(http->body, room < BODY_MAX ? room : BODY_MAX);
        if (more == NULL) {
            return 503;
        }
        http->body = more;
        http->body_room = room < BODY_MAX ? room : BODY_MAX;
    }
    if (keeps_body(http)) {
        memcpy(http->body + http->body_size, data, size);
    }
    http->body_size += size;
    return 0;
}

/* Collects a line; true at its end. A status other than 0 in *status: the line is invalid. */
static bool take_line(http_t *http, char byte, int *status) {
    size_t kept =
        http->line_size < sizeof(http->line) - 1 ? http->line_size : sizeof(http->line) - 1;
    bool after_cr = http->line_size > 0 && http->line[kept - 1] == '\r';
    if (byte == '\n') {
        *status = after_cr ? 0 : 400;
        http->line[kept > 0 ? kept - 1 : 0] = '\0';
        return true;
    }
    bool control = ((unsigned char)byte < ' ' && byte != '\t' && byte != '\r') || byte == 0x7f;
    if (control || after_cr || ++http->line_size > CHUNK_LINE_MAX) {
        *status = 400;
        return false;
    }
    /* a long line keeps its beginning, and its last character */
    http->line[kept < sizeof(http->line) - 1 ? kept : kept - 1] = byte;
    return false;
}

static int chunk_size(http_t *http) {
    const char *hex = "0123456789abcdefABCDEF";
    size_t digits = strspn(http->line, hex);
    const char *after = http->line + digits;
    after += strspn(after, " \t");
    bool extension = *after == ';';
    if (digits == 0 || digits > 8 || (*after != '\0' && !extension) ||
        (extension && FAULT(CHUNK_EXTENSION)) || (!extension && after != http->line + digits)) {
        return 400;
    }
    http->left = strtoul(http->line, NULL, 16);
    http->part = http->left > 0 ? CHUNK_DATA : TRAILER;
    http->line_size = 0;
    return http->left > BODY_MAX ? 413 : 0;
}

static int chunk_framing(http_t *http, char byte, bool *complete) {
    int status = 0;
    if (http->part == TRAILER && ++http->trailer_size > TRAILERS_MAX) {
        return 431;
    }
    bool line = take_line(http, byte, &status);
    if (status != 0 || !line) {
        return status;
    }
    if (http->part == CHUNK_SIZE) {
        status = chunk_size(http);
        *complete = http->part == TRAILER && FAULT(TRAILERS_ARE_A_REQUEST);
        return status;
    }
    bool empty = http->line_size == 1; /* the CR */
    http->line_size = 0;
    if (http->part == CHUNK_END) {
        http->part = CHUNK_SIZE;
        return empty ? 0 : 400;
    }
    *complete = empty;
    return 0;
}

bool http_body(connection_t *c) {
    http_t *http = &c->http;
    bool complete = false;
    while (c->input_at < c->input_end && !complete) {
        int status = 0;
        if (http->part == LENGTH || http->part == CHUNK_DATA) {
            size_t there = c->input_end - c->input_at;
            size_t size = there < http->left ? there : http->left;
            status = store(c, c->input + c->input_at, size);
            c->input_at += size;
            http->left -= size;
            complete = http->part == LENGTH && http->left == 0;
            if (http->part == CHUNK_DATA && http->left == 0) {
                http->part = CHUNK_END;
            }
        } else {
            status = chunk_framing(http, c->input[c->input_at++], &complete);
        }
        if (status == 503) {
            no_memory(c);
            return true;
        }
        if (status != 0) {
            http_fail(c, status);
            return true;
        }
    }
    if (complete) {
        answer(c);
    }
    return true;
}
