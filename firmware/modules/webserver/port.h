/* SPDX-License-Identifier: MIT */
/* What the servers need of the port that they run on. */
#ifndef ESPBENCH_WEBSERVER_PORT_H
#define ESPBENCH_WEBSERVER_PORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The port's own header, which includes none of ours. It keeps the threads apart, where there are
 * several (see transport.h), with functions or macros:
 *
 *   NETWORK_LOCKED;       A declaration: until the end of its block lwIP belongs to the caller. May
 *                         be nested.
 *   bool network_start()  Starts whatever calls transport_poll(), unless it runs already. Called in
 *                         MicroPython's thread. False: no memory.
 *   network_wake()        transport_poll() has something to do. From any thread, lwIP's included.
 *   network_pause()       Gives lwIP free while something is computed that does not touch it,
 *   network_resume()      and takes it back. In the network context.
 *   network_thread()      Which thread this is: a pointer to compare.
 */
#include "webserver_threads.h"

/* net_malloc, net_calloc, net_free: the bounded network heap */
#include "webserver/net_heap.h"

/* Microseconds since boot. */
uint64_t board_us(void);

/* Fills with entropy; 0 when it did. */
int board_entropy(unsigned char *out, size_t length);

/* One piece of console output below MicroPython; '\n' becomes CR LF. */
void board_console_write(const char *text, size_t length);

/* Lets the network run, then sleeps until something happens or this many microseconds passed. */
void board_wait_event(uint32_t us);

#endif
