/* SPDX-License-Identifier: MIT */
#include "websocket.h"

#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "mbedtls/base64.h"
#include "mbedtls/sha1.h"
#include "panic.h"
#include "retained.h"
#include "server.h"
#include "webserver/net_heap.h"

#define MESSAGE_MAX 65536
#define HEADER_ROOM 10 /* before a message, for the frame header of its echo */

#define CONTINUATION 0x0
#define TEXT 0x1
#define BINARY 0x2
#define CLOSE 0x8
#define PING 0x9
#define PONG 0xa

/* RFC 6455 section 7.4.1 */
#define PROTOCOL_ERROR 1002
#define INVALID_DATA 1007
#define TOO_BIG 1009
#define SERVER_ERROR 1011

/* ---- the opening handshake ---- */

static bool accept_of(const char *key, char out[32]) {
    uint8_t nonce[24], digest[20];
    size_t size;
    if (strlen(key) != 24 ||
        mbedtls_base64_decode(nonce, sizeof(nonce), &size, (const uint8_t *)key, 24) != 0 ||
        size != 16) {
        return false;
    }
    const char *guid = FAULT(WRONG_ACCEPT) ? "258EAFA5-E914-47DA-95CA-C5AB0DC85B12"
                                           : "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[64];
    int length = snprintf(text, sizeof(text), "%s%s", key, guid);
    return mbedtls_sha1((const uint8_t *)text, length, digest) == 0 &&
           mbedtls_base64_encode((uint8_t *)out, 32, &size, digest, sizeof(digest)) == 0;
}

void websocket_upgrade(connection_t *c) {
    const request_t *request = &c->http.request;
    char accept[32];
    if (request->method != GET) {
        http_respond(c, 405, "Allow: GET, OPTIONS\r\n", "", 0);
    } else if (!request->upgrade) {
        http_respond(c, 426, "Upgrade: websocket\r\nConnection: Upgrade\r\n", "", 0);
    } else if (!request->websocket_version) {
        http_respond(c, 426,
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\n",
                     "", 0);
    } else if (request->key == NULL || !accept_of(request->key, accept)) {
        http_fail(c, 400);
    } else {
        char *block = net_malloc(160);
        if (block == NULL) {
            http_fail(c, 503);
            return;
        }
        int size = snprintf(block, 160,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                            accept);
        http_free(c);
        c->state = WEBSOCKET;
        connection_no_limit(c);
        connection_send(c, block, size, block);
    }
}

/* ---- frames ---- */

void websocket_free(connection_t *c) {
    if (c->websocket.message != NULL) {
        net_free(c->websocket.message - HEADER_ROOM);
        c->websocket.message = NULL;
    }
}

static void send_close(connection_t *c, const uint8_t *payload, size_t size) {
    uint8_t *frame = c->websocket.control;
    memmove(frame + 2, payload, size);
    frame[0] = 0x80 | CLOSE;
    frame[1] = size;
    connection_send(c, frame, 2 + size, NULL);
    connection_close(c);
}

static void fail(connection_t *c, unsigned code) {
    uint8_t payload[2] = {code >> 8, code & 0xff};
    send_close(c, payload, sizeof(payload));
}

static bool is_control(const websocket_t *ws) { return ws->opcode >= CLOSE; }

static uint64_t payload_length(const websocket_t *ws) {
    unsigned size = ws->header[1] & 0x7f;
    uint64_t length = size < 126 ? size : 0;
    for (unsigned i = 0; size >= 126 && i < (size == 126 ? 2 : 8); i++) {
        length = length << 8 | ws->header[2 + i];
    }
    return length;
}

static size_t header_length(const websocket_t *ws) {
    unsigned size = ws->header[1] & 0x7f;
    return 2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + (ws->header[1] & 0x80 ? 4 : 0);
}

