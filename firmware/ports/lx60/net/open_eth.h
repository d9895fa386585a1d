/* SPDX-License-Identifier: MIT */
/* The OpenCores Ethernet MAC, as hw/net/opencores_eth.c of QEMU has it. */
#ifndef LX60_NET_OPEN_ETH_H
#define LX60_NET_OPEN_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What QEMU gives its first NIC if nothing else is asked for. */
extern const uint8_t open_eth_mac[6];

/* False when QEMU was started without this NIC. */
bool open_eth_init(void);
void open_eth_stop(void);

/* Whether the link is up (QMP's set_link changes it); also while stopped. */
bool open_eth_link(void);

/* The oldest received frame, without its checksum; NULL if there is none. It stays until
 * open_eth_release(). */
const uint8_t *open_eth_frame(size_t *length);
void open_eth_release(void);

/* Room for a frame of up to 1518 bytes, to be sent by open_eth_send(). */
uint8_t *open_eth_buffer(void);
void open_eth_send(size_t length);

#endif
