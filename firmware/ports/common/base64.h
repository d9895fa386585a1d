/* SPDX-License-Identifier: MIT */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>

#define BASE64_INVALID -1
#define BASE64_TOO_LONG -2

/* Decodes RFC 4648 base64 with or without its padding; the number of bytes, or an error. */
int base64_decode(const char *text, size_t length, unsigned char *out, size_t size);

#endif
