#include "net.h"

#include <stdio.h>
#include <string.h>

#include "board.h"
#include "clock.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "lwip_timers.h"
#include "memory.h"
#include "net_receive.h"
#include "netif/ethernet.h"
#include "open_eth.h"

/* lwIP forgets an address after five minutes of silence (ARP_MAXAGE). */
#define GATEWAY_REFRESH_MS 120000
#define STALLED_RETRY_US 1000
#define WAIT_AT_MOST_US 10000000u

extern char mod_network_hostname_data[];

/* firmware/transports/lwip: all server work, and how long it can wait. */
void transport_poll(void) __attribute__((weak));
uint32_t transport_wait_us(void) __attribute__((weak));

static struct netif interface;
static bool added, up;
static bool worked;

uint32_t sys_now(void) { return clock_ms(); }

uint32_t net_random(void) {
    uint32_t number;
    board_entropy((unsigned char *)&number, sizeof(number));
    return number;
}

static err_t send_frame(struct netif *netif, struct pbuf *p) {
    (void)netif;
    uint16_t length = p->tot_len - ETH_PAD_SIZE;
    pbuf_copy_partial(p, open_eth_buffer(), length, ETH_PAD_SIZE);
    open_eth_send(length);
    return ERR_OK;
}

static err_t init_interface(struct netif *netif) {
    memcpy(netif->hwaddr, open_eth_mac, sizeof(open_eth_mac));
    netif->hwaddr_len = sizeof(open_eth_mac);
    netif->mtu = 1500;
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->hostname = mod_network_hostname_data;
    return ERR_OK;
}

/* A burst of connections must not find the gateway's address missing: lwIP would hold all
 * answers back until ARP's reply, and throw away what its queue does not take. */
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
    char json[80];
    snprintf(json, sizeof(json), "{\"event\":\"net\",\"ip\":\"%s\",\"us\":%u}",
             ip4addr_ntoa(netif_ip4_addr(netif)), (unsigned)board_us());
    control_event(json);
    refresh_gateway(NULL);
}

void net_init(void) { lwip_init(); }

static bool add_interface(void) {
    if (!added) {
        if (netif_add_noaddr(&interface, NULL, init_interface, ethernet_input) == NULL) {
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
    ip_addr_t server;
    IP_ADDR4(&server, 10, 0, 2, 3);
    dns_setserver(0, &server);
}

bool net_up(bool dhcp) {
    if (up) {
        /* after a soft reset: the host waits for this event again */
        address_changed(&interface);
        return true;
    }
    if (!add_interface() || !open_eth_init()) {
        return false;
    }
    up = true;
    netif_set_link_up(&interface);
    if (!dhcp) {
        netif_set_up(&interface);
        set_static_address();
        return true;
    }
    netif_set_up(&interface);
    if (dhcp_start(&interface) != ERR_OK) {
        net_down();
        return false;
    }
    return true;
}

void net_down(void) {
    if (!up) {
        return;
    }
    dhcp_release_and_stop(&interface);
    netif_set_down(&interface);
    netif_set_link_down(&interface);
    netif_set_addr(&interface, IP4_ADDR_ANY4, IP4_ADDR_ANY4, IP4_ADDR_ANY4);
    open_eth_stop();
    up = false;
}

bool net_is_up(void) { return up; }

struct netif *net_interface(void) {
    return added ? &interface : NULL;
}

static void task(void) {
    worked = up && net_receive(&interface);
    worked |= lwip_timers_run();
    if (transport_poll != NULL) {
        transport_poll();
    }
}

bool net_poll(void) {
    board_call_on_stack(task, memory_net_stack_top());
    return worked;
}

uint32_t net_wait_us(void) {
    uint32_t ms = lwip_timers_wait_ms();
    uint32_t wait = ms < WAIT_AT_MOST_US / 1000 ? ms * 1000 : WAIT_AT_MOST_US;
    if (net_receive_stalled() && wait > STALLED_RETRY_US) {
        wait = STALLED_RETRY_US;
    }
    if (transport_wait_us != NULL) {
        uint32_t servers = transport_wait_us();
        wait = servers < wait ? servers : wait;
    }
    return wait;
}
