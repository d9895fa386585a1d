/* SPDX-License-Identifier: MIT */
/*
 * One buffer for all frames that ESP-IDF's open_eth driver receives. Its task allocates one of full
 * length for each, and when there is no memory it tries again at once and for ever, above the
 * priority of whoever could give memory back. take_frame() in net.c frees the buffer before the
 * driver asks for the next, so one is enough. The linker leads malloc() and free() here (--wrap).
 */
#include <stdbool.h>
#include <stdint.h>

#include "esp_attr.h"
#include "esp_eth_spec.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "rx_buffer.h"

static uint8_t buffer[ETH_MAX_PACKET_SIZE] __attribute__((aligned(4)));
static TaskHandle_t driver;
static volatile bool taken;

bool rx_buffer_find_driver(void) {
    driver = xTaskGetHandle("emac_rx");
    return driver != NULL;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *IRAM_ATTR __wrap_malloc(size_t size) {
    if (size == sizeof(buffer) && driver != NULL && !taken &&
        xTaskGetCurrentTaskHandle() == driver) {
        taken = true;
        return buffer;
    }
    return __real_malloc(size);
}

void __real_free(void *block);
void __wrap_free(void *block);
void IRAM_ATTR __wrap_free(void *block) {
    if (block == buffer) {
        taken = false;
    } else {
        __real_free(block);
    }
}
