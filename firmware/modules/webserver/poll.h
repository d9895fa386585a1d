/* SPDX-License-Identifier: MIT */
/* What the board calls in the lwip transport. */
#ifndef ESPBENCH_WEBSERVER_POLL_H
#define ESPBENCH_WEBSERVER_POLL_H

#include <stdint.h>

/* Does the work of all connections. To be called in every poll of the network, after the driver's
 * input and sys_check_timeouts(), on the network task's stack. Guarded against re-entry. */
void transport_poll(void);

/* How many microseconds the board may sleep before transport_poll() has something to do. */
uint32_t transport_wait_us(void);

#endif
