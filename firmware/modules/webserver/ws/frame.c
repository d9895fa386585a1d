/* SPDX-License-Identifier: MIT */
#include "webserver/ws/frame.h"

#include <string.h>

void ws_decoder_init(ws_decoder_t *decoder, size_t max_message) {
    memset(decoder, 0, sizeof *decoder);
    decoder->max_message = max_message;
}

void ws_decoder_next(ws_decoder_t *decoder, uint8_t *buffer, size_t capacity) {
    decoder->before += decoder->length;
    decoder->message = buffer;
    decoder->capacity = capacity;
    decoder->length = 0;
}

void ws_decoder_take(ws_decoder_t *decoder) {
    decoder->message = NULL;
    decoder->capacity = decoder->length = decoder->needed = decoder->before = 0;
    decoder->in_message = false;
}

bool ws_decoder_busy(const ws_decoder_t *decoder) {
    return decoder->in_message || decoder->in_payload || decoder->header_length > 0;
}

static ws_event_t fail(ws_decoder_t *decoder, uint16_t code, const char *reason) {
    decoder->fail_code = code;
    decoder->fail_reason = reason;
    return WS_EVENT_FAIL;
}

/* The header's length, as far as the received bytes determine it. */
static size_t header_size(const ws_decoder_t *decoder) {
    if (decoder->header_length < 2) {
        return 2;
    }
    uint8_t n = decoder->header[1] & 0x7f;
    return 2 + (n == 126 ? 2 : n == 127 ? 8 : 0) + (decoder->header[1] & 0x80 ? 4 : 0);
}

static ws_event_t check_first_bytes(ws_decoder_t *decoder) {
    uint8_t first = decoder->header[0], second = decoder->header[1];
    uint8_t opcode = first & 0x0f, length = second & 0x7f;
    bool fin = first & 0x80, control = opcode & 8;
    if (first & 0x70) {
        return fail(decoder, WS_CODE_PROTOCOL, "reserved bits are set");
    }
    if (!(second & 0x80) && !decoder->takes_unmasked) {
        return fail(decoder, WS_CODE_PROTOCOL, "frame is not masked");
    }
    if (opcode > WS_PONG || (opcode > WS_BINARY && opcode < WS_CLOSE)) {
        return fail(decoder, WS_CODE_PROTOCOL, "unknown opcode");
    }
    if (control && !fin) {
        return fail(decoder, WS_CODE_PROTOCOL, "control frame is fragmented");
    }
    if (control && length > WS_CONTROL_MAX) {
        return fail(decoder, WS_CODE_PROTOCOL, "control frame is too long");
    }
    if (opcode == WS_CONTINUATION && !decoder->in_message) {
        return fail(decoder, WS_CODE_PROTOCOL, "unexpected continuation");
    }
    if (!control && opcode != WS_CONTINUATION && decoder->in_message) {
        return fail(decoder, WS_CODE_PROTOCOL, "new message inside a fragmented one");
    }
    return WS_EVENT_NONE;
}

static ws_event_t begin_payload(ws_decoder_t *decoder) {
    const uint8_t *header = decoder->header;
    uint64_t length = header[1] & 0x7f;
    if (length == 126) {
        length = (uint64_t)header[2] << 8 | header[3];
        if (length < 126) {
            return fail(decoder, WS_CODE_PROTOCOL, "length is not in its shortest form");
        }
    } else if (length == 127) {
        length = 0;
        for (int i = 2; i < 10; i++) {
            length = length << 8 | header[i];
        }
        if (length >> 63 || length < 65536) {
            return fail(decoder, WS_CODE_PROTOCOL, "length is not in its shortest form");
        }
    }
    decoder->opcode = header[0] & 0x0f;
    decoder->fin = header[0] & 0x80;
    if (header[1] & 0x80) {
        memmove(decoder->header, header + decoder->header_length - 4, 4); /* keep the mask */
    } else {
        memset(decoder->header, 0, 4);
    }
    decoder->header_length = 0;
    decoder->mask_at = 0;
    decoder->in_payload = true;
    if (decoder->opcode & 8) {
        decoder->left = (uint32_t)length;
        decoder->control_opcode = decoder->opcode;
        decoder->control_length = 0;
        return WS_EVENT_NONE;
    }
    if (length > decoder->max_message ||
        decoder->before + decoder->length > decoder->max_message - length) {
        return fail(decoder, WS_CODE_TOO_BIG, "message is too big");
    }
    if (decoder->opcode != WS_CONTINUATION) {
        decoder->in_message = true;
        decoder->text = decoder->opcode == WS_TEXT;
        decoder->utf8 = (utf8_t){0};
    }
    decoder->left = (uint32_t)length;
    return WS_EVENT_NONE;
}

