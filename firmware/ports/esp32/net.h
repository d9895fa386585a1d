/* SPDX-License-Identifier: MIT */
/* lwIP on open_eth: one interface. */
#ifndef ESP32_NET_H
#define ESP32_NET_H

#include <stdbool.h>

#include "net_interface.h"

/* Starts lwIP and the driver, pinned to lwIP's core; false: out of memory, or no NIC. */
bool net_start(void);

#endif
