/* SPDX-License-Identifier: MIT */
/* The bench's control of the chip's heap: limits its size, and counts lwIP's allocations and makes
 * them fail. */
#include "esp_heap_caps.h"
#include "heap_limit.h"
#include "lwip_timers.h"
#include "net_heap_faults.h"

#define CAPS (MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL)

void heap_limit_set(size_t bytes) {
    while (heap_caps_get_free_size(CAPS) > bytes) {
        size_t over = heap_caps_get_free_size(CAPS) - bytes;
        size_t largest = heap_caps_get_largest_free_block(CAPS);
        if (over < 64 || heap_caps_malloc(over < largest ? over : largest, CAPS) == NULL) {
            return;
        }
    }
}

/* ---- lwIP allocates with malloc(): the linker redirects its calls here (--wrap) ---- */

void *__real_mem_malloc(size_t size);
void *__real_mem_calloc(size_t count, size_t size);

void *__wrap_mem_malloc(size_t size);
void *__wrap_mem_malloc(size_t size) {
    void *block = net_heap_counted(net_heap_must_fail() ? NULL : __real_mem_malloc(size));
    return block != NULL ? block : lwip_timers_take(size);
}

void *__wrap_mem_calloc(size_t count, size_t size);
void *__wrap_mem_calloc(size_t count, size_t size) {
    return net_heap_counted(net_heap_must_fail() ? NULL : __real_mem_calloc(count, size));
}

void __real_mem_free(void *block);
void __wrap_mem_free(void *block);
void __wrap_mem_free(void *block) {
    if (!lwip_timers_give(block)) {
        net_heap_uncounted(block);
        __real_mem_free(block);
    }
}
