/* SPDX-License-Identifier: MIT */
/*
 * What the server modules need of the board.
 */
#ifndef ESPBENCH_WEBSERVER_PORT_H
#define ESPBENCH_WEBSERVER_PORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What keeps the threads apart, where there are several (see transport.h):
 *   NETWORK_LOCKED;     a declaration: until the end of its block lwIP belongs to the caller.
 * Nests. network_wake()      transport_poll() has something to do. From any thread, lwIP's
 * included. network_pause()     gives lwIP free while something is computed that does not touch it,
 * however network_resume()    deep the caller holds it, and takes it back. In the network context.
 *   network_thread()    which thread this is.
 */
#include "webserver_threads.h"

#include "webserver/net_heap.h" /* net_malloc, net_calloc, net_free: the bounded network heap */

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
