/* lwIP on open_eth: one interface, polled on a stack of its own. */
#ifndef LX60_NET_H
#define LX60_NET_H

#include <stdbool.h>
#include <stdint.h>

struct netif;

/* The stack without an interface: call once, before net_poll(). */
void net_init(void);

/* Brings the interface up, or leaves it down; false when memory or the NIC is missing. */
bool net_up(bool dhcp);
void net_down(void);
bool net_is_up(void);

/* NULL until net_up() was called the first time. */
struct netif *net_interface(void);

/* Frames, timers, servers. True when there was something to do. */
bool net_poll(void);

/* Microseconds until net_poll() has something to do, whatever happens outside. */
uint32_t net_wait_us(void);

#endif
