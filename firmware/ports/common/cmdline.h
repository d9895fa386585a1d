/* SPDX-License-Identifier: MIT */
/* The boot arguments: key=value words. On lx60 they come from QEMU's -append (the kernel command
 * line), on an ESP32 from a flash partition. */
#ifndef COMMON_CMDLINE_H
#define COMMON_CMDLINE_H

#include <stddef.h>
#include <stdint.h>

#define CMDLINE_BYTES 1024

/* Stores the arguments, truncated to CMDLINE_BYTES - 1. */
void cmdline_set(const char *text, size_t length);

/* The value of `key` in `line`, which ends at a space or NUL; *length gets its length. NULL if the
 * key is missing. */
const char *cmdline_find(const char *line, const char *key, size_t *length);

/* The value of a hex digit, or -1. */
int cmdline_hex_digit(char c);

/* Decodes percent-encoding (RFC 3986, section 2.1). Returns the number of bytes written, or -1 when
 * a '%' lacks two hex digits or `size` is too small. */
int cmdline_decode(const char *text, size_t length, char *out, size_t size);

const char *cmdline_text(const char *key, size_t *length);
uint32_t cmdline_number(const char *key, uint32_t otherwise);

#endif
