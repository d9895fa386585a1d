/* SPDX-License-Identifier: MIT */
#include "net.h"

#include "board.h"
#include "clock.h"
#include "lwip/init.h"
#include "lwip/pbuf.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "lwip_timers.h"
#include "memory.h"
#include "net_receive.h"
#include "netif/ethernet.h"
#include "open_eth.h"

#define STALLED_RETRY_US 1000
#define WAIT_AT_MOST_US 10000000u

/* From firmware/modules/webserver, which the firmware may be built without. */
void transport_poll(void) __attribute__((weak));
uint32_t transport_wait_us(void) __attribute__((weak));

static bool worked;

uint32_t sys_now(void) { return clock_ms(); }

uint32_t net_random(void) {
    uint32_t number;
    board_entropy((unsigned char *)&number, sizeof(number));
    return number;
}

err_t net_board_send(struct netif *netif, struct pbuf *p) {
    (void)netif;
    uint16_t length = p->tot_len - ETH_PAD_SIZE;
    pbuf_copy_partial(p, open_eth_buffer(), length, ETH_PAD_SIZE);
    open_eth_send(length);
    return ERR_OK;
}

err_t net_board_input(struct pbuf *p, struct netif *netif) { return ethernet_input(p, netif); }

bool net_board_open(void) { return open_eth_init(); }

void net_board_close(void) { open_eth_stop(); }

void net_init(void) { lwip_init(); }

static void task(void) {
    worked = net_is_up() && net_receive(net_interface());
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
