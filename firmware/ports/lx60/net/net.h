/* SPDX-License-Identifier: MIT */
/* lwIP on open_eth: one interface, polled on a separate stack. */
#ifndef LX60_NET_NET_H
#define LX60_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "net_interface.h"

/* Initialises lwIP without an interface. Call once, before net_poll(). */
void net_init(void);

/* Processes frames, timers and servers. True when there was something to do. */
bool net_poll(void);

/* Microseconds until net_poll() has work even without an interrupt. */
uint32_t net_wait_us(void);

#endif
