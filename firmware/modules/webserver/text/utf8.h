/* SPDX-License-Identifier: MIT */
/* UTF-8 as RFC 3629 section 4 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 * Pure. */
#ifndef ESPBENCH_WEBSERVER_TEXT_UTF8_H
#define ESPBENCH_WEBSERVER_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A check of text that arrives in pieces; all zero at its beginning. */
typedef struct {
    uint8_t left; /* bytes that the character at the end still lacks; 0: the text may end here */
    uint8_t low, high; /* range of its next byte */
} utf8_t;

/* False: the text is not UTF-8, and the state is of no use any more. */
bool utf8_feed(utf8_t *state, const uint8_t *text, size_t length);

/* Whether all of it is UTF-8. */
bool utf8_valid(const char *text, size_t length);

/* The longest prefix that does not end inside a character. */
size_t utf8_whole(const char *text, size_t length);

/* Replaces each byte that is not part of a character by '?'. */
void utf8_repair(char *text, size_t length);

#endif
