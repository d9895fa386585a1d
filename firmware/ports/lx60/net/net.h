/* SPDX-License-Identifier: MIT */
/* lwIP on open_eth: one interface, polled on a stack of its own. */
#ifndef LX60_NET_NET_H
#define LX60_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "net_interface.h"

/* The stack without an interface: call once, before net_poll(). */
void net_init(void);

/* Frames, timers, servers. True when there was something to do. */
bool net_poll(void);

/* Microseconds until net_poll() has something to do, whatever happens outside. */
uint32_t net_wait_us(void);

#endif