static ws_event_t read_header(ws_decoder_t *decoder, const uint8_t *data, size_t length,
                              size_t *used) {
    while (*used < length) {
        decoder->header[decoder->header_length++] = data[(*used)++];
        if (decoder->header_length == 2) {
            ws_event_t event = check_first_bytes(decoder);
            if (event != WS_EVENT_NONE) {
                return event;
            }
        }
        if (decoder->header_length >= 2 && decoder->header_length == header_size(decoder)) {
            return begin_payload(decoder);
        }
    }
    return WS_EVENT_NONE;
}

static void unmask(ws_decoder_t *decoder, uint8_t *out, const uint8_t *in, size_t length) {
    for (size_t i = 0; i < length; i++) {
        out[i] = in[i] ^ decoder->header[decoder->mask_at];
        decoder->mask_at = (decoder->mask_at + 1) & 3;
    }
}

static ws_event_t end_payload(ws_decoder_t *decoder) {
    decoder->in_payload = false;
    if (decoder->opcode & 8) {
        return WS_EVENT_CONTROL;
    }
    if (!decoder->fin) {
        return WS_EVENT_NONE;
    }
    if (decoder->text && decoder->utf8.left) {
        return fail(decoder, WS_CODE_NOT_UTF8, "text ends inside a character");
    }
    return WS_EVENT_MESSAGE;
}

static ws_event_t read_payload(ws_decoder_t *decoder, const uint8_t *data, size_t length,
                               size_t *used) {
    size_t n = length - *used;
    n = n < decoder->left ? n : decoder->left;
    bool control = decoder->opcode & 8;
    if (!control && n > decoder->capacity - decoder->length) {
        n = decoder->capacity - decoder->length;
    }
    uint8_t *out =
        control ? decoder->control + decoder->control_length : decoder->message + decoder->length;
    if (n) {
        unmask(decoder, out, data + *used, n);
        *used += n;
        decoder->left -= (uint32_t)n;
    }
    if (control) {
        decoder->control_length += (uint8_t)n;
    } else {
        decoder->length += n;
        if (decoder->text && !utf8_feed(&decoder->utf8, out, n)) {
            return fail(decoder, WS_CODE_NOT_UTF8, "text is not UTF-8");
        }
    }
    return decoder->left ? WS_EVENT_NONE : end_payload(decoder);
}

ws_event_t ws_decode(ws_decoder_t *decoder, const uint8_t *data, size_t length, size_t *used) {
    *used = 0;
    for (;;) {
        ws_event_t event;
        if (!decoder->in_payload) {
            if (*used == length) {
                return WS_EVENT_NONE;
            }
            event = read_header(decoder, data, length, used);
        } else {
            bool control = decoder->opcode & 8;
            /* An empty message needs memory too: it becomes an item like any other. */
            if (!control &&
                (!decoder->message || (decoder->left && decoder->length == decoder->capacity))) {
                decoder->needed = decoder->left;
                return WS_EVENT_RESERVE;
            }
            if (*used == length && decoder->left) {
                return WS_EVENT_NONE;
            }
            event = read_payload(decoder, data, length, used);
        }
        if (event != WS_EVENT_NONE) {
            return event;
        }
    }
}

bool ws_close_code_valid(unsigned code) {
    if (code >= 3000 && code <= 4999) {
        return true;
    }
    return code >= 1000 && code <= 1014 && code != 1004 && code != WS_CODE_NO_STATUS &&
           code != WS_CODE_ABNORMAL;
}

uint16_t ws_check_close(const uint8_t *payload, size_t length) {
    if (length == 0) {
        return WS_CODE_NO_STATUS;
    }
    unsigned code = length < 2 ? 0 : (unsigned)(payload[0] << 8 | payload[1]);
    if (!ws_close_code_valid(code)) {
        return WS_CODE_PROTOCOL;
    }
    return utf8_valid((const char *)payload + 2, length - 2) ? (uint16_t)code : WS_CODE_NOT_UTF8;
}

size_t ws_frame_header(uint8_t opcode, size_t length, uint8_t out[WS_HEADER_MAX]) {
    out[0] = 0x80 | opcode;
    if (length < 126) {
        out[1] = (uint8_t)length;
        return 2;
    }
    if (length < 65536) {
        out[1] = 126;
        out[2] = (uint8_t)(length >> 8);
        out[3] = (uint8_t)length;
        return 4;
    }
    out[1] = 127;
    for (int i = 0; i < 8; i++) {
        out[2 + i] = (uint8_t)((uint64_t)length >> (56 - 8 * i));
    }
    return 10;
}
