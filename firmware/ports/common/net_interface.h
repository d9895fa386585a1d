/* SPDX-License-Identifier: MIT */
/* The only network interface: lwIP over open_eth. */
#ifndef COMMON_NET_INTERFACE_H
#define COMMON_NET_INTERFACE_H

#include <stdbool.h>

#include "lwip/err.h"

struct netif;
struct pbuf;

/* Brings the interface up. False: it stays down, out of memory or without a NIC. */
bool net_up(bool dhcp);
void net_down(void);
bool net_is_up(void);

/* NULL until the first net_up(). */
struct netif *net_interface(void);

/* ---- provided by the board ---- */

/* Starts or stops receiving frames; false when there is no NIC. */
bool net_board_open(void);
void net_board_close(void);

/* Sends a frame: lwIP's netif->linkoutput. */
err_t net_board_send(struct netif *netif, struct pbuf *p);

/* Takes a frame in: lwIP's netif->input. */
err_t net_board_input(struct pbuf *p, struct netif *netif);

#endif