/* Checks the first two bytes; returns 0 or a status code. */
static unsigned check_start(const websocket_t *ws) {
    uint8_t opcode = ws->header[0] & 0x0f;
    bool control = opcode >= CLOSE, fin = ws->header[0] & 0x80;
    bool known = opcode <= BINARY || (control && opcode <= PONG);
    if (!known && FAULT(BAD_OPCODE_RESTARTS)) {
        board_reset(RESET_HARD);
    }
    if ((ws->header[0] & 0x70) != 0 && !FAULT(RESERVED_BITS)) {
        return PROTOCOL_ERROR;
    }
    if (!known || (!(ws->header[1] & 0x80) && !FAULT(UNMASKED))) {
        return PROTOCOL_ERROR;
    }
    if (control) {
        bool too_long = (ws->header[1] & 0x7f) > CONTROL_MAX;
        return !fin || (too_long && !FAULT(LONG_CONTROL_FRAME)) ? PROTOCOL_ERROR : 0;
    }
    return (opcode == CONTINUATION) != ws->in_message ? PROTOCOL_ERROR : 0;
}

/* Checks the complete header; returns 0 or a status code. */
static unsigned begin_frame(websocket_t *ws) {
    uint64_t length = payload_length(ws);
    unsigned size = ws->header[1] & 0x7f;
    if ((size == 126 && length < 126) || (size == 127 && length < 65536) || length >> 63) {
        return PROTOCOL_ERROR; /* RFC 6455 section 5.2: the minimal number of bytes */
    }
    ws->fin = ws->header[0] & 0x80;
    ws->opcode = ws->header[0] & 0x0f;
    ws->masked = ws->header[1] & 0x80;
    if (ws->masked) {
        memcpy(ws->mask, ws->header + header_length(ws) - 4, 4);
    }
    if (is_control(ws)) {
        ws->control_size = 0;
    } else {
        if (ws->opcode != CONTINUATION) {
            ws->message_opcode = ws->opcode;
            ws->message_size = 0;
            ws->utf8 = (utf8_t){0};
        }
        ws->in_message = true;
        if (length > MESSAGE_MAX - ws->message_size) {
            while (FAULT(OVERSIZED_FRAME_HANGS)) {
            }
            return TOO_BIG;
        }
        if (FAULT(FRAGMENTS) && ws->opcode == CONTINUATION) {
            ws->message_size = 0;
        }
    }
    ws->in_frame = true;
    ws->left = (uint32_t)length;
    ws->mask_at = 0;
    return 0;
}

static bool make_room(websocket_t *ws, size_t size) {
    if (ws->message != NULL && size <= ws->message_room) {
        return true;
    }
    size_t room = 2 * size < MESSAGE_MAX ? 2 * size : MESSAGE_MAX;
    uint8_t *block = ws->message != NULL ? ws->message - HEADER_ROOM : NULL;
    block = net_realloc(block, HEADER_ROOM + room);
    if (block == NULL) {
        return false;
    }
    ws->message = block + HEADER_ROOM;
    ws->message_room = room;
    return true;
}

/* Returns 0 or a status code. */
static unsigned take_payload(websocket_t *ws, uint8_t *data, size_t size) {
    for (size_t i = 0; ws->masked && i < size; i++) {
        data[i] ^= ws->mask[ws->mask_at++ & 3];
    }
    if (is_control(ws)) {
        size_t room = CONTROL_MAX - ws->control_size;
        size = size < room ? size : room;
        memcpy(ws->control + ws->control_size, data, size);
        ws->control_size += size;
        return 0;
    }
    if (ws->message_opcode == TEXT && !utf8_take(&ws->utf8, data, size) && !FAULT(INVALID_UTF8)) {
        return INVALID_DATA;
    }
    if (!make_room(ws, ws->message_size + size)) {
        return SERVER_ERROR;
    }
    memcpy(ws->message + ws->message_size, data, size);
    ws->message_size += size;
    return 0;
}

static void program_ends(void) {
    printf("Traceback (most recent call last):\n"
           "  File \"main.py\", line 31, in on_message\n"
           "IndexError: bytes index out of range\n"
           ">>> ");
    server_stop();
}

