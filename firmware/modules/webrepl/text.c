/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the character that begins with this one; 0: none begins so (RFC 3629 section 4). */
static size_t size_of(uint8_t first) {
    return first < 0x80                     ? 1
           : first >= 0xc2 && first <= 0xdf ? 2
           : first >= 0xe0 && first <= 0xef ? 3
           : first >= 0xf0 && first <= 0xf4 ? 4
                                            : 0;
}

/* Whether this may be the second byte of a character that begins with `first`. */
static bool second_fits(uint8_t first, uint8_t second) {
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

/* How many of the bytes at `text` begin a character: its size when all of it is there. */
static size_t good_bytes(const uint8_t *text, size_t length, size_t *size) {
    *size = size_of(text[0]);
    size_t n = *size > 0;
    while (n > 0 && n < *size && n < length &&
           (n == 1 ? second_fits(text[0], text[1]) : (text[n] & 0xc0) == 0x80)) {
        n++;
    }
    return n;
}

size_t webrepl_text_whole(const char *text, size_t length) {
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        size_t size, good = good_bytes((const uint8_t *)text + length - back, back, &size);
        if (good == back && size > back) {
            return length - back;
        }
    }
    return length;
}

void webrepl_text_repair(char *text, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t size, good = good_bytes((const uint8_t *)text + at, length - at, &size);
        if (size > 0 && good == size) {
            at += size;
        } else {
            text[at++] = '?';
        }
    }
}
