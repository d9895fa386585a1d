/* SPDX-License-Identifier: MIT */
/* net_heap.h over ESP-IDF's heap, which the network shares with everything else. */
#include "webserver/net_heap.h"

#include <stdbool.h>
#include <string.h>

#include "bench/faults.h"
#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"
#include "heap_limit.h"
#include "lwip_timers.h"

#define CAPS (MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL)

static uint32_t failures;
static size_t blocks; /* the network's alone: others allocate from the same heap */
static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

/* lwIP's thread and the GIL's holder allocate at once. */
static bool must_fail(void) {
    portENTER_CRITICAL(&lock);
    bool hit = alloc_faults_hit();
    portEXIT_CRITICAL(&lock);
    return hit;
}

static void *counted(void *block) {
    portENTER_CRITICAL(&lock);
    failures += block == NULL;
    blocks += block != NULL;
    portEXIT_CRITICAL(&lock);
    return block;
}

static void uncounted(const void *block) {
    portENTER_CRITICAL(&lock);
    blocks -= block != NULL;
    portEXIT_CRITICAL(&lock);
}

void *net_heap_take(size_t size) { return heap_caps_malloc(size, CAPS); }

void net_heap_give(void *block) { heap_caps_free(block); }

void *net_malloc(size_t size) { return counted(must_fail() ? NULL : heap_caps_malloc(size, CAPS)); }

void *net_calloc(size_t count, size_t size) {
    return counted(must_fail() ? NULL : heap_caps_calloc(count, size, CAPS));
}

void *net_realloc(void *block, size_t size) {
    void *moved = counted(must_fail() ? NULL : heap_caps_realloc(block, size, CAPS));
    uncounted(moved != NULL ? block : NULL); /* if it failed, the old block is still there */
    return moved;
}

void net_free(void *block) {
    uncounted(block);
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

void heap_limit_set(size_t bytes) {
    while (heap_caps_get_free_size(CAPS) > bytes) {
        size_t over = heap_caps_get_free_size(CAPS) - bytes;
        size_t largest = heap_caps_get_largest_free_block(CAPS);
        if (over < 64 || heap_caps_malloc(over < largest ? over : largest, CAPS) == NULL) {
            return;
        }
    }
}

/* ---- lwIP allocates with malloc(): the linker leads its calls here (--wrap) ---- */

void *__real_mem_malloc(size_t size);
void *__real_mem_calloc(size_t count, size_t size);

void *__wrap_mem_malloc(size_t size);
void *__wrap_mem_malloc(size_t size) {
    void *block = counted(must_fail() ? NULL : __real_mem_malloc(size));
    return block != NULL ? block : lwip_timers_take(size);
}

void *__wrap_mem_calloc(size_t count, size_t size);
void *__wrap_mem_calloc(size_t count, size_t size) {
    return counted(must_fail() ? NULL : __real_mem_calloc(count, size));
}

void __real_mem_free(void *block);
void __wrap_mem_free(void *block);
void __wrap_mem_free(void *block) {
    if (!lwip_timers_give(block)) {
        uncounted(block);
        __real_mem_free(block);
    }
}