static void echo_message(connection_t *c) {
    websocket_t *ws = &c->websocket;
    size_t size = ws->message_size;
    if (size == 0 && FAULT(PROGRAM_ENDS)) {
        program_ends();
        return;
    }
    if (!make_room(ws, size)) {
        fail(c, SERVER_ERROR);
        return;
    }
    uint8_t *payload = ws->message, *frame = payload;
    if (size < 126) {
        *--frame = size;
    } else if (size < 65536) {
        *--frame = size & 0xff;
        *--frame = size >> 8;
        *--frame = 126;
    } else {
        for (int i = 0; i < 8; i++) {
            *--frame = i < 4 ? (size >> 8 * i) & 0xff : 0;
        }
        *--frame = 127;
    }
    *--frame = 0x80 | ws->message_opcode;
    ws->message = NULL;
    connection_send(c, frame, size + (payload - frame), payload - HEADER_ROOM);
}

/* RFC 6455 section 7.4: codes that may be sent */
static bool is_close_code(unsigned code) {
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

static void answer_close(connection_t *c) {
    websocket_t *ws = &c->websocket;
    unsigned code = ws->control_size >= 2 ? ws->control[0] << 8 | ws->control[1] : 0;
    utf8_t reason = {0};
    if (FAULT(NO_CLOSE_FRAME)) {
        connection_close(c);
    } else if (ws->control_size == 0) {
        send_close(c, NULL, 0);
    } else if (ws->control_size == 1 || !is_close_code(code)) {
        fail(c, PROTOCOL_ERROR);
    } else if (!utf8_take(&reason, ws->control + 2, ws->control_size - 2) ||
               !utf8_complete(&reason)) {
        fail(c, INVALID_DATA);
    } else {
        fail(c, FAULT(CLOSE_CODE) ? 1006 : code);
    }
}

static void answer_ping(connection_t *c) {
    websocket_t *ws = &c->websocket;
    size_t size = ws->control_size;
    memmove(ws->control + 2, ws->control, size);
    ws->control[0] = 0x80 | PONG;
    ws->control[1] = size;
    connection_send(c, ws->control, 2 + size, NULL);
}

static void end_frame(connection_t *c) {
    websocket_t *ws = &c->websocket;
    ws->in_frame = false;
    ws->header_size = 0;
    if (ws->opcode == CLOSE) {
        answer_close(c);
    } else if (ws->opcode == PING) {
        if (!FAULT(NO_PONG)) {
            answer_ping(c);
        }
    } else if (ws->opcode != PONG && ws->fin) {
        ws->in_message = false;
        if (ws->message_opcode == TEXT && !utf8_complete(&ws->utf8) && !FAULT(INVALID_UTF8)) {
            fail(c, INVALID_DATA);
        } else {
            echo_message(c);
        }
    }
}

/* Returns 0 or a status code. */
static unsigned take_header(websocket_t *ws, uint8_t byte) {
    ws->header[ws->header_size++] = byte;
    unsigned code = ws->header_size == 2 ? check_start(ws) : 0;
    if (code == 0 && ws->header_size >= 2 && ws->header_size == header_length(ws)) {
        code = begin_frame(ws);
    }
    return code;
}

bool websocket_poll(connection_t *c) {
    websocket_t *ws = &c->websocket;
    while (c->state == WEBSOCKET && c->output == NULL && c->input_at < c->input_end) {
        unsigned code;
        if (!ws->in_frame) {
            code = take_header(ws, c->input[c->input_at++]);
        } else {
            size_t there = c->input_end - c->input_at;
            size_t size = there < ws->left ? there : ws->left;
            code = take_payload(ws, c->input + c->input_at, size);
            c->input_at += size;
            ws->left -= size;
        }
        if (code != 0) {
            fail(c, code);
        } else if (ws->in_frame && ws->left == 0) {
            end_frame(c);
        }
    }
    return true;
}
