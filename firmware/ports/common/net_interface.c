/* SPDX-License-Identifier: MIT */
#include "net_interface.h"

#include <stdio.h>
#include <string.h>

#include "bench/decimal.h"
#include "board.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/timeouts.h"
#include "open_eth.h"
#include "webserver_threads.h"

#if !LWIP_NETIF_STATUS_CALLBACK
#error "lwIP needs LWIP_NETIF_STATUS_CALLBACK: CONFIG_LWIP_NETIF_STATUS_CALLBACK=y on ESP-IDF"
#endif

/* lwIP drops an ARP entry after five minutes without traffic (ARP_MAXAGE). */
#define GATEWAY_REFRESH_MS 120000

extern char mod_network_hostname_data[];

static struct netif interface;
static bool added, up;

static err_t init_interface(struct netif *netif) {
    memcpy(netif->hwaddr, open_eth_mac, sizeof(open_eth_mac));
    netif->hwaddr_len = sizeof(open_eth_mac);
    netif->mtu = 1500;
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = net_board_send;
    netif->hostname = mod_network_hostname_data;
    return ERR_OK;
}

/* Keeps the gateway's ARP entry fresh. Without it, lwIP would queue the replies to a burst of
 * connections until ARP is answered, and drop those that do not fit. */
static void refresh_gateway(void *unused) {
    (void)unused;
    if (up && !ip4_addr_isany(netif_ip4_gw(&interface))) {
        etharp_request(&interface, netif_ip4_gw(&interface));
        sys_timeout(GATEWAY_REFRESH_MS, refresh_gateway, NULL);
    }
}

static void address_changed(struct netif *netif) {
    sys_untimeout(refresh_gateway, NULL);
    if (!netif_is_up(netif) || ip4_addr_isany(netif_ip4_addr(netif))) {
        return;
    }
    char json[80], us[DECIMAL_BYTES];
    snprintf(json, sizeof(json), "{\"event\":\"net\",\"ip\":\"%s\",\"us\":%s}",
             ip4addr_ntoa(netif_ip4_addr(netif)), decimal(board_us(), us));
    control_event(json);
    refresh_gateway(NULL);
}

static bool add_interface(void) {
    if (!added) {
        if (netif_add_noaddr(&interface, NULL, init_interface, net_board_input) == NULL) {
            return false;
        }
        netif_set_status_callback(&interface, address_changed);
        netif_set_default(&interface);
        added = true;
    }
    return true;
}

static void set_static_address(void) {
    ip4_addr_t address, mask, gateway;
    IP4_ADDR(&address, 10, 0, 2, 15);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 10, 0, 2, 2);
    netif_set_addr(&interface, &address, &mask, &gateway);
    ip_addr_t server = IPADDR4_INIT_BYTES(10, 0, 2, 3);
    dns_setserver(0, &server);
}

bool net_up(bool dhcp) {
    NETWORK_LOCKED;
    if (up) {
        /* after a soft reset: the host waits for this event again */
        address_changed(&interface);
        return true;
    }
    if (!add_interface() || !net_board_open()) {
        return false;
    }
    up = true;
    netif_set_link_up(&interface);
    netif_set_up(&interface);
    if (!dhcp) {
        set_static_address();
    } else if (dhcp_start(&interface) != ERR_OK) {
        net_down();
        return false;
    }
    network_timers_set();
    return true;
}

void net_down(void) {
    NETWORK_LOCKED;
    if (!up) {
        return;
    }
    dhcp_release_and_stop(&interface);
    netif_set_down(&interface);
    netif_set_link_down(&interface);
    netif_set_addr(&interface, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
    net_board_close();
    up = false;
}

bool net_is_up(void) { return up; }

struct netif *net_interface(void) {
    if (!added) {
        return NULL;
    }
    return &interface;
}
