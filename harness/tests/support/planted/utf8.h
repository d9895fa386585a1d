/* SPDX-License-Identifier: MIT */
/* Validates UTF-8 piece by piece (RFC 3629). */
#ifndef PLANTED_UTF8_H
#define PLANTED_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t missing;   /* continuation bytes of the current character */
    uint8_t low, high; /* range of the next one */
} utf8_t;

/* Takes more bytes. False: they are not UTF-8. */
bool utf8_take(utf8_t *state, const uint8_t *data, size_t size);

/* Whether the text may end here. */
bool utf8_complete(const utf8_t *state);

#endif
