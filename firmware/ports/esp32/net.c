/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <stdlib.h>

#include "board.h"
#include "esp_netif.h"
#include "freertos/FreeRTOS.h"
#include "freertos/idf_additions.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "lwip/pbuf.h"
#include "lwip/tcpip.h"
#include "net_receive.h"
#include "open_eth.h"
#include "short_pbuf.h"
#include "webserver_threads.h"

#define FRAME_MAX 1514
#define START_STACK_BYTES 4096

static bool started;  /* lwIP and the driver */
static bool admitted; /* frames are accepted */
static uint32_t dropped;

uint32_t net_receive_dropped(void) { return dropped; }

bool board_poll(void) {
    network_timers_set();
    return false;
}

/* ---- frames ---- */

/* Runs in the driver's task. Copies the frame, as the driver's buffer always has the maximum length
 * and must not wait in a socket's queue. */
static void take_frame(uint8_t *frame, size_t length) {
    struct pbuf *p = admitted ? pbuf_alloc(PBUF_RAW, length, PBUF_RAM) : NULL;
    if (p == NULL && admitted) {
        p = short_pbuf(length);
    }
    if (p != NULL) {
        pbuf_take(p, frame, length);
        if (net_board_input(p, net_interface()) != ERR_OK) {
            pbuf_free(p);
            dropped++;
        }
    } else if (admitted) {
        dropped++;
    }
    free(frame);
}

err_t net_board_input(struct pbuf *p, struct netif *netif) { return tcpip_input(p, netif); }

err_t net_board_send(struct netif *netif, struct pbuf *p) {
    (void)netif;
    static uint8_t frame[FRAME_MAX]; /* lwIP's core lock protects it */
    if (p->next == NULL) {
        return open_eth_send(p->payload, p->len) ? ERR_OK : ERR_IF;
    }
    uint16_t length = pbuf_copy_partial(p, frame, sizeof(frame), 0);
    return open_eth_send(frame, length) ? ERR_OK : ERR_IF;
}

/* ---- start ---- */

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

bool net_board_open(void) {
    admitted = started;
    return admitted;
}

void net_board_close(void) { admitted = false; }
