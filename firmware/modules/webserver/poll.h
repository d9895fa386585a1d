/* SPDX-License-Identifier: MIT */
/* The functions of the transport that the port calls. */
#ifndef ESPBENCH_WEBSERVER_POLL_H
#define ESPBENCH_WEBSERVER_POLL_H

#include <stdint.h>

/* Serves all connections. Call it in every poll of the network, after the driver's input and lwIP's
 * timers, on the network task's stack. Guarded against re-entry. */
void transport_poll(void);

/* Microseconds that the board may sleep until transport_poll() has work. */
uint32_t transport_wait_us(void);

#endif
