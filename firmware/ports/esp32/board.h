/* SPDX-License-Identifier: MIT */
/* Functions of the ESP32 boards for the rest of the firmware, below MicroPython. */
#ifndef ESP32_BOARD_H
#define ESP32_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest request from the harness, whose board definition has the same value: RAM is
 * scarce. */
#define CONTROL_REQUEST_BYTES (8 * 1024)
#define CONTROL_SOURCE_BYTES (6 * 1024)

/* Makes lwIP's thread check its timers again, after one was set from another thread. */
bool board_poll(void);

/* For MicroPython's thread: runs the network, then sleeps until an event or for at most `us`
 * microseconds. May return early on any event: callers loop. */
void board_wait_event(uint32_t us);

/* Microseconds since the last reset. */
uint64_t board_us(void);

/* Fills `out` from the chip's random number generator. Always returns 0. */
int board_entropy(unsigned char *out, size_t length);

/* Console output; '\n' becomes CR LF. From any task. */
void board_console_write(const char *text, size_t length);

/* Writes an event, a JSON object on one line, as one record on the control channel. */
void control_event(const char *json);

#endif
