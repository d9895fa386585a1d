/* SPDX-License-Identifier: MIT */
/*
 * One buffer for all frames that ESP-IDF's open_eth driver receives. The driver's task allocates a
 * buffer of full length for each frame, and without memory it retries in an endless loop, at a
 * higher priority than the tasks that could free memory. take_frame() in net.c frees the buffer
 * before the driver allocates the next, so one is enough. The linker redirects malloc() and free()
 * here (--wrap).
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
