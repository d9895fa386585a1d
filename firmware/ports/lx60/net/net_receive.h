/* SPDX-License-Identifier: MIT */
/* From the NIC's frames to lwIP's buffers, with an answer for each lack of memory. */
#ifndef LX60_NET_NET_RECEIVE_H
#define LX60_NET_NET_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

struct netif;

/* Hands over all frames that memory allows; true when there was one. */
bool net_receive(struct netif *interface);

/* A frame waits for memory: look again soon. */
bool net_receive_stalled(void);

/* Frames thrown away for lack of memory since the start. */
uint32_t net_receive_dropped(void);

#endif
