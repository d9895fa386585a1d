/* SPDX-License-Identifier: MIT */
/* Functions of the lx60 board for the rest of the firmware, below MicroPython. */
#ifndef LX60_BOARD_H
#define LX60_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set by the interrupt handler: lines (LX60_INT_*) for board_poll() to serve. */
extern volatile uint32_t board_events;

/* Serves the UART, control requests and the network. Cheap when there is nothing to do; nested
 * calls return at once. True when it did something. */
bool board_poll(void);

/* Polls; if there was nothing to do, sleeps until an interrupt, the network's next deadline or for
 * at most `us` microseconds, and polls again. May return early on any event: callers loop. */
void board_wait_event(uint32_t us);

/* Microseconds since the last reset. */
uint64_t board_us(void);

/* Seconds since 1970 of a clock that was set: always 0. */
uint32_t board_clock(void);

/* Fills `out` from the generator seeded by seed= on the kernel command line. Always returns 0. */
int board_entropy(unsigned char *out, size_t length);

/* Console output; '\n' becomes CR LF. */
void board_console_write(const char *text, size_t length);

/* The same without converting line ends. */
void board_console_write_raw(const char *text, size_t length);

/* Writes an event, a JSON object on one line, as one record on the control channel. */
void control_event(const char *json);

/* Runs `function` on another stack, whose top is 16-byte aligned. */
void board_call_on_stack(void (*function)(void), void *stack_top);

#endif
