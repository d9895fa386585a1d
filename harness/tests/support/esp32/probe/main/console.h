/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/** Install UART0's driver, which allocates; later calls do not. */
void console_start(void);

/** Read a line without its end into `line`; false if it was longer than `size - 1` bytes. */
bool console_read_line(char *line, size_t size);

/** Start a line of output in a static buffer. */
void console_begin(void);

/** Append to the line; abort if it does not fit. */
void console_add(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Write the line and a newline to UART0. */
void console_end(void);
