/* SPDX-License-Identifier: MIT */
/* UTF-8 as defined in RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Pure. */
#ifndef ESPBENCH_WEBSERVER_TEXT_UTF8_H
#define ESPBENCH_WEBSERVER_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* State of the validation of text that arrives in pieces; initially all zero. */
typedef struct {
    uint8_t left;      /* bytes missing from the last character; 0: the text may end here */
    uint8_t low, high; /* range of the next byte */
} utf8_t;

/* False: the text is not UTF-8, and the state is no longer valid. */
bool utf8_feed(utf8_t *state, const uint8_t *text, size_t length);

/* Whether the whole text is UTF-8. */
bool utf8_valid(const char *text, size_t length);

/* The longest prefix that does not end inside a character. */
size_t utf8_whole(const char *text, size_t length);

/* Replaces each byte that is not part of a character with '?'. */
void utf8_repair(char *text, size_t length);

#endif
