/* SPDX-License-Identifier: MIT */
#include "wlan_station.h"

#include <string.h>

#include "board.h"
#include "cmdline.h"
#include "lwip/dns.h"
#include "lwip/netif.h"
#include "lwip/timeouts.h"
#include "net_interface.h"
#include "open_eth.h"
#include "webserver_threads.h"

/* A real station takes seconds; this is long enough for a polling program to notice. */
#define JOIN_MS 50
#define FAIL_MS 200
#define LOOK_AT_LINK_MS 200

static bool active, joined;
static bool trying; /* attempt() is due */
static bool wanted; /* connect() was called and disconnect() was not */
static int reason;  /* of the last failure; 0: none. connect() keeps it, as on the esp32 port. */
static int attempts_at_most, attempts; /* at most 0: no limit */
static station_text_t ssid, password;
static bool has_addresses;
static station_addresses_t addresses;

static void attempt(void *unused);
static void look_at_link(void *unused);

static bool take(const char *key, size_t at_most, station_text_t *text) {
    size_t length;
    const char *value = cmdline_text(key, &length);
    text->length = 0;
    if (value == NULL) {
        return false;
    }
    int decoded = cmdline_decode(value, length, text->text, at_most);
    text->length = decoded > 0 ? decoded : 0;
    return decoded >= 0;
}

bool station_access_point(station_text_t *name, station_text_t *key) {
    return take("wlan_ssid", STATION_SSID_MAX, name) && name->length > 0 &&
           (take("wlan_password", STATION_PASSWORD_MAX, key) || key->length == 0) &&
           open_eth_link();
}

static bool same(const station_text_t *a, const station_text_t *b) {
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static void stop_timers(void) {
    trying = false;
    sys_untimeout(attempt, NULL);
    sys_untimeout(look_at_link, NULL);
}

/* Why the access point refuses the station; 0 when it accepts it. */
static int refusal(void) {
    station_text_t name, key;
    if (!station_access_point(&name, &key) || !same(&name, &ssid)) {
        return STATION_NO_AP_FOUND;
    }
    return key.length == 0 || same(&key, &password) ? 0 : STATION_WRONG_PASSWORD;
}

static void try_soon(void) {
    trying = true;
    sys_timeout(refusal() == 0 ? JOIN_MS : FAIL_MS, attempt, NULL);
}

static bool has_attempts(void) { return attempts_at_most == 0 || attempts < attempts_at_most; }

static void failed(int why) {
    reason = why;
    attempts++;
    if (wanted && has_attempts()) {
        try_soon();
    }
}

static bool join(void) {
    if (!net_up(!has_addresses)) {
        return false;
    }
    if (has_addresses) {
        netif_set_addr(net_interface(), &addresses.address, &addresses.mask, &addresses.gateway);
        ip_addr_t server;
        ip_addr_copy_from_ip4(server, addresses.dns);
        dns_setserver(0, &server);
    }
    return true;
}

static void attempt(void *unused) {
    (void)unused;
    trying = false;
    int why = refusal();
    if (why == 0 && !join()) {
        why = STATION_CONNECT_FAIL;
    }
    if (why != 0) {
        failed(why);
        return;
    }
    joined = true;
    attempts = 0;
    sys_timeout(LOOK_AT_LINK_MS, look_at_link, NULL);
}

static void leave(int why) {
    stop_timers();
    joined = false;
    net_down();
    reason = why;
}

/* Polls the link, as QEMU does not signal changes. */
static void look_at_link(void *unused) {
    (void)unused;
    if (station_has_address()) {
        reason = 0;
    }
    if (open_eth_link()) {
        sys_timeout(LOOK_AT_LINK_MS, look_at_link, NULL);
        return;
    }
    leave(STATION_BEACON_TIMEOUT);
    failed(STATION_BEACON_TIMEOUT);
}

void station_activate(void) {
    NETWORK_LOCKED;
    if (!active) {
        net_down(); /* network.LAN had the interface */
        active = true;
        joined = wanted = false;
        reason = 0;
    }
}

void station_deactivate(void) {
    NETWORK_LOCKED;
    if (active) {
        wanted = false;
        leave(STATION_ASSOC_LEAVE);
        active = false;
    }
}

bool station_is_active(void) { return active; }

bool station_reconnect(void) {
    NETWORK_LOCKED;
    if (trying) {
        return false;
    }
    if (joined) {
        leave(reason);
    }
    stop_timers();
    wanted = true;
    attempts = 0;
    try_soon();
    board_poll(); /* so that the alarm is set for the new timer */
    return true;
}

bool station_connect(const station_text_t *name, const station_text_t *key) {
    if (trying) {
        return false;
    }
    {
        NETWORK_LOCKED;
        ssid = *name;
        password = *key;
    }
    return station_reconnect();
}

void station_disconnect(void) {
    NETWORK_LOCKED;
    wanted = false;
    leave(STATION_ASSOC_LEAVE);
}

bool station_is_joined(void) { return joined; }

bool station_has_address(void) {
    return joined && net_is_up() && !ip4_addr_isany(netif_ip4_addr(net_interface()));
}

int station_status(void) {
    if (station_has_address()) {
        return STATION_GOT_IP;
    }
    if (reason == STATION_NO_AP_FOUND || reason == STATION_WRONG_PASSWORD) {
        return reason;
    }
    if (reason == STATION_ASSOC_LEAVE) {
        return STATION_IDLE;
    }
    if (wanted && has_attempts()) {
        return STATION_CONNECTING;
    }
    return reason == 0 ? STATION_IDLE : reason;
}

const station_text_t *station_ssid(void) { return &ssid; }

void station_set_reconnects(int reconnects) {
    attempts_at_most = reconnects < 0 ? 0 : reconnects + 1;
}

int station_reconnects(void) { return attempts_at_most - 1; }

void station_set_addresses(const station_addresses_t *new_addresses) {
    NETWORK_LOCKED;
    has_addresses = new_addresses != NULL;
    if (has_addresses) {
        addresses = *new_addresses;
    }
}
