/* SPDX-License-Identifier: MIT */
/* The boot arguments: key=value words. lx60 has them from QEMU's -append (the kernel command line),
 * an ESP32 from a partition of its flash. */
#ifndef COMMON_CMDLINE_H
#define COMMON_CMDLINE_H

#include <stddef.h>
#include <stdint.h>

#define CMDLINE_BYTES 1024

/* Copies the words, and cuts off what is too long. */
void cmdline_set(const char *text, size_t length);

/* The value of `key` in `line`, ended by a space or NUL; its length goes to *length. NULL if the
 * key is not there. */
const char *cmdline_find(const char *line, const char *key, size_t *length);

/* Undoes percent-encoding (RFC 3986, section 2.1). The number of bytes written, or -1 when a '%' is
 * without two hex digits or `size` is too small. */
int cmdline_decode(const char *text, size_t length, char *out, size_t size);

const char *cmdline_text(const char *key, size_t *length);
uint32_t cmdline_number(const char *key, uint32_t otherwise);

#endif
