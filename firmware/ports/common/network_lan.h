/* SPDX-License-Identifier: MIT */
/* network.LAN, and what network.WLAN shares with it. */
#ifndef COMMON_NETWORK_LAN_H
#define COMMON_NETWORK_LAN_H

#include "lwip/ip4_addr.h"
#include "py/obj.h"

/* Values of LAN.status(), as in MicroPython's esp32 port. */
enum {
    NETWORK_ETH_STOPPED = 2,
    NETWORK_ETH_CONNECTED = 3,
    NETWORK_ETH_GOT_IP = 5,
};

extern const mp_obj_type_t network_lan_type;

/* Shared with network.WLAN, which uses the same interface. */
mp_obj_t network_lan_ifconfig(size_t n_args, const mp_obj_t *args);
ip4_addr_t network_address_from(mp_obj_t object);
extern const mp_obj_fun_builtin_var_t network_lan_ipconfig_obj;

#endif
