/* SPDX-License-Identifier: MIT */
#include "webserver/text/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *in, size_t length, char *out) {
    while (length) {
        size_t n = length < 3 ? length : 3;
        uint32_t bits = (uint32_t)in[0] << 16;
        bits |= n > 1 ? (uint32_t)in[1] << 8 : 0;
        bits |= n > 2 ? in[2] : 0;
        *out++ = alphabet[bits >> 18 & 63];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = n > 2 ? alphabet[bits & 63] : '=';
        in += n;
        length -= n;
    }
    *out = 0;
}

static int digit(char c) {
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

int base64_decode(const char *text, size_t length, unsigned char *out, size_t size) {
    while (length > 0 && text[length - 1] == '=') {
        length--;
    }
    if (length % 4 == 1) {
        return BASE64_INVALID;
    }
    uint32_t bits = 0;
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        int value = digit(text[i]);
        if (value < 0) {
            return BASE64_INVALID;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0) {
            if (written == size) {
                return BASE64_TOO_LONG;
            }
            out[written++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
        }
    }
    return (int)written;
}
