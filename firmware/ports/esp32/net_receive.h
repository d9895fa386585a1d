/* SPDX-License-Identifier: MIT */
/* Frames dropped for lack of memory. */
#ifndef ESP32_NET_RECEIVE_H
#define ESP32_NET_RECEIVE_H

#include <stdint.h>

uint32_t net_receive_dropped(void);

#endif
