/* SPDX-License-Identifier: MIT */
/* The second-stage bootloader ran in memory that is now heap, and the emulator still keeps the
 * translated code. While it does, each write to those pages takes a slow path, and an RSA signature
 * with its numbers there takes seconds. Overwriting the code makes the emulator drop the
 * translation. Only the ESP32-C3 has code and heap in the same memory. */
#if defined(__riscv) && !defined(WITHOUT_OLD_CODE)

#include <string.h>

#include "esp_heap_caps.h"

#define CAPS (MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL)
#define BLOCKS 8

/* Runs after the heap is set up, before the application allocates from it. The lowest free heap is
 * near 0 afterwards, and only espbench_startup() can reset it: here, the heaps that begin as the
 * stacks of the start are registered but not initialized, and ESP-IDF crashes on them. */
static void __attribute__((constructor)) overwrite_free_memory(void) {
    void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = heap_caps_get_largest_free_block(CAPS);
        blocks[i] = heap_caps_malloc(size, CAPS);
        if (blocks[i] != NULL) {
            memset(blocks[i], 0, size);
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        heap_caps_free(blocks[i]);
    }
}

#endif
