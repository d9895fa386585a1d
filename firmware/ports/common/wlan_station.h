/* SPDX-License-Identifier: MIT */
/*
 * A Wi-Fi station over the emulated Ethernet: one access point is in range, whose name and
 * password are on the kernel command line (wlan_ssid=, wlan_password=). A link that is down
 * (QMP's set_link) is an access point out of range.
 *
 * As long as the station is active the Ethernet interface is its own; network.LAN does not have it.
 */
#ifndef COMMON_WLAN_STATION_H
#define COMMON_WLAN_STATION_H

#include <stdbool.h>
#include <stddef.h>

#include "lwip/ip4_addr.h"

#define STATION_SSID_MAX 32
#define STATION_PASSWORD_MAX 64

/* WLAN.status(), with the numbers of the esp32 port: its own, then ESP-IDF's wifi_err_reason_t. */
enum {
    STATION_IDLE = 1000,
    STATION_CONNECTING = 1001,
    STATION_GOT_IP = 1010,
    STATION_ASSOC_LEAVE = 8,
    STATION_BEACON_TIMEOUT = 200,
    STATION_NO_AP_FOUND = 201,
    STATION_WRONG_PASSWORD = 202,
    STATION_CONNECT_FAIL = 203,
};

typedef struct {
    char text[STATION_PASSWORD_MAX];
    size_t length;
} station_text_t;

typedef struct {
    ip4_addr_t address, mask, gateway, dns;
} station_addresses_t;

/* The access point in range; false when there is none. An empty password: it is open. */
bool station_access_point(station_text_t *ssid, station_text_t *password);

/* Takes the interface (which has no address then) or gives it back, without one. */
void station_activate(void);
void station_deactivate(void);
bool station_is_active(void);

/* Begins to join, and tries again and again as ESP-IDF's events make the esp32 port do. False
 * while an attempt is under way. */
bool station_connect(const station_text_t *ssid, const station_text_t *password);
/* The same with what was given last. */
bool station_reconnect(void);
void station_disconnect(void);

int station_status(void);
bool station_has_address(void);
const station_text_t *station_ssid(void);

/* How often a failed attempt is repeated; -1: for ever. */
void station_set_reconnects(int reconnects);
int station_reconnects(void);

/* The addresses to use from the next time it joins, or NULL: DHCP. */
void station_set_addresses(const station_addresses_t *addresses);
bool station_is_joined(void);

#endif
