#include "net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "board_threads.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/idf_additions.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/etharp.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/tcpip.h"
#include "lwip/timeouts.h"
#include "modules/bench/decimal.h"
#include "net_receive.h"
#include "netif/ethernet.h"
#include "open_eth.h"
#include "short_pbuf.h"

#if !LWIP_NETIF_STATUS_CALLBACK
#error "the board needs CONFIG_LWIP_NETIF_STATUS_CALLBACK=y in its sdkconfig"
#endif

/* lwIP forgets an address after five minutes of silence (ARP_MAXAGE). */
#define GATEWAY_REFRESH_MS 120000
#define FRAME_MAX 1514
#define START_STACK_BYTES 4096

extern char mod_network_hostname_data[];

static struct netif interface;
static bool started, added, up;
static uint32_t dropped;

uint32_t net_receive_dropped(void) { return dropped; }

/* ---- frames ---- */

/* In the driver's task. The driver's buffer is as long as the longest frame whatever is in it: it
 * must not wait in a socket's queue. */
static void take_frame(uint8_t *frame, size_t length) {
    struct pbuf *p = up ? pbuf_alloc(PBUF_RAW, length, PBUF_RAM) : NULL;
    if (p == NULL && up) {
        p = short_pbuf(length);
    }
    if (p != NULL) {
        pbuf_take(p, frame, length);
        if (interface.input(p, &interface) != ERR_OK) {
            pbuf_free(p);
            dropped++;
        }
    } else if (up) {
        dropped++;
    }
    free(frame);
}

static err_t send_frame(struct netif *netif, struct pbuf *p) {
    (void)netif;
    static uint8_t frame[FRAME_MAX]; /* lwIP's core lock protects it */
    if (p->next == NULL) {
        return open_eth_send(p->payload, p->len) ? ERR_OK : ERR_IF;
    }
    uint16_t length = pbuf_copy_partial(p, frame, sizeof(frame), 0);
    return open_eth_send(frame, length) ? ERR_OK : ERR_IF;
}

/* ---- start ---- */

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

static void start(void *done) {
    started = esp_netif_init() == ESP_OK && open_eth_start(take_frame);
    xSemaphoreGive(done);
    vTaskDelete(NULL);
}

bool net_start(void) {
    /* The driver's interrupts and its task belong to the core that starts it: lwIP's, not
     * MicroPython's. */
    SemaphoreHandle_t done = xSemaphoreCreateBinary();
    if (done != NULL && xTaskCreatePinnedToCore(start, "espbench_eth", START_STACK_BYTES, done, 10,
                                                NULL, 0) == pdPASS) {
        xSemaphoreTake(done, portMAX_DELAY);
    }
    if (done != NULL) {
        vSemaphoreDelete(done);
    }
    return started;
}

/* ---- up and down ---- */

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
    char json[80], us[DECIMAL_BYTES];
    snprintf(json, sizeof(json), "{\"event\":\"net\",\"ip\":\"%s\",\"us\":%s}",
             ip4addr_ntoa(netif_ip4_addr(netif)), decimal(board_us(), us));
    control_event(json);
    refresh_gateway(NULL);
}

static bool add_interface(void) {
    if (!added) {
        if (netif_add_noaddr(&interface, NULL, init_interface, tcpip_input) == NULL) {
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
    if (!started || !add_interface()) {
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
    board_poll(); /* DHCP has set timers */
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
    up = false;
}

bool net_is_up(void) { return up; }

struct netif *net_interface(void) {
    return added ? &interface : NULL;
}
