/* SPDX-License-Identifier: MIT */
/* The console (UART0, MicroPython's) and the control channel (UART1, records of RFC 7464). */
#ifndef ESP32_CONSOLE_H
#define ESP32_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Starts to answer on the control channel; false when memory is missing. */
bool console_start_control(void);

/* Puts characters behind what the host has sent to the console. */
void console_inject(const char *text);

/* Output of a record: 0x1E, the pieces, a line feed. One record at a time: begin waits for others.
 */
void console_record_begin(void);
void console_record_piece(const char *text, size_t length);
void console_record_end(void);

#endif
