/* SPDX-License-Identifier: MIT */
/* Short frames when lwIP's memory is out: acknowledgements, FINs, resets and ARP are what makes it
 * give memory back. */
#ifndef COMMON_SHORT_PBUF_H
#define COMMON_SHORT_PBUF_H

#include <stddef.h>

struct pbuf;

/* One of a few static buffers for a frame of so many bytes behind ETH_PAD_SIZE; NULL when it is too
 * long, or all are in use. For one thread; any may free it. */
struct pbuf *short_pbuf(size_t length);

#endif
