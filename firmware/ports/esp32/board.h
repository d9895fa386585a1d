/* SPDX-License-Identifier: MIT */
/* What the ESP32 boards offer to the rest of the firmware, below MicroPython. */
#ifndef ESP32_BOARD_H
#define ESP32_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RAM is short here: what the harness sends in one request. `boards.py` has the same number. */
#define CONTROL_REQUEST_BYTES (8 * 1024)
#define CONTROL_SOURCE_BYTES (6 * 1024)

/* Lets lwIP's thread look at its timers again: one was set from another thread. */
bool board_poll(void);

/* For MicroPython's thread: lets the network run, then sleeps until something happens or `us`
 * microseconds passed. Returns early whenever something happened: callers loop. */
void board_wait_event(uint32_t us);

/* Microseconds since the last reset. */
uint64_t board_us(void);

/* Fills `out` from the chip's random number generator; 0 always. */
int board_entropy(unsigned char *out, size_t length);

/* Console output; '\n' becomes CR LF. From any task. */
void board_console_write(const char *text, size_t length);

/* One record on the control channel, in one piece: an event, an object in JSON on one line. */
void control_event(const char *json);

#endif
