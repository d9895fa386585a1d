/* SPDX-License-Identifier: MIT */
/*
 * Framing of RFC 6455 (sections 5 to 8), server side: a decoder that takes the stream in pieces of
 * any size and requests memory once a frame's header shows how much it needs, and an encoder of
 * frame headers.
 *
 * Why not wslay: a wslay_event_context holds two buffers of 4096 bytes for each connection; ten ws
 * and four wss connections would need 120 kB of a heap of 180 kB.
 *
 * Pure: no lwIP, no MicroPython, no allocation.
 */
#ifndef ESPBENCH_WEBSERVER_WS_FRAME_H
#define ESPBENCH_WEBSERVER_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webserver/text/utf8.h"

#define WS_CONTROL_MAX 125
#define WS_HEADER_MAX 10 /* of a server's frame, which is not masked */

enum { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* Close codes (section 7.4.1). */
enum {
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NO_STATUS = 1005,
    WS_CODE_ABNORMAL = 1006,
    WS_CODE_NOT_UTF8 = 1007,
    WS_CODE_POLICY = 1008,
    WS_CODE_TOO_BIG = 1009,
    WS_CODE_ERROR = 1011,
    WS_CODE_TRY_LATER = 1013,
};

typedef enum {
    WS_EVENT_NONE,    /* all input is used */
    WS_EVENT_RESERVE, /* `needed` more bytes come: grow message and capacity, or continue in another
                         buffer with ws_decoder_next() */
    WS_EVENT_MESSAGE, /* message[0..length) completes it; take it with ws_decoder_take() */
    WS_EVENT_CONTROL, /* control_opcode, control[0..control_length) */
    WS_EVENT_FAIL,    /* fail_code: the connection must be failed with it */
} ws_event_t;

typedef struct {
    /* the message being assembled; the caller owns the memory */
    uint8_t *message; /* the current buffer */
    size_t capacity, length, needed;
    size_t before; /* bytes of the message in earlier buffers */
    size_t max_message;
    bool takes_unmasked; /* the caller may set it: section 5.1 requires masks of a client */
    bool text;
    /* the control frame just read */
    uint8_t control_opcode, control_length, control[WS_CONTROL_MAX];
    uint16_t fail_code;
    const char *fail_reason;
    /* private */
    uint8_t header[14], header_length, mask_at, opcode;
    utf8_t utf8;
    bool in_message, in_payload, fin;
    uint32_t left;
} ws_decoder_t;

void ws_decoder_init(ws_decoder_t *decoder, size_t max_message);

/* Decodes up to the next event; *used gets the bytes consumed. */
ws_event_t ws_decode(ws_decoder_t *decoder, const uint8_t *data, size_t length, size_t *used);

/* Continues the message in another buffer. */
void ws_decoder_next(ws_decoder_t *decoder, uint8_t *buffer, size_t capacity);

/* Releases the message to the caller. */
void ws_decoder_take(ws_decoder_t *decoder);

/* Whether a frame or a fragmented message is incomplete. */
bool ws_decoder_busy(const ws_decoder_t *decoder);

/* Whether a peer may send this code in a close frame (section 7.4). */
bool ws_close_code_valid(unsigned code);

/* Checks a received close frame's payload. Returns the code to answer with: the peer's own,
 * WS_CODE_NO_STATUS for an empty payload, or the code to fail the connection with. */
uint16_t ws_check_close(const uint8_t *payload, size_t length);

/* Writes the header of an unmasked, unfragmented frame; returns its length. */
size_t ws_frame_header(uint8_t opcode, size_t length, uint8_t out[WS_HEADER_MAX]);

#endif
