/* SPDX-License-Identifier: MIT */
/* The functions that the servers need from the port. */
#ifndef ESPBENCH_WEBSERVER_PORT_H
#define ESPBENCH_WEBSERVER_PORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The port's own header, which includes none of ours. It isolates the threads from each other,
 * where there are several (see transport.h), with functions or macros:
 *
 *  - NETWORK_LOCKED; is a declaration: until the end of its block the caller owns lwIP. May be
 *    nested.
 *  - bool network_start() starts the thread that calls transport_poll(), unless it is running.
 *    Called in MicroPython's thread. False: no memory.
 *  - network_wake() signals work for transport_poll(). Callable from any thread, including lwIP's.
 *  - network_pause() releases lwIP while something is computed that does not use it, and
 *    network_resume() takes it back. In the network context.
 *  - network_thread() identifies the calling thread: a pointer to compare.
 */
#include "webserver_threads.h"

/* net_malloc, net_calloc, net_free: the bounded network heap */
#include "webserver/net_heap.h"

/* Microseconds since boot. */
uint64_t board_us(void);

/* Seconds since 1970 of a clock that was set; 0 if there is none. */
uint32_t board_clock(void);

/* Fills `out` with entropy. Returns 0 on success. */
int board_entropy(unsigned char *out, size_t length);

/* Prints on the console, below MicroPython; '\n' becomes CR LF. */
void board_console_write(const char *text, size_t length);

/* Runs the network, then sleeps until an event or for at most `us` microseconds. */
void board_wait_event(uint32_t us);

#endif
