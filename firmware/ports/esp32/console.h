/* SPDX-License-Identifier: MIT */
/* The console (UART0, MicroPython's) and the control channel (UART1, records of RFC 7464). */
#ifndef ESP32_CONSOLE_H
#define ESP32_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Starts the control channel; false: out of memory. */
bool console_start_control(void);

/* Appends characters to the console input. */
void console_inject(const char *text);

/* Write a record: 0x1E, the pieces, a line feed. One record at a time: begin waits for others. */
void console_record_begin(void);
void console_record_piece(const char *text, size_t length);
void console_record_end(void);

#endif
