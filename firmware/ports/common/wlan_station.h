/* SPDX-License-Identifier: MIT */
/*
 * A Wi-Fi station over the emulated Ethernet. One access point is in range, with its name and
 * password in the boot arguments (wlan_ssid=, wlan_password=). When the link is down (QMP's
 * set_link), it is out of range.
 *
 * While the station is active, it owns the Ethernet interface, and network.LAN is down.
 */
#ifndef COMMON_WLAN_STATION_H
#define COMMON_WLAN_STATION_H

#include <stdbool.h>
#include <stddef.h>

#include "lwip/ip4_addr.h"

#define STATION_SSID_MAX 32
#define STATION_PASSWORD_MAX 64

/* Values of WLAN.status(), as in the esp32 port: its own, then ESP-IDF's wifi_err_reason_t. */
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

/* Returns the access point in range; false when there is none. Empty password: it is open. */
bool station_access_point(station_text_t *ssid, station_text_t *password);

/* Takes the interface or gives it back, in either case without an address. */
void station_activate(void);
void station_deactivate(void);
bool station_is_active(void);

/* Starts to join, and retries like the esp32 port does on ESP-IDF's events. False while an attempt
 * is in progress. */
bool station_connect(const station_text_t *ssid, const station_text_t *password);
/* The same with the last name and password. */
bool station_reconnect(void);
void station_disconnect(void);

int station_status(void);
bool station_has_address(void);
const station_text_t *station_ssid(void);

/* How often a failed attempt is retried; -1: without limit. */
void station_set_reconnects(int reconnects);
int station_reconnects(void);

/* Sets the addresses to use from the next join on. NULL: DHCP. */
void station_set_addresses(const station_addresses_t *addresses);
bool station_is_joined(void);

#endif
