/* SPDX-License-Identifier: MIT */
/* network.WLAN: a station, with the methods, errors and constants of the esp32 port. */
#include "network_wlan.h"

#include <string.h>

#include "extmod/modnetwork.h"
#include "network_lan.h"
#include "open_eth.h"
#include "py/mphal.h"
#include "py/runtime.h"

/* Plausible values for an access point across the room. */
#define CHANNEL 6
#define RSSI (-50)
#define TXPOWER_DBM 20
#define AUTH_OPEN 0
#define AUTH_WPA2_PSK 3
#define PROTOCOL_BGN 7

static const mp_obj_base_t station_object = {&network_wlan_type};
static mp_int_t power_management = 1; /* PM_PERFORMANCE, ESP-IDF's default */

static NORETURN void raise_os(mp_rom_error_text_t text) { mp_raise_msg(&mp_type_OSError, text); }

static void must_be_active(void) {
    if (!station_is_active()) {
        raise_os(MP_ERROR_TEXT("Wifi Not Started"));
    }
}

static mp_obj_t wlan_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                              const mp_obj_t *args) {
    (void)type;
    mp_arg_check_num(n_args, n_kw, 0, 1, false);
    mp_int_t id = n_args > 0 ? mp_obj_get_int(args[0]) : NETWORK_WLAN_STA;
    if (id == NETWORK_WLAN_AP) {
        raise_os(MP_ERROR_TEXT("this board cannot be an access point: use WLAN(network.STA_IF)"));
    }
    if (id != NETWORK_WLAN_STA) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid WLAN interface identifier"));
    }
    return MP_OBJ_FROM_PTR(&station_object);
}

