/* SPDX-License-Identifier: MIT */
/* The OpenCores Ethernet MAC of Espressif's QEMU, with ESP-IDF's driver. */
#ifndef ESP32_OPEN_ETH_H
#define ESP32_OPEN_ETH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Called with each frame; the callee owns it and must free() it. */
typedef void (*open_eth_input_t)(uint8_t *frame, size_t length);

extern uint8_t open_eth_mac[6];

bool open_eth_start(open_eth_input_t input);

/* Sends a frame; false on failure. */
bool open_eth_send(const void *frame, size_t length);

/* Whether the cable is in (QMP's set_link). */
bool open_eth_link(void);

#endif
