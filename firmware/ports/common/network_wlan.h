/* SPDX-License-Identifier: MIT */
/* network.WLAN: its type, and the numbers of its interfaces. */
#ifndef COMMON_NETWORK_WLAN_H
#define COMMON_NETWORK_WLAN_H

#include "py/obj.h"
#include "wlan_station.h"

/* ESP-IDF's wifi_interface_t. */
enum { NETWORK_WLAN_STA = 0, NETWORK_WLAN_AP = 1 };

extern const mp_obj_type_t network_wlan_type;

#endif
