/* SPDX-License-Identifier: MIT */
/* network.LAN: the only interface, with the methods of the esp32 port. It is shared with
 * network.WLAN: the one activated last owns it. */
#include "network_lan.h"

#include <string.h>

#include "cmdline.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/netif.h"
#include "net_interface.h"
#include "net_receive.h"
#include "open_eth.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "webserver_threads.h"
#include "wlan_station.h"

#define DHCP_TIMEOUT_MS 10000

static const mp_obj_base_t lan_object = {&network_lan_type};

/* LAN(id=0, *, mdc, mdio, phy_type, phy_addr ...) returns the only object; hardware arguments are
 * ignored, so that programs for the esp32 port run. */
static mp_obj_t lan_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                             const mp_obj_t *args) {
    (void)type;
    (void)n_kw;
    if (n_args > 0 && mp_obj_get_int(args[0]) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("this board has one interface: LAN(0)"));
    }
    return MP_OBJ_FROM_PTR(&lan_object);
}

static bool is_up(void) { return net_is_up() && !station_is_active(); }

static bool has_address(void) {
    struct netif *netif = net_interface();
    return is_up() && !ip4_addr_isany(netif_ip4_addr(netif));
}

static void bring_up(bool dhcp) {
    if (!net_up(dhcp)) {
        mp_raise_msg(&mp_type_OSError,
                     MP_ERROR_TEXT("no network: out of memory, or no -nic with model=open_eth"));
    }
}

static mp_obj_t lan_active(size_t n_args, const mp_obj_t *args) {
    if (n_args > 1) {
        if (mp_obj_is_true(args[1])) {
            station_deactivate();
            bring_up(cmdline_number("dhcp", 1) != 0);
        } else if (is_up()) {
            net_down();
        }
    }
    return mp_obj_new_bool(is_up());
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_active_obj, 1, 2, lan_active);

static mp_obj_t lan_isconnected(mp_obj_t self) {
    (void)self;
    return mp_obj_new_bool(has_address());
}
static MP_DEFINE_CONST_FUN_OBJ_1(lan_isconnected_obj, lan_isconnected);

static mp_obj_t lan_status(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    return MP_OBJ_NEW_SMALL_INT(has_address() ? NETWORK_ETH_GOT_IP
                                : is_up()     ? NETWORK_ETH_CONNECTED
                                              : NETWORK_ETH_STOPPED);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_status_obj, 1, 2, lan_status);

static mp_obj_t address_str(const ip4_addr_t *address) {
    char text[IP4ADDR_STRLEN_MAX];
    ip4addr_ntoa_r(address, text, sizeof(text));
    return mp_obj_new_str(text, strlen(text));
}

ip4_addr_t network_address_from(mp_obj_t object) {
    ip4_addr_t address;
    if (!ip4addr_aton(mp_obj_str_get_str(object), &address)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid address"));
    }
    return address;
}

static struct netif *interface_or_raise(void) {
    if (!net_is_up()) {
        mp_raise_msg(
            &mp_type_OSError,
            MP_ERROR_TEXT("the interface is down: call active(True), for WLAN also connect()"));
    }
    return net_interface();
}

static void wait_for_dhcp(struct netif *netif) {
    mp_uint_t start = mp_hal_ticks_ms();
    while (!dhcp_supplied_address(netif)) {
        if (mp_hal_ticks_ms() - start > DHCP_TIMEOUT_MS) {
            mp_raise_OSError(MP_ETIMEDOUT);
        }
        mp_hal_delay_ms(1);
    }
}

static void set_addresses(struct netif *netif, const ip4_addr_t *address, const ip4_addr_t *mask,
                          const ip4_addr_t *gateway) {
    NETWORK_LOCKED;
    dhcp_release_and_stop(netif);
    netif_set_addr(netif, address, mask, gateway);
}

static void start_dhcp(struct netif *netif) {
    err_t error;
    {
        NETWORK_LOCKED; /* the lock must be released before raising */
        error = dhcp_start(netif);
    }
    if (error != ERR_OK) {
        mp_raise_OSError(MP_ENOMEM);
    }
    wait_for_dhcp(netif);
}

static void set_dns(const ip4_addr_t *server) {
    NETWORK_LOCKED;
    ip_addr_t address;
    ip_addr_copy_from_ip4(address, *server);
    dns_setserver(0, &address);
}

static void stop_dhcp(struct netif *netif) {
    NETWORK_LOCKED;
    dhcp_release_and_stop(netif);
}

static void set_gateway(struct netif *netif, const ip4_addr_t *gateway) {
    NETWORK_LOCKED;
    netif_set_gw(netif, gateway);
}

