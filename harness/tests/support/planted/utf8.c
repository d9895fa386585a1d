/* SPDX-License-Identifier: MIT */
#include "utf8.h"

static bool begin(utf8_t *state, uint8_t byte) {
    if (byte < 0x80) {
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return false;
    }
    state->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    /* overlong forms, surrogates and what is beyond U+10FFFF */
    state->low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    state->high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

bool utf8_take(utf8_t *state, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (state->missing == 0) {
            if (!begin(state, data[i])) {
                return false;
            }
        } else if (data[i] < state->low || data[i] > state->high) {
            return false;
        } else {
            state->missing--;
            state->low = 0x80;
            state->high = 0xbf;
        }
    }
    return true;
}

bool utf8_complete(const utf8_t *state) { return state->missing == 0; }
