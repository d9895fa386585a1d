/* SPDX-License-Identifier: MIT */
/* The UART's two streams: console text, and control records between 0x1E and a line feed
 * (RFC 7464's record separator). */
#ifndef LX60_CONSOLE_H
#define LX60_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_RECORD_SEPARATOR 0x1e

/* Takes what the UART has: console input into a ring, complete records to control_request().
 * Leaves bytes in the UART when the ring is full. True when it took something. */
bool console_poll(void);

bool console_full(void);

/* Next character of console input, -1 if there is none. */
int console_read(void);
bool console_readable(void);

/* Puts characters in front of what the host sends. */
void console_inject(const char *text);

/* Raw output of a record: 0x1E, the pieces, a line feed. */
void console_record_begin(void);
void console_record_piece(const char *text, size_t length);
void console_record_end(void);

#endif
