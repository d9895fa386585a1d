#ifndef LX60_NETWORK_LAN_H
#define LX60_NETWORK_LAN_H

#include "py/obj.h"

/* LAN.status(), with the numbers of ESP-IDF's esp32 port. */
enum {
    NETWORK_ETH_STOPPED = 2,
    NETWORK_ETH_CONNECTED = 3,
    NETWORK_ETH_GOT_IP = 5,
};

extern const mp_obj_type_t network_lan_type;

#endif
