/* SPDX-License-Identifier: MIT */
/* Host test of the WebSocket frame decoder and encoder, with input in pieces of every size. */
#include "webserver/ws/frame.h"

#include <string.h>

#include "check.h"

typedef struct {
    uint8_t bytes[80000];
    size_t length;
} stream_t;

/* The decoder's events: messages and control frames, in order, as text. */
typedef struct {
    char text[4096];
    uint16_t code;
    size_t messages, last_length;
} heard_t;

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
static bool lenient; /* the decoder takes frames without a mask, and frame() makes such */

static void frame(stream_t *stream, int first, const void *data, size_t length) {
    uint8_t *out = stream->bytes + stream->length;
    size_t n = ws_frame_header(0, length, out);
    out[0] = (uint8_t)first;
    if (lenient) {
        memcpy(out + n, data, length);
        stream->length += n + length;
        return;
    }
    out[1] |= 0x80;
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < length; i++) {
        out[n + i] = ((const uint8_t *)data)[i] ^ mask[i & 3];
    }
    stream->length += n + length;
}

static void text_frame(stream_t *stream, int first, const char *text) {
    frame(stream, first, text, strlen(text));
}

/* Feeds the stream in pieces of `step` bytes to a decoder that gets exactly the memory it requests;
 * with a piece_size, another buffer of that size for each further request of a message. */
static heard_t feed_pieces(const stream_t *stream, size_t step, size_t max_message,
                           size_t piece_size) {
    heard_t heard = {0};
    ws_decoder_t decoder;
    ws_decoder_init(&decoder, max_message);
    decoder.takes_unmasked = lenient;
    uint8_t *memory = NULL;
    size_t at = 0;
    bool failed = false;
    while (at < stream->length && !failed) {
        size_t n = stream->length - at < step ? stream->length - at : step, used;
        const uint8_t *piece = stream->bytes + at;
        size_t done = 0;
        ws_event_t event;
        while (!failed &&
               (event = ws_decode(&decoder, piece + done, n - done, &used)) != WS_EVENT_NONE) {
            done += used;
            switch (event) {
            case WS_EVENT_RESERVE:
                CHECK(decoder.before + decoder.length + decoder.needed <= max_message);
                if (piece_size && memory) {
                    /* `memory` has the earlier pieces in front of the current one */
                    CHECK(decoder.length == decoder.capacity);
                    size_t begun = decoder.before + decoder.length;
                    memory = realloc(memory, begun + piece_size);
                    ws_decoder_next(&decoder, memory + begun, piece_size);
                    break;
                }
                memory = realloc(memory, decoder.length + decoder.needed + 1);
                decoder.message = memory;
                decoder.capacity = decoder.length + decoder.needed;
                break;
            case WS_EVENT_MESSAGE:
                heard.messages++;
                heard.last_length = decoder.before + decoder.length;
                if (heard.last_length < 100) {
                    strcat(heard.text, decoder.text ? "T(" : "B(");
                    strncat(heard.text, (char *)memory, heard.last_length);
                    strcat(heard.text, ")");
                }
                free(memory);
                memory = NULL;
                ws_decoder_take(&decoder);
                CHECK(!ws_decoder_busy(&decoder));
                break;
            case WS_EVENT_CONTROL:
                strcat(heard.text, decoder.control_opcode == WS_PING   ? "ping("
                                   : decoder.control_opcode == WS_PONG ? "pong("
                                                                       : "close(");
                if (decoder.control_opcode != WS_CLOSE) {
                    strncat(heard.text, (char *)decoder.control, decoder.control_length);
                }
                strcat(heard.text, ")");
                break;
            default:
                heard.code = decoder.fail_code;
                CHECK(decoder.fail_reason && *decoder.fail_reason);
                failed = true;
                break;
            }
        }
        if (!failed) {
            done += used;
            CHECK(done == n);
        }
        at += n;
    }
    free(memory);
    return heard;
}

static heard_t feed(const stream_t *stream, size_t step, size_t max_message) {
    return feed_pieces(stream, step, max_message, 0);
}

static void hears(const stream_t *stream, const char *text, uint16_t code) {
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 100000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        heard_t heard = feed(stream, steps[i], 70000);
        CHECK(strcmp(heard.text, text) == 0);
        CHECK(heard.code == code);
        for (size_t piece_size = 1; piece_size < 9; piece_size += 3) {
            heard = feed_pieces(stream, steps[i], 70000, piece_size);
            CHECK(strcmp(heard.text, text) == 0);
            CHECK(heard.code == code);
        }
    }
}

static void fails_text(const char *text, uint16_t code) {
    stream_t *stream = calloc(1, sizeof *stream);
    text_frame(stream, 0x81, text);
    hears(stream, "", code);
    free(stream);
}

static void raw(const char *bytes, size_t length, uint16_t code) {
    stream_t *stream = calloc(1, sizeof *stream);
    memcpy(stream->bytes, bytes, length);
    stream->length = length;
    hears(stream, "", code);
    free(stream);
}

static void messages(void) {
    stream_t *s = calloc(1, sizeof *s);
    text_frame(s, 0x81, "hello");
    text_frame(s, 0x82, "");
    text_frame(s, 0x81, "");
    text_frame(s, 0x01, "one ");
    text_frame(s, 0x89, "in between");
    text_frame(s, 0x00, "");
    text_frame(s, 0x00, "two\xc3"); /* a character cut by a fragment's end */
    text_frame(s, 0x8a, "");
    text_frame(s, 0x80, "\xa4");
    text_frame(s, 0x88, "\x03\xe8");
    hears(s, "T(hello)B()T()ping(in between)pong()T(one two\xc3\xa4)close()", 0);
    free(s);
}

