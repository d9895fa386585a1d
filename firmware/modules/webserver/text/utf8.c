/* SPDX-License-Identifier: MIT */
#include "webserver/text/utf8.h"

#define LONGEST 4 /* bytes of a character */

bool utf8_feed(utf8_t *state, const uint8_t *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        uint8_t c = text[i];
        if (state->left) {
            if (c < state->low || c > state->high) {
                return false;
            }
            state->left--;
            state->low = 0x80;
            state->high = 0xbf;
        } else if (c >= 0x80) {
            if (c < 0xc2 || c > 0xf4) {
                return false;
            }
            state->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
            state->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
            state->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        }
    }
    return true;
}

bool utf8_valid(const char *text, size_t length) {
    utf8_t state = {0};
    return utf8_feed(&state, (const uint8_t *)text, length) && state.left == 0;
}

/* A truncated character starts with a lead byte: look for the last one. */
size_t utf8_whole(const char *text, size_t length) {
    for (size_t back = 1; back < LONGEST && back <= length; back++) {
        utf8_t state = {0};
        if (utf8_feed(&state, (const uint8_t *)text + length - back, back) && state.left > 0) {
            return length - back;
        }
    }
    return length;
}

/* Length of the character at the beginning of the text; 0: it does not begin with one. */
static size_t character(const char *text, size_t length) {
    utf8_t state = {0};
    for (size_t i = 0; i < length && utf8_feed(&state, (const uint8_t *)text + i, 1); i++) {
        if (state.left == 0) {
            return i + 1;
        }
    }
    return 0;
}

void utf8_repair(char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t size = character(text + at, length - at);
        if (size == 0) {
            text[at] = '?';
        }
        at += size ? size : 1;
    }
}