static mp_obj_t wlan_active(size_t n_args, const mp_obj_t *args) {
    if (n_args > 1) {
        if (mp_obj_is_true(args[1])) {
            station_activate();
        } else {
            station_deactivate();
        }
    }
    return mp_obj_new_bool(station_is_active());
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(wlan_active_obj, 1, 2, wlan_active);

/* Truncates, as the esp32 port does. */
static void take_text(mp_obj_t object, size_t at_most, station_text_t *text) {
    size_t length;
    const char *data = mp_obj_str_get_data(object, &length);
    text->length = length < at_most ? length : at_most;
    memcpy(text->text, data, text->length);
}

static void check_bssid(mp_obj_t object) {
    size_t length;
    mp_obj_str_get_data(object, &length);
    if (length != sizeof(open_eth_mac)) {
        mp_raise_ValueError(NULL);
    }
}

static mp_obj_t wlan_connect(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { SSID, KEY, BSSID };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_bssid, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args - 1, pos_args + 1, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    must_be_active();
    bool begun;
    if (n_args > 1) {
        station_text_t ssid = {.length = 0}, key = {.length = 0};
        if (args[SSID].u_obj != mp_const_none) {
            take_text(args[SSID].u_obj, STATION_SSID_MAX, &ssid);
        }
        if (args[KEY].u_obj != mp_const_none) {
            take_text(args[KEY].u_obj, STATION_PASSWORD_MAX, &key);
        }
        if (args[BSSID].u_obj != mp_const_none) {
            check_bssid(args[BSSID].u_obj);
        }
        begun = station_connect(&ssid, &key);
    } else {
        begun = station_reconnect();
    }
    if (!begun) {
        raise_os(MP_ERROR_TEXT("Wifi Internal State Error"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(wlan_connect_obj, 1, wlan_connect);

static mp_obj_t wlan_disconnect(mp_obj_t self) {
    (void)self;
    must_be_active();
    station_disconnect();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(wlan_disconnect_obj, wlan_disconnect);

static mp_obj_t wlan_isconnected(mp_obj_t self) {
    (void)self;
    return mp_obj_new_bool(station_has_address());
}
static MP_DEFINE_CONST_FUN_OBJ_1(wlan_isconnected_obj, wlan_isconnected);

static mp_obj_t wlan_status(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return MP_OBJ_NEW_SMALL_INT(station_status());
    }
    switch (mp_obj_str_get_qstr(args[1])) {
    case MP_QSTR_stations:
        raise_os(MP_ERROR_TEXT("AP required"));
    case MP_QSTR_rssi:
        if (!station_is_joined()) {
            raise_os(MP_ERROR_TEXT("Wifi Not Connected"));
        }
        return MP_OBJ_NEW_SMALL_INT(RSSI);
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unknown status param"));
    }
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(wlan_status_obj, 1, 2, wlan_status);

/* scan() -> [(ssid, bssid, channel, RSSI, security, hidden)]: the access point, if in range. */
static mp_obj_t wlan_scan(mp_obj_t self) {
    (void)self;
    if (!station_is_active()) {
        raise_os(MP_ERROR_TEXT("STA must be active"));
    }
    mp_obj_t list = mp_obj_new_list(0, NULL);
    station_text_t ssid, key;
    if (station_access_point(&ssid, &key)) {
        mp_obj_t items[6] = {
            mp_obj_new_bytes((const byte *)ssid.text, ssid.length),
            /* the MAC address of slirp's gateway */
            mp_obj_new_bytes((const byte *)"\x52\x55\x0a\x00\x02\x02", 6),
            MP_OBJ_NEW_SMALL_INT(CHANNEL),
            MP_OBJ_NEW_SMALL_INT(RSSI),
            MP_OBJ_NEW_SMALL_INT(key.length == 0 ? AUTH_OPEN : AUTH_WPA2_PSK),
            mp_const_false,
        };
        mp_obj_list_append(list, mp_obj_new_tuple(6, items));
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_1(wlan_scan_obj, wlan_scan);

/* Addresses set before the station has joined are stored until then. */
static mp_obj_t wlan_ifconfig(size_t n_args, const mp_obj_t *args) {
    if (n_args == 2 && !mp_obj_is_str(args[1])) {
        mp_obj_t *items;
        station_addresses_t addresses;
        mp_obj_get_array_fixed_n(args[1], 4, &items);
        addresses.address = network_address_from(items[0]);
        addresses.mask = network_address_from(items[1]);
        addresses.gateway = network_address_from(items[2]);
        addresses.dns = network_address_from(items[3]);
        station_set_addresses(&addresses);
        if (!station_is_joined()) {
            return mp_const_none;
        }
    } else if (n_args == 2 && strcmp(mp_obj_str_get_str(args[1]), "dhcp") == 0) {
        station_set_addresses(NULL);
        if (!station_is_joined()) {
            return mp_const_none;
        }
    }
    return network_lan_ifconfig(n_args, args);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(wlan_ifconfig_obj, 1, 2, wlan_ifconfig);

static void set_config(qstr key, mp_obj_t value) {
    switch (key) {
    case MP_QSTR_hostname:
    case MP_QSTR_dhcp_hostname: {
        size_t length;
        const char *name = mp_obj_str_get_data(value, &length);
        if (length > MICROPY_PY_NETWORK_HOSTNAME_MAX_LEN) {
            mp_raise_ValueError(NULL);
        }
        memcpy(mod_network_hostname_data, name, length);
        mod_network_hostname_data[length] = 0;
        break;
    }
    case MP_QSTR_reconnects:
        station_set_reconnects(mp_obj_get_int(value));
        break;
    case MP_QSTR_pm:
        power_management = mp_obj_get_int(value);
        break;
    case MP_QSTR_mac:
        raise_os(MP_ERROR_TEXT("this board's MAC address cannot be changed"));
    case MP_QSTR_channel: /* radio settings: accepted and ignored */
    case MP_QSTR_txpower:
    case MP_QSTR_protocol:
        break;
    case MP_QSTR_ssid:
    case MP_QSTR_essid:
    case MP_QSTR_hidden:
    case MP_QSTR_security:
    case MP_QSTR_authmode:
    case MP_QSTR_key:
    case MP_QSTR_password:
    case MP_QSTR_max_clients:
        raise_os(MP_ERROR_TEXT("AP required"));
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}

static mp_obj_t get_config(qstr key) {
    switch (key) {
    case MP_QSTR_mac:
        return mp_obj_new_bytes(open_eth_mac, sizeof(open_eth_mac));
    case MP_QSTR_ssid:
    case MP_QSTR_essid:
        return mp_obj_new_str(station_ssid()->text, station_ssid()->length);
    case MP_QSTR_hostname:
    case MP_QSTR_dhcp_hostname:
        return mp_obj_new_str_from_cstr(mod_network_hostname_data);
    case MP_QSTR_channel:
        return MP_OBJ_NEW_SMALL_INT(CHANNEL);
    case MP_QSTR_reconnects:
        return mp_obj_new_int(station_reconnects());
    case MP_QSTR_txpower:
        return MP_OBJ_NEW_SMALL_INT(TXPOWER_DBM);
    case MP_QSTR_protocol:
        return MP_OBJ_NEW_SMALL_INT(PROTOCOL_BGN);
    case MP_QSTR_pm:
        return mp_obj_new_int(power_management);
    case MP_QSTR_hidden:
    case MP_QSTR_security:
    case MP_QSTR_authmode:
        raise_os(MP_ERROR_TEXT("AP required"));
    default:
        mp_raise_ValueError(MP_ERROR_TEXT("unknown config param"));
    }
}

static mp_obj_t wlan_config(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    if (n_args != 1 && kwargs->used != 0) {
        mp_raise_TypeError(MP_ERROR_TEXT("either pos or kw args are allowed"));
    }
    if (kwargs->used == 0) {
        if (n_args != 2) {
            mp_raise_TypeError(MP_ERROR_TEXT("can query only one param"));
        }
        return get_config(mp_obj_str_get_qstr(args[1]));
    }
    for (size_t i = 0; i < kwargs->alloc; i++) {
        if (mp_map_slot_is_filled(kwargs, i)) {
            set_config(mp_obj_str_get_qstr(kwargs->table[i].key), kwargs->table[i].value);
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(wlan_config_obj, 1, wlan_config);

static const mp_rom_map_elem_t wlan_locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&wlan_active_obj)},
    {MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&wlan_connect_obj)},
    {MP_ROM_QSTR(MP_QSTR_disconnect), MP_ROM_PTR(&wlan_disconnect_obj)},
    {MP_ROM_QSTR(MP_QSTR_status), MP_ROM_PTR(&wlan_status_obj)},
    {MP_ROM_QSTR(MP_QSTR_scan), MP_ROM_PTR(&wlan_scan_obj)},
    {MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&wlan_isconnected_obj)},
    {MP_ROM_QSTR(MP_QSTR_config), MP_ROM_PTR(&wlan_config_obj)},
    {MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&wlan_ifconfig_obj)},
    {MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&network_lan_ipconfig_obj)},

    {MP_ROM_QSTR(MP_QSTR_IF_STA), MP_ROM_INT(NETWORK_WLAN_STA)},
    {MP_ROM_QSTR(MP_QSTR_IF_AP), MP_ROM_INT(NETWORK_WLAN_AP)},
    {MP_ROM_QSTR(MP_QSTR_SEC_OPEN), MP_ROM_INT(AUTH_OPEN)},
    {MP_ROM_QSTR(MP_QSTR_SEC_WPA2), MP_ROM_INT(AUTH_WPA2_PSK)},
    {MP_ROM_QSTR(MP_QSTR_PM_NONE), MP_ROM_INT(0)},
    {MP_ROM_QSTR(MP_QSTR_PM_PERFORMANCE), MP_ROM_INT(1)},
    {MP_ROM_QSTR(MP_QSTR_PM_POWERSAVE), MP_ROM_INT(2)},
};
static MP_DEFINE_CONST_DICT(wlan_locals, wlan_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(network_wlan_type, MP_QSTR_WLAN, MP_TYPE_FLAG_NONE, make_new,
                         wlan_make_new, locals_dict, &wlan_locals);
