/* SPDX-License-Identifier: MIT */
/* The UART's two streams: console text, and control records from 0x1E (RFC 7464's record separator)
 * to a line feed. */
#ifndef LX60_CONSOLE_H
#define LX60_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#define CONSOLE_RECORD_SEPARATOR 0x1e

/* Reads the UART: console input goes into a ring buffer, records to control_byte(). Leaves bytes in
 * the UART when the ring is full. True when it read something. */
bool console_poll(void);

bool console_full(void);

/* The next character of console input, or -1. */
int console_read(void);
bool console_readable(void);

/* Inserts characters before the pending console input. */
void console_inject(const char *text);

/* Write a record: 0x1E, the pieces, a line feed. */
void console_record_begin(void);
void console_record_piece(const char *text, size_t length);
void console_record_end(void);

#endif
