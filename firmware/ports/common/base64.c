/* SPDX-License-Identifier: MIT */
#include "base64.h"

#include <stdint.h>

static int digit(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
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
        bits = bits << 6 | value;
        if (i % 4 != 0) {
            if (written == size) {
                return BASE64_TOO_LONG;
            }
            out[written++] = bits >> (6 - 2 * (i % 4));
        }
    }
    return written;
}
