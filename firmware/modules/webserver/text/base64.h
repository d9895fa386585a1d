/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648 section 4). Pure. */
#ifndef ESPBENCH_WEBSERVER_TEXT_BASE64_H
#define ESPBENCH_WEBSERVER_TEXT_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_INVALID -1
#define BASE64_TOO_LONG -2

/* Encoded length of so many bytes, with padding, without a NUL. */
#define BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

/* Encodes with padding; `out` gets BASE64_LENGTH(length) characters and a NUL. */
void base64_encode(const uint8_t *in, size_t length, char *out);

/* Decodes with or without padding. Returns the number of bytes, BASE64_INVALID, or BASE64_TOO_LONG
 * when they do not fit into `size`. */
int base64_decode(const char *text, size_t length, unsigned char *out, size_t size);

#endif