static void sizes(void) {
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
    char *data = calloc(1, 70001);
    memset(data, 'x', 70000);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        stream_t *s = calloc(1, sizeof *s);
        frame(s, 0x82, data, lengths[i]);
        heard_t heard = feed(s, 1000, 70000);
        CHECK(heard.messages == 1 && heard.last_length == lengths[i] && heard.code == 0);
        if (lengths[i] > 1) {
            CHECK(feed(s, 1000, lengths[i] - 1).code == WS_CODE_TOO_BIG);
        }
        CHECK(feed(s, 1000, lengths[i]).code == 0);
        free(s);
    }
    /* fragments add up */
    stream_t *s = calloc(1, sizeof *s);
    frame(s, 0x02, data, 600);
    frame(s, 0x80, data, 600);
    CHECK(feed(s, 77, 1200).messages == 1);
    CHECK(feed(s, 77, 1199).code == WS_CODE_TOO_BIG);
    free(s);
    free(data);
}

static void protocol_errors(void) {
    raw("\x81\x05hello", 7, WS_CODE_PROTOCOL);                         /* not masked */
    raw("\xc1\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* RSV1 */
    raw("\x91\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* RSV3 */
    raw("\x83\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* opcode 3 */
    raw("\x8b\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* opcode 11 */
    raw("\x80\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* nothing to continue */
    raw("\x09\x80\0\0\0\0", 6, WS_CODE_PROTOCOL);                      /* fragmented ping */
    raw("\x89\xfe\0\x7e\0\0\0\0", 8, WS_CODE_PROTOCOL);                /* long ping */
    raw("\x82\xfe\0\x05\0\0\0\0", 8, WS_CODE_PROTOCOL);                /* 5 in 16 bits */
    raw("\x82\xff\0\0\0\0\0\0\0\x7e\0\0\0\0", 14, WS_CODE_PROTOCOL);   /* 126 in 64 bits */
    raw("\x82\xff\x80\0\0\0\0\0\0\x01\0\0\0\0", 14, WS_CODE_PROTOCOL); /* bit 63 */
    raw("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 14, WS_CODE_TOO_BIG);
    stream_t *s = calloc(1, sizeof *s);
    text_frame(s, 0x01, "a");
    text_frame(s, 0x81, "b"); /* a new message inside another */
    hears(s, "", WS_CODE_PROTOCOL);
    free(s);
}

static void utf8(void) {
    fails_text("\x80", WS_CODE_NOT_UTF8);
    fails_text("\xc0\xaf", WS_CODE_NOT_UTF8);         /* overlong */
    fails_text("\xe0\x80\xaf", WS_CODE_NOT_UTF8);     /* overlong */
    fails_text("\xf0\x80\x80\xaf", WS_CODE_NOT_UTF8); /* overlong */
    fails_text("\xed\xa0\x80", WS_CODE_NOT_UTF8);     /* surrogate */
    fails_text("\xf4\x90\x80\x80", WS_CODE_NOT_UTF8); /* above U+10FFFF */
    fails_text("\xf5\x80\x80\x80", WS_CODE_NOT_UTF8);
    fails_text("ab\xe2\x82", WS_CODE_NOT_UTF8); /* ends inside a character */
}

static void closes(void) {
    CHECK(ws_check_close(NULL, 0) == WS_CODE_NO_STATUS);
    CHECK(ws_check_close((const uint8_t *)"\x03", 1) == WS_CODE_PROTOCOL);
    CHECK(ws_check_close((const uint8_t *)"\x03\xe8", 2) == WS_CODE_NORMAL);
    CHECK(ws_check_close((const uint8_t *)"\x03\xe8ok", 4) == WS_CODE_NORMAL);
    CHECK(ws_check_close((const uint8_t *)"\x03\xe8\xff", 3) == WS_CODE_NOT_UTF8);
    CHECK(ws_check_close((const uint8_t *)"\x03\xed", 2) == WS_CODE_PROTOCOL); /* 1005 */
    CHECK(ws_check_close((const uint8_t *)"\x0f\xa0", 2) == 4000);
    static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999};
    static const unsigned bad[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(ws_close_code_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!ws_close_code_valid(bad[i]));
    }
}

/* Random bytes must not cause an invalid access (the sanitizers check). */
static void garbage(void) {
    stream_t *s = calloc(1, sizeof *s);
    uint32_t state = 12345;
    for (int round = 0; round < 3000; round++) {
        s->length = 64;
        for (size_t i = 0; i < s->length; i++) {
            state = state * 1664525 + 1013904223;
            s->bytes[i] = (uint8_t)(state >> 24);
        }
        s->bytes[0] &= 0x8f; /* get past the reserved bits */
        s->bytes[1] |= lenient ? 0 : 0x80;
        feed(s, 1 + state % 9, 100);
    }
    free(s);
}

int main(void) {
    messages();
    sizes();
    protocol_errors();
    utf8();
    closes();
    garbage();
    lenient = true;
    messages();
    sizes();
    garbage();
    raw("\x89\x7e\0\x7e", 4, WS_CODE_PROTOCOL); /* a long ping without a mask */
    return 0;
}
