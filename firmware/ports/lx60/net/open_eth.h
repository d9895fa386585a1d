/* SPDX-License-Identifier: MIT */
/* The OpenCores Ethernet MAC, as in QEMU's hw/net/opencores_eth.c. */
#ifndef LX60_NET_OPEN_ETH_H
#define LX60_NET_OPEN_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The default address of QEMU's first NIC. */
extern const uint8_t open_eth_mac[6];

/* False when QEMU was started without this NIC. */
bool open_eth_init(void);
void open_eth_stop(void);

/* Whether the link is up (QMP's set_link changes it); works while stopped, too. */
bool open_eth_link(void);

/* The oldest received frame, without its checksum, or NULL. Valid until open_eth_release(). */
const uint8_t *open_eth_frame(size_t *length);
void open_eth_release(void);

/* A buffer for a frame of up to 1518 bytes, sent by open_eth_send(). */
uint8_t *open_eth_buffer(void);
void open_eth_send(size_t length);

#endif