/* ifconfig() -> (address, mask, gateway, dns); ifconfig(the same); ifconfig('dhcp') */
mp_obj_t network_lan_ifconfig(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        struct netif *netif = net_interface();
        ip4_addr_t none = {0};
        mp_obj_t items[4] = {
            address_str(netif != NULL ? netif_ip4_addr(netif) : &none),
            address_str(netif != NULL ? netif_ip4_netmask(netif) : &none),
            address_str(netif != NULL ? netif_ip4_gw(netif) : &none),
            address_str(ip_2_ip4(dns_getserver(0))),
        };
        return mp_obj_new_tuple(4, items);
    }
    struct netif *netif = interface_or_raise();
    if (mp_obj_is_str(args[1])) {
        if (strcmp(mp_obj_str_get_str(args[1]), "dhcp") != 0) {
            mp_raise_ValueError(MP_ERROR_TEXT("must be 'dhcp' or a tuple of four addresses"));
        }
        start_dhcp(netif);
        return mp_const_none;
    }
    mp_obj_t *items;
    mp_obj_get_array_fixed_n(args[1], 4, &items);
    ip4_addr_t address = network_address_from(items[0]), mask = network_address_from(items[1]);
    ip4_addr_t gateway = network_address_from(items[2]), server = network_address_from(items[3]);
    set_addresses(netif, &address, &mask, &gateway);
    set_dns(&server);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_ifconfig_obj, 1, 2, network_lan_ifconfig);

static mp_obj_t query_ipconfig(struct netif *netif, mp_obj_t key) {
    struct dhcp *dhcp = netif_dhcp_data(netif);
    switch (mp_obj_str_get_qstr(key)) {
    case MP_QSTR_dhcp4:
        return mp_obj_new_bool(dhcp != NULL && dhcp->state != 0);
    case MP_QSTR_has_dhcp4:
        return mp_obj_new_bool(dhcp_supplied_address(netif));
    case MP_QSTR_addr4: {
        mp_obj_t items[2] = {address_str(netif_ip4_addr(netif)),
                             address_str(netif_ip4_netmask(netif))};
        return mp_obj_new_tuple(2, items);
    }
    case MP_QSTR_gw4:
        return address_str(netif_ip4_gw(netif));
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

/* "10.0.2.15/24", or a tuple of address and mask */
static void set_address(struct netif *netif, mp_obj_t value) {
    ip4_addr_t address, mask;
    if (mp_obj_is_str(value)) {
        const char *text = mp_obj_str_get_str(value);
        const char *slash = strchr(text, '/');
        int bits = slash != NULL ? atoi(slash + 1) : 32;
        if (bits < 0 || bits > 32 || slash == NULL) {
            mp_raise_ValueError(
                MP_ERROR_TEXT("must be address/bits or a tuple of address and mask"));
        }
        address = network_address_from(mp_obj_new_str(text, slash - text));
        mask.addr = bits == 0 ? 0 : lwip_htonl(~(u32_t)0 << (32 - bits));
    } else {
        mp_obj_t *items;
        mp_obj_get_array_fixed_n(value, 2, &items);
        address = network_address_from(items[0]);
        mask = network_address_from(items[1]);
    }
    ip4_addr_t gateway = *netif_ip4_gw(netif);
    set_addresses(netif, &address, &mask, &gateway);
}

static void set_ipconfig(struct netif *netif, mp_obj_t key, mp_obj_t value) {
    switch (mp_obj_str_get_qstr(key)) {
    case MP_QSTR_dhcp4:
        if (mp_obj_is_true(value)) {
            start_dhcp(netif);
        } else {
            stop_dhcp(netif);
        }
        break;
    case MP_QSTR_addr4:
        set_address(netif, value);
        break;
    case MP_QSTR_gw4: {
        ip4_addr_t gateway = network_address_from(value);
        set_gateway(netif, &gateway);
        break;
    }
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unexpected key"));
    }
}

static mp_obj_t lan_ipconfig(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    if (kwargs->used == 0) {
        if (n_args != 2) {
            mp_raise_TypeError(MP_ERROR_TEXT("must query one param"));
        }
        return query_ipconfig(net_interface() != NULL ? net_interface() : interface_or_raise(),
                              args[1]);
    }
    struct netif *netif = interface_or_raise();
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (mp_map_slot_is_filled(kwargs, i)) {
            set_ipconfig(netif, kwargs->table[i].key, kwargs->table[i].value);
        }
    }
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_KW(network_lan_ipconfig_obj, 1, lan_ipconfig);

static mp_obj_t lan_config(mp_obj_t self, mp_obj_t key) {
    (void)self;
    switch (mp_obj_str_get_qstr(key)) {
    case MP_QSTR_mac:
        return mp_obj_new_bytes(open_eth_mac, sizeof(open_eth_mac));
    case MP_QSTR_rx_dropped:
        return mp_obj_new_int_from_uint(net_receive_dropped());
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_2(lan_config_obj, lan_config);

static const mp_rom_map_elem_t lan_locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&lan_active_obj)},
    {MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&lan_isconnected_obj)},
    {MP_ROM_QSTR(MP_QSTR_status), MP_ROM_PTR(&lan_status_obj)},
    {MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&lan_ifconfig_obj)},
    {MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&network_lan_ipconfig_obj)},
    {MP_ROM_QSTR(MP_QSTR_config), MP_ROM_PTR(&lan_config_obj)},
};
static MP_DEFINE_CONST_DICT(lan_locals, lan_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(network_lan_type, MP_QSTR_LAN, MP_TYPE_FLAG_NONE, make_new, lan_make_new,
                         locals_dict, &lan_locals);
