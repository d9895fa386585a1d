/* lwIP on open_eth: one interface. */
#ifndef ESP32_NET_H
#define ESP32_NET_H

#include <stdbool.h>

struct netif;

/* Starts lwIP and the driver, pinned to the core that calls; false when memory or the NIC is
 * missing. */
bool net_start(void);

/* Brings the interface up, or leaves it down; false when memory or the NIC is missing. */
bool net_up(bool dhcp);
void net_down(void);
bool net_is_up(void);

/* NULL until net_up() was called the first time. */
struct netif *net_interface(void);

#endif
