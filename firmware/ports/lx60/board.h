/* SPDX-License-Identifier: MIT */
/* What the lx60 board offers to the rest of the firmware, below MicroPython. */
#ifndef LX60_BOARD_H
#define LX60_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Set by the interrupt handler: lines (LX60_INT_*) that board_poll() has to serve. */
extern volatile uint32_t board_events;

/* Serves the UART, control requests and the network. Cheap when there is nothing to do; calls
 * from within itself return at once. True when it did something. */
bool board_poll(void);

/* Polls; if there was nothing to do, sleeps until an interrupt, the network's next deadline or
 * `us` microseconds, and polls again. Returns early whenever something happened: callers loop. */
void board_wait_event(uint32_t us);

/* Microseconds since the last reset. */
uint64_t board_us(void);

/* Fills `out` from the generator that seed= on the kernel command line feeds; 0 always. */
int board_entropy(unsigned char *out, size_t length);

/* Console output; '\n' becomes CR LF. */
void board_console_write(const char *text, size_t length);

/* The same without the change of line ends. */
void board_console_write_raw(const char *text, size_t length);

/* One record on the control channel, in one piece: an event, an object in JSON on one line. */
void control_event(const char *json);

/* Runs `function` on another stack (16-byte aligned top). */
void board_call_on_stack(void (*function)(void), void *stack_top);

#endif
