/* SPDX-License-Identifier: MIT */
/* The start of the network heap. */
#ifndef LX60_NET_NET_HEAP_INIT_H
#define LX60_NET_NET_HEAP_INIT_H

/* Initialises the network heap. Call once, before anything allocates from it. */
void net_heap_init(void);

#endif
