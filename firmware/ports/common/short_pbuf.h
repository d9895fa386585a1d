/* SPDX-License-Identifier: MIT */
/* Static buffers for short frames when lwIP is out of memory: acknowledgements, FINs, resets and
 * ARP are what lets it free memory. */
#ifndef COMMON_SHORT_PBUF_H
#define COMMON_SHORT_PBUF_H

#include <stddef.h>

struct pbuf;

/* Returns a static buffer for a frame of `length` bytes after ETH_PAD_SIZE; NULL when it is too
 * long or all are in use. Call from one thread only; any thread may free the buffer. */
struct pbuf *short_pbuf(size_t length);

#endif
