/*
 * What the server modules need of the board. On lx60 all of it is the board's own; on ESP-IDF a
 * few lines of the transport give it.
 */
#ifndef ESPBENCH_SERVER_PORT_H
#define ESPBENCH_SERVER_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "net_heap.h" /* net_malloc, net_calloc, net_free: the bounded network heap */

/* Both contexts (see transport.h) are one thread on lx60. */
#ifndef SERVER_ENTER
#define SERVER_ENTER() ((void)0)
#define SERVER_EXIT() ((void)0)
#endif

/* Microseconds since boot. */
uint64_t board_us(void);

/* Fills with entropy; 0 when it did. */
int board_entropy(unsigned char *out, size_t length);

/* Sends one line of JSON on the control channel. */
void control_event(const char *json);

/* One piece of console output below MicroPython; '\n' becomes CR LF. */
void board_console_write(const char *text, size_t length);

/* Lets the network run, then sleeps until something happens or this many microseconds passed. */
void board_wait_event(uint32_t us);

#endif
