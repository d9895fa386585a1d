/* SPDX-License-Identifier: MIT */
/* Passes the NIC's frames to lwIP, and handles the lack of memory. */
#ifndef LX60_NET_NET_RECEIVE_H
#define LX60_NET_NET_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

struct netif;

/* Passes on all frames for which there is memory; true when there was one. */
bool net_receive(struct netif *interface);

/* Whether a frame is waiting for memory: poll again soon. */
bool net_receive_stalled(void);

/* Frames dropped for lack of memory since the start. */
uint32_t net_receive_dropped(void);

#endif
