/* SPDX-License-Identifier: MIT */
/*
 * Copies frames into the network heap, as on an ESP32. When that is full:
 *  - a short frame (an acknowledgement, a FIN, a reset, ARP) goes through one of a few static
 *    buffers, as these frames let lwIP free memory;
 *  - any other waits in the NIC's ring for a moment, because the sender of a dropped frame only
 *    retransmits after a second or more. After that it is dropped and counted.
 */
#include "net_receive.h"

#include <string.h>

#include "bench/cycles.h"
#include "board.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "open_eth.h"
#include "short_pbuf.h"

#define HOLD_US 50000

static bool holding;
static uint64_t held_since;
static uint32_t dropped;

/* Whether this frame may still wait. */
static bool hold(void) {
    if (!holding) {
        holding = true;
        held_since = board_us();
    }
    return board_us() - held_since < HOLD_US;
}

bool net_receive(struct netif *interface) {
    const uint8_t *frame;
    size_t length;
    bool received = false;
    while ((frame = open_eth_frame(&length)) != NULL) {
        struct pbuf *p = pbuf_alloc(PBUF_RAW, length + ETH_PAD_SIZE, PBUF_RAM);
        if (p == NULL) {
            p = short_pbuf(length);
        }
        if (p == NULL && hold()) {
            break;
        }
        holding = false;
        if (p == NULL) {
            dropped++;
        } else {
            pbuf_take_at(p, frame, length, ETH_PAD_SIZE);
        }
        bench_work_frame(frame, length);
        open_eth_release();
        if (p != NULL && interface->input(p, interface) != ERR_OK) {
            pbuf_free(p);
        }
        received = true;
    }
    return received;
}

bool net_receive_stalled(void) { return holding; }

uint32_t net_receive_dropped(void) { return dropped; }
