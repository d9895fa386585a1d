/* SPDX-License-Identifier: MIT */
/* Implements net_heap.h on ESP-IDF's heap, which the network shares with everything else. */
#include "webserver/net_heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"
#include "net_heap_faults.h"

#define CAPS (MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL)

static uint32_t failures;
static size_t blocks; /* only the network's: others use the same heap */
static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

static bool (*injected)(void);

void net_heap_inject(bool (*must_fail)(void)) { injected = must_fail; }

/* lwIP's thread and the GIL's holder may allocate at the same time. */
bool net_heap_must_fail(void) {
    if (injected == NULL) {
        return false;
    }
    portENTER_CRITICAL(&lock);
    bool hit = injected();
    portEXIT_CRITICAL(&lock);
    return hit;
}

void *net_heap_counted(void *block) {
    portENTER_CRITICAL(&lock);
    failures += block == NULL;
    blocks += block != NULL;
    portEXIT_CRITICAL(&lock);
    return block;
}

void net_heap_uncounted(const void *block) {
    portENTER_CRITICAL(&lock);
    blocks -= block != NULL;
    portEXIT_CRITICAL(&lock);
}

void *net_heap_take(size_t size) { return heap_caps_malloc(size, CAPS); }

void net_heap_give(void *block) { heap_caps_free(block); }

void *net_malloc(size_t size) {
    return net_heap_counted(net_heap_must_fail() ? NULL : heap_caps_malloc(size, CAPS));
}

void *net_calloc(size_t count, size_t size) {
    return net_heap_counted(net_heap_must_fail() ? NULL : heap_caps_calloc(count, size, CAPS));
}

void *net_realloc(void *block, size_t size) {
    void *moved =
        net_heap_counted(net_heap_must_fail() ? NULL : heap_caps_realloc(block, size, CAPS));
    /* If it failed, the old block still exists. */
    net_heap_uncounted(moved != NULL ? block : NULL);
    return moved;
}

void net_free(void *block) {
    net_heap_uncounted(block);
    heap_caps_free(block);
}

net_heap_figures_t net_heap_figures(void) {
    multi_heap_info_t info;
    heap_caps_get_info(&info, CAPS);
    return (net_heap_figures_t){
        .size = info.total_free_bytes + info.total_allocated_bytes,
        .free = info.total_free_bytes,
        .low_water = info.minimum_free_bytes,
        .largest = info.largest_free_block,
        .blocks = blocks,
    };
}

void net_heap_reset_low_water(void) {
    static bool watched;
    if (watched) {
        heap_caps_monitor_local_minimum_free_size_stop();
    }
    watched = heap_caps_monitor_local_minimum_free_size_start() == ESP_OK;
}

void net_heap_check(void) {
    if (!heap_caps_check_integrity_all(true)) {
        abort();
    }
}

uint32_t net_heap_failures(void) { return failures; }
